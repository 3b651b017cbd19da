/* aws_request: one HTTP request to a service of AWS, before its signature, and the reply. Pure: the command signs it
 * (api.h), the edge sends it. */
#ifndef SSM_PROXY_CORE_AWS_REQUEST_H
#define SSM_PROXY_CORE_AWS_REQUEST_H

#include "common/auto.h"
#include "proxy/core/endpoint.h"

#define AWS_REQUEST_HEADERS_MAX 8

/* The content type of AWS's query protocol (STS, EC2). */
#define AWS_REQUEST_FORM "application/x-www-form-urlencoded; charset=utf-8"

struct aws_request {
    const char *method;            /* static: "POST" */
    struct endpoint_url url;       /* path and query as on the wire */
    const char *signing_name;      /* static: "sts"; NULL: the request is not signed */
    char region[LIMIT_REGION + 1]; /* that the signature is for */
    struct aws_request_header {
        const char *name;               /* static */
        char *value;                    /* owned; a token may be in it */
    } headers[AWS_REQUEST_HEADERS_MAX]; /* signed when the request is; Host and what the signature adds come later */
    size_t header_count;
    char *body; /* owned, terminated; NULL: none */
    size_t body_len;
};

/* Wipes headers and body and frees them; then empty. Safe to repeat; usable with AUTO(). */
void aws_request_free(struct aws_request *request);

/* Copies the value. ERR_MALFORMED when it has a control character, ERR_TOO_LONG over LIMIT_SECRET, or when there is no
 * room for another header; ERR_MEMORY. */
enum err aws_request_add_header(struct aws_request *request, const char *name, const char *value) SSM_MUST_USE;

/* Copies the body and adds the header Content-Type. */
enum err aws_request_set_body(struct aws_request *request, const char *content_type, struct bytes body) SSM_MUST_USE;

/* `ret_copy` holds no request yet; after a failure the caller frees what is in it. Errors as above. */
enum err aws_request_copy(const struct aws_request *request, struct aws_request *ret_copy) SSM_MUST_USE;

/* What came back; all borrowed. */
struct aws_reply {
    int http_status;
    const char *error_type; /* value of the header x-amzn-ErrorType; NULL when absent */
    const char *date;       /* of the header Date; NULL when absent */
    struct bytes body;
};

#endif
