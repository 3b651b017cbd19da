/* sso_credentials: the credentials of a role that IAM Identity Center gives, as a machine with the step of
 * credential_want.h: from the AWS CLI's cache of role credentials, or from the portal, for the token that a login has
 * left in ~/.aws/sso/cache.
 *
 *     role credentials cached? ── yes ──────────────────────────────────────────────────────── done
 *       │ no
 *     token: good for more than 15 minutes ──────────────────────────┐
 *       │ near its end, or over                                      │
 *     renewed and stored ────────────────────────────────────────────┤
 *       │ refused, or nobody answers                                 │
 *     still good, or another process has renewed it meanwhile ───── portal ── stored ── done
 *       │
 *     "the session has expired; run: aws sso login"
 *
 * As in the AWS CLI, but for two things: it goes on with a token that is still good when nobody answers, and a file
 * that cannot be written (a home directory that is read only) costs calls, not the connection. */
#ifndef SSM_PROXY_CORE_SSO_CREDENTIALS_H
#define SSM_PROXY_CORE_SSO_CREDENTIALS_H

#include "proxy/core/aws_config.h"
#include "proxy/core/credential_want.h"

struct sso_credentials;

/* For a profile with sso_role_name or sso_account_id. Borrows `config` and `profile`, its name; both must outlive it.
 * ERR_CONFIG with words, see sso_profile.h; ERR_MEMORY. */
enum err sso_credentials_new(const struct aws_config *config, const char *profile,
                             struct sso_credentials **ret_credentials, struct text *ret_why) SSM_MUST_USE;

/* ERR_CREDENTIALS: nobody is logged in, or no longer, and the words say how to; ERR_DENIED: the role is not assigned to
 * who is; others as credential_want.h and aws_error.h have it. After ERR_OK or a failure there is no further step. */
enum err sso_credentials_next(struct sso_credentials *machine, const struct credential_answer *answer,
                              struct credential_want *ret_want, struct aws_credentials *ret_credentials,
                              struct text *ret_why) SSM_MUST_USE;

/* Wipes what it knows. NULL inside is fine; usable with AUTO(). */
void sso_credentials_free(struct sso_credentials **machine);

#endif
