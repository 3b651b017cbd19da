/* key_ring: the short-lived keys of this machine: the one that a login is to use, and another one when its time has
 * come. core/key_slot decides which, edge/key_directory keeps the files and locks; docs/keys.md tells the whole. */
#ifndef SSM_PROXY_COMMAND_KEY_RING_H
#define SSM_PROXY_COMMAND_KEY_RING_H

#include "proxy/command/proxy_options.h"
#include "proxy/core/key_slot.h"
#include "proxy/edge/key_directory.h"
#include "proxy/edge/loop.h"

#define KEY_RING_LIFETIME_S (12 * 60 * 60) /* a working day */

/* --lifetime and --agent. ERR_USAGE after one line on standard error. */
enum err key_ring_wish(const struct options *options, struct key_slot_wish *ret_wish) SSM_MUST_USE;

struct key_ring {
    struct key_directory directory;
    const char *agent_socket; /* SSH_AUTH_SOCK; NULL: none */
    struct key_slot slots[KEY_SLOT_COUNT];
};

/* Errors with words, as edge/key_directory has them. */
enum err key_ring_open(struct key_ring *ring, struct text *ret_why) SSM_MUST_USE;
void key_ring_close(struct key_ring *ring); /* usable with AUTO(), on a zeroed one too */

/* --lifetime and --agent, without --key: there is nothing that they could be about. ERR_USAGE with words. */
enum err key_ring_refuse_wish(const struct options *options, struct text *ret_why) SSM_MUST_USE;

/* Of a slot's file. ERR_CONFIG: no place for it. */
enum err key_ring_path(int slot, char ret_path[STATE_DIRECTORY_PATH_SIZE]) SSM_MUST_USE;

/* Any number at once: the slot whose key is good for some time yet, in `wish->kind`; made now, where there is none.
 * Replaces nothing that a login may still read: ERR_TIMEOUT when that leaves no good key. Errors with words. */
enum err key_ring_ensure(struct key_ring *ring, struct loop *loop, const struct key_slot_wish *wish, int *ret_slot,
                         struct text *ret_why) SSM_MUST_USE;

/* The key that a login uses; until key_ring_login_end its slot is not replaced. */
struct key_ring_login {
    char public_key[OPENSSH_KEY_LINE_SIZE]; /* "ssh-ed25519 AAAA..." */
    int slot;
    int lock; /* -1: none */
};

/* Replaces no key; makes one, as `wish` says, where there has never been any: ssh, which has found no file, looks for
 * it again when it logs in. ERR_CONFIG: there is no good key. Errors with words. */
enum err key_ring_login_begin(struct key_ring *ring, struct loop *loop, const struct key_slot_wish *wish,
                              struct key_ring_login *ret_login, struct text *ret_why) SSM_MUST_USE;
void key_ring_login_end(struct key_ring_login *login); /* safe to repeat; not for a zeroed one */

#endif
