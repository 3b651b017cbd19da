#include "proxy/core/command_api.h"

#define S3_BUCKET_MAX 63
#define S3_PREFIX_MAX 500
#define LOG_GROUP_MAX 512
#define TARGET_KEY_MAX 163
#define RATE_MAX 7
#define DELIVERY_MAX_S 2592000 /* 30 days */

/* ---- limits ---- */

static size_t count_characters(const char *text)
{
    return text == NULL ? 0 : text_count_characters(bytes_of_text(text));
}

static bool fits(const struct command_api_send *send)
{
    bool is_right = send->node_count <= COMMAND_API_NODES_MAX && send->target_count <= COMMAND_API_TARGETS_MAX &&
                    count_characters(send->document_name) <= LIMIT_ARN &&
                    count_characters(send->comment) <= COMMAND_API_COMMENT_MAX &&
                    count_characters(send->max_concurrency) <= RATE_MAX &&
                    count_characters(send->max_errors) <= RATE_MAX && send->delivery_timeout_s >= 0 &&
                    send->delivery_timeout_s <= DELIVERY_MAX_S && count_characters(send->s3_bucket) <= S3_BUCKET_MAX &&
                    count_characters(send->s3_prefix) <= S3_PREFIX_MAX &&
                    count_characters(send->log_group) <= LOG_GROUP_MAX;
    for (size_t i = 0; i < send->target_count; i++) {
        is_right = is_right && count_characters(send->targets[i].key) <= TARGET_KEY_MAX &&
                   send->targets[i].value_count <= COMMAND_API_TARGET_VALUES_MAX;
    }
    return is_right;
}

/* ---- JSON ---- */

/* Takes `value`. */
static enum err add(json_t *object, const char *member, json_t *value)
{
    return json_object_set_new(object, member, value) == 0 ? ERR_OK : ERR_MEMORY;
}

static enum err text_value(const char *text, json_t **ret_value)
{
    json_error_t error;
    json_t *value = json_pack_ex(&error, 0, "s", text);
    if (value == NULL) {
        return json_view_error(&error);
    }
    *ret_value = value;
    return ERR_OK;
}

/* Nothing for a text that is not given. */
static enum err add_text(json_t *object, const char *member, const char *text)
{
    if (!text_is_given(text)) {
        return ERR_OK;
    }
    json_t *value;
    TRY(text_value(text, &value));
    return add(object, member, value);
}

static enum err add_list(json_t *object, const char *member, const char *const *texts, size_t count)
{
    AUTO_JSON json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *value;
        TRY(text_value(texts[i], &value));
        if (json_array_append_new(list, value) != 0) {
            return ERR_MEMORY;
        }
    }
    return count == 0 ? ERR_OK : add(object, member, MOVE(list));
}

static enum err add_targets(const struct command_api_send *send, json_t *body)
{
    AUTO_JSON json_t *list = json_array();
    for (size_t i = 0; i < send->target_count; i++) {
        const struct command_api_target *target = &send->targets[i];
        AUTO_JSON json_t *object = json_object();
        TRY(add_text(object, "Key", target->key));
        TRY(add_list(object, "Values", target->values, target->value_count));
        if (json_array_append(list, object) != 0) {
            return ERR_MEMORY;
        }
    }
    return send->target_count == 0 ? ERR_OK : add(body, "Targets", MOVE(list));
}

/* `body` is there, or memory was short. */
static enum err finish_request(const char *x_amz_target, const json_t *body, struct ssm_api_request *ret_request)
{
    return body == NULL ? ERR_MEMORY : ssm_api_make_request(x_amz_target, body, NULL, ret_request);
}

/* ---- requests ---- */

static enum err add_where_to(const struct command_api_send *send, json_t *body)
{
    TRY(add_text(body, "OutputS3BucketName", send->s3_bucket));
    TRY(add_text(body, "OutputS3KeyPrefix", send->s3_prefix));
    if (!text_is_given(send->log_group)) {
        return ERR_OK;
    }
    AUTO_JSON json_t *logs = json_object();
    TRY(add_text(logs, "CloudWatchLogGroupName", send->log_group));
    TRY(add(logs, "CloudWatchOutputEnabled", json_true()));
    return add(body, "CloudWatchOutputConfig", MOVE(logs));
}

enum err command_api_send(const struct command_api_send *send, struct ssm_api_request *ret_request)
{
    if (!fits(send)) {
        return ERR_TOO_LONG;
    }
    AUTO_JSON json_t *body = json_object();
    TRY(add_text(body, "DocumentName", send->document_name));
    TRY(add_list(body, "InstanceIds", send->node_ids, send->node_count));
    TRY(add_targets(send, body));
    if (send->parameters != NULL) {
        TRY(add(body, "Parameters", json_deep_copy(send->parameters)));
    }
    TRY(add_text(body, "Comment", send->comment));
    TRY(add_text(body, "MaxConcurrency", send->max_concurrency));
    TRY(add_text(body, "MaxErrors", send->max_errors));
    if (send->delivery_timeout_s > 0) {
        TRY(add(body, "TimeoutSeconds", json_integer(send->delivery_timeout_s)));
    }
    TRY(add_where_to(send, body));
    return finish_request("AmazonSSM.SendCommand", body, ret_request);
}

enum err command_api_list_command(const char *command_id, struct ssm_api_request *ret_request)
{
    AUTO_JSON json_t *body = json_object();
    TRY(add_text(body, "CommandId", command_id));
    return finish_request("AmazonSSM.ListCommands", body, ret_request);
}

enum err command_api_list_invocations(const struct command_api_list *list, struct ssm_api_request *ret_request)
{
    AUTO_JSON json_t *body = json_object();
    TRY(add_text(body, "CommandId", list->command_id));
    TRY(add(body, "Details", json_boolean(list->has_output)));
    TRY(add(body, "MaxResults", json_integer(list->page_size)));
    TRY(add_text(body, "NextToken", list->next_token));
    return finish_request("AmazonSSM.ListCommandInvocations", body, ret_request);
}

enum err command_api_get_invocation(const char *command_id, const char *node_id, const char *step,
                                    struct ssm_api_request *ret_request)
{
    AUTO_JSON json_t *body = json_object();
    TRY(add_text(body, "CommandId", command_id));
    TRY(add_text(body, "InstanceId", node_id));
    TRY(add_text(body, "PluginName", step));
    return finish_request("AmazonSSM.GetCommandInvocation", body, ret_request);
}

enum err command_api_cancel(const char *command_id, struct ssm_api_request *ret_request)
{
    AUTO_JSON json_t *body = json_object();
    TRY(add_text(body, "CommandId", command_id));
    return finish_request("AmazonSSM.CancelCommand", body, ret_request);
}

/* ---- words of a person ---- */

bool command_api_is_id(const char *text)
{
    static const char form[] = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";
    _Static_assert(sizeof form == COMMAND_API_ID_LEN + 1, "the form of a UUID");
    if (strlen(text) != COMMAND_API_ID_LEN) {
        return false;
    }
    for (size_t i = 0; i < COMMAND_API_ID_LEN; i++) {
        bool is_right = form[i] == '-' ? text[i] == '-' : bytes_hex_value((uint8_t)text[i]) >= 0;
        if (!is_right) {
            return false;
        }
    }
    return true;
}

bool command_api_is_rate(const char *text, bool may_be_zero)
{
    size_t digits = strspn(text, "0123456789");
    bool is_percent = strcmp(text + digits, "%") == 0;
    if (digits == 0 || digits > RATE_MAX || (text[digits] != '\0' && !is_percent) ||
        (text[0] == '0' && (digits > 1 || !may_be_zero))) {
        return false;
    }
    return !is_percent || digits < 3 || strcmp(text, "100%") == 0;
}
