#include "proxy/edge/loop.h"

#include "proxy/edge/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

/* Sources that one wait reports; there are rarely more than six, and the rest stay ready for the next wait. */
#define LOOP_EVENTS 16

struct loop {
    int epoll_fd;
    bool lacks_pwait2; /* before Linux 5.11, or a seccomp filter of that time */
    struct loop_source *sources;
};

enum err loop_new(struct loop **ret_loop)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return ERR_MEMORY;
    }
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        free(loop);
        return ERR_SYSTEM;
    }
    *ret_loop = loop;
    return ERR_OK;
}

void loop_free(struct loop **loop)
{
    if (*loop == NULL) {
        return;
    }
    while ((*loop)->sources != NULL) {
        loop_remove(*loop, (*loop)->sources);
    }
    close((*loop)->epoll_fd);
    free(*loop);
    *loop = NULL;
}

static uint32_t loop_wanted_events(const struct loop_source *source)
{
    return (source->want_read ? (uint32_t)EPOLLIN : 0) | (source->want_write ? (uint32_t)EPOLLOUT : 0);
}

static enum err loop_register(struct loop *loop, struct loop_source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    int operation = source->is_registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(loop->epoll_fd, operation, source->fd, &event) != 0) {
        return ERR_SYSTEM;
    }
    source->is_registered = true;
    source->registered_events = events;
    return ERR_OK;
}

static void loop_unregister(struct loop *loop, struct loop_source *source)
{
    if (source->is_registered) {
        struct epoll_event ignored = {0};
        (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, &ignored);
        source->is_registered = false;
    }
}

enum err loop_add(struct loop *loop, struct loop_source *source)
{
    source->can_read = source->can_write = source->is_broken = false;
    source->is_always_ready = source->is_registered = false;
    enum err err = loop_register(loop, source, loop_wanted_events(source));
    if (err != ERR_OK && errno == EPERM) { /* epoll's answer for what never has to be waited for */
        source->is_always_ready = true;
    } else if (err != ERR_OK) {
        return err;
    }
    source->previous = NULL;
    source->next = loop->sources;
    if (source->next != NULL) {
        source->next->previous = source;
    }
    loop->sources = source;
    return ERR_OK;
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
    if (source->previous == NULL && loop->sources != source) {
        return; /* never added, or removed already */
    }
    loop_unregister(loop, source);
    if (source->previous != NULL) {
        source->previous->next = source->next;
    } else {
        loop->sources = source->next;
    }
    if (source->next != NULL) {
        source->next->previous = source->previous;
    }
    source->next = source->previous = NULL;
    source->can_read = source->can_write = false;
}

/* Tells epoll what has changed since the last wait. */
static enum err loop_prepare(struct loop *loop, bool *ret_is_ready)
{
    bool is_ready = false;
    for (struct loop_source *source = loop->sources; source != NULL; source = source->next) {
        uint32_t wanted = loop_wanted_events(source);
        source->can_read = source->can_write = false;
        if (source->is_always_ready) {
            source->can_read = source->want_read;
            source->can_write = source->want_write;
            is_ready = is_ready || wanted != 0;
        } else if (wanted == 0 && source->is_broken) {
            loop_unregister(loop, source); /* epoll would report EPOLLHUP for ever */
        } else if (!source->is_registered || source->registered_events != wanted) {
            TRY(loop_register(loop, source, wanted));
        }
    }
    *ret_is_ready = is_ready;
    return ERR_OK;
}

static int loop_sleep(struct loop *loop, struct epoll_event *events, int64_t timeout_us)
{
    if (!loop->lacks_pwait2) {
        struct timespec timeout = {.tv_sec = timeout_us / 1000000, .tv_nsec = timeout_us % 1000000 * 1000};
        int count = epoll_pwait2(loop->epoll_fd, events, LOOP_EVENTS, timeout_us < 0 ? NULL : &timeout, NULL);
        if (count >= 0 || (errno != ENOSYS && errno != EPERM)) {
            return count;
        }
        loop->lacks_pwait2 = true;
    }
    /* Rounded up, so that a deadline has passed when the wait ends; a day is as good as for ever. */
    int64_t timeout_ms = timeout_us < 0 ? -1 : timeout_us / 1000 + (timeout_us % 1000 != 0);
    timeout_ms = timeout_ms > 86400000 ? 86400000 : timeout_ms;
    return epoll_wait(loop->epoll_fd, events, LOOP_EVENTS, (int)timeout_ms);
}

static int64_t loop_timeout_us(int64_t deadline_us)
{
    if (deadline_us == INSTANT_NEVER) {
        return -1;
    }
    if (deadline_us <= 0) {
        return 0;
    }
    int64_t now_us = clock_mono_us();
    return deadline_us > now_us ? deadline_us - now_us : 0;
}

enum err loop_wait(struct loop *loop, int64_t deadline_us)
{
    bool is_ready = false;
    TRY(loop_prepare(loop, &is_ready));
    struct epoll_event events[LOOP_EVENTS];
    int count;
    do { /* after SIGSTOP and SIGCONT, too: what came meanwhile is reported before a deadline that has passed */
        count = loop_sleep(loop, events, is_ready ? 0 : loop_timeout_us(deadline_us));
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return ERR_SYSTEM;
    }
    for (int i = 0; i < count; i++) {
        struct loop_source *source = events[i].data.ptr;
        bool is_broken = (events[i].events & (uint32_t)(EPOLLERR | EPOLLHUP)) != 0;
        source->is_broken = source->is_broken || is_broken;
        source->can_read = source->want_read && (is_broken || (events[i].events & (uint32_t)EPOLLIN) != 0);
        source->can_write = source->want_write && (is_broken || (events[i].events & (uint32_t)EPOLLOUT) != 0);
    }
    return ERR_OK;
}
