/* sha256: SHA-256 with one reused OpenSSL context, because every agent message carries a digest of its payload.
 * (Fetching the algorithm and allocating a context each time costs about half as much again as hashing 1 KiB.) */
#ifndef SSM_COMMON_SHA256_H
#define SSM_COMMON_SHA256_H

#include "common/bytes.h"
#include "common/err.h"

#define SHA256_LEN 32

struct sha256; /* owned by its creator; not for two threads at once */

enum err sha256_new(struct sha256 **ret_hash) SSM_MUST_USE;
void sha256_free(struct sha256 **hash); /* NULL inside is fine; usable with AUTO() */

/* ret_digest has SHA256_LEN bytes. */
enum err sha256_digest(struct sha256 *hash, struct bytes message, uint8_t *ret_digest) SSM_MUST_USE;

#endif
