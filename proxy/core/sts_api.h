/* sts_api: requests and replies of the Security Token Service (AWS query protocol, API version 2011-06-15): a form is
 * posted, XML comes back.
 *
 *     Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fadmin&...
 *
 *     <AssumeRoleResponse xmlns="..."><AssumeRoleResult><Credentials><AccessKeyId>..
 *     <ErrorResponse xmlns="..."><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>..</Message></Error>
 *
 * Source: the API reference of STS. */
#ifndef SSM_PROXY_CORE_STS_API_H
#define SSM_PROXY_CORE_STS_API_H

#include "proxy/core/aws_credentials.h"
#include "proxy/core/service_failure.h"

/* All borrowed; NULL: not sent. */
struct sts_api_role {
    const char *role_arn;
    const char *role_session_name;
    const char *external_id;
    const char *serial_number; /* of the MFA device */
    const char *token_code;    /* of it */
    const char *web_identity_token;
    int64_t duration_seconds; /* 0: not sent */
};

/* AssumeRole, which is signed; AssumeRoleWithWebIdentity, which is not, when there is a token. `region` is that of the
 * endpoint. ERR_TOO_LONG, ERR_MEMORY. The caller frees ret_request. */
enum err sts_api_assume_role(const struct endpoint_url *endpoint, const char *region, const struct sts_api_role *role,
                             struct aws_request *ret_request) SSM_MUST_USE;

struct sts_api_assumed_role {
    struct aws_credentials credentials; /* with an expiry; without a source */
    char id[LIMIT_ARN + 1];             /* "AROA3XFRBF535PLBIFPI4:session-name"; "" when the reply lacks it */
    char arn[LIMIT_ARN + 1];            /* of the session; likewise */
};

void sts_api_assumed_role_wipe(struct sts_api_assumed_role *role); /* safe to repeat; usable with AUTO() */

/* The reply of either call; ret_role must be zero-initialised. Errors of aws_error.h and ERR_MALFORMED (200 with
 * something else in it), each with ret_failure; ERR_MEMORY. */
enum err sts_api_parse_assumed_role(const struct aws_reply *reply, struct sts_api_assumed_role *ret_role,
                                    struct service_failure *ret_failure) SSM_MUST_USE;

/* GetCallerIdentity, signed: who we are to AWS. It takes no permission. ERR_TOO_LONG, ERR_MEMORY. */
enum err sts_api_caller_identity(const struct endpoint_url *endpoint, const char *region,
                                 struct aws_request *ret_request) SSM_MUST_USE;

/* "arn:aws:sts::123456789012:assumed-role/admin/alice". Errors as above. */
enum err sts_api_parse_caller_identity(const struct aws_reply *reply, char ret_arn[LIMIT_ARN + 1],
                                       struct service_failure *ret_failure) SSM_MUST_USE;

#endif
