#include "tests/emulator/agent_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/gateway.h"
#include "tests/emulator/lab.h"

#define JOB_PREFIX "aws.ssm."
#define JOB_SIZE 340

static const char *member(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value == NULL ? "" : value;
}

static void name_job(const struct invocation *invocation, const char *command_id, char ret_job[JOB_SIZE])
{
    snprintf(ret_job, JOB_SIZE, JOB_PREFIX "%s.%s", command_id, invocation->node->id);
}

/* ---- to the agent ---- */

/* Steals `content`, which goes as a text inside the message. */
static enum err tell(const struct invocation *invocation, const char *topic, const char *job, json_t *content)
{
    char full_topic[120];
    snprintf(full_topic, sizeof full_topic, "%s.%s.1", topic, invocation->command->region);
    char *inner = content == NULL ? NULL : json_dumps(content, JSON_COMPACT);
    json_t *payload = inner == NULL ? NULL
                                    : json_pack("{s:s,s:s,s:s,s:i}", "Content", inner, "JobId", job, "Topic",
                                                full_topic, "SchemaVersion", 1);
    char *text = payload == NULL ? NULL : json_dumps(payload, JSON_COMPACT);
    enum err err = text == NULL                                                         ? ERR_MEMORY
                   : gateway_tell_node(invocation->node, AGENT_MESSAGE_AGENT_JOB, text) ? ERR_OK
                                                                                        : ERR_OFFLINE;
    json_decref(content);
    json_decref(payload);
    free(inner);
    free(text);
    return err;
}

/* Lists for StringList, scalars for String. */
static json_t *parameters_of(const struct command *command)
{
    const json_t *declared = json_object_get(command->content, "parameters");
    json_t *result = json_object(), *values = NULL;
    const char *name = NULL;
    json_object_foreach(json_object_get(command->input, "Parameters"), name, values)
    {
        bool is_list = strcmp(member(json_object_get(declared, name), "type"), "StringList") == 0;
        json_object_set(result, name, is_list ? values : json_array_get(values, 0));
    }
    return result;
}

enum err agent_job_send(const struct invocation *invocation)
{
    const struct command *command = invocation->command;
    char job[JOB_SIZE];
    name_job(invocation, command->id, job);
    return tell(invocation, "aws.ssm.sendCommand", job,
                json_pack("{s:o,s:O,s:s,s:s,s:s,s:s,s:s,s:s}", "Parameters", parameters_of(command), "DocumentContent",
                          command->content, "CommandId", command->id, "DocumentName", command->document,
                          "OutputS3KeyPrefix", "", "OutputS3BucketName", "", "CloudWatchLogGroupName", "",
                          "CloudWatchOutputEnabled", "false"));
}

/* The cancelling has a command id of its own. */
enum err agent_job_cancel(const struct invocation *invocation)
{
    char job[JOB_SIZE], meant[JOB_SIZE], text[UUID_TEXT_SIZE];
    struct uuid id = uuid_v4(&invocation->command->lab->chance);
    uuid_to_text(&id, text);
    name_job(invocation, text, job);
    name_job(invocation, invocation->command->id, meant);
    return tell(invocation, "aws.ssm.cancelCommand", job, json_pack("{s:s}", "CancelMessageId", meant));
}

/* ---- from the agent ---- */

/* The invocation of "aws.ssm.COMMAND.NODE" on this node; NULL: none, as for a cancelling. */
static struct invocation *find(struct lab *lab, const struct node *node, const char *job)
{
    char id[UUID_TEXT_SIZE];
    size_t prefix_len = strlen(JOB_PREFIX);
    bool is_job = strncmp(job, JOB_PREFIX, prefix_len) == 0 && strlen(job) > prefix_len + UUID_TEXT_SIZE &&
                  strcmp(job + prefix_len + UUID_TEXT_SIZE, node->id) == 0;
    snprintf(id, sizeof id, "%.*s", UUID_TEXT_SIZE - 1, is_job ? job + prefix_len : "");
    struct command *command = run_command_find(lab->commands, id, node->region);
    return command == NULL ? NULL : run_command_invocation(command, node->id);
}

/* 200: it is under way; 51405: it was already. 51401 and 51402: not now. The others stand for never. */
static void acknowledged(struct invocation *invocation, const char *code)
{
    if (strcmp(code, "200") == 0 || strcmp(code, "51405") == 0) {
        run_command_job_begun(invocation);
    } else if (strcmp(code, "51401") != 0 && strcmp(code, "51402") != 0) {
        run_command_job_ended(invocation, &(struct job_result){INVOCATION_UNDELIVERABLE, -1, "", ""});
    }
}

/* INVOCATION_IN_PROGRESS: not over. */
static enum invocation_state state_of(const char *status)
{
    static const enum invocation_state states[] = {INVOCATION_SUCCESS, INVOCATION_FAILED, INVOCATION_CANCELLED};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (strcmp(run_command_status(states[i]), status) == 0) {
            return states[i];
        }
    }
    return strcmp(status, "TimedOut") == 0 ? INVOCATION_EXECUTION_TIMED_OUT : INVOCATION_IN_PROGRESS;
}

static void replied(struct invocation *invocation, const char *text)
{
    json_t *content = json_loads(text, 0, NULL);
    enum invocation_state state = state_of(member(content, "documentStatus"));
    json_t *plugins = json_object_get(content, "runtimeStatus");
    const json_t *plugin = json_object_iter_value(json_object_iter(plugins));
    run_command_job_begun(invocation);
    if (state != INVOCATION_IN_PROGRESS) {
        json_int_t code = json_integer_value(json_object_get(plugin, "code"));
        run_command_job_ended(invocation,
                              &(struct job_result){state, plugin == NULL ? -1 : (int)code,
                                                   member(plugin, "standardOutput"), member(plugin, "standardError")});
    }
    json_decref(content);
}

static void acknowledge_reply(struct node *node, const struct agent_message *message, const char *job)
{
    char id[UUID_TEXT_SIZE];
    uuid_to_text(&message->message_id, id);
    json_t *answer = json_pack("{s:s,s:s}", "jobId", job, "acknowledgedMessageId", id);
    char *text = answer == NULL ? NULL : json_dumps(answer, JSON_COMPACT);
    if (text != NULL) {
        gateway_tell_node(node, AGENT_MESSAGE_AGENT_JOB_REPLY_ACK, text);
    }
    free(text);
    json_decref(answer);
}

void agent_job_receive(struct lab *lab, struct node *node, const struct agent_message *message, const json_t *payload)
{
    const char *job = member(payload, "jobId");
    struct invocation *invocation = find(lab, node, job);
    if (message->type == AGENT_MESSAGE_AGENT_JOB_REPLY) {
        acknowledge_reply(node, message, job);
    }
    if (invocation == NULL || run_command_is_final(invocation->state)) {
        return;
    }
    if (message->type == AGENT_MESSAGE_AGENT_JOB_REPLY) {
        replied(invocation, member(payload, "content"));
    } else {
        acknowledged(invocation, member(payload, "statusCode"));
    }
}
