/* node_plug: all that a session of a built-in node may be connected to, of which one is in use at a time: a target, a
 * multiplexer of targets, a program on a terminal, or one without. */
#ifndef SSM_LAB_NODE_PLUG_H
#define SSM_LAB_NODE_PLUG_H

#include "tests/emulator/agent_core.h"
#include "tests/emulator/node_mux.h"
#include "tests/emulator/node_program.h"
#include "tests/emulator/node_shell.h"
#include "tests/emulator/node_target.h"

/* Who is told; see node_side.h. */
struct node_plug_ports {
    void (*opened)(void *owner, bool is_open);
    void (*ready)(void *owner, bool can_read);
    void (*dial_failed)(void *owner); /* of a stream of the multiplexer */
};

struct node_plug_config {
    enum agent_session_type type;
    bool multiplexes;
    const char *host; /* of the target; "localhost" tries ::1, then 127.0.0.1 */
    uint16_t port;
    struct session_process_config process; /* without a program, the node dials the target itself */
    struct smux_config smux;               /* whether it is kept alive follows from the client */
    struct node_program_config program;    /* loop, functions and owner are the plug's in this one, */
    struct node_shell_config shell;        /* and in this one */
};

struct node_plug {
    const struct node_side *side; /* of self: what is in use */
    void *self;
    struct node_target target;
    struct node_mux *mux;         /* NULL: a session that is never multiplexed */
    struct node_shell *shell;     /* NULL: none on a terminal */
    struct node_program *program; /* NULL: none without */
    struct smux_config smux;
};

/* Zeroed before; to be freed even after a failure. */
enum err node_plug_init(struct node_plug *plug, const struct node_plug_config *config,
                        const struct node_plug_ports *ports, void *owner, struct event_loop *loop) SSM_MUST_USE;
void node_plug_free(struct node_plug *plug);

/* The multiplexer is in use from now on, if there is one. */
void node_plug_multiplex(struct node_plug *plug, bool keeps_alive);

/* To be told of every child that has ended, before it is waited for. */
void node_plug_child_ended(struct node_plug *plug, pid_t pid, int exit_code);

/* Bytes that it holds on their way out. */
size_t node_plug_held(const struct node_plug *plug);

#endif
