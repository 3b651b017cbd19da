/* permission: what the IAM policy of a caller lets him do. Callers without a policy may do everything (or are told
 * apart by is_denied, see credential_store.h). Of IAM's language it knows Allow and Deny, actions and resources with *
 * and ?, their Not forms, and the conditions StringEquals, StringLike, Bool and BoolIfExists on what a request brings
 * along. Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements". */
#ifndef SSM_LAB_PERMISSION_H
#define SSM_LAB_PERMISSION_H

#include <jansson.h>

#include "common/text.h"
#include "tests/emulator/credential_store.h"
#include "tests/emulator/service_error.h"
#include "tests/emulator/tag.h"

/* What the caller wants to do, with one resource. */
struct permission_request {
    const char *action;          /* "ssm:SendCommand" */
    const char *resource;        /* its ARN; "*" where the action has none */
    const struct tag *tags;      /* of the resource: aws:ResourceTag/KEY and ssm:resourceTag/KEY; may be NULL */
    const char *os_user;         /* ec2:osuser; NULL: none */
    const char *checks_document; /* ssm:SessionDocumentAccessCheck: "true" or "false"; NULL: none */
};

/* ERR_MALFORMED with the reason: not a policy, or one that says more than is understood here. */
enum err permission_policy_check(const json_t *policy, struct text *ret_problem) SSM_MUST_USE;

/* ERR_DENIED with *ret_error in IAM's words. */
enum err permission_check(const struct credential *caller, const struct permission_request *request,
                          struct service_error *ret_error) SSM_MUST_USE;

#endif
