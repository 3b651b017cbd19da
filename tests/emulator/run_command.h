/* run_command: the commands of SendCommand and what becomes of them on each node: an invocation a node, so many at a
 * time, until too many fail. Built-in nodes run scripts as processes of this machine; light nodes answer by themselves;
 * the agents of other nodes are told over their control channels.
 *
 * A command is seen, and begins, invocation_delay_ms after SendCommand (see fault.h): before, its invocations do not
 * exist, as with the service. */
#ifndef SSM_LAB_RUN_COMMAND_H
#define SSM_LAB_RUN_COMMAND_H

#include <jansson.h>

#include "proxy/core/uuid.h"
#include "tests/emulator/command_document.h"
#include "tests/emulator/command_process.h"
#include "tests/emulator/document_store.h"
#include "tests/emulator/event_loop.h"
#include "tests/emulator/node.h"

struct lab;

/* "Understanding command statuses" of the user guide; the final ones begin with INVOCATION_SUCCESS. */
enum invocation_state {
    INVOCATION_PENDING,
    INVOCATION_IN_PROGRESS,
    INVOCATION_CANCELLING,
    INVOCATION_SUCCESS,
    INVOCATION_FAILED,
    INVOCATION_EXECUTION_TIMED_OUT,
    INVOCATION_DELIVERY_TIMED_OUT,
    INVOCATION_UNDELIVERABLE,
    INVOCATION_INVALID_PLATFORM,
    INVOCATION_CANCELLED,
    INVOCATION_TERMINATED,
};

#define INVOCATION_STATES (INVOCATION_TERMINATED + 1)

#define COMMAND_PLATFORMS 3 /* Linux, MacOS, Windows */

struct invocation {
    struct command *command;
    struct node *node;               /* borrowed; nodes stay */
    const struct command_plan *plan; /* what the document does there; the command's */
    enum invocation_state state;
    struct loop_timer timer; /* delivery, then execution, or the answer of a node that runs nothing */
    uint64_t delivery_due_us;
    struct command_process process;
    bool is_overdue;
    int response_code;             /* -1: none yet */
    uint64_t started_ms, ended_ms; /* since 1970; 0: not yet */
    char *output, *error;          /* owned; NULL: nothing */
};

struct command {
    struct lab *lab;
    char id[UUID_TEXT_SIZE];
    const char *region; /* borrowed from the options */
    char document[DOCUMENT_NAME_SIZE];
    json_t *content;                              /* of the document, owned */
    json_t *input;                                /* SendCommand's, owned */
    struct command_plan plans[COMMAND_PLATFORMS]; /* owned */
    struct invocation *invocations;
    size_t count;
    size_t concurrency, max_errors, next; /* next: the first that is not sent */
    int64_t delivery_seconds;
    time_t requested_at;
    bool is_visible, is_cancelled;
    bool is_hidden;          /* an association's: no list shows it, and it stays until that takes it out */
    struct loop_timer timer; /* until it is visible */
    struct command *older;
};

struct command_counts {
    size_t states[INVOCATION_STATES];
    size_t completed, errors;
};

struct command_table; /* owned by the lab */

enum err run_command_table_new(struct lab *lab, struct command_table **ret_table) SSM_MUST_USE;
/* Kills what still runs. */
void run_command_table_free(struct command_table *table);

/* The newest; its `older` leads to the others. */
struct command *run_command_newest(const struct command_table *table);
struct command *run_command_find(const struct command_table *table, const char *id, const char *region);

/* Takes a request that was checked, with document, content and input; `nodes` are copied. ERR_TOO_LONG: there are
 * LAB_LIMIT_COMMANDS that still run. */
enum err run_command_add(struct command_table *table, const struct command *request, struct node *const *nodes,
                         struct command **ret_command) SSM_MUST_USE;

/* NULL: the command was not for that node. */
struct invocation *run_command_invocation(const struct command *command, const char *node_id);

/* What an agent says of a job (agent_job.h) that is not over: it has it, and it is done with it. */
struct job_result {
    enum invocation_state state;
    int code;
    const char *output, *error; /* borrowed */
};
void run_command_job_begun(struct invocation *invocation);
void run_command_job_ended(struct invocation *invocation, const struct job_result *result);

/* Kills what still runs. NULL is nothing. */
void run_command_remove(struct command_table *table, struct command *command);

/* On the node alone, or everywhere for NULL. */
void run_command_cancel(struct command *command, const struct node *node);

/* A child of ssm-lab has ended, and has not been waited for yet. `code` is its exit status, -1 after a signal. */
void run_command_child_ended(struct command_table *table, pid_t pid, int code);

bool run_command_is_final(enum invocation_state state);
const char *run_command_status(enum invocation_state state);
const char *run_command_details(enum invocation_state state);

/* Of the command as a whole. */
struct command_counts run_command_count(const struct command *command);
void run_command_describe(const struct command *command, const char **ret_status, const char **ret_details);

#endif
