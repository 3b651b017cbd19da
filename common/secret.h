/* secret: a token or key that wipes itself and that no formatter can print by accident (there is no char * to it
 * without asking by name). Owned heap memory, wiped before it is freed. Zero-initialised means "none".
 *
 *     AUTO_SECRET struct secret token = {0};
 */
#ifndef SSM_COMMON_SECRET_H
#define SSM_COMMON_SECRET_H

#include "common/auto.h"
#include "common/bytes.h"
#include "common/err.h"

struct secret {
    char *reveal; /* terminated, or NULL; the name says what reading it means */
    size_t len;
};

/* Replaces the content by a copy. ERR_TOO_LONG over LIMIT_SECRET, ERR_MALFORMED with a NUL byte inside. */
enum err secret_set(struct secret *secret, struct bytes value) SSM_MUST_USE;

static inline bool secret_is_set(const struct secret *secret)
{
    return secret->reveal != NULL && secret->len > 0;
}

static inline struct bytes secret_bytes(const struct secret *secret)
{
    return bytes_of(secret->reveal, secret->len);
}

/* Wipes and frees; the secret is then "none". Safe to repeat. */
void secret_wipe(struct secret *secret);
#define AUTO_SECRET AUTO(secret_wipe)

#endif
