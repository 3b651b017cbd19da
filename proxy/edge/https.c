#include "proxy/edge/https.h"

#include "common/auto.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct https_call {
    struct net_transfer transfer;
    struct curl_slist *headers;
    struct https_reply reply;
    char *request_body; /* when it is sent once only */
    size_t request_len;
    size_t request_at;
    char *body; /* of the reply; terminated */
    size_t body_len;
    size_t body_size;
    bool is_too_long;
    bool is_out_of_memory;
};

/* A copy in a larger place; the old one is wiped, tokens may be in it. */
static bool https_grow(struct https_call *call, size_t needed)
{
    size_t size = call->body_size == 0 ? 4096 : call->body_size;
    while (size < needed) {
        size *= 2;
    }
    char *grown = malloc(size);
    if (grown == NULL) {
        call->is_out_of_memory = true;
        return false;
    }
    if (call->body != NULL) {
        memcpy(grown, call->body, call->body_len);
        explicit_bzero(call->body, call->body_len);
        free(call->body);
    }
    call->body = grown;
    call->body_size = size;
    return true;
}

static size_t https_on_body(char *data, size_t unit, size_t len, void *user)
{
    (void)unit; /* always 1 */
    struct https_call *call = user;
    if (len > LIMIT_API_REPLY - call->body_len) {
        call->is_too_long = true;
        return 0;
    }
    size_t needed = call->body_len + len + 1;
    if (needed > call->body_size && !https_grow(call, needed)) {
        return 0;
    }
    memcpy(call->body + call->body_len, data, len);
    call->body_len += len;
    call->body[call->body_len] = '\0';
    return len;
}

static void https_keep_header(struct bytes line, const char *name, char *ret_value)
{
    size_t name_len = strlen(name);
    if (line.len <= name_len || line.data[name_len] != ':' ||
        strncasecmp((const char *)line.data, name, name_len) != 0) {
        return;
    }
    struct bytes value = bytes_from(line, name_len + 1);
    while (value.len > 0 && (value.data[0] == ' ' || value.data[0] == '\t')) {
        value = bytes_from(value, 1);
    }
    while (value.len > 0 && strchr(" \t\r\n", value.data[value.len - 1]) != NULL) {
        value.len--;
    }
    struct text text = text_in(ret_value, HTTPS_HEADER_LEN + 1);
    text_put_bytes(&text, value);
}

static size_t https_on_header(char *data, size_t unit, size_t len, void *user)
{
    (void)unit; /* always 1 */
    struct https_call *call = user;
    struct bytes line = bytes_of(data, len);
    https_keep_header(line, "Date", call->reply.date);
    https_keep_header(line, "x-amzn-ErrorType", call->reply.error_type);
    https_keep_header(line, "x-amzn-RequestId", call->reply.request_id);
    https_keep_header(line, "Retry-After", call->reply.retry_after);
    https_keep_header(line, "x-amz-retry-after", call->reply.x_amz_retry_after);
    return len;
}

static enum err https_add_header(struct https_call *call, const char *header)
{
    if (strpbrk(header, "\r\n") != NULL) {
        return ERR_MALFORMED;
    }
    struct curl_slist *longer = curl_slist_append(call->headers, header);
    if (longer == NULL) {
        return ERR_MEMORY;
    }
    call->headers = longer;
    return ERR_OK;
}

static size_t https_on_read(char *ret_data, size_t unit, size_t size, void *user)
{
    struct https_call *call = user;
    size_t room = unit * size;
    size_t left = call->request_len - call->request_at;
    size_t len = left < room ? left : room;
    memcpy(ret_data, call->request_body + call->request_at, len);
    call->request_at += len;
    return len;
}

/* A body that libcurl asks for piece by piece, and cannot have again from its beginning. */
static bool https_set_body_once(struct https_call *call, struct bytes body)
{
    CURL *easy = call->transfer.easy;
    call->request_body = malloc(body.len + 1);
    if (call->request_body == NULL) {
        return false;
    }
    memcpy(call->request_body, body.data, body.len);
    call->request_len = body.len;
    return curl_easy_setopt(easy, CURLOPT_READFUNCTION, https_on_read) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READDATA, call) == CURLE_OK;
}

static bool https_set_method(struct https_call *call, const struct https_request *request)
{
    CURL *easy = call->transfer.easy;
    if (request->method != NULL && strcmp(request->method, "GET") == 0) {
        return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    }
    bool is_post = curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK &&
                   curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len) == CURLE_OK;
    if (request->is_once && request->body.len > 0) {
        return is_post && https_set_body_once(call, request->body);
    }
    return is_post && curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS,
                                       request->body.len > 0 ? (const char *)request->body.data : "") == CURLE_OK;
}

static enum err https_prepare(struct https_call *call, const struct https_request *request)
{
    TRY(https_add_header(call, "Expect:")); /* no 100-continue: it costs a round trip */
    if (request->body.len == 0) {
        TRY(https_add_header(call, "Content-Type:")); /* libcurl would say that it is a form */
    }
    for (size_t i = 0; i < request->header_count; i++) {
        TRY(https_add_header(call, request->headers[i]));
    }
    CURL *easy = call->transfer.easy;
    int64_t timeout_us = request->timeout_us > 0 ? request->timeout_us : HTTPS_TIMEOUT_US;
    bool is_set = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK &&
                  https_set_method(call, request) &&
                  (!request->is_direct || curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") == CURLE_OK) &&
                  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(timeout_us / 1000)) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)request->is_apart) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, (long)request->is_apart) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, https_on_body) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, https_on_header) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_HEADERDATA, call) == CURLE_OK;
    return is_set ? ERR_OK : ERR_MEMORY;
}

enum err https_start(struct net *net, const struct https_request *request, struct https_call **ret_call)
{
    AUTO(https_free) struct https_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        return ERR_MEMORY;
    }
    TRY(net_transfer_open(net, request->url, &call->transfer));
    TRY(https_prepare(call, request));
    TRY(net_transfer_start(&call->transfer));
    *ret_call = MOVE(call);
    return ERR_OK;
}

enum err https_result(struct https_call *call, const struct https_reply **ret_reply, struct text *ret_why)
{
    if (!call->transfer.is_done) {
        return ERR_AGAIN;
    }
    if (call->is_too_long) {
        text_format(ret_why, "%s answered with more than %d bytes", call->transfer.host, LIMIT_API_REPLY);
        return ERR_TOO_LONG;
    }
    if (call->is_out_of_memory) {
        text_format(ret_why, "while %s was answering", call->transfer.host);
        return ERR_MEMORY;
    }
    TRY(net_transfer_error(&call->transfer, ret_why));
    long status = 0;
    if (curl_easy_getinfo(call->transfer.easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK) {
        text_format(ret_why, "libcurl does not tell the status of the answer of %s", call->transfer.host);
        return ERR_SYSTEM;
    }
    call->reply.http_status = (int)status;
    call->reply.body = bytes_of(call->body != NULL ? call->body : "", call->body_len);
    *ret_reply = &call->reply;
    return ERR_OK;
}

/* libcurl's "pretransfer" is over once the request has been written for the first time. */
bool https_was_sent(const struct https_call *call)
{
    curl_off_t pretransfer_us = 0;
    return curl_easy_getinfo(call->transfer.easy, CURLINFO_PRETRANSFER_TIME_T, &pretransfer_us) != CURLE_OK ||
           pretransfer_us > 0;
}

void https_free(struct https_call **call)
{
    if (*call == NULL) {
        return;
    }
    net_transfer_close(&(*call)->transfer);
    curl_slist_free_all((*call)->headers);
    free((*call)->request_body);
    if ((*call)->body != NULL) {
        explicit_bzero((*call)->body, (*call)->body_len);
        free((*call)->body);
    }
    free(*call);
    *call = NULL;
}
