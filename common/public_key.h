/* public_key: the public key of an SSH user or server as OpenSSH writes it, `TYPE BASE64`. What is read is a key for
 * certain: the base64 decodes to exactly one key of that type (RFC 4253 section 6.6, RFC 5656, RFC 8709, OpenSSH's
 * PROTOCOL.u2f), and could be written in no other way.
 *
 * Types: ssh-ed25519, ecdsa-sha2-nistp256/384/521, ssh-rsa from 2048 bits, and both of security keys. */
#ifndef SSM_COMMON_PUBLIC_KEY_H
#define SSM_COMMON_PUBLIC_KEY_H

#include "common/base64.h"

/* RSA of 16384 bits, the largest that OpenSSH takes: 2752 characters of base64. */
#define PUBLIC_KEY_BASE64 3000
#define PUBLIC_KEY_BLOB BASE64_DECODED_SIZE(PUBLIC_KEY_BASE64)

/* "SHA256:" and the hash in base64, as ssh-keygen -l shows it, and the terminator. */
#define PUBLIC_KEY_FINGERPRINT 51
#define PUBLIC_KEY_DIGEST 32

struct public_key {
    char type[40]; /* "ssh-ed25519"... */
    char base64[PUBLIC_KEY_BASE64 + 1];
};

/* Takes the two words off the front of `rest`, with the blank behind each. With words: ERR_MALFORMED. */
enum err public_key_take(struct bytes *rest, struct public_key *ret_key, struct text *ret_why) SSM_MUST_USE;

/* Of a security key: it can log a person in, and be no server's. */
bool public_key_is_security_key(const struct public_key *key);

/* What a fingerprint is the SHA-256 of, at most PUBLIC_KEY_BLOB bytes; gives their number. */
size_t public_key_blob(const struct public_key *key, uint8_t *ret_blob);
void public_key_put_fingerprint(const uint8_t digest[PUBLIC_KEY_DIGEST], struct text *text);

#endif
