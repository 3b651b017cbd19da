/* openssh_key: an ed25519 key as OpenSSH keeps it in a file: the private key without a passphrase, or the public line.
 *
 *     -----BEGIN OPENSSH PRIVATE KEY-----          ssh-ed25519 AAAAC3Nza...
 *     base64 of the bytes below
 *     -----END OPENSSH PRIVATE KEY-----
 *
 *     "openssh-key-v1" NUL, string cipher "none", string kdf "none", string kdf options "", uint32 number of keys 1,
 *     string public key, string of: uint32 check twice, string "ssh-ed25519", string public half (32 bytes), string
 *     seed and public half (64), string comment, padding 1, 2, 3, ...
 *
 * What stands behind the END line, ssh does not read. Source: PROTOCOL.key of OpenSSH; RFC 8709 for ed25519. */
#ifndef SSM_PROXY_CORE_OPENSSH_KEY_H
#define SSM_PROXY_CORE_OPENSSH_KEY_H

#include "common/base64.h"

#include <stdbool.h>

#define OPENSSH_KEY_TYPE "ssh-ed25519"
#define OPENSSH_KEY_BLOB_LEN (4 + sizeof OPENSSH_KEY_TYPE - 1 + 4 + 32) /* string type, string public half */
#define OPENSSH_KEY_PRIVATE_LEN 64                                      /* seed and public half */
#define OPENSSH_KEY_LINE_SIZE (sizeof OPENSSH_KEY_TYPE + BASE64_LEN(OPENSSH_KEY_BLOB_LEN) + 1)

/* A file of it has under 500 bytes. */
#define OPENSSH_KEY_FILE_MAX 4096

/* Wipe it when it has_private; AUTO(openssh_key_wipe). */
struct openssh_key {
    uint8_t blob[OPENSSH_KEY_BLOB_LEN];
    bool has_private;
    uint8_t private_half[OPENSSH_KEY_PRIVATE_LEN];
};

/* From the beginning of a file's content, of either kind. ERR_MALFORMED: anything else, also a key of another type,
 * with a passphrase, or whose halves disagree. */
enum err openssh_key_read(struct bytes file, struct openssh_key *ret_key) SSM_MUST_USE;

/* "ssh-ed25519 AAAA...", without an end of line. */
void openssh_key_put_public(const struct openssh_key *key, struct text *text);

void openssh_key_wipe(struct openssh_key *key);

#endif
