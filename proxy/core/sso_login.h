/* sso_login: the login to IAM Identity Center by the device flow of RFC 8628, as a machine with the step of
 * credential_want.h: a client that the AWS CLI or we have registered, or a new one; a code that the person confirms in
 * a browser; a token for it, stored where both look for it.
 *
 * The machine comes to ERR_OK more than once: whenever sso_login_progress has something to say.
 *
 *     for (;;) {
 *         ... run the machine until ERR_OK ...
 *         struct sso_login_progress progress = sso_login_progress(login);
 *         if (progress.is_done) { break; }
 *         ... show progress.authorization once; wait for progress.pause_s; the next answer is of kind NOTHING ...
 *     }
 *
 * No credentials come of it; ret_credentials stays as it was. Every login is a new one, as with `aws sso login`. */
#ifndef SSM_PROXY_CORE_SSO_LOGIN_H
#define SSM_PROXY_CORE_SSO_LOGIN_H

#include "proxy/core/credential_want.h"
#include "proxy/core/sso_api.h"

struct sso_login;

/* `session_name`: of an sso-session; NULL: the session of the chosen profile. Borrows both, which must outlive it.
 * ERR_CONFIG with words, see sso_profile.h; ERR_MEMORY. */
enum err sso_login_new(const struct aws_config *config, const char *session_name, struct sso_login **ret_login,
                       struct text *ret_why) SSM_MUST_USE;

/* ERR_TIMEOUT: nobody has confirmed the code in time; ERR_DENIED: the person has refused; others as credential_want.h
 * and aws_error.h have it. Trouble with the network while the person is busy is no failure before the code expires.
 * After a failure there is no further step. */
enum err sso_login_next(struct sso_login *login, const struct credential_answer *answer,
                        struct credential_want *ret_want, struct aws_credentials *ret_credentials,
                        struct text *ret_why) SSM_MUST_USE;

struct sso_login_progress {
    bool is_done;                                  /* the token is stored */
    int64_t pause_s;                               /* otherwise: ask again after this */
    const char *start_url;                         /* borrowed from the config */
    const struct sso_authorization *authorization; /* belongs to the login */
};

struct sso_login_progress sso_login_progress(const struct sso_login *login);

/* Wipes what it knows. NULL inside is fine; usable with AUTO(). */
void sso_login_free(struct sso_login **login);

#endif
