/* node_program: a command without a terminal on a built-in node, as a side of its session: its words are executed as
 * they are, by no shell, as the user that runs ssm-lab, with /dev/null for its input.
 *
 * Its output is collected in a file and told when it has ended; or, if the document wants it separate, told as it
 * comes, line by line (long lines in pieces), stdout and stderr as types of their own with a prefix before each piece,
 * and the exit code at the end. What keeps it from starting is told as standard error. */
#ifndef SSM_LAB_NODE_PROGRAM_H
#define SSM_LAB_NODE_PROGRAM_H

#include "tests/emulator/event_loop.h"
#include "tests/emulator/node_side.h"

struct node_program;

struct node_program_config {
    struct event_loop *loop; /* borrowed */
    const char *scratch;     /* a directory, for the file; borrowed */
    const char *command;     /* texts are copied */
    bool separates_output;
    const char *output_prefix, *error_prefix; /* up to NODE_PROGRAM_PREFIX_MAX characters */
    void (*opened)(void *owner, bool is_open);
    void (*ready)(void *owner, bool can_read);
    void *owner;
};

#define NODE_PROGRAM_PREFIX_MAX 30

extern const struct node_side node_program_side;

enum err node_program_new(const struct node_program_config *config, struct node_program **ret_program) SSM_MUST_USE;
void node_program_free(struct node_program *program);

/* To it and all that it has started. */
void node_program_interrupt(struct node_program *program, int signal_number);

/* To be told of every child that has ended, before it is waited for. `exit_code` is -1 after a signal. */
void node_program_child_ended(struct node_program *program, pid_t pid, int exit_code);

#endif
