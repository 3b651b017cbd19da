/* key_directory: where our short-lived keys lie, and the locks that keep them from being replaced at the wrong time.
 *
 *     $XDG_STATE_HOME/ssm-bridge/keys/     0700, ours, writable by nobody else
 *         key-1, key-2                     what ssh reads: core/key_slot; written by edge/private_file
 *         lock                             held by whoever looks whether a key is to be made, and makes it
 *         lock-1, lock-2                   shared: a login may read that slot; exclusive: it is being replaced
 *
 * All locks are flock's, and so fall with the process that has them, however it ends. */
#ifndef SSM_PROXY_EDGE_KEY_DIRECTORY_H
#define SSM_PROXY_EDGE_KEY_DIRECTORY_H

#include "common/secret.h"
#include "common/text.h"
#include "proxy/edge/state_directory.h"

struct key_directory {
    int fd; /* -1: not there */
    char path[STATE_DIRECTORY_PATH_SIZE];
};

/* The path of a slot's file alone; nothing is looked at. `slot` is 0 or 1. ERR_CONFIG: the variables give no place, or
 * too long a path. */
enum err key_directory_slot_path(const char *xdg_state_home, const char *home, int slot,
                                 char ret_path[STATE_DIRECTORY_PATH_SIZE]) SSM_MUST_USE;

/* Makes it where it is missing. ERR_CONFIG with words: no place, or somebody else could write there; ERR_SYSTEM with
 * words. */
enum err key_directory_open(const char *xdg_state_home, const char *home, struct key_directory *ret_directory,
                            struct text *ret_why) SSM_MUST_USE;
void key_directory_close(struct key_directory *directory); /* usable with AUTO(), on a zeroed one too */

enum key_directory_lock {
    KEY_DIRECTORY_ALL,   /* "lock", exclusive */
    KEY_DIRECTORY_READ,  /* of a slot, shared */
    KEY_DIRECTORY_WRITE, /* of a slot, exclusive */
};

/* A descriptor that holds the lock until file_lock_release. ERR_TIMEOUT: others had it until deadline_us (0: not waited
 * for); ERR_SYSTEM with words. */
enum err key_directory_take(const struct key_directory *directory, enum key_directory_lock lock, int slot,
                            int64_t deadline_us, int *ret_fd, struct text *ret_why) SSM_MUST_USE;

/* The content of a slot's file. ERR_NO_TARGET: there is none, or one that others may read. ERR_SYSTEM with words, also
 * for what is no regular file of ours, or too long for a key. */
enum err key_directory_read(const struct key_directory *directory, int slot, struct secret *ret_content,
                            struct text *ret_why) SSM_MUST_USE;

#endif
