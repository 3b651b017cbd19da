#include "proxy/command/node_command.h"

#include "proxy/command/api.h"
#include "proxy/edge/clock.h"

/* A script that does next to nothing is over within a second of SendCommand; the API allows a few calls a second. */
#define FIRST_PAUSE_US (200 * 1000)
#define LONGEST_PAUSE_US (3 * 1000 * 1000)

struct node_command {
    struct client *client;
    char node_id[LIMIT_TARGET + 1];
    int64_t deadline_us;
    struct api_call *call; /* NULL in a pause */
    int64_t again_us;      /* when the pause ends; INSTANT_NEVER while a call is under way */
    int64_t pause_us;      /* the last one */
    struct command_api_command sent;
    struct command_api_step result;
    enum err err;            /* ERR_AGAIN until it is over */
    char last_failure[1024]; /* of a question that was asked again */
    char why[2048];          /* it failed */
};

const char *node_command_id(const struct node_command *command)
{
    return command->sent.id;
}

void node_command_free(struct node_command **command)
{
    if (*command == NULL) {
        return;
    }
    api_free(&(*command)->call);
    command_api_step_free(&(*command)->result);
    free(*command);
    *command = NULL;
}

static int64_t seconds_left(int64_t deadline_us)
{
    int64_t left_s = (deadline_us - clock_mono_us()) / (1000 * 1000);
    return left_s > COMMAND_API_DELIVERY_MIN_S ? left_s : COMMAND_API_DELIVERY_MIN_S;
}

static enum err send_command(struct node_command *command, const struct node_command_what *what)
{
    struct client *client = command->client;
    const char *ids[] = {what->node_id};
    struct command_api_send send = {
        .document_name = what->document_name,
        .node_ids = ids,
        .node_count = 1,
        .parameters = what->parameters,
        .comment = what->comment,
        .delivery_timeout_s = seconds_left(what->deadline_us),
    };
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    TRY(command_api_send(&send, &request));
    struct api_way way = {.deadline_us = what->deadline_us, .is_once = true};
    return api_post(&client->api, &client->account, &request, way, &command->call);
}

enum err node_command_start(struct client *client, const struct node_command_what *what,
                            struct node_command **ret_command)
{
    AUTO(node_command_free) struct node_command *command = calloc(1, sizeof *command);
    if (command == NULL) {
        return ERR_MEMORY;
    }
    command->client = client;
    command->deadline_us = what->deadline_us;
    command->again_us = INSTANT_NEVER;
    command->err = ERR_AGAIN;
    struct text id = text_in(command->node_id, sizeof command->node_id);
    text_put(&id, what->node_id);
    TRY(text_finish(&id));
    TRY(send_command(command, what));
    *ret_command = MOVE(command);
    return ERR_OK;
}

/* A random part of it is left out, so that many of us do not ask in step. */
static void pause_before_asking(struct node_command *command)
{
    int64_t pause_us = command->pause_us == 0 ? FIRST_PAUSE_US : command->pause_us * 3 / 2;
    command->pause_us = instant_earlier(pause_us, LONGEST_PAUSE_US);
    uint64_t part = chance_below(&command->client->api.chance, (uint64_t)command->pause_us / 4 + 1);
    command->again_us = clock_mono_us() + command->pause_us - (int64_t)part;
    api_free(&command->call);
}

static enum err ask(struct node_command *command)
{
    struct client *client = command->client;
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    TRY(command_api_get_invocation(command->sent.id, command->node_id, NULL, &request));
    struct api_way way = {.deadline_us = command->deadline_us};
    command->again_us = INSTANT_NEVER;
    return api_post(&client->api, &client->account, &request, way, &command->call);
}

static enum err take_sent(struct node_command *command, const struct aws_reply *reply, struct text *ret_why)
{
    struct service_failure failure;
    enum err err = command_api_parse_sent(reply, &command->sent, &failure);
    if (err != ERR_OK) {
        service_failure_put(&failure, ret_why);
        return err;
    }
    pause_before_asking(command);
    return ERR_AGAIN;
}

static bool is_passing(enum err err)
{
    return err == ERR_THROTTLED || err == ERR_SERVICE || err == ERR_UNREACHABLE || err == ERR_TIMEOUT;
}

static enum err ask_again(struct node_command *command, const char *why)
{
    text_copy_for_display(why, command->last_failure, sizeof command->last_failure);
    pause_before_asking(command);
    return ERR_AGAIN;
}

static enum err take_answer(struct node_command *command, const struct aws_reply *reply, struct text *ret_why)
{
    struct service_failure failure;
    enum err err = command_api_parse_invocation(reply, &command->result, &failure);
    if (err != ERR_OK) {
        service_failure_put(&failure, ret_why);
        return is_passing(err) || command_api_is_not_yet(&failure) ? ask_again(command, ret_why->data) : err;
    }
    return command_api_is_over(command->result.status) ? ERR_OK : ask_again(command, "");
}

/* With words of its own, whichever way it goes. */
static enum err take_reply(struct node_command *command, struct text *ret_why)
{
    struct aws_reply reply;
    bool is_sent = command->sent.id[0] != '\0';
    enum err err = api_reply(command->call, &reply, ret_why);
    if (err == ERR_OK) {
        return is_sent ? take_answer(command, &reply, ret_why) : take_sent(command, &reply, ret_why);
    }
    return is_sent && is_passing(err) ? ask_again(command, ret_why->data) : err;
}

static enum err give_up(const struct node_command *command, struct text *ret_why)
{
    bool is_sent = command->sent.id[0] != '\0';
    text_clear(ret_why);
    text_format(ret_why, "%s on %s in time", is_sent ? "the command is not over" : "the command was not taken",
                command->node_id);
    if (command->call != NULL) {
        api_put_last_failure(command->call, ret_why);
    }
    if (command->last_failure[0] != '\0') {
        text_format(ret_why, "; the last answer: %s", command->last_failure);
    }
    return ERR_TIMEOUT;
}

static enum err move_on(struct node_command *command, struct text *ret_why)
{
    int64_t now_us = clock_mono_us();
    if (command->call == NULL && now_us >= command->again_us) {
        TRY(ask(command));
    }
    enum err err = command->call == NULL ? ERR_AGAIN : take_reply(command, ret_why);
    return err == ERR_AGAIN && now_us >= command->deadline_us ? give_up(command, ret_why) : err;
}

enum err node_command_pump(struct node_command *command, const struct command_api_step **ret_result,
                           struct text *ret_why)
{
    if (command->err == ERR_AGAIN) {
        struct text why = text_in(command->why, sizeof command->why);
        command->err = move_on(command, &why);
    }
    if (command->err == ERR_OK) {
        *ret_result = &command->result;
    } else if (command->err != ERR_AGAIN) {
        text_put(ret_why, command->why);
    }
    return command->err;
}

int64_t node_command_deadline_us(const struct node_command *command)
{
    return command->err != ERR_AGAIN ? INSTANT_NEVER : instant_earlier(command->again_us, command->deadline_us);
}

/* What the agent adds to every script that fails. */
static const char agents_line[] = "failed to run commands: ";

/* The last line that says something: what a script or a shell says before it gives up. */
static struct bytes last_line(const char *text)
{
    size_t end = strlen(text);
    for (;;) {
        while (end > 0 && strchr("\r\n\t ", text[end - 1]) != NULL) {
            end--;
        }
        size_t begin = end;
        while (begin > 0 && text[begin - 1] != '\n') {
            begin--;
        }
        if (end == 0 || strncmp(text + begin, agents_line, strlen(agents_line)) != 0) {
            return bytes_of(text + begin, end - begin);
        }
        end = begin;
    }
}

void node_command_put_failure(const struct command_api_step *result, struct text *text)
{
    char line[256];
    struct bytes last = last_line(result->error);
    AUTO_FREE char *copy = strndup((const char *)last.data, last.len);
    text_copy_for_display(copy, line, sizeof line);
    text_put(text, result->status_details[0] != '\0' ? result->status_details : "no success");
    if (result->response_code > 0) {
        text_format(text, ", exit code %d", result->response_code);
    }
    if (line[0] != '\0') {
        text_format(text, ": %s", line);
    }
}
