/* child_process: another program, run beside everything else: what it prints on its standard output is the result.
 *
 *     TRY(child_process_start(loop, &command, &child, &why));
 *     ... loop_wait, at the latest until child_process_deadline_us(child) ...
 *     enum err err = child_process_result(child, &result, &why);     ERR_AGAIN while it runs
 *
 * No shell: the arguments are what the program gets, and the first is looked up in PATH. It finds our environment,
 * working directory and standard error, /dev/null as standard input, no other descriptor of ours, no signal blocked,
 * and SIGPIPE and SIGXFSZ at their defaults. It stays in our process group and session: so it can ask at the terminal
 * as under any other caller, Ctrl-C reaches it as it reaches ssh, and it cannot take the terminal from ssh.
 *
 * It does not outlive us: when its time is up, and in child_process_free, it is killed with all processes that it has
 * started and that are still below it; should we be killed, the kernel kills it. */
#ifndef SSM_PROXY_EDGE_CHILD_PROCESS_H
#define SSM_PROXY_EDGE_CHILD_PROCESS_H

#include "common/text.h"
#include "proxy/edge/loop.h"

struct child_process_command {
    const char *const *arguments; /* ended by NULL; at least one */
    size_t output_max;            /* more is ERR_TOO_LONG */
    int64_t deadline_us;          /* of CLOCK_MONOTONIC; INSTANT_NEVER: none */
};

struct child_process_result {
    struct bytes output; /* owned by the child_process; a NUL byte stands behind it */
    int exit_status;     /* as a shell gives it: 128 and the number for a signal */
};

struct child_process; /* owned by its creator */

/* The command is borrowed for the call. ERR_CONFIG with words when there is no such program, or it cannot be executed;
 * ERR_SYSTEM with words; ERR_MEMORY. */
enum err child_process_start(struct loop *loop, const struct child_process_command *command,
                             struct child_process **ret_child, struct text *ret_why) SSM_MUST_USE;

/* When child_process_result wants to be asked again, whatever the loop reports until then. */
int64_t child_process_deadline_us(const struct child_process *child);

/* ERR_AGAIN while it runs. ERR_OK once it has ended; what it left running may still hold its output, and is not waited
 * for. ERR_TIMEOUT, ERR_TOO_LONG, ERR_SYSTEM with words: it was killed. The same again when asked again. */
enum err child_process_result(struct child_process *child, struct child_process_result *ret_result,
                              struct text *ret_why) SSM_MUST_USE;

/* Kills it when it still runs; wipes the output. NULL inside is fine; usable with AUTO(). */
void child_process_free(struct child_process **child);

#endif
