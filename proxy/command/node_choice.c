#include "proxy/command/node_choice.h"

#include "common/log.h"
#include "proxy/command/find_node.h"
#include "proxy/edge/aws_files.h"

void node_choice_free(struct node_choice *choice)
{
    aliases_free(&choice->aliases);
}

/* ---- reading ---- */

enum err node_choice_aliases(struct aliases *aliases, struct text *ret_why)
{
    struct aws_config_environment environment = aws_files_environment();
    char path[LIMIT_PATH + 1];
    TRY(aliases_path(&environment, path, ret_why));
    AUTO(aws_files_wipe) struct aws_file file = {0};
    if (path[0] != '\0') {
        TRY(aws_files_read(path, INSTANT_NEVER, &file, ret_why));
    }
    if (file.data == NULL) {
        return ERR_OK;
    }
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    enum err err = aliases_parse(bytes_of(file.data, file.len), aliases, &why);
    if (err == ERR_CONFIG) {
        text_format(ret_why, "%s: %s", path, why.data);
    }
    return err;
}

enum err node_choice_read(struct node_choice *choice, const char *text, const struct aws_config_flags *flags,
                          struct text *ret_why)
{
    struct target target;
    if (target_parse(text, &target) != ERR_OK) {
        text_format(ret_why, "not a target: %s (see: ssm-proxy connect --help)", text);
        return ERR_USAGE;
    }
    if (!target_is_id(&target)) {
        TRY(node_choice_aliases(&choice->aliases, ret_why));
    }
    TRY(target_plan_make(text, &choice->aliases, &choice->plan));
    struct aws_config_flags applied = *flags;
    choice->way = &choice->plan.ways[0];
    return target_plan_apply(choice->way, &applied, ret_why);
}

/* ---- trying ---- */

enum err node_choice_find(struct node_choice *choice, struct client *client)
{
    if (choice->id[0] != '\0') {
        return ERR_OK;
    }
    bool is_last = choice->way == &choice->plan.ways[choice->plan.count - 1];
    return find_node(client, &choice->way->target, is_last, choice->id);
}

/* Whether another way to read the word may lead on: this one does not, or not for this person. */
static bool may_go_on(enum err err)
{
    return err == ERR_NO_TARGET || err == ERR_CONFIG || err == ERR_NO_CREDENTIALS || err == ERR_CREDENTIALS ||
           err == ERR_NO_PROMPT || err == ERR_DENIED;
}

/* Nobody is to be asked for a profile that is probably not the one. */
static bool may_ask(const struct target_plan *plan, size_t at)
{
    return at + 1 == plan->count || plan->ways[at + 1].target.profile[0] == '\0';
}

static enum err try_way(struct node_choice *choice, struct client *client, const struct aws_config_flags *flags,
                        int64_t connect_timeout_us)
{
    size_t at = (size_t)(choice->way - choice->plan.ways);
    struct aws_config_flags applied = *flags;
    if (at == 0) {
        char memory[1]; /* node_choice_read has seen it */
        struct text nothing = text_in(memory, sizeof memory);
        TRY(target_plan_apply(choice->way, &applied, &nothing));
        TRY(client_open(client, &applied, connect_timeout_us));
    } else {
        TRY(target_plan_apply(choice->way, &applied, &client->why));
        TRY(client_reopen(client, &applied));
    }
    if (choice->plan.count == 1) {
        return ERR_OK;
    }
    TRY(client_resolve(client, may_ask(&choice->plan, at), client->deadline_us));
    return node_choice_find(choice, client);
}

static void put_reading(const struct target *target, struct text *text)
{
    text_format(text, " (read as %s in the region %s", target->text, target->region);
    text_format(text, "%s%s)", target->profile[0] != '\0' ? " with the profile " : "", target->profile);
}

enum err node_choice_open(struct node_choice *choice, struct client *client, const struct aws_config_flags *flags,
                          int64_t connect_timeout_us)
{
    for (size_t i = 0;; i++) {
        choice->way = &choice->plan.ways[i];
        enum err err = try_way(choice, client, flags, connect_timeout_us);
        bool is_last = i + 1 == choice->plan.count;
        if (err == ERR_OK || is_last || !may_go_on(err)) {
            if (err != ERR_OK && err != ERR_INTERRUPTED && i > 0 && choice->way->target.region[0] != '\0') {
                put_reading(&choice->way->target, &client->why);
            }
            return err;
        }
        log_debug("%s is read in another way: %s", choice->way->target.text, client->why.data);
        text_clear(&client->why);
    }
}
