/* accepted_key: public keys that are good for a short time: the lines of /run/ssm-bridge/keys/USER, an
 * AuthorizedKeysFile of sshd.
 *
 *     from="127.0.0.1,::1",expiry-time="20261121043000Z" ssh-ed25519 AAAA... ssm-bridge:1795235400
 *
 * sshd compares the address and the time itself. The comment repeats the time, in seconds since 1970, for whoever
 * sweeps. */
#ifndef SSM_HOST_CORE_ACCEPTED_KEY_H
#define SSM_HOST_CORE_ACCEPTED_KEY_H

#include "common/public_key.h"

/* One account's keys at a time; each belongs to one login that is about to begin. */
#define ACCEPTED_KEYS 32

/* ACCEPTED_KEYS of the longest lines. */
#define ACCEPTED_KEY_FILE (ACCEPTED_KEYS * (PUBLIC_KEY_BASE64 + 200))

struct accepted_key {
    struct public_key public;
    int64_t not_after_unix_s;
    char expiry[16]; /* what expiry-time says: YYYYMMDDHHMMSS, and Z unless it is in the node's local time */
};

struct accepted_keys {
    size_t count;
    struct accepted_key keys[ACCEPTED_KEYS];
};

/* One public key as in a .pub file, `TYPE BASE64 [COMMENT]`, with one line end at most; the comment is dropped.
 * ERR_MALFORMED with words. The times are left alone. */
enum err accepted_key_parse(struct bytes line, struct accepted_key *ret_key, struct text *ret_why) SSM_MUST_USE;

/* Reads a file; lines that are not ours are left out. */
void accepted_key_read(struct bytes file, struct accepted_keys *ret_keys);

/* Appends the file of these keys. */
void accepted_key_render(const struct accepted_keys *keys, struct text *text);

/* Takes out what has expired, and gives how many those were. */
size_t accepted_key_sweep(struct accepted_keys *keys, int64_t now_unix_s);

/* Adds a key, or gives the one that is there the new time. ERR_TOO_LONG: there are ACCEPTED_KEYS already. */
enum err accepted_key_add(struct accepted_keys *keys, const struct accepted_key *key) SSM_MUST_USE;

void accepted_key_take_out(struct accepted_keys *keys, size_t index);

/* A name that is a file name, too, and needs no quoting: letters, digits, . _ @ -, no '.' or '-' at its beginning. */
bool accepted_key_is_account(const char *name);

#endif
