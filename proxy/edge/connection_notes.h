/* connection_notes: small files by which `connect` tells `known-hosts` something about the ssh that has started both.
 *
 * ssh runs ProxyCommand by $SHELL -c "exec ...", so that its child becomes ours, and KnownHostsCommand without a shell:
 * both have ssh for their parent. A note is the file of that process, in a directory of the person's own:
 *     PID-START-NAMESPACE-BOOT       its pid, its start time, and where these mean something: process_identity.h
 * so that no other ssh, earlier or at the same time, can be taken for it. Where something stands between ssh and us (a
 * script that does not exec), nothing is found.
 *
 * Whoever leaves a note holds a lock on it for as long as there is more to come: it falls with the process. */
#ifndef SSM_PROXY_EDGE_CONNECTION_NOTES_H
#define SSM_PROXY_EDGE_CONNECTION_NOTES_H

#include "common/text.h"

#include <stdbool.h>

struct connection_notes {
    char name[160];
    int directory;
    int fd; /* of the note */
};

/* No note: both descriptors are -1. */
struct connection_notes connection_notes_none(void);

/* Writes the note of our parent, in the place of an earlier one, and holds it. `path`: the directory, made where it is
 * missing. Notes that were left behind are removed. ERR_SYSTEM with words. */
enum err connection_notes_leave(const char *path, struct bytes content, struct connection_notes *notes,
                                struct text *ret_why) SSM_MUST_USE;

/* There is no more to come; the note stays. Safe to repeat. */
void connection_notes_settle(struct connection_notes *notes);

/* Closes; what connection_notes_leave has written is removed. Safe to repeat. */
void connection_notes_take_back(struct connection_notes *notes);

/* The other side: reads the note of our parent into `ret_content`, which has room for `size` bytes. ERR_NO_TARGET:
 * there is none, or none of ours; ERR_SYSTEM. */
enum err connection_notes_find(const char *path, char *ret_content, size_t size, size_t *ret_len,
                               struct connection_notes *notes) SSM_MUST_USE;

/* Waits until there is no more to come, or deadline_us of clock_mono_us. False: the time is over. */
bool connection_notes_wait(const struct connection_notes *notes, int64_t deadline_us);

/* Closes what connection_notes_find has opened; safe to repeat, usable with AUTO(). */
void connection_notes_close(struct connection_notes *notes);

#endif
