#include "proxy/core/service_failure.h"

#include "common/json_view.h"
#include "proxy/core/aws_error.h"
#include "proxy/core/xml_view.h"

enum err service_failure_say(const struct aws_reply *reply, enum err err, const char *words,
                             struct service_failure *ret_failure)
{
    *ret_failure = (struct service_failure){.http_status = reply->http_status};
    const char *message = err == ERR_MEMORY ? "the reply could not be read" : words;
    text_copy_for_display(message, ret_failure->message, sizeof ret_failure->message);
    return err;
}

/* "namespace#Code" and "Code:http://..." are both seen. */
static void copy_type(const char *from, char *ret_type, size_t size)
{
    const char *hash = strrchr(from, '#');
    text_copy_for_display(hash == NULL ? from : hash + 1, ret_type, size);
    ret_type[strcspn(ret_type, ":")] = '\0';
}

static const char *first_text(const json_t *object, const char *const *members, size_t count)
{
    const char *found = NULL;
    for (size_t i = 0; i < count && found == NULL; i++) {
        found = json_view_text(object, members[i]);
    }
    return found;
}

static const char *find_type(const struct aws_reply *reply, const json_t *object)
{
    static const char *const members[] = {"code", "error"};
    const char *type = json_view_text(object, "__type");
    if (type == NULL) {
        type = reply->error_type;
    }
    if (type == NULL) {
        type = first_text(object, members, sizeof members / sizeof members[0]);
    }
    return type != NULL ? type : "";
}

/* What is for machines alone is left out. After a blank line, "The Canonical String for this request should have been",
 * with the session token in it: a signature that does not match is explained so by every AWS service. */
static void copy_message(const char *message, struct service_failure *failure)
{
    static const char *const ends[] = {"\n\n", " Encoded authorization failure message:"};
    text_copy_for_display(message, failure->message, sizeof failure->message);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0] && message != NULL; i++) {
        const char *end = strstr(message, ends[i]);
        if (end != NULL && (size_t)(end - message) < strlen(failure->message)) {
            failure->message[end - message] = '\0';
        }
    }
}

enum err service_failure_read_json(const struct aws_reply *reply, struct service_failure *ret_failure)
{
    static const char *const members[] = {"message", "Message", "error_description"};
    struct service_failure failure = {.http_status = reply->http_status};
    AUTO_JSON json_t *object = NULL;
    enum err err = json_view_parse_object(reply->body, &object);
    if (err == ERR_MEMORY) {
        return service_failure_say(reply, err, "", ret_failure);
    }
    copy_type(find_type(reply, object), failure.type, sizeof failure.type);
    const char *message = first_text(object, members, sizeof members / sizeof members[0]);
    if (message == NULL && failure.type[0] == '\0') {
        message = err == ERR_OK ? "the reply names no error type" : "the reply is not one of AWS's";
    }
    copy_message(message, &failure);
    *ret_failure = failure;
    return aws_error_classify(reply->http_status, failure.type, failure.message);
}

enum err service_failure_read_object(const struct aws_reply *reply, json_t **ret_object,
                                     struct service_failure *ret_failure)
{
    if (reply->http_status != 200) {
        return service_failure_read_json(reply, ret_failure);
    }
    enum err err = json_view_parse_object(reply->body, ret_object);
    return err == ERR_OK ? err : service_failure_say(reply, err, "the reply is not a JSON object", ret_failure);
}

enum err service_failure_read_xml(const struct aws_reply *reply, struct service_failure *ret_failure)
{
    struct service_failure failure = {.http_status = reply->http_status};
    AUTO(xml_view_free) struct xml_view *view = NULL;
    enum err err = xml_view_parse(reply->body, &view);
    if (err == ERR_MEMORY) {
        return service_failure_say(reply, err, "", ret_failure);
    }
    const struct xml_node *root = view == NULL ? NULL : xml_view_root(view);
    const struct xml_node *error = xml_view_child(root, "Errors/Error");
    error = error == NULL ? xml_view_child(root, "Error") : error;
    const char *message = xml_view_text(error, "Message");
    text_copy_for_display(xml_view_text(error, "Code"), failure.type, sizeof failure.type);
    if (message == NULL && failure.type[0] == '\0') {
        message = err == ERR_OK ? "the reply names no error type" : "the reply is not one of AWS's";
    }
    copy_message(message, &failure);
    *ret_failure = failure;
    return aws_error_classify(reply->http_status, failure.type, failure.message);
}

enum err service_failure_read(const struct aws_reply *reply, struct service_failure *ret_failure)
{
    size_t at = 0;
    while (at < reply->body.len && strchr(" \t\r\n", reply->body.data[at]) != NULL) {
        at++;
    }
    bool is_xml = at < reply->body.len && reply->body.data[at] == '<';
    return is_xml ? service_failure_read_xml(reply, ret_failure) : service_failure_read_json(reply, ret_failure);
}

void service_failure_put(const struct service_failure *failure, struct text *text)
{
    if (failure->type[0] == '\0' && failure->message[0] == '\0') {
        text_format(text, "HTTP status %d without a reason", failure->http_status);
        return;
    }
    text_format(text, "%s%s%s", failure->type, failure->type[0] != '\0' && failure->message[0] != '\0' ? ": " : "",
                failure->message);
}
