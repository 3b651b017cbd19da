/* static_credentials: keys that are written down: in the environment, or for a profile in one of the two files.
 *
 *     AWS_ACCESS_KEY_ID  AWS_SECRET_ACCESS_KEY  AWS_SECURITY_TOKEN or AWS_SESSION_TOKEN  AWS_CREDENTIAL_EXPIRATION
 *     aws_access_key_id  aws_secret_access_key  aws_security_token or aws_session_token
 *
 * Of the two names of a token the first counts. Where there is an access key id, there must be the rest. Source: the
 * AWS CLI 2.9's botocore (credentials: EnvProvider, SharedCredentialProvider, ConfigProvider). */
#ifndef SSM_PROXY_CORE_STATIC_CREDENTIALS_H
#define SSM_PROXY_CORE_STATIC_CREDENTIALS_H

#include "proxy/core/aws_config.h"
#include "proxy/core/aws_credentials.h"

bool static_credentials_are_in_environment(const struct aws_config *config);

/* `source` is AWS_CREDENTIALS_SHARED_FILE or AWS_CREDENTIALS_CONFIG_FILE. Keys are never put together from both. */
bool static_credentials_are_in_file(const struct aws_profile *profile, enum aws_credentials_source source);

/* ERR_NO_CREDENTIALS with words: half of a pair, or what cannot be a key. ERR_CREDENTIALS: they have expired.
 * ERR_MEMORY. */
enum err static_credentials_of_environment(const struct aws_config *config, int64_t unix_seconds,
                                           struct aws_credentials *ret_credentials, struct text *ret_why) SSM_MUST_USE;
enum err static_credentials_of_file(const struct aws_config *config, const struct aws_profile *profile,
                                    enum aws_credentials_source source, struct aws_credentials *ret_credentials,
                                    struct text *ret_why) SSM_MUST_USE;

#endif
