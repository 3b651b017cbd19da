/* run: what every verb with a session works with, and the one turn of its loop. */
#ifndef SSM_PROXY_COMMAND_RUN_H
#define SSM_PROXY_COMMAND_RUN_H

#include "proxy/command/account.h"
#include "proxy/edge/net.h"
#include "proxy/edge/session_record.h"
#include "proxy/edge/signals.h"
#include "proxy/edge/websocket.h"

struct run {
    struct aws_config_flags flags;
    struct account account;
    struct loop *loop;
    struct signals signals;
    struct http_proxy proxy;
    struct net *net;
    struct api api;
    struct session_records *records; /* NULL where there is no place for them */
    struct websocket *websocket;     /* pumped in every turn; NULL before */
    int64_t deadline_us;             /* for connecting */
    int signal;                      /* the first SIGHUP, SIGINT or SIGTERM; 0 before */
    bool is_urgent;                  /* a second one came: leave at once */
    int64_t leave_by_us;             /* our own session is to be ended by then; INSTANT_NEVER: no end has begun */
    char why_memory[2048];
    struct text why; /* words about the failure that is on its way up */
};

/* Opens everything but the websocket. On an error run->why says why; run_close is safe then, too. */
enum err run_open(struct run *run, const struct aws_config_flags *flags, int64_t connect_timeout_us) SSM_MUST_USE;
void run_close(struct run *run); /* usable with AUTO() */

/* Closes and opens again as somebody else or for somewhere else; the deadline stays. After run_open, failed or not. */
enum err run_reopen(struct run *run, const struct aws_config_flags *flags) SSM_MUST_USE;

/* Sleeps until something is ready or the deadline comes, then lets network, websocket and signals move on. */
enum err run_turn(struct run *run, int64_t deadline_us) SSM_MUST_USE;

/* The first step of run_resolve, as far as it goes without waiting: what fails without the network fails here. */
enum err run_begin_resolve(struct run *run, bool may_ask) SSM_MUST_USE;

/* Turns until run->account has credentials that are good for some minutes. ERR_TIMEOUT at the deadline; ERR_INTERRUPTED
 * when a signal comes; others as core/credential_chain gives them. `may_ask`: the terminal is still ours. */
enum err run_resolve(struct run *run, bool may_ask, int64_t deadline_us) SSM_MUST_USE;

#endif
