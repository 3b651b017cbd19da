/* credential_cache: temporary credentials that the AWS CLI and we leave each other in ~/.aws/cli/cache, so that a role
 * is not assumed anew, and no MFA code asked for, by every command.
 *
 * A file is named after the parameters of the call: see cache_name.h. It holds the reply of the call as JSON; what
 * counts of it is
 *
 *     {"Credentials": {"AccessKeyId": "..", "SecretAccessKey": "..", "SessionToken": "..", "Expiration": ".."}}
 *
 * The CLI writes in place and without a lock: half a file is no error, but nothing found. Source: the AWS CLI 2.9
 * (its botocore: CachedCredentialFetcher and its kinds, JSONFileCache). */
#ifndef SSM_PROXY_CORE_CREDENTIAL_CACHE_H
#define SSM_PROXY_CORE_CREDENTIAL_CACHE_H

#include "proxy/core/aws_config.h"
#include "proxy/core/aws_credentials.h"

/* How the CLI writes the parameters before it hashes them. */
enum credential_cache_form {
    CREDENTIAL_CACHE_SPACED,   /* {"RoleArn": "..", "SerialNumber": ".."}: roles of STS */
    CREDENTIAL_CACHE_MINIFIED, /* {"accountId":"..","roleName":".."}: roles of IAM Identity Center */
};

struct credential_cache_parameter {
    const char *name;
    const char *value; /* NULL: not given, left out */
    bool is_number;    /* digits, which go in without quotes */
};

/* The file for a call with these parameters, which are in the order of their names. ERR_CONFIG: there is no home
 * directory, and so no cache; ERR_MALFORMED: a value is not UTF-8; ERR_TOO_LONG; ERR_MEMORY. */
enum err credential_cache_path(const struct aws_config *config, enum credential_cache_form form,
                               const struct credential_cache_parameter *parameters, size_t count,
                               char ret_path[LIMIT_PATH + 1]) SSM_MUST_USE;

/* Whether a file's content can be used: it is whole, and its credentials are good for 15 more minutes; with fewer the
 * CLI fetches new ones. ret_credentials has no source. */
bool credential_cache_read(struct bytes document, int64_t unix_seconds, struct aws_credentials *ret_credentials);

struct credential_cache_entry {
    const struct aws_credentials *credentials; /* with an expiry */
    const char *provider_type;                 /* "sso"; NULL for roles of STS */
    const char *assumed_role_id;               /* of STS; NULL: none */
    const char *assumed_role_arn;
};

/* What belongs into the file; what was in `ret_document` is wiped. ERR_MEMORY, ERR_TOO_LONG. */
enum err credential_cache_write(const struct credential_cache_entry *entry, struct secret *ret_document) SSM_MUST_USE;

#endif
