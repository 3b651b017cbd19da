#include "tests/emulator/http_request.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Read whether signed or not. */
static const char *const always[] = {"authorization",
                                     "content-type",
                                     "host",
                                     "x-amz-date",
                                     "x-amz-security-token",
                                     "x-amz-sso_bearer_token",
                                     "x-aws-ec2-metadata-token",
                                     "x-aws-ec2-metadata-token-ttl-seconds",
                                     "x-forwarded-for",
                                     "x-amz-target"};

static int known_token(const char *name, size_t len)
{
    for (int token = 0;; token++) {
        const unsigned char *text = lws_token_to_string((enum lws_token_indexes)token);
        if (text == NULL) {
            return -1;
        }
        const char *known = (const char *)text;
        if (strlen(known) == len + 1 && known[len] == ':' && strncmp(known, name, len) == 0) {
            return token;
        }
    }
}

static char *copy_known(struct lws *wsi, int token)
{
    int len = lws_hdr_total_length(wsi, (enum lws_token_indexes)token);
    if (len <= 0) {
        return NULL;
    }
    char *value = malloc((size_t)len + 1);
    if (value != NULL && lws_hdr_copy(wsi, value, len + 1, (enum lws_token_indexes)token) < 0) {
        free(value);
        return NULL;
    }
    return value;
}

/* libwebsockets keeps "Name:" of headers that it does not know, in lower case. */
static char *copy_custom(struct lws *wsi, const char *name, size_t name_len)
{
    char key[128];
    int key_len = snprintf(key, sizeof key, "%.*s:", (int)name_len, name);
    if (key_len <= 1 || (size_t)key_len >= sizeof key) {
        return NULL;
    }
    int len = lws_hdr_custom_length(wsi, key, key_len);
    if (len <= 0) {
        return NULL;
    }
    char *value = malloc((size_t)len + 2);
    if (value != NULL && lws_hdr_custom_copy(wsi, value, len + 2, key, key_len) < 0) {
        free(value);
        return NULL;
    }
    return value;
}

static enum err add_header(struct lws *wsi, struct http_request *request, const char *name, size_t len)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strlen(request->headers[i].name) == len && strncmp(request->headers[i].name, name, len) == 0) {
            return ERR_OK;
        }
    }
    int token = known_token(name, len);
    char *value = token >= 0 ? copy_known(wsi, token) : copy_custom(wsi, name, len);
    if (value == NULL) {
        return ERR_OK; /* absent */
    }
    char *copy = strndup(name, len);
    if (copy == NULL || request->header_count == sizeof request->headers / sizeof request->headers[0]) {
        free(copy);
        free(value);
        return copy == NULL ? ERR_MEMORY : ERR_TOO_LONG;
    }
    request->headers[request->header_count++] = (struct http_header){copy, value};
    return ERR_OK;
}

/* The names of "SignedHeaders=a;b;c" in the Authorization header. */
static enum err add_signed_headers(struct lws *wsi, struct http_request *request)
{
    const char *authorization = http_request_header(request, "authorization");
    const char *at = authorization == NULL ? NULL : strstr(authorization, "SignedHeaders=");
    if (at == NULL) {
        return ERR_OK;
    }
    at += strlen("SignedHeaders=");
    while (*at != '\0' && *at != ',' && *at != ' ') {
        size_t len = strcspn(at, ";, ");
        if (len > 0) {
            TRY(add_header(wsi, request, at, len));
        }
        at += len;
        at += *at == ';' ? 1 : 0;
    }
    return ERR_OK;
}

static enum err add_query(struct lws *wsi, struct http_request *request)
{
    for (int i = 0;; i++) {
        int len = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (len <= 0) {
            return ERR_OK;
        }
        if (request->query_count == HTTP_REQUEST_QUERY_MAX) {
            return ERR_TOO_LONG;
        }
        char *text = malloc((size_t)len + 1);
        if (text == NULL) {
            return ERR_MEMORY;
        }
        if (lws_hdr_copy_fragment(wsi, text, len + 1, WSI_TOKEN_HTTP_URI_ARGS, i) < 0) {
            free(text);
            return ERR_MALFORMED;
        }
        request->query[request->query_count++] = text;
    }
}

static enum err add_request_line(struct lws *wsi, struct http_request *request)
{
    char *uri = NULL;
    int len = 0;
    int method = lws_http_get_uri_and_method(wsi, &uri, &len);
    const char *name = method == LWSHUMETH_GET    ? "GET"
                       : method == LWSHUMETH_POST ? "POST"
                       : method == LWSHUMETH_PUT  ? "PUT"
                                                  : "OTHER";
    snprintf(request->method, sizeof request->method, "%s", name);
    if (method < 0 || uri == NULL || len <= 0) {
        return ERR_MALFORMED;
    }
    request->path = strndup(uri, (size_t)len);
    for (char *at = request->path; at != NULL && (at = strchr(at, ' ')) != NULL;) {
        *at = '+'; /* session ids may have one; nothing that ssm-lab serves has a blank in its path */
    }
    return request->path == NULL ? ERR_MEMORY : ERR_OK;
}

static enum err capture(struct lws *wsi, struct http_request *request)
{
    TRY(add_request_line(wsi, request));
    TRY(add_query(wsi, request));
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) {
        TRY(add_header(wsi, request, always[i], strlen(always[i])));
    }
    return add_signed_headers(wsi, request);
}

enum err http_request_capture(struct lws *wsi, struct http_request **ret_request)
{
    struct http_request *request = calloc(1, sizeof *request);
    if (request == NULL) {
        return ERR_MEMORY;
    }
    enum err err = capture(wsi, request);
    if (err != ERR_OK) {
        http_request_free(request);
        return err;
    }
    *ret_request = request;
    return ERR_OK;
}

void http_request_free(struct http_request *request)
{
    if (request == NULL) {
        return;
    }
    free(request->path);
    for (size_t i = 0; i < request->query_count; i++) {
        free(request->query[i]);
    }
    for (size_t i = 0; i < request->header_count; i++) {
        free(request->headers[i].name);
        free(request->headers[i].value);
    }
    byte_queue_free(&request->body);
    free(request);
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcmp(request->headers[i].name, name) == 0) {
            return request->headers[i].value;
        }
    }
    return NULL;
}

const char *http_request_query(const struct http_request *request, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < request->query_count; i++) {
        if (strncmp(request->query[i], name, len) == 0 && request->query[i][len] == '=') {
            return request->query[i] + len + 1;
        }
    }
    return NULL;
}
