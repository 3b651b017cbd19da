#include "tests/emulator/event_loop.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64

struct event_loop {
    int epoll_fd;
    int timer_fd;
    uint64_t timer_set_us; /* what the timerfd stands at; 0: off */
    struct loop_timer *first;
    struct epoll_event events[BATCH];
    int event_count, event_next; /* the batch under way; unwatch takes its events out */
};

static uint64_t clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t event_loop_now_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

uint64_t event_loop_unix_ms(void)
{
    return clock_us(CLOCK_REALTIME) / 1000u;
}

enum err event_loop_new(struct event_loop **ret_loop)
{
    struct event_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return ERR_MEMORY;
    }
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (loop->epoll_fd < 0 || loop->timer_fd < 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->timer_fd, &event) != 0) {
        event_loop_free(loop);
        return ERR_SYSTEM;
    }
    *ret_loop = loop;
    return ERR_OK;
}

void event_loop_free(struct event_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    if (loop->timer_fd >= 0) {
        close(loop->timer_fd);
    }
    if (loop->epoll_fd >= 0) {
        close(loop->epoll_fd);
    }
    free(loop);
}

int event_loop_fd(const struct event_loop *loop)
{
    return loop->epoll_fd;
}

static void run_timers(struct event_loop *loop)
{
    uint64_t now_us = event_loop_now_us();
    while (loop->first != NULL && loop->first->due_us <= now_us) {
        struct loop_timer *timer = loop->first;
        event_loop_disarm(loop, timer);
        timer->expired(timer->owner, now_us);
    }
}

void event_loop_dispatch(struct event_loop *loop)
{
    loop->event_count = epoll_wait(loop->epoll_fd, loop->events, BATCH, 0);
    for (loop->event_next = 0; loop->event_next < loop->event_count;) {
        struct epoll_event event = loop->events[loop->event_next++];
        struct loop_watch *watch = event.data.ptr;
        if (watch != NULL) {
            watch->ready(watch->owner, event.events);
        }
    }
    loop->event_count = 0;
    uint64_t expirations;
    if (read(loop->timer_fd, &expirations, sizeof expirations) == (ssize_t)sizeof expirations) {
        loop->timer_set_us = 0;
    }
    run_timers(loop);
}

void event_loop_prepare(struct event_loop *loop)
{
    uint64_t due_us = loop->first == NULL ? 0 : loop->first->due_us;
    if (due_us == loop->timer_set_us) {
        return;
    }
    struct itimerspec spec = {.it_value = {(time_t)(due_us / 1000000u), (long)(due_us % 1000000u) * 1000L}};
    timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
    loop->timer_set_us = due_us;
}

void event_loop_arm(struct event_loop *loop, struct loop_timer *timer, uint64_t due_us)
{
    event_loop_disarm(loop, timer);
    timer->due_us = due_us == 0 ? 1 : due_us;
    timer->is_armed = true;
    struct loop_timer *before = NULL, *after = loop->first;
    while (after != NULL && after->due_us <= timer->due_us) {
        before = after;
        after = after->next;
    }
    timer->previous = before;
    timer->next = after;
    if (after != NULL) {
        after->previous = timer;
    }
    if (before != NULL) {
        before->next = timer;
    } else {
        loop->first = timer;
    }
}

void event_loop_disarm(struct event_loop *loop, struct loop_timer *timer)
{
    if (!timer->is_armed) {
        return;
    }
    if (timer->next != NULL) {
        timer->next->previous = timer->previous;
    }
    if (timer->previous != NULL) {
        timer->previous->next = timer->next;
    } else {
        loop->first = timer->next;
    }
    timer->is_armed = false;
}

enum err event_loop_watch(struct event_loop *loop, struct loop_watch *watch, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        return ERR_SYSTEM;
    }
    watch->fd = fd;
    watch->events = events;
    watch->is_armed = true;
    return ERR_OK;
}

void event_loop_change(struct event_loop *loop, struct loop_watch *watch, uint32_t events)
{
    if (!watch->is_armed || watch->events == events) {
        return;
    }
    struct epoll_event event = {.events = events, .data.ptr = watch};
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event);
    watch->events = events;
}

void event_loop_unwatch(struct event_loop *loop, struct loop_watch *watch)
{
    if (!watch->is_armed) {
        return;
    }
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->is_armed = false;
    for (int i = loop->event_next; i < loop->event_count; i++) {
        if (loop->events[i].data.ptr == watch) {
            loop->events[i].data.ptr = NULL;
        }
    }
}
