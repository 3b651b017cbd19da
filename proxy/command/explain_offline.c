#include "proxy/command/explain_offline.h"

#include "common/log.h"
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
static void settle(struct run *run, enum err err, enum node_knowledge *knowledge)
{
    if (err == ERR_OK && *knowledge == NODE_UNKNOWN) {
        *knowledge = NODE_ABSENT;
    }
    if (err != ERR_OK) {
        log_debug("the node's state is not known: %s: %s", err_text(err), run->why.data);
    }
    text_clear(&run->why);
}

static void look_here(struct run *run, int64_t deadline_us, struct node_facts *facts)
{
    struct ssm_api_describe_nodes node = {.filter = "InstanceIds", .value = facts->id};
    struct ec2_api_describe instance = {.filters = {{"instance-id", facts->id}}};
    settle(run, inventory_nodes(run, node, deadline_us, take_node, facts), &facts->registration);
    if (strncmp(facts->id, "i-", 2) == 0 && run->signal == 0) {
        settle(run, inventory_instances(run, instance, deadline_us, take_instance, facts), &facts->instance);
    }
}

/* ---- elsewhere ---- */

static bool note_presence(void *context, const struct ssm_api_node *node)
{
    (void)node;
    *(bool *)context = true;
    return false;
}

/* With the same credentials: one role is one account, whatever the region. */
static void look_elsewhere(struct run *run, struct node_facts *facts)
{
    struct aws_settings *settings = &run->account.settings;
    struct ssm_api_describe_nodes node = {.filter = "InstanceIds", .value = facts->id};
    struct region_list regions;
    struct aws_settings here = *settings;
    int64_t deadline_us = instant_earlier(run->deadline_us, clock_mono_us() + SEARCH_US);
    region_list_of_profiles(&run->account.config->files, here.region, &regions);
    for (size_t i = 0; i < regions.count && facts->elsewhere[0] == '\0' && run->signal == 0; i++) {
        bool is_there = false;
        enum err err =
            aws_service_endpoint(run->account.config, AWS_SERVICE_SSM, regions.names[i], &settings->api, &run->why);
        memcpy(settings->region, regions.names[i], sizeof settings->region);
        if (err == ERR_OK) {
            err = inventory_nodes(run, node, deadline_us, note_presence, &is_there);
        }
        if (is_there) {
            memcpy(facts->elsewhere, regions.names[i], sizeof facts->elsewhere);
        }
        log_debug("%s: %s%s", regions.names[i], is_there ? "it is there" : err_text(err), run->why.data);
        text_clear(&run->why);
    }
    facts->has_searched = true;
    *settings = here;
}

void explain_offline(struct run *run, const char *id, bool may_search, struct text *text)
{
    char before[sizeof run->why_memory];
    memcpy(before, run->why_memory, sizeof before);
    text_clear(&run->why);
    struct node_facts facts = {.id = id, .region = run->account.settings.region};
    if (strncmp(id, "ecs:", 4) != 0) {
        look_here(run, instant_earlier(run->deadline_us, clock_mono_us() + LOOK_US), &facts);
        if (may_search && facts.registration != NODE_PRESENT && facts.instance != NODE_PRESENT) {
            look_elsewhere(run, &facts);
        }
        (void)node_diagnosis_put(&facts, text);
    }
    text_clear(&run->why);
    text_put(&run->why, before);
}
