#include "proxy/command/explain_offline.h"

#include "common/log.h"
#include "proxy/command/find_node.h"
#include "proxy/command/inventory.h"
#include "proxy/core/node_diagnosis.h"
#include "proxy/core/region_list.h"
#include "proxy/edge/clock.h"

/* The person waits for bad news; in other regions they asked us to look. Neither goes beyond --connect-timeout, above
 * which ssh has its own. */
#define LOOK_US (3 * 1000 * 1000)
#define SEARCH_US (15 * 1000 * 1000)

/* ---- here ---- */

static bool take_node(void *context, const struct ssm_api_node *node)
{
    struct node_facts *facts = context;
    facts->registration = NODE_PRESENT;
    facts->is_online = strcmp(node->ping_status, "Online") == 0;
    facts->last_ping_unix_s = (int64_t)node->last_ping_unix_time;
    return false;
}

static bool take_instance(void *context, const struct ec2_api_instance *instance)
{
    struct node_facts *facts = context;
    facts->instance = NODE_PRESENT;
    facts->has_role = instance->has_role;
    memcpy(facts->state, instance->state, sizeof facts->state);
    return false;
}

/* What is asked and not there is absent; what may not be asked stays unknown. */
static void settle(struct client *client, enum err err, enum node_knowledge *knowledge)
{
    if (err == ERR_OK && *knowledge == NODE_UNKNOWN) {
        *knowledge = NODE_ABSENT;
    }
    if (err != ERR_OK) {
        log_debug("the node's state is not known: %s: %s", err_text(err), client->why.data);
    }
    text_clear(&client->why);
}

static void look_here(struct client *client, int64_t deadline_us, struct node_facts *facts)
{
    struct ssm_api_describe_nodes node = {.filters = {{"InstanceIds", facts->id}}};
    struct ec2_api_describe instance = {.filters = {{"instance-id", facts->id}}};
    settle(client, inventory_nodes(client, node, deadline_us, take_node, facts), &facts->registration);
    if (strncmp(facts->id, "i-", 2) == 0 && client->signal == 0) {
        settle(client, inventory_instances(client, instance, deadline_us, take_instance, facts), &facts->instance);
    }
}

/* ---- elsewhere ---- */

/* Whether what is looked for is in client->account's region. */
typedef enum err look_function(struct client *client, const void *what, bool *ret_is_there);

static bool note_presence(void *context, const struct ssm_api_node *node)
{
    (void)node;
    *(bool *)context = true;
    return false;
}

static enum err look_for_id(struct client *client, const void *id, bool *ret_is_there)
{
    struct ssm_api_describe_nodes node = {.filters = {{"InstanceIds", id}}};
    return inventory_nodes(client, node, client->deadline_us, note_presence, ret_is_there);
}

static enum err look_for_target(struct client *client, const void *target, bool *ret_is_there)
{
    char id[LIMIT_TARGET + 1];
    enum err err = find_node(client, target, false, id);
    *ret_is_there = err == ERR_OK || err == ERR_AMBIGUOUS;
    return err;
}

static enum err look_in(struct client *client, const char *region, look_function *look, const void *what,
                        bool *ret_is_there)
{
    struct aws_settings *settings = &client->account.settings;
    memcpy(settings->region, region, strlen(region) + 1);
    TRY(aws_service_endpoint(client->account.config, AWS_SERVICE_SSM, region, &settings->api, &client->why));
    return look(client, what, ret_is_there);
}

/* With the same credentials: one role is one account, whatever the region. "" when it is in none. False: not every
 * region has answered. */
static bool look_elsewhere(struct client *client, look_function *look, const void *what,
                           char ret_region[LIMIT_REGION + 1])
{
    struct aws_settings here = client->account.settings;
    int64_t deadline_us = client->deadline_us;
    struct region_list regions;
    bool is_there = false;
    bool have_all_answered = true;
    region_list_of_profiles(&client->account.config->files, here.region, &regions);
    client->deadline_us = instant_earlier(deadline_us, clock_mono_us() + SEARCH_US);
    ret_region[0] = '\0';
    for (size_t i = 0; i < regions.count && !is_there && client->signal == 0; i++) {
        enum err err = look_in(client, regions.names[i], look, what, &is_there);
        if (is_there) {
            memcpy(ret_region, regions.names[i], sizeof regions.names[i]);
        }
        have_all_answered = have_all_answered && (err == ERR_OK || err == ERR_NO_TARGET);
        log_debug("%s: %s %s", regions.names[i], is_there ? "it is there" : err_text(err), client->why.data);
        text_clear(&client->why);
    }
    client->account.settings = here;
    client->deadline_us = deadline_us;
    return have_all_answered && client->signal == 0;
}

/* ---- what is said ---- */

struct words {
    char memory[sizeof((struct client *)NULL)->why_memory];
};

static void keep_words(struct client *client, struct words *words)
{
    memcpy(words->memory, client->why_memory, sizeof words->memory);
    text_clear(&client->why);
}

static void restore_words(struct client *client, const struct words *words)
{
    text_clear(&client->why);
    text_put(&client->why, words->memory);
}

void explain_offline(struct client *client, const char *id, bool may_search, struct text *text)
{
    struct words words;
    struct node_facts facts = {.id = id, .region = client->account.settings.region};
    if (strncmp(id, "ecs:", 4) == 0) {
        return;
    }
    keep_words(client, &words);
    look_here(client, instant_earlier(client->deadline_us, clock_mono_us() + LOOK_US), &facts);
    if (may_search && facts.registration != NODE_PRESENT && facts.instance != NODE_PRESENT) {
        facts.has_searched = look_elsewhere(client, look_for_id, id, facts.elsewhere);
    }
    (void)node_diagnosis_put(&facts, text);
    restore_words(client, &words);
}

void explain_offline_missing(struct client *client, const struct target *target, struct text *text)
{
    struct words words;
    char region[LIMIT_REGION + 1];
    keep_words(client, &words);
    bool have_all_answered = look_elsewhere(client, look_for_target, target, region);
    if (region[0] != '\0') {
        text_format(text, "it is in %s; use %s.%s", region, target->text, region);
    } else if (have_all_answered) {
        text_put(text, "nor in the regions of your profiles");
    }
    restore_words(client, &words);
}
