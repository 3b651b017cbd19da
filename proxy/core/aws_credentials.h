/* aws_credentials: what signs a request. One set, from whatever source. */
#ifndef SSM_PROXY_CORE_AWS_CREDENTIALS_H
#define SSM_PROXY_CORE_AWS_CREDENTIALS_H

#include "common/auto.h"
#include "common/limits.h"
#include "common/secret.h"

enum aws_credentials_source {
    AWS_CREDENTIALS_NONE = 0,
    AWS_CREDENTIALS_ENVIRONMENT,
    AWS_CREDENTIALS_SHARED_FILE, /* static keys in the credentials file */
    AWS_CREDENTIALS_CONFIG_FILE, /* static keys in the config file */
    AWS_CREDENTIALS_ASSUME_ROLE,
    AWS_CREDENTIALS_WEB_IDENTITY,
    AWS_CREDENTIALS_SSO,
    AWS_CREDENTIALS_PROCESS,
    AWS_CREDENTIALS_CONTAINER,
    AWS_CREDENTIALS_INSTANCE, /* EC2 instance metadata */
};

/* Zero-initialised means "none". */
struct aws_credentials {
    char access_key_id[LIMIT_ACCESS_KEY_ID + 1]; /* not secret: it travels in every Authorization header */
    struct secret secret_access_key;
    struct secret session_token; /* not set for long-lived keys */
    enum aws_credentials_source source;
    int64_t expires_unix_s; /* seconds since 1970; 0: never, or nobody said */
};

/* Copies the three values; `session_token` may be NULL or "". ERR_MALFORMED for an empty key or control characters,
 * blanks or bytes above 0x7e in any of them (they become header values); ERR_TOO_LONG; ERR_MEMORY. */
enum err aws_credentials_set(struct aws_credentials *credentials, const char *access_key_id,
                             const char *secret_access_key, const char *session_token) SSM_MUST_USE;

/* Hands over all of `from`, which is "none" then; what was in `to` is wiped. */
void aws_credentials_move(struct aws_credentials *from, struct aws_credentials *to);

/* Wipes and frees; then "none". Safe to repeat; usable with AUTO(). */
void aws_credentials_wipe(struct aws_credentials *credentials);

#endif
