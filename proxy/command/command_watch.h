/* command_watch: waits for a command to be over, and tells how it goes: on a terminal the counts, and a line for each
 * node that is done. One call a poll; the pages of the nodes are read when there is something to tell, and no more
 * often than their number allows. */
#ifndef SSM_PROXY_COMMAND_COMMAND_WATCH_H
#define SSM_PROXY_COMMAND_COMMAND_WATCH_H

#include "proxy/command/command_printer.h"
#include "proxy/core/command_outcome.h"

struct command_watch {
    struct client *client;               /* borrowed */
    struct command_printer *printer;     /* likewise */
    struct command_api_command *command; /* likewise; kept up to date */
    bool may_cancel;                     /* the first signal cancels the command; otherwise it ends the waiting */
    bool prints;                         /* each node as soon as it is done */
    bool is_new;                         /* it was just sent: the service may not know it yet */

    /* private to command_watch.c */
    struct command_outcome_told told;
    int64_t next_pass_us;
    int64_t seen_count; /* of nodes that were done at the last pass */
    bool is_cancelled;
};

/* ERR_OK: the command is over; watch->client->signal tells whether that was asked for. ERR_INTERRUPTED: the person
 * left, and it may go on. Others as the services give them. */
enum err command_watch_run(struct command_watch *watch) SSM_MUST_USE;

void command_watch_free(struct command_watch *watch);

#endif
