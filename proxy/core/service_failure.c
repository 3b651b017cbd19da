#include "proxy/core/service_failure.h"

#include "common/json_view.h"
#include "proxy/core/aws_error.h"

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

/* After a blank line, "The Canonical String for this request should have been", with the session token in it: a
 * signature that does not match is explained so by every AWS service. */
static size_t len_to_blank_line(const char *message)
{
    const char *blank_line = strstr(message, "\n\n");
    return blank_line != NULL ? (size_t)(blank_line - message) : strlen(message);
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
    text_copy_for_display(message, failure.message, sizeof failure.message);
    if (message != NULL && len_to_blank_line(message) < sizeof failure.message) {
        failure.message[len_to_blank_line(message)] = '\0';
    }
    *ret_failure = failure;
    return aws_error_classify(reply->http_status, failure.type, failure.message);
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
