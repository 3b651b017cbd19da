/* client: what a verb that talks to AWS works with, and the one turn of its loop. */
#ifndef SSM_PROXY_COMMAND_CLIENT_H
#define SSM_PROXY_COMMAND_CLIENT_H

#include "proxy/command/account.h"
#include "proxy/command/companion.h"
#include "proxy/edge/net.h"
#include "proxy/edge/session_record.h"
#include "proxy/edge/signals.h"

struct client {
    struct aws_config_flags flags;
    struct account account;
    struct loop *loop;
    struct signals signals;
    struct http_proxy proxy;
    struct net *net;
    struct api api;
    struct session_records *records; /* NULL where there is no place for them */
    struct companion *companions;    /* pumped in every turn */
    int64_t deadline_us;             /* for connecting */
    int signal;                      /* the first SIGHUP, SIGINT or SIGTERM; 0 before */
    bool is_urgent;                  /* a second one came: leave at once */
    int64_t leave_by_us;             /* our own session is to be ended by then; INSTANT_NEVER: no end has begun */
    char why_memory[2048];
    struct text why; /* words about the failure that is on its way up */
};

/* Opens everything. On an error client->why says why; client_close is safe then, too. */
enum err client_open(struct client *client, const struct aws_config_flags *flags,
                     int64_t connect_timeout_us) SSM_MUST_USE;
void client_close(struct client *client); /* after every companion has left; usable with AUTO() */

/* Closes and opens again as somebody else or for somewhere else; the deadline stays. After client_open, failed or not.
 */
enum err client_reopen(struct client *client, const struct aws_config_flags *flags) SSM_MUST_USE;

/* Sleeps until something is ready or the deadline comes, then lets network, signals and companions move on. */
enum err client_turn(struct client *client, int64_t deadline_us) SSM_MUST_USE;

/* The first step of client_resolve, as far as it goes without waiting: what fails without the network fails here. */
enum err client_begin_resolve(struct client *client, bool may_ask) SSM_MUST_USE;

/* Turns until client->account has credentials that are good for some minutes. ERR_TIMEOUT at the deadline;
 * ERR_INTERRUPTED when a signal comes; others as core/credential_chain gives them. `may_ask`: the terminal is still
 * ours. */
enum err client_resolve(struct client *client, bool may_ask, int64_t deadline_us) SSM_MUST_USE;

#endif
