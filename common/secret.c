#include "common/secret.h"

#include "common/limits.h"

void secret_wipe(struct secret *secret)
{
    if (secret->reveal != NULL) {
        explicit_bzero(secret->reveal, secret->len);
        free(secret->reveal);
    }
    *secret = (struct secret){0};
}

enum err secret_set(struct secret *secret, struct bytes value)
{
    if (value.len > LIMIT_SECRET) {
        return ERR_TOO_LONG;
    }
    if (value.len > 0 && memchr(value.data, '\0', value.len) != NULL) {
        return ERR_MALFORMED;
    }
    char *copy = malloc(value.len + 1);
    if (copy == NULL) {
        return ERR_MEMORY;
    }
    if (value.len > 0) {
        memcpy(copy, value.data, value.len);
    }
    copy[value.len] = '\0';
    secret_wipe(secret);
    *secret = (struct secret){copy, value.len};
    return ERR_OK;
}
