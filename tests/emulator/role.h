/* role: the IAM roles of the lab's account. They are fixed, one for each rule that AssumeRole has. */
#ifndef SSM_LAB_ROLE_H
#define SSM_LAB_ROLE_H

#include <jansson.h>
#include <stdbool.h>

#include "tests/emulator/credential_store.h"

/* Whom the trust policy of a role names. */
enum role_trust {
    ROLE_TRUSTS_USERS = 1,        /* by AssumeRole, with the permanent key of an IAM user */
    ROLE_TRUSTS_ROLES = 2,        /* by AssumeRole, with the credentials of another role */
    ROLE_TRUSTS_WEB_IDENTITY = 4, /* by AssumeRoleWithWebIdentity */
    ROLE_TRUSTS_SERVICES = 8,     /* EC2, ECS or IAM Identity Center: nobody who calls STS himself */
};

struct role {
    const char *name;
    unsigned trust;          /* role_trust bits */
    const char *external_id; /* NULL: none asked for */
    bool needs_mfa;
    int max_seconds; /* MaxSessionDuration */
    bool is_denied;  /* its sessions may look, but not start sessions on nodes */
};

/* NULL when unknown. */
const struct role *role_find(const char *name);

/* arn:aws:iam::ACCOUNT:role/NAME, with a path or without. False when it is no such thing; *ret_role is NULL when there
 * is no such role in the lab's account. */
bool role_of_arn(const char *arn, const struct role **ret_role);

/* The unique id that IAM would have given ("AROA" or "AIDA" and 17 characters): the same for a name at every start. */
void role_unique_id(const char *prefix, const char *name, char ret_id[22]);

/* {"NAME":{"arn":...,...},...} for the ready line. */
json_t *role_describe_all(void);

/* Fresh credentials of a role, good for `seconds` from `now`. */
enum err role_issue(struct credential_store *store, const struct role *role, const char *session_name,
                    time_t expires_unix_s, const struct credential **ret_credential) SSM_MUST_USE;

#endif
