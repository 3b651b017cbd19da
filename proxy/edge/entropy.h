/* entropy: random bytes from the kernel (getrandom). */
#ifndef SSM_PROXY_EDGE_ENTROPY_H
#define SSM_PROXY_EDGE_ENTROPY_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

/* Fills all of it. ERR_SYSTEM only where the kernel has no getrandom. */
enum err entropy_fill(void *buffer, size_t len) SSM_MUST_USE;

/* Random bytes in stock: a websocket frame needs 4 of them for its mask, and a system call for each frame would cost
 * more than the frame. Bytes are wiped as they are taken: a mask must not be guessable, before or after its use.
 * Zero-initialised means empty. */
#define ENTROPY_POOL_LEN 1024

struct entropy_pool {
    uint8_t bytes[ENTROPY_POOL_LEN];
    size_t left;
};

/* `len` is at most ENTROPY_POOL_LEN. */
enum err entropy_take(struct entropy_pool *pool, void *ret_bytes, size_t len) SSM_MUST_USE;

#endif
