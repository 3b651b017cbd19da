/* role_credentials: the credentials of one role of STS: out of the cache, or by AssumeRole with somebody's credentials,
 * or by AssumeRoleWithWebIdentity with a token from a file. Steps as in credential_want.h.
 *
 *     role_credentials_look_up(role, &want)                     want the cache's file, and when it is there:
 *     role_credentials_take_cached(role, &answer, &credentials) true: done
 *
 *     role_credentials_begin(role, &signer, "source profile")   else
 *     role_credentials_next(role, ...)                          the MFA code or the token, the call, the cache's file
 *
 * The cache is no more than a help: where it cannot be read or written, the role is assumed all the same. */
#ifndef SSM_PROXY_CORE_ROLE_CREDENTIALS_H
#define SSM_PROXY_CORE_ROLE_CREDENTIALS_H

#include "proxy/core/credential_plan.h"
#include "proxy/core/credential_want.h"

struct role_credentials;

/* Borrows both. ERR_NO_CREDENTIALS with words: a setting of the role is not UTF-8. ERR_MEMORY. */
enum err role_credentials_new(const struct aws_config *config, const struct credential_role *role,
                              struct role_credentials **ret_role, struct text *ret_why) SSM_MUST_USE;
void role_credentials_free(struct role_credentials **role); /* NULL inside is fine; usable with AUTO() */

/* False: there is no cache, for want of a home directory. */
bool role_credentials_look_up(struct role_credentials *role, struct credential_want *ret_want);
bool role_credentials_take_cached(struct role_credentials *role, const struct credential_answer *answer,
                                  struct aws_credentials *ret_credentials);

/* Before the first step. Borrows both; `signer` is NULL for a web identity, `signer_profile` is for words. */
void role_credentials_begin(struct role_credentials *role, const struct aws_credentials *signer,
                            const char *signer_profile);

/* ERR_DENIED: the role may not be assumed. ERR_CREDENTIALS: what it is assumed with has expired or is wrong, the MFA
 * code among it. ERR_NO_CREDENTIALS: no token file, no code. Others of sts_api.h and of the answers. */
enum err role_credentials_next(struct role_credentials *role, const struct credential_answer *answer,
                               struct credential_want *ret_want, struct aws_credentials *ret_credentials,
                               struct text *ret_why) SSM_MUST_USE;

#endif
