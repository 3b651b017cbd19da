#include "proxy/command/find_node.h"

#include "proxy/command/inventory.h"

#include <arpa/inet.h>

#define CANDIDATES_MAX 10 /* that a message lists */

struct candidate {
    char id[LIMIT_TARGET + 1];
    char details[128]; /* for a person: name, state, address */
    bool is_alive;     /* its agent answers, or EC2 has its instance; see forget_terminated */
};

struct search {
    const struct target *target;
    size_t count; /* of all that were found; the look-up ends one after CANDIDATES_MAX */
    struct candidate items[CANDIDATES_MAX];
};

/* ---- what is found ---- */

/* False: enough. */
static bool add(struct search *search, const char *id, const char *name, const char *state, const char *address)
{
    for (size_t i = 0; i < search->count; i++) {
        if (strcmp(search->items[i].id, id) == 0) { /* pages may overlap when nodes come and go */
            return true;
        }
    }
    if (search->count == CANDIDATES_MAX) {
        search->count++;
        return false;
    }
    struct candidate *candidate = &search->items[search->count++];
    memcpy(candidate->id, id, strlen(id) + 1);
    const char *const parts[] = {name, state, address};
    struct text details = text_in(candidate->details, sizeof candidate->details);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        text_put(&details, details.len > 0 && parts[i][0] != '\0' ? ", " : "");
        text_put(&details, parts[i]);
    }
    return true;
}

static bool add_node(void *context, const struct ssm_api_node *node)
{
    struct search *search = context;
    const char *name = node->name[0] != '\0' ? node->name : node->computer_name;
    size_t before = search->count;
    bool wants_more = add(search, node->instance_id, name, node->ping_status, node->ip_address);
    if (search->count > before && wants_more) {
        search->items[before].is_alive = strcmp(node->ping_status, "Online") == 0;
    }
    return wants_more;
}

static bool add_instance(void *context, const struct ec2_api_instance *instance)
{
    return add(context, instance->id, instance->name, instance->state, instance->address);
}

/* An agent may write its address in another way than inet_ntop. */
static bool has_address(const struct ssm_api_node *node, const char *address)
{
    struct target own;
    return target_parse(node->ip_address, &own) == ERR_OK && own.kind == TARGET_ADDRESS &&
           strcmp(own.text, address) == 0;
}

static bool add_if_registered_so(void *context, const struct ssm_api_node *node)
{
    struct search *search = context;
    const struct target *target = search->target;
    bool is_it = target->kind == TARGET_ADDRESS
                     ? has_address(node, target->text)
                     : strcmp(node->name, target->text) == 0 || strcasecmp(node->computer_name, target->text) == 0;
    return !is_it || add_node(context, node);
}

/* ---- words ---- */

/* "the Name tag \"web\"" */
static void put_target(const struct target *target, struct text *text)
{
    switch (target->kind) {
    case TARGET_NAME:
        text_format(text, "the name \"%s\"", target->text);
        return;
    case TARGET_TAG:
        text_format(text, "the tag %s=%s", target->tag_key, target_tag_value(target));
        return;
    case TARGET_ADDRESS:
        text_format(text, "the address %s", target->text);
        return;
    case TARGET_PRIVATE_DNS:
    case TARGET_PUBLIC_DNS:
    case TARGET_INSTANCE:
    case TARGET_MANAGED_NODE:
    case TARGET_TASK:
        break;
    }
    text_format(text, "the DNS name %s", target->text);
}

static enum err say_none(struct client *client, const struct target *target)
{
    text_format(&client->why, "no node in %s has ", client->account.settings.region);
    put_target(target, &client->why);
    bool has_capitals = strpbrk(target->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL;
    if (target->kind == TARGET_NAME && !has_capitals) {
        text_put(&client->why, " (capitals count, and ssh writes %h without them: use %n)");
    }
    return ERR_NO_TARGET;
}

static enum err say_several(struct client *client, const struct search *search)
{
    bool is_more = search->count > CANDIDATES_MAX;
    text_format(&client->why, "%s%zu nodes in %s have ", is_more ? "more than " : "", search->count - is_more,
                client->account.settings.region);
    put_target(search->target, &client->why);
    text_put(&client->why, "; use an id:");
    for (size_t i = 0; i < search->count && i < CANDIDATES_MAX; i++) {
        const struct candidate *candidate = &search->items[i];
        text_format(&client->why, "%s %s (%s)", i > 0 ? "," : "", candidate->id, candidate->details);
    }
    return ERR_AMBIGUOUS;
}

/* `words` are the service's. */
static enum err say_denied(struct client *client, const struct target *target, const char *permission,
                           const char *words)
{
    text_clear(&client->why);
    text_format(&client->why, "the permission %s is needed to look up ", permission);
    put_target(target, &client->why);
    text_format(&client->why, ", which an id (i-..., mi-...) does without: %s", words);
    return ERR_DENIED;
}

static enum err settle(struct client *client, const struct search *search, char ret_id[LIMIT_TARGET + 1])
{
    if (search->count == 0) {
        return say_none(client, search->target);
    }
    if (search->count > 1) {
        return say_several(client, search);
    }
    memcpy(ret_id, search->items[0].id, sizeof search->items[0].id);
    return ERR_OK;
}

/* ---- where to look ---- */

#define WORDS_SIZE 1280

static enum err ask_ssm(struct client *client, const char *filter, const char *value, inventory_node_visitor *visit,
                        struct search *search)
{
    struct ssm_api_describe_nodes which = {.filters = {{filter, value}}};
    enum err err = inventory_nodes(client, which, client->deadline_us, visit, search);
    if (err == ERR_DENIED) {
        char words[WORDS_SIZE];
        text_copy_for_display(client->why.data, words, sizeof words);
        return say_denied(client, search->target, "ssm:DescribeInstanceInformation", words);
    }
    return err;
}

static bool is_alive(const struct ec2_api_instance *instance)
{
    return strcmp(instance->state, "terminated") != 0 && strcmp(instance->state, "shutting-down") != 0;
}

/* EC2 instances that have the tag and no registered agent: the session says what is wrong with them. */
static bool add_if_alive(void *context, const struct ec2_api_instance *instance)
{
    return !is_alive(instance) || add_instance(context, instance);
}

static enum err find_unregistered(struct client *client, const char *filter, struct search *search)
{
    struct ec2_api_describe which = {.filters = {{filter, target_tag_value(search->target)}}};
    enum err err = inventory_instances(client, which, client->deadline_us, add_if_alive, search);
    if (err != ERR_OK && err != ERR_INTERRUPTED) { /* nobody was promised an answer of EC2 */
        text_clear(&client->why);
        return ERR_OK;
    }
    return err;
}

/* Systems Manager goes on to list an instance that is terminated; its name is another one's by then. */
static bool is_instance(const struct candidate *candidate)
{
    return strncmp(candidate->id, "i-", 2) == 0;
}

static bool note_life(void *context, const struct ec2_api_instance *instance)
{
    struct search *search = context;
    for (size_t i = 0; i < search->count; i++) {
        struct candidate *candidate = &search->items[i];
        candidate->is_alive = candidate->is_alive || (is_alive(instance) && strcmp(candidate->id, instance->id) == 0);
    }
    return true;
}

/* Where EC2 does not answer, all of them stay. */
static enum err forget_terminated(struct client *client, const char *filter, struct search *search)
{
    if (search->count < 2 || search->count > CANDIDATES_MAX) {
        return ERR_OK;
    }
    struct ec2_api_describe which = {.filters = {{filter, target_tag_value(search->target)}}};
    enum err err = inventory_instances(client, which, client->deadline_us, note_life, search);
    if (err != ERR_OK) {
        text_clear(&client->why);
        return err == ERR_INTERRUPTED ? err : ERR_OK;
    }
    size_t kept = 0;
    for (size_t i = 0; i < search->count; i++) {
        if (search->items[i].is_alive || !is_instance(&search->items[i])) {
            search->items[kept++] = search->items[i];
        }
    }
    search->count = kept;
    return ERR_OK;
}

static enum err find_by_tag(struct client *client, bool is_last, struct search *search)
{
    char memory[sizeof "tag:" + LIMIT_TAG_KEY];
    struct text filter = text_in(memory, sizeof memory);
    text_format(&filter, "tag:%s", search->target->tag_key);
    TRY(ask_ssm(client, filter.data, target_tag_value(search->target), add_node, search));
    TRY(forget_terminated(client, filter.data, search));
    if (search->count == 0 && is_last && search->target->kind == TARGET_NAME) {
        TRY(ask_ssm(client, "ResourceType", "ManagedInstance", add_if_registered_so, search));
    }
    return search->count == 0 && is_last ? find_unregistered(client, filter.data, search) : ERR_OK;
}

/* ---- addresses and DNS names ---- */

/* Addresses that are nobody's on the Internet: RFC 1918, and RFC 6598, which VPCs use, too. */
static bool is_private(const char *address)
{
    uint8_t bytes[4];
    if (inet_pton(AF_INET, address, bytes) != 1) {
        return false;
    }
    uint8_t a = bytes[0];
    uint8_t b = bytes[1];
    return a == 10 || (a == 172 && b >= 16 && b <= 31) || (a == 192 && b == 168) || (a == 100 && b >= 64 && b <= 127);
}

/* EC2's filters for a target, the likelier one first; ended by NULL. */
static const char *const *filters_of(const struct target *target)
{
    static const char *const ipv6[] = {"network-interface.ipv6-addresses.ipv6-address", NULL};
    static const char *const private_ipv4[] = {"network-interface.addresses.private-ip-address", NULL};
    static const char *const any_ipv4[] = {"network-interface.addresses.association.public-ip",
                                           "network-interface.addresses.private-ip-address", NULL};
    static const char *const private_dns[] = {"private-dns-name", NULL};
    static const char *const public_dns[] = {"dns-name", NULL};
    if (target->kind == TARGET_PRIVATE_DNS) {
        return private_dns;
    }
    if (target->kind == TARGET_PUBLIC_DNS) {
        return public_dns;
    }
    if (strchr(target->text, ':') != NULL) {
        return ipv6;
    }
    return is_private(target->text) ? private_ipv4 : any_ipv4;
}

static enum err ask_ec2(struct client *client, struct search *search)
{
    const char *const *filters = filters_of(search->target);
    for (size_t i = 0; filters[i] != NULL && search->count == 0; i++) {
        struct ec2_api_describe which = {.filters = {{filters[i], search->target->text}}};
        TRY(inventory_instances(client, which, client->deadline_us, add_instance, search));
    }
    return ERR_OK;
}

static enum err find_by_address(struct client *client, struct search *search)
{
    enum err err = ask_ec2(client, search);
    if (err != ERR_DENIED) {
        TRY(err);
        return search->count > 0 ? ERR_OK
                                 : ask_ssm(client, "ResourceType", "ManagedInstance", add_if_registered_so, search);
    }
    char words[WORDS_SIZE];
    text_copy_for_display(client->why.data, words, sizeof words);
    text_clear(&client->why);
    err = ask_ssm(client, NULL, NULL, add_if_registered_so, search);
    if (err == ERR_DENIED || (err == ERR_OK && search->count == 0)) {
        return say_denied(client, search->target, "ec2:DescribeInstances", words);
    }
    return err;
}

enum err find_node(struct client *client, const struct target *target, bool is_last, char ret_id[LIMIT_TARGET + 1])
{
    if (target_is_id(target)) {
        memcpy(ret_id, target->text, sizeof target->text);
        return ERR_OK;
    }
    struct search search = {.target = target};
    bool has_tag = target->kind == TARGET_TAG || target->kind == TARGET_NAME;
    TRY(has_tag ? find_by_tag(client, is_last, &search) : find_by_address(client, &search));
    return settle(client, &search, ret_id);
}
