#include "tests/emulator/node_plug.h"

#include <stdio.h>

static enum err init_shell(struct node_plug *plug, struct node_shell_config config, const struct node_plug_ports *ports,
                           void *owner, struct event_loop *loop)
{
    config.loop = loop;
    config.opened = ports->opened;
    config.ready = ports->ready;
    config.owner = owner;
    TRY(node_shell_new(&config, &plug->shell));
    plug->side = &node_shell_side;
    plug->self = plug->shell;
    return ERR_OK;
}

static enum err init_program(struct node_plug *plug, struct node_program_config config,
                             const struct node_plug_ports *ports, void *owner, struct event_loop *loop)
{
    config.loop = loop;
    config.opened = ports->opened;
    config.ready = ports->ready;
    config.owner = owner;
    TRY(node_program_new(&config, &plug->program));
    plug->side = &node_program_side;
    plug->self = plug->program;
    return ERR_OK;
}

enum err node_plug_init(struct node_plug *plug, const struct node_plug_config *config,
                        const struct node_plug_ports *ports, void *owner, struct event_loop *loop)
{
    const struct node_mux_config mux = {loop,         config->host,       config->port, ports->opened,
                                        ports->ready, ports->dial_failed, owner};
    *plug = (struct node_plug){.side = &node_target_side,
                               .self = &plug->target,
                               .smux = config->smux,
                               .target = {.loop = loop,
                                          .port = config->port,
                                          .dialed = ports->opened,
                                          .ready = ports->ready,
                                          .owner = owner,
                                          .worker = config->process}};
    node_target_init(&plug->target);
    snprintf(plug->target.host, sizeof plug->target.host, "%s", config->host);
    switch (config->type) {
    case AGENT_SESSION_STANDARD_STREAM:
    case AGENT_SESSION_INTERACTIVE_COMMANDS:
        return init_shell(plug, config->shell, ports, owner, loop);
    case AGENT_SESSION_NON_INTERACTIVE_COMMANDS:
        return init_program(plug, config->program, ports, owner, loop);
    case AGENT_SESSION_PORT:
        break;
    }
    return config->multiplexes ? node_mux_new(&mux, &plug->mux) : ERR_OK;
}

void node_plug_free(struct node_plug *plug)
{
    if (plug->side != NULL) {
        node_target_close(&plug->target);
    }
    node_mux_free(plug->mux);
    node_shell_free(plug->shell);
    node_program_free(plug->program);
}

void node_plug_multiplex(struct node_plug *plug, bool keeps_alive)
{
    if (plug->mux != NULL) {
        plug->smux.has_keep_alive = keeps_alive;
        node_mux_set_smux(plug->mux, &plug->smux);
        plug->side = &node_mux_side;
        plug->self = plug->mux;
    }
}

void node_plug_child_ended(struct node_plug *plug, pid_t pid, int exit_code)
{
    if (plug->shell != NULL) {
        node_shell_child_ended(plug->shell, pid);
    }
    if (plug->program != NULL) {
        node_program_child_ended(plug->program, pid, exit_code);
    }
}

size_t node_plug_held(const struct node_plug *plug)
{
    return plug->side == &node_mux_side ? node_mux_held(plug->mux) : plug->side->queued(plug->self);
}
