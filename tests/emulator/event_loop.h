/* event_loop: descriptors and timers beside libwebsockets' own, in one epoll set whose descriptor libwebsockets watches
 * as a raw file: one thread, one place that waits. Timers have microsecond deadlines (a timerfd in the same set),
 * because the agent's pause of 1 ms is part of its behaviour.
 *
 * Watches and timers live in their owner's struct (borrowed here while armed); disarm them before freeing it. A
 * callback may free its own watch or timer, or any other. */
#ifndef SSM_LAB_EVENT_LOOP_H
#define SSM_LAB_EVENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "common/err.h"

struct loop_timer {
    void (*expired)(void *owner, uint64_t now_us);
    void *owner;
    uint64_t due_us;
    struct loop_timer *next, *previous;
    bool is_armed;
};

struct loop_watch {
    void (*ready)(void *owner, uint32_t events);
    void *owner;
    int fd;
    uint32_t events; /* EPOLLIN, EPOLLOUT; 0 still reports errors and hang-ups */
    bool is_armed;
};

struct event_loop;

enum err event_loop_new(struct event_loop **ret_loop) SSM_MUST_USE;
void event_loop_free(struct event_loop *loop);

/* Readable whenever event_loop_dispatch has work. */
int event_loop_fd(const struct event_loop *loop);
void event_loop_dispatch(struct event_loop *loop);
/* To be called before each wait: sets the timerfd to the earliest deadline. */
void event_loop_prepare(struct event_loop *loop);

uint64_t event_loop_now_us(void); /* CLOCK_MONOTONIC */
uint64_t event_loop_unix_ms(void);

/* Arms it, or moves an armed one. */
void event_loop_arm(struct event_loop *loop, struct loop_timer *timer, uint64_t due_us);
void event_loop_disarm(struct event_loop *loop, struct loop_timer *timer);

enum err event_loop_watch(struct event_loop *loop, struct loop_watch *watch, int fd, uint32_t events) SSM_MUST_USE;
/* No system call when nothing changes. */
void event_loop_change(struct event_loop *loop, struct loop_watch *watch, uint32_t events);
/* Before the descriptor is closed. Safe on one that is not armed. */
void event_loop_unwatch(struct event_loop *loop, struct loop_watch *watch);

#endif
