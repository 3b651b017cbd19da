/* http_exchange: one HTTP request and its answer. Made when the headers are in, freed when the answer is out or the
 * connection is gone. The answer may come later (long polls, delays): until then whoever holds the exchange can be told
 * of its end through `abandoned`. */
#ifndef SSM_LAB_HTTP_EXCHANGE_H
#define SSM_LAB_HTTP_EXCHANGE_H

#include "proxy/core/uuid.h"
#include "tests/emulator/http_request.h"
#include "tests/emulator/lab.h"

struct http_exchange {
    struct lab *lab;
    struct lws *wsi;
    struct http_request *request;
    struct loop_timer timer; /* of whoever answers later; disarmed at the end */
    void *context;           /* his; freed at the end with context_free, when set */
    void (*context_free)(void *context);
    int status; /* 0: no answer yet */
    const char *content_type;
    char error_type[128];            /* x-amzn-ErrorType; "": none */
    char request_id[UUID_TEXT_SIZE]; /* "" before http_exchange_request_id */
    const char *extra_name;          /* one more header, a literal that ends in ":"; NULL: none */
    char extra_value[24];
    char *body;
    size_t body_len, body_sent;
    bool is_cut; /* the answer loses its second half */
    bool are_headers_sent;
    bool is_closed, is_silent; /* see http_exchange_give_up */
};

enum err http_exchange_new(struct lab *lab, struct lws *wsi, struct http_exchange **ret_exchange) SSM_MUST_USE;
void http_exchange_free(struct http_exchange *exchange);

/* A piece of the body; ERR_TOO_LONG over LAB_LIMIT_REQUEST_BODY. */
enum err http_exchange_body(struct http_exchange *exchange, struct bytes piece) SSM_MUST_USE;

/* Sets the answer; `body` is copied, `content_type` is borrowed (a literal). Only the first call counts. */
void http_exchange_reply(struct http_exchange *exchange, int status, const char *content_type, const char *body);

/* There will be no answer: the connection is closed, or stays silent. A later reply is ignored. */
void http_exchange_give_up(struct http_exchange *exchange, bool is_closed);

/* Calls `expired`, with the exchange as its owner, after so long; not at all when the client has gone by then. */
void http_exchange_later(struct http_exchange *exchange, int64_t delay_ms,
                         void (*expired)(void *owner, uint64_t now_us));

/* x-amzn-RequestId of the answer, which XML answers repeat in their body. */
const char *http_exchange_request_id(struct http_exchange *exchange);

/* libwebsockets' turn to write. ERR_AGAIN: more to come. ERR_OK: the answer is out. */
enum err http_exchange_write(struct http_exchange *exchange) SSM_MUST_USE;

#endif
