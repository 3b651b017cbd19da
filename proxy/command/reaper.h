/* reaper: ends the sessions that earlier runs left open because they were killed or had no network. Works beside a
 * tunnel, one session after the other, and never stops it. */
#ifndef SSM_PROXY_COMMAND_REAPER_H
#define SSM_PROXY_COMMAND_REAPER_H

#include "proxy/command/run.h"
#include "proxy/edge/https.h"

/* Zero-initialised means "at the beginning". */
struct reaper {
    struct session_record record; /* claimed, when a call is under way */
    struct https_call *call;
    bool is_done;
};

/* Moves on as far as it goes without waiting. */
void reaper_pump(struct reaper *reaper, struct run *run);

/* Goes on until all is done, a signal came, or the deadline. */
void reaper_finish(struct reaper *reaper, struct run *run, int64_t deadline_us);

void reaper_free(struct reaper *reaper); /* usable with AUTO() */

#endif
