#include "proxy/core/ssm_api.h"

#include "common/json_view.h"

/* ---- requests ---- */

void ssm_api_request_free(struct ssm_api_request *request)
{
    free(request->body);
    *request = (struct ssm_api_request){0};
}

enum err ssm_api_make_request(const char *x_amz_target, const json_t *body, const json_error_t *error,
                              struct ssm_api_request *ret_request)
{
    if (body == NULL) {
        return json_view_error(error);
    }
    char *text = json_dumps(body, JSON_COMPACT);
    if (text == NULL) {
        return ERR_MEMORY;
    }
    *ret_request = (struct ssm_api_request){x_amz_target, text, strlen(text)};
    return ERR_OK;
}

static enum err put_parameters(const struct ssm_api_start_session *session, json_t *body)
{
    json_error_t error;
    json_t *parameters = json_pack_ex(&error, 0, "{}");
    if (json_object_set_new(body, "Parameters", parameters) != 0) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < session->parameter_count; i++) {
        json_t *values = json_pack_ex(&error, 0, "[s]", session->parameters[i].value);
        if (values == NULL) {
            return json_view_error(&error);
        }
        if (json_object_set_new(parameters, session->parameters[i].name, values) != 0) {
            return ERR_MEMORY;
        }
    }
    return ERR_OK;
}

enum err ssm_api_start_session(const struct ssm_api_start_session *session, struct ssm_api_request *ret_request)
{
    const char *reason = text_is_given(session->reason) ? session->reason : NULL;
    if (strlen(session->target) > LIMIT_TARGET ||
        (reason != NULL && text_count_characters(bytes_of_text(reason)) > SSM_API_REASON_MAX)) {
        return ERR_TOO_LONG;
    }
    json_error_t error;
    AUTO_JSON json_t *body = json_pack_ex(&error, 0, "{s:s, s:s*, s:s*}", "Target", session->target, "DocumentName",
                                          session->document_name, "Reason", reason);
    if (body != NULL && session->parameter_count > 0) {
        TRY(put_parameters(session, body));
    }
    return ssm_api_make_request("AmazonSSM.StartSession", body, &error, ret_request);
}

static enum err request_for_session(const char *x_amz_target, const char *session_id,
                                    struct ssm_api_request *ret_request)
{
    if (strlen(session_id) > LIMIT_SESSION_ID) {
        return ERR_TOO_LONG;
    }
    json_error_t error;
    AUTO_JSON json_t *body = json_pack_ex(&error, 0, "{s:s}", "SessionId", session_id);
    return ssm_api_make_request(x_amz_target, body, &error, ret_request);
}

enum err ssm_api_resume_session(const char *session_id, struct ssm_api_request *ret_request)
{
    return request_for_session("AmazonSSM.ResumeSession", session_id, ret_request);
}

enum err ssm_api_terminate_session(const char *session_id, struct ssm_api_request *ret_request)
{
    return request_for_session("AmazonSSM.TerminateSession", session_id, ret_request);
}

static enum err add_values(json_t *list, const char *const *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_error_t error;
        json_t *value = json_pack_ex(&error, 0, "s", values[i]);
        if (value == NULL) {
            return json_view_error(&error);
        }
        if (json_array_append_new(list, value) != 0) {
            return ERR_MEMORY;
        }
    }
    return ERR_OK;
}

static enum err add_filter(json_t *body, const char *key, const char *const *values, size_t count)
{
    json_error_t error;
    AUTO_JSON json_t *object = json_pack_ex(&error, 0, "{s:s, s:[]}", "Key", key, "Values");
    if (object == NULL) {
        return json_view_error(&error);
    }
    TRY(add_values(json_object_get(object, "Values"), values, count));
    json_t *filters = json_object_get(body, "Filters");
    if (filters == NULL) {
        json_t *list = json_array();
        int status = json_object_set_new(body, "Filters", list);
        filters = status == 0 ? list : NULL;
    }
    /* both of these fail for NULL, and drop what they were to take over */
    return json_array_append_new(filters, MOVE(object)) == 0 ? ERR_OK : ERR_MEMORY;
}

enum err ssm_api_describe_nodes(const struct ssm_api_describe_nodes *nodes, struct ssm_api_request *ret_request)
{
    json_error_t error;
    AUTO_JSON json_t *body =
        json_pack_ex(&error, 0, "{s:i, s:s*}", "MaxResults", LIMIT_API_PAGE, "NextToken", nodes->next_token);
    for (size_t i = 0; body != NULL && i < SSM_API_FILTERS_MAX && nodes->filters[i].key != NULL; i++) {
        const struct ssm_api_filter *filter = &nodes->filters[i];
        bool has_several = i == 0 && nodes->first_values != NULL;
        TRY(add_filter(body, filter->key, has_several ? nodes->first_values : &filter->value,
                       has_several ? nodes->first_value_count : 1));
    }
    return ssm_api_make_request("AmazonSSM.DescribeInstanceInformation", body, &error, ret_request);
}

enum err ssm_api_connection_status(const char *target, struct ssm_api_request *ret_request)
{
    if (strlen(target) > LIMIT_TARGET) {
        return ERR_TOO_LONG;
    }
    json_error_t error;
    AUTO_JSON json_t *body = json_pack_ex(&error, 0, "{s:s}", "Target", target);
    return ssm_api_make_request("AmazonSSM.GetConnectionStatus", body, &error, ret_request);
}

enum err ssm_api_describe_document(const char *name, struct ssm_api_request *ret_request)
{
    json_error_t error;
    AUTO_JSON json_t *body = json_pack_ex(&error, 0, "{s:s}", "Name", name);
    return ssm_api_make_request("AmazonSSM.DescribeDocument", body, &error, ret_request);
}

/* ---- replies ---- */

/* ---- sessions ---- */

void ssm_api_session_wipe(struct ssm_api_session *session)
{
    secret_wipe(&session->token);
    *session = (struct ssm_api_session){0};
}

static enum err parse_session_id(const char *text, char ret_id[LIMIT_SESSION_ID + 1])
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@+=,-";
    size_t len = text == NULL ? 0 : strlen(text);
    if (len == 0 || strspn(text, allowed) != len || strcmp(text, ".") == 0 || strcmp(text, "..") == 0) {
        return ERR_MALFORMED;
    }
    if (len > LIMIT_SESSION_ID) {
        return ERR_TOO_LONG;
    }
    memcpy(ret_id, text, len + 1);
    return ERR_OK;
}

/* StreamUrl and token stay empty where the reply lacks them. */
static enum err read_session(const json_t *object, struct ssm_api_session *session)
{
    const char *stream_url = json_view_text(object, "StreamUrl");
    const char *token = json_view_text(object, "TokenValue");
    TRY(parse_session_id(json_view_text(object, "SessionId"), session->session_id));
    if (stream_url != NULL) {
        size_t len = strlen(stream_url);
        if (len > LIMIT_STREAM_URL) {
            return ERR_STREAM_URL;
        }
        memcpy(session->stream_url, stream_url, len + 1);
    }
    return token == NULL ? ERR_OK : secret_set(&session->token, bytes_of_text(token));
}

static void move_session(struct ssm_api_session *from, struct ssm_api_session *to)
{
    ssm_api_session_wipe(to);
    *to = *from;
    from->token = (struct secret){0};
}

enum err ssm_api_parse_session(const struct aws_reply *reply, struct ssm_api_session *ret_session,
                               struct service_failure *ret_failure)
{
    AUTO_JSON json_t *object = NULL;
    TRY(service_failure_read_object(reply, &object, ret_failure));
    ssm_api_session_wipe(ret_session);
    enum err err = read_session(object, ret_session);
    if (err != ERR_OK) {
        return service_failure_say(reply, err, "the reply has an unusable SessionId, StreamUrl or TokenValue",
                                   ret_failure);
    }
    if (ret_session->stream_url[0] == '\0' || !secret_is_set(&ret_session->token)) {
        return service_failure_say(reply, ERR_MALFORMED, "the reply lacks StreamUrl or TokenValue", ret_failure);
    }
    return ERR_OK;
}

enum err ssm_api_parse_resumed_session(const struct aws_reply *reply, struct ssm_api_session *ret_session,
                                       struct service_failure *ret_failure)
{
    AUTO_JSON json_t *object = NULL;
    TRY(service_failure_read_object(reply, &object, ret_failure));
    if (json_view_text(object, "TokenValue") == NULL) {
        return service_failure_say(reply, ERR_SESSION_ENDED, "the session is over", ret_failure);
    }
    AUTO(ssm_api_session_wipe) struct ssm_api_session session = {.session_id = ""};
    enum err err = read_session(object, &session);
    if (err != ERR_OK) {
        return service_failure_say(reply, err, "the reply has an unusable SessionId, StreamUrl or TokenValue",
                                   ret_failure);
    }
    if (!secret_is_set(&session.token)) {
        return service_failure_say(reply, ERR_SESSION_ENDED, "the session is over", ret_failure);
    }
    move_session(&session, ret_session);
    return ERR_OK;
}

enum err ssm_api_parse_terminated_session(const struct aws_reply *reply, struct service_failure *ret_failure)
{
    AUTO_JSON json_t *object = NULL;
    enum err err = service_failure_read_object(reply, &object, ret_failure);
    return err == ERR_SESSION_ENDED ? ERR_OK : err;
}

/* ---- nodes ---- */

void ssm_api_nodes_free(struct ssm_api_nodes *nodes)
{
    free(nodes->items);
    free(nodes->next_token);
    *nodes = (struct ssm_api_nodes){0};
}

/* An id may be shown, compared and sent back: nothing is cut or replaced in it. */
static enum err read_node_id(const char *id, char ret_id[LIMIT_TARGET + 1])
{
    size_t len = id == NULL ? 0 : strlen(id);
    if (len == 0 || len > LIMIT_TARGET) {
        return ERR_MALFORMED;
    }
    text_copy_for_display(id, ret_id, LIMIT_TARGET + 1);
    return strcmp(id, ret_id) == 0 ? ERR_OK : ERR_MALFORMED;
}

static enum err read_node(const json_t *object, struct ssm_api_node *node)
{
    const struct {
        const char *member;
        char *text;
        size_t size;
    } fields[] = {
        {"Name", node->name, sizeof node->name},
        {"ComputerName", node->computer_name, sizeof node->computer_name},
        {"IPAddress", node->ip_address, sizeof node->ip_address},
        {"PingStatus", node->ping_status, sizeof node->ping_status},
        {"PlatformType", node->platform_type, sizeof node->platform_type},
        {"PlatformName", node->platform_name, sizeof node->platform_name},
        {"PlatformVersion", node->platform_version, sizeof node->platform_version},
        {"AgentVersion", node->agent_version, sizeof node->agent_version},
        {"ResourceType", node->resource_type, sizeof node->resource_type},
    };
    TRY(read_node_id(json_view_text(object, "InstanceId"), node->instance_id));
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        text_copy_for_display(json_view_text(object, fields[i].member), fields[i].text, fields[i].size);
    }
    const json_t *is_latest = json_object_get(object, "IsLatestVersion");
    node->is_agent_latest = json_is_true(is_latest);
    node->is_agent_outdated = json_is_false(is_latest);
    node->last_ping_unix_time = json_number_value(json_object_get(object, "LastPingDateTime"));
    double registered = json_number_value(json_object_get(object, "RegistrationDate"));
    node->registered_unix_s =
        registered > 0 && registered < 253402300800.0 /* the year 10000 */ ? (int64_t)registered : 0;
    return ERR_OK;
}

static enum err read_nodes(const json_t *object, struct ssm_api_nodes *nodes)
{
    const json_t *list = json_object_get(object, "InstanceInformationList");
    const char *next_token = json_view_text(object, "NextToken");
    size_t count = json_array_size(list);
    if (count > LIMIT_API_PAGE || (next_token != NULL && strlen(next_token) > LIMIT_API_NEXT_TOKEN)) {
        return ERR_TOO_LONG;
    }
    nodes->items = calloc(count + 1, sizeof *nodes->items);
    if (nodes->items == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        TRY(read_node(json_array_get(list, i), &nodes->items[i]));
        nodes->count++;
    }
    if (text_is_given(next_token)) {
        nodes->next_token = strdup(next_token);
        return nodes->next_token == NULL ? ERR_MEMORY : ERR_OK;
    }
    return ERR_OK;
}

enum err ssm_api_parse_nodes(const struct aws_reply *reply, struct ssm_api_nodes *ret_nodes,
                             struct service_failure *ret_failure)
{
    AUTO_JSON json_t *object = NULL;
    TRY(service_failure_read_object(reply, &object, ret_failure));
    AUTO(ssm_api_nodes_free) struct ssm_api_nodes nodes = {.count = 0};
    enum err err = read_nodes(object, &nodes);
    if (err != ERR_OK) {
        return service_failure_say(reply, err, "the reply has an unusable list of nodes", ret_failure);
    }
    ssm_api_nodes_free(ret_nodes);
    *ret_nodes = nodes;
    nodes = (struct ssm_api_nodes){0};
    return ERR_OK;
}

enum err ssm_api_parse_connection_status(const struct aws_reply *reply, bool *ret_is_connected,
                                         struct service_failure *ret_failure)
{
    AUTO_JSON json_t *object = NULL;
    TRY(service_failure_read_object(reply, &object, ret_failure));
    const char *status = json_view_text(object, "Status");
    if (status == NULL) {
        return service_failure_say(reply, ERR_MALFORMED, "the reply has no Status", ret_failure);
    }
    *ret_is_connected = strcasecmp(status, "connected") == 0; /* the API reference writes it either way */
    return ERR_OK;
}
