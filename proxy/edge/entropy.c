#include "proxy/edge/entropy.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum err entropy_fill(void *buffer, size_t len)
{
    uint8_t *at = buffer;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return ERR_SYSTEM;
        }
        at += got;
        len -= (size_t)got;
    }
    return ERR_OK;
}

enum err entropy_take(struct entropy_pool *pool, void *ret_bytes, size_t len)
{
    if (pool->left < len) {
        TRY(entropy_fill(pool->bytes, sizeof pool->bytes));
        pool->left = sizeof pool->bytes;
    }
    uint8_t *taken = pool->bytes + pool->left - len;
    memcpy(ret_bytes, taken, len);
    explicit_bzero(taken, len);
    pool->left -= len;
    return ERR_OK;
}
