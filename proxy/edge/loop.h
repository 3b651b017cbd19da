/* loop: the one place that waits. One epoll set holds everything: stdin, stdout, the gateway's socket, the signals,
 * libcurl's sockets. There are no callbacks: whoever owns a source says what it wants, loop_wait sleeps until one of
 * them can go on or the deadline comes, and says which. The command then moves everything forward and waits again.
 *
 *     struct loop_source in = {.fd = 0};
 *     TRY(loop_add(loop, &in));
 *     in.want_read = window_has_room;         any time, costs nothing; an epoll_ctl at the next wait if it changed
 *     TRY(loop_wait(loop, deadline_us));
 *     if (in.can_read) { read(...); }
 *
 * Readiness is level-triggered: a source that was not served is reported again. can_read and can_write speak of the
 * last wait, and only of what was wanted there. A descriptor that epoll refuses (a regular file, /dev/null) is always
 * ready. `is_broken` is reported even when nothing is wanted: the reader of our pipe is gone, the peer has closed both
 * ways, the connection was reset. It stays set; the source is then watched no more until something is wanted of it,
 * and reading or writing tells the details. So nothing ever spins.
 *
 * Not for several threads. The other edges may include this header, clock.h and entropy.h; an edge of several files
 * (net, trust, https, tls_stream, ws_link, websocket; session_record, process_identity) includes its own. */
#ifndef SSM_PROXY_EDGE_LOOP_H
#define SSM_PROXY_EDGE_LOOP_H

#include "common/err.h"
#include "proxy/core/instant.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;

struct loop_source {
    int fd;          /* borrowed; set before loop_add */
    bool want_read;  /* set by the owner, any time */
    bool want_write; /* the same */
    bool can_read;   /* set by loop_wait: end of file and errors count as readable */
    bool can_write;
    bool is_broken; /* EPOLLERR or EPOLLHUP was seen */

    /* private to loop.c */
    bool is_always_ready;
    bool is_registered;
    uint32_t registered_events;
    struct loop_source *next;
    struct loop_source *previous;
};

/* Owned by its creator; ERR_SYSTEM without descriptors. */
enum err loop_new(struct loop **ret_loop) SSM_MUST_USE;
void loop_free(struct loop **loop); /* forgets all sources; NULL inside is fine; usable with AUTO() */

/* The source stays where it is in memory until loop_remove. A descriptor stands in the loop once at most (duplicates
 * of it may stand beside it). ERR_SYSTEM: no such descriptor. */
enum err loop_add(struct loop *loop, struct loop_source *source) SSM_MUST_USE;

/* Before the descriptor is closed. Safe for a source that was never added. */
void loop_remove(struct loop *loop, struct loop_source *source);

/* Sleeps until a source is ready, a signal of edge/signals came, or CLOCK_MONOTONIC reaches the deadline
 * (INSTANT_NEVER: no deadline; 0 or the past: looks and does not sleep). Precise to tens of microseconds; to 1 ms on
 * kernels without epoll_pwait2. An interrupted wait goes on. */
enum err loop_wait(struct loop *loop, int64_t deadline_us) SSM_MUST_USE;

#endif
