/* host_key_cache: the host keys of one node, as a file keeps them between two connections.
 *
 *     ssm-bridge-host-keys 1
 *     node i-0123456789abcdef0
 *     born 2026-03-01T08:15:30Z
 *     key ssh-ed25519 AAAAC3Nza...
 *
 * They belong to a node, not to a name: its id, and the time at which it was launched (an instance) or registered (any
 * other node). So another node behind the same name has keys of its own, and a key that changes on the same node does
 * not become a known one. */
#ifndef SSM_PROXY_CORE_HOST_KEY_CACHE_H
#define SSM_PROXY_CORE_HOST_KEY_CACHE_H

#include "common/limits.h"
#include "proxy/core/host_keys.h"

#define HOST_KEY_CACHE_BORN_UNKNOWN 0

struct host_key_cache {
    char node_id[LIMIT_TARGET + 1];
    int64_t born_unix_s; /* HOST_KEY_CACHE_BORN_UNKNOWN: nobody said */
    struct host_keys keys;
};

#define HOST_KEY_CACHE_FILE (HOST_KEYS_LINES(8) + LIMIT_TARGET + 128)

/* Has such a node an sshd and Run Command? That is an EC2 instance or another registered machine: "i-" or "mi-" and
 * digits. Then its id is the name of its file, too. */
bool host_key_cache_is_for(const char *node_id);

/* Are these the keys of that very node, as far as anybody can tell? A time that is not known, here or there, speaks
 * neither for nor against it: an id is not given twice. */
bool host_key_cache_is_of(const struct host_key_cache *cache, const char *node_id, int64_t born_unix_s);

/* Appends the file. */
void host_key_cache_put(const struct host_key_cache *cache, struct text *text);

/* Reads it. Lines with another word at their beginning are of a newer version, and passed over. ERR_MALFORMED. */
enum err host_key_cache_parse(struct bytes file, struct host_key_cache *ret_cache) SSM_MUST_USE;

#endif
