/* key push: a node accepts our short-lived key for a minute or two, for a login that goes another way than through
 * connect --key. */
#include "common/auto.h"
#include "proxy/command/failure.h"
#include "proxy/command/key_push.h"
#include "proxy/command/key_ring.h"
#include "proxy/command/node_choice.h"
#include "proxy/command/output.h"
#include "proxy/command/verbs.h"

#define TIMEOUT_US (INT64_C(60) * 1000 * 1000)
#define DEFAULT_USER "ssm-user"
#define NAME_SIZE (2 * LIMIT_TARGET + 64)

struct pushing {
    const struct options *options;
    const char *user;
    enum key_way way;
    struct output output;
    struct node_choice choice;
    struct client client;
    char public_key[OPENSSH_KEY_LINE_SIZE];
    char path[STATE_DIRECTORY_PATH_SIZE];
};

static enum err parse(struct pushing *pushing, const struct aws_config_flags *flags, struct text *why)
{
    const struct options *options = pushing->options;
    const char *way = options->values[OPTION_KEY];
    pushing->user = options->argument_count > 1 ? options->arguments[1] : DEFAULT_USER;
    pushing->way = KEY_WAY_AUTO;
    if (way != NULL && (key_way_read(way, &pushing->way) != ERR_OK || pushing->way == KEY_WAY_NONE)) {
        text_format(why, "--key: neither auto nor instance-connect nor send-command nor AWS-RunShellScript: %s", way);
        return ERR_USAGE;
    }
    TRY(key_push_check_user(pushing->way, pushing->user, why));
    return node_choice_read(&pushing->choice, options->arguments[0], flags, why);
}

static enum err find_key(struct pushing *pushing, const struct key_slot_wish *wish, struct text *why)
{
    AUTO(key_ring_close) struct key_ring ring = {.directory = {.fd = -1}};
    AUTO(loop_free) struct loop *loop = NULL;
    struct text line = text_in(pushing->public_key, sizeof pushing->public_key);
    int slot = -1;
    TRY(loop_new(&loop));
    TRY(key_ring_open(&ring, why));
    TRY(key_ring_ensure(&ring, loop, wish, &slot, why));
    openssh_key_put_public(&ring.slots[slot].key, &line);
    return key_ring_path(slot, pushing->path);
}

static enum err push(struct pushing *pushing)
{
    struct client *client = &pushing->client;
    AUTO(key_push_free) struct key_push *push = NULL;
    struct key_push_want want = {
        .way = pushing->way,
        .node_id = pushing->choice.id,
        .user = pushing->user,
        .public_key = pushing->public_key,
        .deadline_us = client->deadline_us,
    };
    TRY(key_push_start(client, &want, &push, &client->why));
    return key_push_wait(client, push);
}

static enum err find_and_push(struct pushing *pushing, const struct aws_config_flags *flags)
{
    struct client *client = &pushing->client;
    TRY(node_choice_open(&pushing->choice, client, flags, TIMEOUT_US));
    TRY(client_resolve(client, true, client->deadline_us));
    TRY(node_choice_find(&pushing->choice, client));
    TRY(push(pushing));
    struct output_member member = {"Path", pushing->path};
    return output_put_members(&pushing->output, &member, 1, &client->why);
}

static int report(const struct pushing *pushing, enum err err)
{
    const char *target = pushing->options->arguments[0];
    const char *id = pushing->choice.id;
    char memory[NAME_SIZE];
    struct text name = text_in(memory, sizeof memory);
    text_put(&name, target);
    if (id[0] != '\0' && strcmp(id, target) != 0) {
        text_format(&name, " (%s)", id);
    }
    return failure_report(memory, err, &pushing->client.why, pushing->client.signal);
}

static int push_run(const struct options *options)
{
    struct pushing pushing = {.options = options};
    struct aws_config_flags flags = proxy_options_flags(options);
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    struct key_slot_wish wish;
    if (key_ring_wish(options, &wish) != ERR_OK || output_open(options, &pushing.output) != ERR_OK) {
        return err_exit_code(ERR_USAGE);
    }
    enum err err = parse(&pushing, &flags, &why);
    err = err == ERR_OK ? find_key(&pushing, &wish, &why) : err;
    if (err != ERR_OK) {
        node_choice_free(&pushing.choice);
        return failure_report("key push", err, &why, 0);
    }
    int exit_code = report(&pushing, find_and_push(&pushing, &flags));
    client_close(&pushing.client);
    node_choice_free(&pushing.choice);
    return exit_code;
}

const struct verb key_push_verb = {
    .name = "key push",
    .arguments = "[--] TARGET [USER]",
    .summary = "Have a node accept our short-lived key for a minute or two. Prints its path, for ssh -i.",
    .details =
        "TARGET is as for connect; USER is the account on the node, ssm-user unless given. connect --key does this by\n"
        "itself.",
    .options = OPTIONS_AWS | OPTION_BIT(OPTION_OUTPUT) | OPTION_BIT(OPTION_KEY) | OPTION_BIT(OPTION_LIFETIME) |
               OPTION_BIT(OPTION_AGENT),
    .min_arguments = 1,
    .max_arguments = 2,
    .run = push_run,
};
