/* node_access: what the verbs that open sessions on a node share: the node that a person has named, the client that
 * reaches it, the options about getting there, and words about how it went.
 *
 *     TRY(node_access_parse(&access, options));        no line needed after an error here: it has been said
 *     err = node_access_open(&access);                 then sessions: node_session.h
 *     exit_code = node_access_report(&access, name, err);
 *     node_access_close(&access);                      after any of these */
#ifndef SSM_PROXY_COMMAND_NODE_ACCESS_H
#define SSM_PROXY_COMMAND_NODE_ACCESS_H

#include "proxy/command/node_choice.h"
#include "proxy/command/proxy_options.h"
#include "proxy/command/reaper.h"
#include "proxy/command/wait_node.h"

/* The options that node_access_parse reads, for a verb's table. The target is the first argument. */
#define OPTIONS_NODE_ACCESS                                                                                            \
    (OPTIONS_AWS | OPTION_BIT(OPTION_DOCUMENT_NAME) | OPTION_BIT(OPTION_REASON) | OPTION_BIT(OPTION_CONNECT_TIMEOUT) | \
     OPTION_BIT(OPTION_RESUME_TIMEOUT) | OPTION_BIT(OPTION_WAIT) | OPTION_BIT(OPTION_START) |                          \
     OPTION_BIT(OPTION_SEARCH_REGIONS) | OPTION_BIT(OPTION_PING_INTERVAL))

#define NODE_ACCESS_NAME_SIZE (2 * LIMIT_TARGET + 32)

/* Zero-initialised means "nothing is open". */
struct node_access {
    const struct options *options;
    struct aws_config_flags flags; /* of the command line */
    struct node_choice choice;     /* choice.id: of the node, "" before it is known */
    int64_t timeout_us;            /* for connecting */
    int64_t wait_us;               /* for a node that is not connected; 0: not at all */
    int64_t resume_us;
    int64_t ping_us;
    uint32_t payload_bytes;
    struct wait_node wait;
    char cause[640]; /* why the node is not connected; "" not known */
    bool is_open;    /* the client */
    struct client client;
    struct reaper reaper;
};

/* Reads the target, OPTIONS_NODE_ACCESS, and --payload-size of those verbs that take it: not of a shell, whose input
 * is no bulk. */
enum err node_access_parse(struct node_access *access, const struct options *options) SSM_MUST_USE;

/* Opens the client; the node is found where nobody could tell otherwise whose account is meant, else by the first
 * session. With words in client.why. client.loop stays the same from here on. */
enum err node_access_open(struct node_access *access) SSM_MUST_USE;

/* StartSession says that the node is not connected. ERR_OK: now it may be, after --wait; ERR_OFFLINE: nobody wants to
 * wait, and `cause` says why it is not connected, if that could be learnt; others as wait_node. */
enum err node_access_await(struct node_access *access) SSM_MUST_USE;

/* One turn of the client. `is_open`: a tunnel is, and so sessions that earlier runs left are ended beside it. */
enum err node_access_turn(struct node_access *access, bool is_open) SSM_MUST_USE;

/* "web-1 (i-0123456789abcdef0)": what every line about the node begins with. */
void node_access_put_name(const struct node_access *access, struct text *name);

/* One line about `name` on standard error, unless all is well or a signal ended it. The exit code. */
int node_access_report(struct node_access *access, const char *name, enum err err);

/* What earlier runs left is ended, for some seconds at most; after a tunnel, when nobody waits for us any more. */
void node_access_leave(struct node_access *access);

void node_access_close(struct node_access *access); /* safe on a zeroed one; after every session's end */

#endif
