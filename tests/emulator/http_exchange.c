#include "tests/emulator/http_exchange.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/lab_limits.h"

#define BODY_CHUNK 8192

enum err http_exchange_new(struct lab *lab, struct lws *wsi, struct http_exchange **ret_exchange)
{
    struct http_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        return ERR_MEMORY;
    }
    exchange->lab = lab;
    exchange->wsi = wsi;
    enum err err = http_request_capture(wsi, &exchange->request);
    if (err != ERR_OK) {
        free(exchange);
        return err;
    }
    *ret_exchange = exchange;
    return ERR_OK;
}

void http_exchange_free(struct http_exchange *exchange)
{
    if (exchange == NULL) {
        return;
    }
    event_loop_disarm(exchange->lab->loop, &exchange->timer);
    if (exchange->context_free != NULL) {
        exchange->context_free(exchange->context);
    }
    http_request_free(exchange->request);
    free(exchange->body);
    free(exchange);
}

enum err http_exchange_body(struct http_exchange *exchange, struct bytes piece)
{
    if (byte_queue_len(&exchange->request->body) + piece.len > LAB_LIMIT_REQUEST_BODY) {
        return ERR_TOO_LONG;
    }
    return byte_queue_append(&exchange->request->body, piece);
}

/* One JSON string a line. */
static void log_reply(const struct http_exchange *exchange, const char *body)
{
    const char *path = exchange->lab->options.reply_log;
    FILE *file = path == NULL ? NULL : fopen(path, "a");
    if (file == NULL) {
        return;
    }
    json_t *text = json_string(body);
    if (text != NULL && json_dumpf(text, file, JSON_ENCODE_ANY) == 0) {
        fputc('\n', file);
    }
    json_decref(text);
    fclose(file);
}

void http_exchange_reply(struct http_exchange *exchange, int status, const char *content_type, const char *body)
{
    if (exchange->status != 0) {
        return;
    }
    exchange->status = status;
    exchange->content_type = content_type;
    log_reply(exchange, body);
    exchange->body_len = strlen(body) / (exchange->is_cut ? 2 : 1);
    /* libwebsockets writes its own framing before the data. */
    exchange->body = malloc(LWS_PRE + exchange->body_len + 1);
    if (exchange->body == NULL) {
        exchange->body_len = 0;
    } else {
        memcpy(exchange->body + LWS_PRE, body, exchange->body_len);
    }
    lws_set_timeout(exchange->wsi, PENDING_TIMEOUT_HTTP_CONTENT, 30);
    lws_callback_on_writable(exchange->wsi);
}

void http_exchange_give_up(struct http_exchange *exchange, bool is_closed)
{
    exchange->status = 599; /* never sent */
    exchange->is_closed = is_closed;
    exchange->is_silent = !is_closed;
    lws_set_timeout(exchange->wsi, NO_PENDING_TIMEOUT, 0);
    lws_callback_on_writable(exchange->wsi);
}

void http_exchange_later(struct http_exchange *exchange, int64_t delay_ms,
                         void (*expired)(void *owner, uint64_t now_us))
{
    lws_set_timeout(exchange->wsi, NO_PENDING_TIMEOUT, 0);
    exchange->timer = (struct loop_timer){.expired = expired, .owner = exchange};
    event_loop_arm(exchange->lab->loop, &exchange->timer, event_loop_now_us() + (uint64_t)delay_ms * 1000u);
}

const char *http_exchange_request_id(struct http_exchange *exchange)
{
    if (exchange->request_id[0] == '\0') {
        struct uuid id = uuid_v4(&exchange->lab->chance);
        uuid_to_text(&id, exchange->request_id);
    }
    return exchange->request_id;
}

static int add_header(struct http_exchange *exchange, const char *name, const char *value, unsigned char **at,
                      unsigned char *end)
{
    return lws_add_http_header_by_name(exchange->wsi, (const unsigned char *)name, (const unsigned char *)value,
                                       (int)strlen(value), at, end);
}

static enum err write_headers(struct http_exchange *exchange)
{
    unsigned char memory[LWS_PRE + 2048];
    unsigned char *start = memory + LWS_PRE, *at = start, *end = memory + sizeof memory - 1;
    char date[64];
    time_t now = lab_time(exchange->lab);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (lws_add_http_common_headers(exchange->wsi, (unsigned)exchange->status, exchange->content_type,
                                    exchange->body_len, &at, end) != 0 ||
        add_header(exchange, "date:", date, &at, end) != 0 ||
        add_header(exchange, "x-amzn-requestid:", http_exchange_request_id(exchange), &at, end) != 0 ||
        (exchange->error_type[0] != '\0' &&
         add_header(exchange, "x-amzn-errortype:", exchange->error_type, &at, end) != 0) ||
        (exchange->extra_name != NULL &&
         add_header(exchange, exchange->extra_name, exchange->extra_value, &at, end) != 0) ||
        lws_finalize_write_http_header(exchange->wsi, start, &at, end) != 0) {
        return ERR_UNREACHABLE;
    }
    exchange->are_headers_sent = true;
    return ERR_OK;
}

enum err http_exchange_write(struct http_exchange *exchange)
{
    if (exchange->status == 0 || exchange->is_silent) {
        return ERR_AGAIN;
    }
    if (exchange->is_closed) {
        return ERR_UNREACHABLE;
    }
    if (!exchange->are_headers_sent) {
        TRY(write_headers(exchange));
        lws_callback_on_writable(exchange->wsi);
        return exchange->body_len == 0 ? ERR_OK : ERR_AGAIN;
    }
    size_t left = exchange->body_len - exchange->body_sent;
    size_t len = left < BODY_CHUNK ? left : BODY_CHUNK;
    unsigned char *data = (unsigned char *)exchange->body + LWS_PRE + exchange->body_sent;
    enum lws_write_protocol kind = len == left ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP;
    if (lws_write(exchange->wsi, data, len, kind) < 0) {
        return ERR_UNREACHABLE;
    }
    exchange->body_sent += len;
    if (len < left) {
        lws_callback_on_writable(exchange->wsi);
        return ERR_AGAIN;
    }
    return ERR_OK;
}
