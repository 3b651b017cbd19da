/* sso_token: the tokens of IAM Identity Center that the AWS CLI and we leave each other in ~/.aws/sso/cache.
 *
 * The file is named after the SHA-1 of the sso-session's name, or of the start URL where there is no sso-session:
 *
 *     {"startUrl": "https://..", "region": "eu-west-1", "accessToken": "..", "expiresAt": "2026-11-21T15:18:47Z",
 *      "clientId": "..", "clientSecret": "..", "registrationExpiresAt": "..", "refreshToken": ".."}
 *
 * Only accessToken and expiresAt are always there; the others are what renews them. Beside it lies the registration of
 * the client that a login is made with, under the SHA-1 of its parameters:
 *
 *     {"clientId": "..", "clientSecret": "..", "expiresAt": "..", "scopes": [".."]}
 *
 * The CLI writes in place and without a lock: half a file is no error, but no token. Source: the AWS CLI 2.9's botocore
 * (utils: SSOTokenLoader, SSOTokenFetcher; tokens: SSOTokenProvider). */
#ifndef SSM_PROXY_CORE_SSO_TOKEN_H
#define SSM_PROXY_CORE_SSO_TOKEN_H

#include "common/secret.h"
#include "proxy/core/sso_profile.h"

/* The CLI renews a token, and registers its client anew, with less than this left. */
#define SSO_TOKEN_RENEW_S (15 * 60)

/* Who asks for tokens. Zero-initialise. */
struct sso_client {
    struct secret id; /* no secret, but as long */
    struct secret secret;
    int64_t expires_unix_s;
};

/* Zero-initialise. */
struct sso_token {
    struct secret access_token;
    int64_t expires_unix_s;
    struct secret refresh_token; /* none: it cannot be renewed */
    struct sso_client client;    /* of the refresh token; its members are not set where the document lacks them */
};

/* Wipe and free; safe to repeat, usable with AUTO(). */
void sso_token_wipe(struct sso_token *token);
void sso_token_wipe_client(struct sso_client *client);

/* Whether it can be renewed: everything is there, and the client's registration has not expired. */
bool sso_token_can_renew(const struct sso_token *token, int64_t unix_seconds);

/* Where a session's token and its client's registration lie. ERR_CONFIG with words: there is no home directory, or a
 * text of the session is too long or not UTF-8; ERR_MEMORY. */
enum err sso_token_path(const struct aws_config *config, const struct sso_session *session,
                        char ret_path[LIMIT_PATH + 1], struct text *ret_why) SSM_MUST_USE;
enum err sso_token_client_path(const struct aws_config *config, const struct sso_session *session,
                               char ret_path[LIMIT_PATH + 1], struct text *ret_why) SSM_MUST_USE;

/* A file's content. ERR_MALFORMED: there is no token or no client in it; ERR_MEMORY. What they write to is wiped first.
 */
enum err sso_token_read(struct bytes document, struct sso_token *ret_token) SSM_MUST_USE;
enum err sso_token_read_client(struct bytes document, struct sso_client *ret_client) SSM_MUST_USE;

/* What belongs into a file. ERR_MALFORMED: something is not UTF-8; ERR_MEMORY. What was in `ret_document` is wiped. */
enum err sso_token_write(const struct sso_token *token, const struct sso_session *session,
                         struct secret *ret_document) SSM_MUST_USE;
enum err sso_token_write_client(const struct sso_client *client, const struct sso_session *session,
                                struct secret *ret_document) SSM_MUST_USE;

#endif
