/* service_failure: why a service of AWS did not do what it was asked: its own words, for one line on standard error.
 *
 * Services that speak XML (STS, EC2) say <Error><Code>..<Message>.., which is the outermost element's, or in <Errors>.
 * Services that speak JSON say {"__type": "namespace#Code", "message": "..."}, in which __type may lack the namespace
 * or stand in the header x-amzn-ErrorType or as "code", and message may be Message. The token service of IAM Identity
 * Center has OAuth's members besides: {"error": "invalid_grant", "error_description": "..."} (RFC 6749, 5.2). */
#ifndef SSM_PROXY_CORE_SERVICE_FAILURE_H
#define SSM_PROXY_CORE_SERVICE_FAILURE_H

#include "common/json_view.h"
#include "common/text.h"
#include "proxy/core/aws_request.h"

/* Control characters are replaced by '?'. */
struct service_failure {
    int http_status;
    char type[128];     /* "TargetNotConnected"; "" when the reply named none */
    char message[1024]; /* cut there; "" when the reply had none */
};

/* A reply that is no success, in JSON or XML, whichever it is. Errors as below. */
enum err service_failure_read(const struct aws_reply *reply, struct service_failure *ret_failure) SSM_MUST_USE;

/* A reply that is no success, in JSON. Gives the error that it stands for (aws_error.h); ERR_MEMORY when there was not
 * enough to read it, whatever it says. */
enum err service_failure_read_json(const struct aws_reply *reply, struct service_failure *ret_failure) SSM_MUST_USE;

/* The same in XML. EC2's encoded message, which only sts:DecodeAuthorizationMessage can read, is left out. */
enum err service_failure_read_xml(const struct aws_reply *reply, struct service_failure *ret_failure) SSM_MUST_USE;

/* The object of a reply in JSON that is a success; the caller owns it (AUTO_JSON). Errors as above, and ERR_MALFORMED
 * and ERR_TOO_LONG for a success that is no object. */
enum err service_failure_read_object(const struct aws_reply *reply, json_t **ret_object,
                                     struct service_failure *ret_failure) SSM_MUST_USE;

/* A reply that cannot be used, with words of ours; they are others for ERR_MEMORY. Gives `err` back. */
enum err service_failure_say(const struct aws_reply *reply, enum err err, const char *words,
                             struct service_failure *ret_failure) SSM_MUST_USE;

/* "TargetNotConnected: i-... is not connected." */
void service_failure_put(const struct service_failure *failure, struct text *text);

#endif
