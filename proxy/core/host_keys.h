/* host_keys: the public host keys of a node's sshd, as the node tells them over Systems Manager or on its console, and
 * as ssh takes them.
 *
 *     ssh-ed25519 AAAAC3Nza...                 out of the document ssm-bridge-host-keys
 *
 *     -----BEGIN SSH HOST KEY KEYS-----        out of EC2's console output: cloud-init prints this once, at the first
 *     ssh-ed25519 AAAAC3Nza... root@web-1      boot of an instance (cc_keys_to_console), in the midst of what the
 *     -----END SSH HOST KEY KEYS-----          kernel and others print
 *
 * What they hold is the node's to say. It ends up in front of ssh, so nothing is passed on but whole keys, written
 * anew.
 */
#ifndef SSM_PROXY_CORE_HOST_KEYS_H
#define SSM_PROXY_CORE_HOST_KEYS_H

#include "common/public_key.h"

/* An sshd has three as it comes, and four with a DSA key, which is none any more. */
#define HOST_KEYS_MAX 8

struct host_keys {
    struct public_key keys[HOST_KEYS_MAX]; /* all different */
    size_t count;
};

/* One key a line; lines that are none are left out: a type that is not known, a comment, a login banner. With words:
 * ERR_MALFORMED when there is no key at all, ERR_TOO_LONG over HOST_KEYS_MAX. */
enum err host_keys_parse_lines(struct bytes output, struct host_keys *ret_keys, struct text *ret_why) SSM_MUST_USE;

/* The keys of the whole blocks in a console's output; a block that lacks its beginning or its end is no block. Blocks
 * may repeat, but must agree: who can write to the console later must not be able to put keys in place of the first
 * ones. With words: ERR_MALFORMED, ERR_TOO_LONG. */
enum err host_keys_parse_console(struct bytes output, struct host_keys *ret_keys, struct text *ret_why) SSM_MUST_USE;

bool host_keys_has(const struct host_keys *keys, const struct public_key *key);
bool host_keys_equal(const struct host_keys *a, const struct host_keys *b); /* in any order */

/* Appends lines of a known_hosts file (sshd(8)) for `host`, which is what ssh calls the server: "web-1", or
 * "[web-1]:2222". A name that would not stand for itself there becomes "*", which is right for an answer to
 * KnownHostsCommand alone: ssh uses that for this one connection. */
void host_keys_put_known_hosts(const struct host_keys *keys, const char *host, struct text *text);

/* Room for them: a name, a key and three blanks a line. */
#define HOST_KEYS_LINES(host_len) (HOST_KEYS_MAX * ((host_len) + PUBLIC_KEY_BASE64 + 48) + 1)

#endif
