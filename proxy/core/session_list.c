#include "proxy/core/session_list.h"

#include "common/json_view.h"

enum err session_list_request(const struct session_list_query *query, struct ssm_api_request *ret_request)
{
    json_error_t error;
    AUTO_JSON json_t *body = json_pack_ex(&error, 0, "{s:s, s:i, s:s*}", "State", "Active", "MaxResults",
                                          LIMIT_API_PAGE, "NextToken", query->next_token);
    if (body != NULL && query->owner != NULL) {
        json_t *filters = json_pack_ex(&error, 0, "[{s:s, s:s}]", "key", "Owner", "value", query->owner);
        if (filters == NULL) {
            return json_view_error(&error);
        }
        if (json_object_set_new(body, "Filters", filters) != 0) {
            return ERR_MEMORY;
        }
    }
    return ssm_api_make_request("AmazonSSM.DescribeSessions", body, &error, ret_request);
}

void session_list_free(struct session_list *list)
{
    free(list->items);
    free(list->next_token);
    *list = (struct session_list){.items = NULL};
}

/* An id may be shown, compared and sent back: nothing is cut or replaced in it. */
static enum err read_id(const char *id, char *ret_id, size_t size)
{
    if (!text_is_given(id) || strlen(id) >= size) {
        return ERR_MALFORMED;
    }
    text_copy_for_display(id, ret_id, size);
    return strcmp(id, ret_id) == 0 ? ERR_OK : ERR_MALFORMED;
}

static enum err read_item(const json_t *object, struct session_list_item *item)
{
    const struct {
        const char *member;
        char *text;
        size_t size;
    } fields[] = {
        {"Owner", item->owner, sizeof item->owner},
        {"DocumentName", item->document_name, sizeof item->document_name},
        {"Status", item->status, sizeof item->status},
        {"Reason", item->reason, sizeof item->reason},
    };
    TRY(read_id(json_view_text(object, "SessionId"), item->session_id, sizeof item->session_id));
    TRY(read_id(json_view_text(object, "Target"), item->target, sizeof item->target));
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        text_copy_for_display(json_view_text(object, fields[i].member), fields[i].text, fields[i].size);
    }
    double start = json_number_value(json_object_get(object, "StartDate"));
    item->start_unix_s = start > 0 && start < 253402300800.0 /* the year 10000 */ ? (int64_t)start : -1;
    return ERR_OK;
}

static enum err read_list(const json_t *object, struct session_list *list)
{
    const json_t *sessions = json_object_get(object, "Sessions");
    const char *next_token = json_view_text(object, "NextToken");
    size_t count = json_array_size(sessions);
    if (count > LIMIT_API_PAGE || (next_token != NULL && strlen(next_token) > LIMIT_API_NEXT_TOKEN)) {
        return ERR_TOO_LONG;
    }
    list->items = calloc(count + 1, sizeof *list->items);
    if (list->items == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        TRY(read_item(json_array_get(sessions, i), &list->items[i]));
        list->count++;
    }
    if (text_is_given(next_token)) {
        list->next_token = strdup(next_token);
        return list->next_token == NULL ? ERR_MEMORY : ERR_OK;
    }
    return ERR_OK;
}

enum err session_list_parse(const struct aws_reply *reply, struct session_list *ret_list,
                            struct service_failure *ret_failure)
{
    if (reply->http_status != 200) {
        return service_failure_read_json(reply, ret_failure);
    }
    AUTO_JSON json_t *object = NULL;
    AUTO(session_list_free) struct session_list list = {.items = NULL};
    enum err err = json_view_parse_object(reply->body, &object);
    if (err == ERR_OK) {
        err = read_list(object, &list);
    }
    if (err != ERR_OK) {
        return service_failure_say(reply, err, "the reply has an unusable list of sessions", ret_failure);
    }
    session_list_free(ret_list);
    *ret_list = list;
    list = (struct session_list){.items = NULL};
    return ERR_OK;
}
