#include "proxy/core/association_api.h"

#define SCHEDULE_MAX 256

static enum err add_target(json_t *list, const char *key, const char *const *values, size_t count)
{
    json_error_t error;
    AUTO_JSON json_t *target = json_pack_ex(&error, 0, "{s:s, s:[]}", "Key", key, "Values");
    if (target == NULL) {
        return json_view_error(&error);
    }
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_pack_ex(&error, 0, "s", values[i]);
        if (value == NULL) {
            return json_view_error(&error);
        }
        if (json_array_append_new(json_object_get(target, "Values"), value) != 0) {
            return ERR_MEMORY;
        }
    }
    return json_array_append_new(list, MOVE(target)) == 0 ? ERR_OK : ERR_MEMORY;
}

static enum err add_targets(const struct association_api_create *create, json_t *body)
{
    static const char *const all[] = {"*"};
    json_t *list = json_object_get(body, "Targets");
    for (size_t i = 0; i < create->target_count; i++) {
        const struct command_api_target *target = &create->targets[i];
        TRY(add_target(list, target->key, target->values, target->value_count));
    }
    if (create->target_count > 0) {
        return ERR_OK;
    }
    bool is_all = create->node_count == 0;
    return add_target(list, "InstanceIds", is_all ? all : create->node_ids, is_all ? 1 : create->node_count);
}

enum err association_api_create(const struct association_api_create *create, struct ssm_api_request *ret_request)
{
    if (create->node_count > COMMAND_API_NODES_MAX || create->target_count > COMMAND_API_TARGETS_MAX ||
        strlen(create->schedule) > SCHEDULE_MAX) {
        return ERR_TOO_LONG;
    }
    json_error_t error;
    AUTO_JSON json_t *body = json_pack_ex(
        &error, 0, "{s:s, s:s, s:s, s:[], s:O*, s:s*, s:s*}", "Name", create->document_name, "AssociationName",
        create->association_name, "ScheduleExpression", create->schedule, "Targets", "Parameters", create->parameters,
        "MaxConcurrency", create->max_concurrency, "MaxErrors", create->max_errors);
    if (body != NULL) {
        TRY(add_targets(create, body));
    }
    return ssm_api_make_request("AmazonSSM.CreateAssociation", body, &error, ret_request);
}

enum err association_api_find(const char *association_name, struct ssm_api_request *ret_request)
{
    json_error_t error;
    AUTO_JSON json_t *body = json_pack_ex(&error, 0, "{s:[{s:s, s:s}]}", "AssociationFilterList", "key",
                                          "AssociationName", "value", association_name);
    return ssm_api_make_request("AmazonSSM.ListAssociations", body, &error, ret_request);
}

static enum err read_id(const struct aws_reply *reply, const json_t *association, char ret_id[COMMAND_API_ID_LEN + 1],
                        struct service_failure *ret_failure)
{
    const char *id = json_view_text(association, "AssociationId");
    if (id == NULL || !command_api_is_id(id)) {
        return service_failure_say(reply, ERR_MALFORMED, "the reply has no AssociationId", ret_failure);
    }
    memcpy(ret_id, id, COMMAND_API_ID_LEN + 1);
    return ERR_OK;
}

enum err association_api_parse_created(const struct aws_reply *reply, char ret_id[COMMAND_API_ID_LEN + 1],
                                       struct service_failure *ret_failure)
{
    AUTO_JSON json_t *object = NULL;
    TRY(service_failure_read_object(reply, &object, ret_failure));
    return read_id(reply, json_object_get(object, "AssociationDescription"), ret_id, ret_failure);
}

enum err association_api_parse_found(const struct aws_reply *reply, char ret_id[COMMAND_API_ID_LEN + 1],
                                     struct service_failure *ret_failure)
{
    AUTO_JSON json_t *object = NULL;
    TRY(service_failure_read_object(reply, &object, ret_failure));
    const json_t *list = json_object_get(object, "Associations");
    ret_id[0] = '\0';
    return json_array_size(list) == 0 ? ERR_OK : read_id(reply, json_array_get(list, 0), ret_id, ret_failure);
}

bool association_api_is_schedule(const char *text)
{
    static const char *const kinds[] = {"rate(", "cron(", "at("};
    size_t len = strlen(text);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t kind_len = strlen(kinds[i]);
        if (len > kind_len + 1 && len <= SCHEDULE_MAX && strncmp(text, kinds[i], kind_len) == 0 &&
            text[len - 1] == ')') {
            return true;
        }
    }
    return false;
}
