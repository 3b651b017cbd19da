#include "proxy/command/key_push.h"

#include "common/log.h"
#include "common/public_key.h"
#include "proxy/command/node_command.h"
#include "proxy/core/aws_service.h"
#include "proxy/core/instance_connect_api.h"
#include "proxy/edge/clock.h"

/* Thirty logins at once are throttled more often than the three tries of other calls allow for. */
#define TRIES 8
/* The pause before a command that was throttled is sent again: a random part of it. */
#define PAUSE_US (3 * 1000 * 1000)

struct key_push {
    struct client *client;
    enum key_way wanted;
    enum key_way way; /* under way, or taken last */
    char node_id[LIMIT_TARGET + 1];
    char user[64];
    char public_key[sizeof(struct public_key)];
    int64_t deadline_us;
    struct api_call *call;        /* of EC2 Instance Connect */
    struct node_command *command; /* of Run Command */
    int64_t again_us;             /* when a pause ends; INSTANT_NEVER: there is none */
    enum err err;                 /* ERR_AGAIN until it is over */
    enum err first_err;           /* of a way before this one; ERR_OK: there was none */
    char first_why[1024];
    char why[2048];
};

static const char *const through[] = {
    [KEY_WAY_NONE] = "",
    [KEY_WAY_INSTANCE_CONNECT] = "EC2 Instance Connect",
    [KEY_WAY_SEND_COMMAND] = "Run Command (" KEY_WAY_DOCUMENT ")",
    [KEY_WAY_RUN_SHELL_SCRIPT] = "Run Command (AWS-RunShellScript)",
    [KEY_WAY_AUTO] = "", /* one of the others has been taken */
};

const char *key_push_through(const struct key_push *push)
{
    return through[push->way];
}

void key_push_free(struct key_push **push)
{
    if (*push == NULL) {
        return;
    }
    api_free(&(*push)->call);
    node_command_free(&(*push)->command);
    free(*push);
    *push = NULL;
}

/* ---- what is asked for ---- */

enum err key_push_read_way(const struct options *options, enum key_way *ret_way, struct text *ret_why)
{
    const char *word = options->values[OPTION_KEY];
    *ret_way = KEY_WAY_NONE;
    if (word != NULL && key_way_read(word, ret_way) != ERR_OK) {
        text_format(ret_why,
                    "--key: neither none nor auto nor instance-connect nor send-command nor AWS-RunShellScript: %s",
                    word);
        return ERR_USAGE;
    }
    return ERR_OK;
}

enum err key_push_check_user(enum key_way way, const char *user, struct text *ret_why)
{
    bool is_taken = way == KEY_WAY_AUTO ? key_way_takes_user(KEY_WAY_INSTANCE_CONNECT, user) ||
                                              key_way_takes_user(KEY_WAY_SEND_COMMAND, user)
                                        : key_way_takes_user(way, user);
    if (!is_taken) {
        text_format(ret_why, "no name of an account that a key can be pushed for (--key %s): %s", key_way_word(way),
                    user);
    }
    return is_taken ? ERR_OK : ERR_USAGE;
}

static enum err check(const struct key_push *push, struct text *ret_why)
{
    if (push->way == KEY_WAY_NONE) {
        text_format(ret_why, "--key %s leads to no node of this kind: %s", key_way_word(push->wanted), push->node_id);
        return ERR_USAGE;
    }
    if (!key_way_takes_key(push->public_key)) {
        text_put(ret_why, "this is no public key of one line");
        return ERR_USAGE;
    }
    return key_push_check_user(push->way, push->user, ret_why);
}

/* ---- the two services ---- */

static enum err begin_instance_connect(struct key_push *push, struct text *ret_why)
{
    struct client *client = push->client;
    const char *region = client->account.settings.region;
    struct endpoint_url url;
    AUTO(aws_request_free) struct aws_request request = {.method = NULL};
    struct instance_connect_api_push what = {push->node_id, push->user, push->public_key};
    TRY(aws_service_endpoint(client->account.config, AWS_SERVICE_EC2_INSTANCE_CONNECT, region, &url, ret_why));
    TRY(instance_connect_api_push(&url, region, &what, &request));
    struct api_way way = {.deadline_us = push->deadline_us, .tries = TRIES};
    return api_send(&client->api, &request, &client->account.credentials, way, &push->call);
}

static enum err begin_command(struct key_push *push)
{
    AUTO_JSON json_t *parameters = NULL;
    TRY(key_way_parameters(push->way, push->user, push->public_key, &parameters));
    struct node_command_what what = {
        .node_id = push->node_id,
        .document_name = key_way_document(push->way),
        .parameters = parameters,
        .comment = "ssm-proxy: a key for a login",
        .deadline_us = push->deadline_us,
    };
    return node_command_start(push->client, &what, &push->command);
}

static enum err begin(struct key_push *push, struct text *ret_why)
{
    push->again_us = INSTANT_NEVER;
    log_debug("pushing the key for %s to %s: %s", push->user, push->node_id, key_push_through(push));
    return push->way == KEY_WAY_INSTANCE_CONNECT ? begin_instance_connect(push, ret_why) : begin_command(push);
}

enum err key_push_start(struct client *client, const struct key_push_want *want, struct key_push **ret_push,
                        struct text *ret_why)
{
    AUTO(key_push_free) struct key_push *push = calloc(1, sizeof *push);
    if (push == NULL) {
        return ERR_MEMORY;
    }
    push->client = client;
    push->wanted = want->way;
    push->way = key_way_first(want->way, want->node_id);
    push->deadline_us = want->deadline_us;
    push->err = ERR_AGAIN;
    struct text node_id = text_in(push->node_id, sizeof push->node_id);
    struct text user = text_in(push->user, sizeof push->user);
    struct text public_key = text_in(push->public_key, sizeof push->public_key);
    text_put(&node_id, want->node_id);
    text_put(&user, want->user);
    text_put(&public_key, want->public_key);
    TRY(text_finish(&node_id));
    TRY(text_finish(&public_key)); /* a user that is too long is refused below */
    TRY(check(push, ret_why));
    TRY(begin(push, ret_why));
    *ret_push = MOVE(push);
    return ERR_OK;
}

/* ---- how it goes ---- */

enum { NO_SUCH_PROGRAM = 127 }; /* the exit code of sh: POSIX, Shell Command Language, 2.8.2 */

static enum err take_reply(struct key_push *push, struct text *why)
{
    struct aws_reply reply;
    enum err err = api_reply(push->call, &reply, why);
    if (err != ERR_OK) {
        if (err == ERR_TIMEOUT || err == ERR_UNREACHABLE) {
            api_put_last_failure(push->call, why);
        }
        return err;
    }
    struct service_failure failure;
    err = instance_connect_api_parse_push(&reply, &failure);
    if (err != ERR_OK) {
        service_failure_put(&failure, why);
    }
    return err;
}

static enum err take_result(struct key_push *push, struct text *why)
{
    const struct command_api_step *result = NULL;
    TRY(node_command_pump(push->command, &result, why));
    if (result->status == COMMAND_API_SUCCESS) {
        return ERR_OK;
    }
    node_command_put_failure(result, why);
    if (result->response_code == NO_SUCH_PROGRAM) {
        text_put(why, "; install ssm-userctl on the node");
        return ERR_UNSUPPORTED;
    }
    return ERR_DENIED; /* the node says so */
}

/* True: it pauses. A command that was refused because there are too many can be sent again: it has not been taken. */
static bool tries_later(struct key_push *push, enum err err)
{
    if (err != ERR_THROTTLED || push->command == NULL || node_command_id(push->command)[0] != '\0' ||
        clock_mono_us() >= push->deadline_us) {
        return false;
    }
    node_command_free(&push->command);
    push->again_us = clock_mono_us() + (int64_t)chance_below(&push->client->api.chance, PAUSE_US);
    return true;
}

static enum err step(struct key_push *push, struct text *why)
{
    if (push->again_us != INSTANT_NEVER) {
        TRY(clock_mono_us() < push->again_us ? ERR_AGAIN : begin(push, why));
        return ERR_AGAIN;
    }
    return push->call != NULL ? take_reply(push, why) : take_result(push, why);
}

/* True: the next step begins another way. */
static bool tries_another_way(struct key_push *push, enum err err, struct text *why)
{
    enum key_way next = key_way_next(push->wanted, push->way, err);
    if (next == KEY_WAY_NONE || !key_way_takes_user(next, push->user)) {
        return false;
    }
    log_debug("%s does not take the key: %s", key_push_through(push), why->data);
    text_copy_for_display(why->data, push->first_why, sizeof push->first_why);
    push->first_err = err;
    api_free(&push->call);
    push->way = next;
    push->again_us = 0; /* at once */
    return true;
}

/* The failure of the way that was to be taken counts; that of the other one is told beside it. */
static void fail(struct key_push *push, enum err err, const char *words)
{
    struct text why = text_in(push->why, sizeof push->why);
    push->err = push->first_err != ERR_OK ? push->first_err : err;
    text_put(&why, "the key was not accepted: ");
    if (push->first_err != ERR_OK) {
        text_format(&why, "%s: %s; ", through[KEY_WAY_INSTANCE_CONNECT], push->first_why);
    }
    text_format(&why, "%s: %s", key_push_through(push), words[0] != '\0' ? words : err_text(err));
    if (push->way == KEY_WAY_SEND_COMMAND && err == ERR_CONFIG) {
        text_put(&why, "; ssm-proxy(1), KEYS: the account needs that document");
    }
}

enum err key_push_pump(struct key_push *push, struct text *ret_why)
{
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    while (push->err == ERR_AGAIN) {
        text_clear(&why);
        enum err err = step(push, &why);
        if (err == ERR_AGAIN) {
            return err;
        }
        if (err == ERR_OK) {
            push->err = ERR_OK;
        } else if (!tries_later(push, err) && !tries_another_way(push, err, &why)) {
            fail(push, err, memory);
        }
    }
    if (push->err != ERR_OK) {
        text_put(ret_why, push->why);
    }
    return push->err;
}

int64_t key_push_deadline_us(const struct key_push *push)
{
    if (push->err != ERR_AGAIN) {
        return INSTANT_NEVER;
    }
    return push->command != NULL ? node_command_deadline_us(push->command) : push->again_us;
}

enum err key_push_wait(struct client *client, struct key_push *push)
{
    for (;;) {
        enum err err = key_push_pump(push, &client->why);
        if (err != ERR_AGAIN) {
            return err;
        }
        TRY(client->signal != 0 ? ERR_INTERRUPTED : ERR_OK);
        TRY(client_turn(client, key_push_deadline_us(push)));
    }
}
