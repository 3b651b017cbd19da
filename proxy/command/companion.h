/* companion: work that goes on beside whatever a verb waits for: beside StartSession, a tunnel, the end of a session.
 *
 *     static void push(void *context, struct client *client) { ... as far as it goes without waiting ... }
 *     work->companion = (struct companion){.context = work, .pump = push, .deadline_us = ..., .holds_output = ...};
 *     companion_join(client, &work->companion);
 *     ... whatever waits, waits by client_turn, which pumps ...
 *     companion_leave(client, &work->companion);           before `work` goes
 *
 * A pump never calls client_turn, nor what calls it, and leaves client->why alone: words that are on their way up there
 * belong to whoever waits. None joins or leaves while companions are being pumped. */
#ifndef SSM_PROXY_COMMAND_COMPANION_H
#define SSM_PROXY_COMMAND_COMPANION_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

struct client;

struct companion {
    void *context;                                               /* what the functions get */
    void (*pump)(void *context, struct client *client);          /* in every turn, after the network has moved on */
    int64_t (*deadline_us)(const void *context, int64_t now_us); /* of the next pump; NULL: descriptors alone matter */
    bool (*holds_output)(const void *context); /* no byte of a server may be handed on yet; NULL: never */
    enum err err;                              /* not ERR_OK: it has failed, and so has whatever it goes on beside */
    const char *why;                           /* words about err, or ""; borrowed */

    struct companion *next; /* private to companion.c */
};

/* The companion stays where it is until it has left. Nothing happens when it has joined before. */
void companion_join(struct client *client, struct companion *companion);
/* Safe for one that never joined. */
void companion_leave(struct client *client, struct companion *companion);

/* ---- for client_turn and tunnels ---- */

void companion_pump_all(struct client *client);
int64_t companion_deadline_us(const struct client *client, int64_t now_us);
bool companion_holds_output(const struct client *client);
/* The first one that has failed; NULL: none has. */
const struct companion *companion_failed(const struct client *client);

#endif
