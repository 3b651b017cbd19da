/* key_slot: the two files that short-lived keys alternate between, as two IdentityFile lines of ssh, and which of them
 * is used, kept or written anew. docs/keys.md says why there are two.
 *
 * A slot's file is the private key, or, where that is in ssh-agent alone, the public line; the line behind it is ours:
 *
 *     # ssm-bridge-key 1 file 1795235400 1795278600          or "agent"; from and until, seconds since 1970
 *
 * ssh reads nothing there. So key and record are one file, and are replaced together or not at all. */
#ifndef SSM_PROXY_CORE_KEY_SLOT_H
#define SSM_PROXY_CORE_KEY_SLOT_H

#include "proxy/core/openssh_key.h"

#define KEY_SLOT_COUNT 2

/* A key that has less than this before it is followed by another one: logins go on with the old one meanwhile. */
#define KEY_SLOT_OVERLAP_S 600

/* So old is a key when a login prefers it to the one before: whoever begins now has read it. ssh reads its files within
 * milliseconds after it has started its ProxyCommand; a machine can be very busy. */
#define KEY_SLOT_RIPE_S 300

enum key_slot_kind {
    KEY_SLOT_FILE,  /* the private key is in the file */
    KEY_SLOT_AGENT, /* it is in ssh-agent */
};

struct key_slot {
    bool is_there; /* nothing else holds, where it is not */
    bool is_lost;  /* of kind AGENT, and the agent at hand does not have it */
    enum key_slot_kind kind;
    int64_t from_s;
    int64_t until_s;
    struct openssh_key key; /* the public half alone */
};

/* Of a file's content. ERR_MALFORMED: not one of ours. */
enum err key_slot_read(struct bytes file, struct key_slot *ret_slot) SSM_MUST_USE;

/* The line behind the key. */
void key_slot_put_record(const struct key_slot *slot, struct text *text);

/* The slot whose key a login is to use; -1: none. */
int key_slot_for_login(const struct key_slot slots[KEY_SLOT_COUNT], int64_t now_s);

struct key_slot_wish {
    enum key_slot_kind kind;
    int64_t lifetime_s; /* above KEY_SLOT_OVERLAP_S; a key that was made for a longer time is not kept for longer */
};

/* The slot whose key does what is wished; -1: none, another key is wanted. */
int key_slot_to_keep(const struct key_slot slots[KEY_SLOT_COUNT], const struct key_slot_wish *wish, int64_t now_s);

/* The slot that another key goes into, so that the one that logins use stays. */
int key_slot_to_write(const struct key_slot slots[KEY_SLOT_COUNT], int64_t now_s);

#endif
