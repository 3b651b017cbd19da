/* hex_hash: the SHA-256 of some bytes as 64 lower-case hexadecimal digits, as sha256sum writes it. */
#ifndef SSM_HOST_USERCTL_HEX_HASH_H
#define SSM_HOST_USERCTL_HEX_HASH_H

#include "common/bytes.h"
#include "common/err.h"

#define HEX_HASH_SIZE 65

enum err hex_hash_of(struct bytes bytes, char ret_hash[HEX_HASH_SIZE]) SSM_MUST_USE;

#endif
