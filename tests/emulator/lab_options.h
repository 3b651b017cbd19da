/* lab_options: the command line of ssm-lab. */
#ifndef SSM_LAB_OPTIONS_H
#define SSM_LAB_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct lab_options {
    const char *state_dir; /* NULL: a new private temporary directory */
    const char *listen;
    const char *region;
    const char *other_region;               /* a second one, with nodes of its own; NULL: none */
    const char *session_worker;             /* executable, one process a session; NULL: none */
    const char *agent_state_dir;            /* where state files of such sessions go; NULL: none are written */
    const char *node_root;                  /* DIR/NODE has files of that node; NULL: none has any */
    const char *reply_log;                  /* where every reply goes; NULL: nowhere */
    int api_port, gateway_port, proxy_port; /* 0: a free one */
    const char *imds_listen, *imds_ipv6_listen, *container_listen;
    int imds_port, container_port; /* 0: a free one */
    bool has_aws_names;            /* StreamUrl names AWS's gateway, which the proxy leads to */
    bool has_builtin_nodes;
    int light_nodes;
    bool has_light_execution; /* light nodes run commands as the others do */
    bool has_agent_pause;     /* the agent's sleep of 1 ms after every read */
    bool is_debug;
    bool wants_help, wants_version;
    bool has_seed;
    uint64_t seed;
    pid_t parent; /* 0: live on alone */
};

/* Texts are borrowed from argv. ERR_USAGE after a line on standard error. */
enum err lab_options_parse(int argc, char **argv, struct lab_options *ret_options) SSM_MUST_USE;

/* The usage text, on standard output. */
void lab_options_help(void);

#endif
