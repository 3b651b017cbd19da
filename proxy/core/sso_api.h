/* sso_api: requests and replies of IAM Identity Center's two services, neither of which looks at a signature: the token
 * service (sso-oidc; OAuth 2.0 with the device flow of RFC 8628) and the portal (sso), which gives a role's
 * credentials for a token. Pure: text in, text out. Source: their API references, API version 2019-06-10. */
#ifndef SSM_PROXY_CORE_SSO_API_H
#define SSM_PROXY_CORE_SSO_API_H

#include "proxy/core/aws_credentials.h"
#include "proxy/core/aws_request.h"
#include "proxy/core/service_failure.h"
#include "proxy/core/sso_token.h"

/* Every request: ERR_CONFIG with words when there is no usable endpoint; ERR_MALFORMED when something is not UTF-8;
 * ERR_TOO_LONG; ERR_MEMORY. What was in `ret_request` is freed. */

/* RegisterClient: as a public client, with the session's scopes. */
enum err sso_api_register_client(const struct aws_config *config, const struct sso_session *session,
                                 struct aws_request *ret_request, struct text *ret_why) SSM_MUST_USE;

/* StartDeviceAuthorization. */
enum err sso_api_start_authorization(const struct aws_config *config, const struct sso_session *session,
                                     const struct sso_client *client, struct aws_request *ret_request,
                                     struct text *ret_why) SSM_MUST_USE;

/* What CreateToken is asked with. */
struct sso_api_grant {
    const struct sso_client *client;
    const struct secret *device_code; /* one of the two; the other is NULL */
    const struct secret *refresh_token;
};

enum err sso_api_create_token(const struct aws_config *config, const struct sso_session *session,
                              const struct sso_api_grant *grant, struct aws_request *ret_request,
                              struct text *ret_why) SSM_MUST_USE;

/* GetRoleCredentials. */
enum err sso_api_get_role_credentials(const struct aws_config *config, const struct sso_profile *profile,
                                      const struct secret *access_token, struct aws_request *ret_request,
                                      struct text *ret_why) SSM_MUST_USE;

/* Every parser: ERR_MALFORMED for a success that is not what it should be; what a refusal stands for, as aws_error.h
 * has it; `ret_failure` is filled whenever it fails. What they write to is wiped first. */

enum err sso_api_parse_client(const struct aws_reply *reply, struct sso_client *ret_client,
                              struct service_failure *ret_failure) SSM_MUST_USE;

#define SSO_API_URI_MAX 2048
#define SSO_API_USER_CODE_MAX 64

/* What a person is shown: printable ASCII without blanks. Zero-initialise. */
struct sso_authorization {
    struct secret device_code;
    char user_code[SSO_API_USER_CODE_MAX + 1];
    char verification_uri[SSO_API_URI_MAX + 1];          /* begins with http:// or https:// */
    char verification_uri_complete[SSO_API_URI_MAX + 1]; /* has the code in it; "" when there is none */
    int64_t expires_in_s;
    int64_t interval_s; /* between two CreateToken */
};

void sso_api_wipe_authorization(struct sso_authorization *authorization); /* safe to repeat; usable with AUTO() */

enum err sso_api_parse_authorization(const struct aws_reply *reply, struct sso_authorization *ret_authorization,
                                     struct service_failure *ret_failure) SSM_MUST_USE;

/* `ret_token` without its client. `unix_seconds`: now. */
enum err sso_api_parse_token(const struct aws_reply *reply, int64_t unix_seconds, struct sso_token *ret_token,
                             struct service_failure *ret_failure) SSM_MUST_USE;

/* Whether a refusal is of that type: "SlowDownException", or OAuth's "slow_down". */
bool sso_api_is_refusal(const struct service_failure *failure, const char *exception, const char *oauth_error);

enum err sso_api_parse_role_credentials(const struct aws_reply *reply, struct aws_credentials *ret_credentials,
                                        struct service_failure *ret_failure) SSM_MUST_USE;

#endif
