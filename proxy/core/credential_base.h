/* credential_base: credentials from a source that is no role of STS: keys that are written down, a process, IAM
 * Identity Center, a container's or an instance's endpoint. Steps as in credential_want.h. */
#ifndef SSM_PROXY_CORE_CREDENTIAL_BASE_H
#define SSM_PROXY_CORE_CREDENTIAL_BASE_H

#include "proxy/core/aws_config.h"
#include "proxy/core/credential_want.h"

struct credential_base;

/* `profile` is the one that the source is configured in. Borrows both. Errors of the sources' own constructors. */
enum err credential_base_new(const struct aws_config *config, enum aws_credentials_source source, const char *profile,
                             struct credential_base **ret_base, struct text *ret_why) SSM_MUST_USE;
void credential_base_free(struct credential_base **base); /* NULL inside is fine; usable with AUTO() */

/* The source is there. False: instance metadata, on a machine that is no instance or is told not to look. */
bool credential_base_is_there(const struct credential_base *base);

/* ERR_NO_CREDENTIALS with words: it has none. Others of the sources. */
enum err credential_base_next(struct credential_base *base, const struct credential_answer *answer,
                              struct credential_want *ret_want, struct aws_credentials *ret_credentials,
                              struct text *ret_why) SSM_MUST_USE;

#endif
