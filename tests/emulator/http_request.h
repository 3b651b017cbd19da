/* http_request: what ssm-lab needs to know of an HTTP request, copied out of libwebsockets before it reuses its memory.
 *
 * libwebsockets 4.1 hands path and query over decoded: %xx are resolved, "+" has become a space, even in the path,
 * where it is put back; the query is cut at "&". In the query a "+" sent as %2B can therefore be told from a raw one; a
 * "/" sent as %2F cannot. */
#ifndef SSM_LAB_HTTP_REQUEST_H
#define SSM_LAB_HTTP_REQUEST_H

#include <libwebsockets.h>

#include "common/err.h"
#include "tests/emulator/byte_queue.h"
#include "tests/emulator/lab_limits.h"

#define HTTP_REQUEST_QUERY_MAX 8

struct http_header {
    char *name; /* lower case */
    char *value;
};

struct http_request {
    char method[8];
    char *path;                          /* decoded */
    char *query[HTTP_REQUEST_QUERY_MAX]; /* decoded "key=value" */
    size_t query_count;
    struct http_header headers[LAB_LIMIT_SIGNED_HEADERS + 16]; /* the signed ones and a few more */
    size_t header_count;
    struct byte_queue body;
};

/* Of a request whose headers have been read (LWS_CALLBACK_HTTP, _CONFIRM_UPGRADE). Too many signed headers or query
 * parameters are an error. The caller owns the result. */
enum err http_request_capture(struct lws *wsi, struct http_request **ret_request) SSM_MUST_USE;
void http_request_free(struct http_request *request);

/* The value of a query parameter; NULL when absent. */
const char *http_request_query(const struct http_request *request, const char *name);

/* NULL when absent, or when it is neither signed nor one of those that ssm-lab reads. */
const char *http_request_header(const struct http_request *request, const char *name);

#endif
