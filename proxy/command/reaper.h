/* reaper: ends the sessions that earlier runs left open because they were killed or had no network. Works beside a
 * tunnel, one session after the other, and never stops it. An API that could not be reached is not asked again by this
 * run, so that those of a lab or a VPN that is gone do not keep it from the others. */
#ifndef SSM_PROXY_COMMAND_REAPER_H
#define SSM_PROXY_COMMAND_REAPER_H

#include "proxy/command/client.h"

#define REAPER_UNREACHABLE_MAX 8 /* then it is our own network that is gone */

/* Zero-initialised means "at the beginning". */
struct reaper {
    struct companion companion;
    struct session_record record; /* claimed, when an account is open */
    struct account account;       /* that the record names */
    struct api_call *call;        /* NULL while the account's credentials are being resolved */
    bool is_at_work;
    char *unreachable[REAPER_UNREACHABLE_MAX]; /* endpoint URLs of records; owned */
    size_t unreachable_count;
    bool is_done;
};

/* Joins the client's companions, unless it has. That is for after the first bytes of a tunnel, for which somebody
 * waits: the first session is looked at with the next turn, within half a second. */
void reaper_begin(struct reaper *reaper, struct client *client);

/* Goes on until all is done, a signal came, or the deadline. */
void reaper_finish(struct reaper *reaper, struct client *client, int64_t deadline_us);

/* Leaves the client's companions. Before client_close; safe on a zeroed one. */
void reaper_free(struct reaper *reaper, struct client *client);

#endif
