#include "proxy/core/aws_request.h"

static void wipe(char **text)
{
    if (*text != NULL) {
        explicit_bzero(*text, strlen(*text));
        free(*text);
        *text = NULL;
    }
}

void aws_request_free(struct aws_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        wipe(&request->headers[i].value);
    }
    wipe(&request->body);
    *request = (struct aws_request){.method = NULL};
}

enum err aws_request_add_header(struct aws_request *request, const char *name, const char *value)
{
    if (request->header_count == AWS_REQUEST_HEADERS_MAX || strlen(value) > LIMIT_SECRET) {
        return ERR_TOO_LONG;
    }
    for (const char *at = value; *at != '\0'; at++) {
        if (text_is_control(*at)) {
            return ERR_MALFORMED;
        }
    }
    char *copy = strdup(value);
    if (copy == NULL) {
        return ERR_MEMORY;
    }
    request->headers[request->header_count++] = (struct aws_request_header){name, copy};
    return ERR_OK;
}

static enum err copy_body(struct bytes body, struct aws_request *request)
{
    char *copy = malloc(body.len + 1);
    if (copy == NULL) {
        return ERR_MEMORY;
    }
    memcpy(copy, body.data, body.len);
    copy[body.len] = '\0';
    wipe(&request->body);
    request->body = copy;
    request->body_len = body.len;
    return ERR_OK;
}

enum err aws_request_set_body(struct aws_request *request, const char *content_type, struct bytes body)
{
    TRY(copy_body(body, request));
    return aws_request_add_header(request, "Content-Type", content_type);
}

enum err aws_request_copy(const struct aws_request *request, struct aws_request *ret_copy)
{
    *ret_copy =
        (struct aws_request){.method = request->method, .url = request->url, .signing_name = request->signing_name};
    memcpy(ret_copy->region, request->region, sizeof ret_copy->region);
    for (size_t i = 0; i < request->header_count; i++) {
        TRY(aws_request_add_header(ret_copy, request->headers[i].name, request->headers[i].value));
    }
    return request->body == NULL ? ERR_OK : copy_body(bytes_of(request->body, request->body_len), ret_copy);
}
