/* command_printer: what nodes have written, node by node: their standard output on standard output, their standard
 * error on standard error; with headings, with the node before each line, or as JSON. On a terminal what could drive it
 * is escaped; elsewhere bytes are as they were written. */
#ifndef SSM_PROXY_COMMAND_COMMAND_PRINTER_H
#define SSM_PROXY_COMMAND_COMMAND_PRINTER_H

#include "proxy/command/client.h"
#include "proxy/command/output.h"
#include "proxy/command/run_targets.h"

/* Up to tells_outcomes the caller's. */
struct command_printer {
    struct client *client;                     /* borrowed, as the two below */
    const struct run_targets *targets;         /* for the names that the person used */
    const struct command_api_command *command; /* with its present counts */
    struct output output;
    int64_t node_count;  /* that are shown; 0: all of the command */
    bool is_streamed;    /* the node is before each line */
    bool tells_outcomes; /* of nodes that did not succeed, in a line on standard error */
    int exit_code;       /* the worst of all nodes, see command_outcome.h */
    size_t successes, failures, cancelled, left_out;
    size_t cuts; /* texts that are not whole */
};

/* As the person called it; else the computer's name, or the id. */
const char *command_printer_name(const struct command_printer *printer,
                                 const struct command_api_invocation *invocation);

/* "web-1 (i-0123456789abcdef0)" */
void command_printer_put_label(const struct command_printer *printer, const struct command_api_invocation *invocation,
                               struct text *text);

/* Where the list has cut the text and the nodes are few, the longer one of GetCommandInvocation takes its place.
 * ERR_SYSTEM: standard output, see output.h; ERR_INTERRUPTED. */
enum err command_printer_put(struct command_printer *printer, struct command_api_invocation *invocation) SSM_MUST_USE;

/* After the last node: the end of JSON, how many succeeded, and how to get what was cut. */
enum err command_printer_finish(struct command_printer *printer) SSM_MUST_USE;

#endif
