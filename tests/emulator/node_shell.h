/* node_shell: a program on a terminal of a built-in node, as a side of its session: `sh`, or `sh -c COMMANDS`, as the
 * user that runs ssm-lab. The end of the terminal is the end of the session; closing it kills the program and what
 * stands in the terminal's foreground, and hangs up on the rest. */
#ifndef SSM_LAB_NODE_SHELL_H
#define SSM_LAB_NODE_SHELL_H

#include "tests/emulator/event_loop.h"
#include "tests/emulator/node_side.h"

struct node_shell;

struct node_shell_config {
    struct event_loop *loop; /* borrowed */
    const char *commands;    /* copied; NULL: a shell that asks for them */
    const char *profile;     /* what is typed first; copied; NULL: nothing */
    uint64_t delay_us;       /* before it starts, and again before its first output is read */
    void (*opened)(void *owner, bool is_open);
    void (*ready)(void *owner, bool can_read);
    void *owner;
};

extern const struct node_side node_shell_side;

enum err node_shell_new(const struct node_shell_config *config, struct node_shell **ret_shell) SSM_MUST_USE;
void node_shell_free(struct node_shell *shell);

/* Nothing happens before it has started. */
void node_shell_resize(struct node_shell *shell, uint16_t columns, uint16_t rows);

/* To be told of every child that has ended, before it is waited for. */
void node_shell_child_ended(struct node_shell *shell, pid_t pid);

#endif
