#include "tests/emulator/lab_options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "tests/emulator/lab_limits.h"

enum option_code {
    OPTION_STATE_DIR = 256,
    OPTION_LISTEN,
    OPTION_API_PORT,
    OPTION_GATEWAY_PORT,
    OPTION_PROXY_PORT,
    OPTION_AWS_NAMES,
    OPTION_IMDS_LISTEN,
    OPTION_IMDS_IPV6_LISTEN,
    OPTION_IMDS_PORT,
    OPTION_CONTAINER_LISTEN,
    OPTION_CONTAINER_PORT,
    OPTION_REGION,
    OPTION_OTHER_REGION,
    OPTION_NO_BUILTIN_NODES,
    OPTION_LIGHT_NODES,
    OPTION_EXECUTE_ON_LIGHT_NODES,
    OPTION_NO_AGENT_PAUSE,
    OPTION_SESSION_WORKER,
    OPTION_AGENT_STATE_DIR,
    OPTION_NODE_ROOT,
    OPTION_REPLY_LOG,
    OPTION_SEED,
    OPTION_EXIT_WITH_PARENT,
    OPTION_DEBUG,
    OPTION_HELP,
    OPTION_VERSION,
};

/* One table for the parser and for --help. */
static const struct {
    const char *name, *argument, *help;
    int code;
} table[] = {
    {"state-dir", "DIR", "where ca.pem, server.pem and server.key go (a new private directory)", OPTION_STATE_DIR},
    {"listen", "ADDRESS", "address to listen on (127.0.0.1)", OPTION_LISTEN},
    {"api-port", "PORT", "port of the SSM API (0: a free one)", OPTION_API_PORT},
    {"gateway-port", "PORT", "port of the message gateway (0: a free one)", OPTION_GATEWAY_PORT},
    {"proxy-port", "PORT", "port of the HTTP proxy (0: a free one)", OPTION_PROXY_PORT},
    {"imds-listen", "ADDRESS", "address of instance metadata (127.0.0.1)", OPTION_IMDS_LISTEN},
    {"imds-ipv6-listen", "ADDRESS", "and over IPv6, if it can be had (::1)", OPTION_IMDS_IPV6_LISTEN},
    {"imds-port", "PORT", "port of both (0: a free one)", OPTION_IMDS_PORT},
    {"container-listen", "ADDRESS", "address of container credentials (127.0.0.1)", OPTION_CONTAINER_LISTEN},
    {"container-port", "PORT", "port of container credentials (0: a free one)", OPTION_CONTAINER_PORT},
    {"aws-names", NULL, "StreamUrl names AWS's host, which the proxy leads to", OPTION_AWS_NAMES},
    {"region", "REGION", "region that requests are signed for (us-east-1)", OPTION_REGION},
    {"other-region", "REGION", "a second region, with a node of its own (none)", OPTION_OTHER_REGION},
    {"no-builtin-nodes", NULL, "no nodes but the agents that register", OPTION_NO_BUILTIN_NODES},
    {"light-nodes", "NUMBER", "so many more nodes, which only repeat what Run Command tells them (0)",
     OPTION_LIGHT_NODES},
    {"execute-on-light-nodes", NULL, "they run it, as the other nodes do", OPTION_EXECUTE_ON_LIGHT_NODES},
    {"no-agent-pause", NULL, "built-in nodes do not sleep 1 ms after every read, as the real agent does",
     OPTION_NO_AGENT_PAUSE},
    {"session-worker", "FILE", "built-in nodes run it, one process a session, as agents do", OPTION_SESSION_WORKER},
    {"agent-state-dir", "DIR", "and write the agent's state files below DIR", OPTION_AGENT_STATE_DIR},
    {"node-root", "DIR", "where nodes have /etc/ssh and /usr/local/sbin of their own", OPTION_NODE_ROOT},
    {"reply-log", "FILE", "append every reply to FILE, secrets included, for tests that look for them",
     OPTION_REPLY_LOG},
    {"seed", "NUMBER", "seed of ids, keys and faults (random)", OPTION_SEED},
    {"exit-with-parent", "PID", "end when that process ends", OPTION_EXIT_WITH_PARENT},
    {"debug", NULL, "say on standard error what happens", OPTION_DEBUG},
    {"help", NULL, "show this text", OPTION_HELP},
    {"version", NULL, "show the version", OPTION_VERSION},
};

#define TABLE_LEN (sizeof table / sizeof table[0])

void lab_options_help(void)
{
    printf("ssm-lab: a local Session Manager: SSM API, message gateway and nodes in one process\n"
           "usage: ssm-lab [OPTION]...\n");
    for (size_t i = 0; i < TABLE_LEN; i++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", table[i].name, table[i].argument == NULL ? "" : " ",
                 table[i].argument == NULL ? "" : table[i].argument);
        printf("  %-26s %s\n", left, table[i].help);
    }
}

static enum err parse_number(const char *name, const char *text, unsigned long long limit,
                             unsigned long long *ret_value)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *text == '\0' || *text == '-' || *end != '\0' || value > limit) {
        log_error("--%s: '%s' is not a number up to %llu", name, text, limit);
        return ERR_USAGE;
    }
    *ret_value = value;
    return ERR_OK;
}

static enum err apply_number(enum option_code code, const char *argument, struct lab_options *options)
{
    unsigned long long value = 0;
    if (code == OPTION_API_PORT) {
        TRY(parse_number("api-port", argument, 65535, &value));
        options->api_port = (int)value;
    } else if (code == OPTION_GATEWAY_PORT) {
        TRY(parse_number("gateway-port", argument, 65535, &value));
        options->gateway_port = (int)value;
    } else if (code == OPTION_PROXY_PORT) {
        TRY(parse_number("proxy-port", argument, 65535, &value));
        options->proxy_port = (int)value;
    } else if (code == OPTION_IMDS_PORT) {
        TRY(parse_number("imds-port", argument, 65535, &value));
        options->imds_port = (int)value;
    } else if (code == OPTION_CONTAINER_PORT) {
        TRY(parse_number("container-port", argument, 65535, &value));
        options->container_port = (int)value;
    } else if (code == OPTION_LIGHT_NODES) {
        TRY(parse_number("light-nodes", argument, LAB_LIMIT_LIGHT_NODES, &value));
        options->light_nodes = (int)value;
    } else if (code == OPTION_EXIT_WITH_PARENT) {
        TRY(parse_number("exit-with-parent", argument, INT_MAX, &value));
        options->parent = (pid_t)value;
    } else {
        TRY(parse_number("seed", argument, ULLONG_MAX, &value));
        options->seed = value;
        options->has_seed = true;
    }
    return ERR_OK;
}

static enum err apply(enum option_code code, const char *argument, struct lab_options *options)
{
    switch (code) {
    case OPTION_STATE_DIR:
        options->state_dir = argument;
        break;
    case OPTION_LISTEN:
        options->listen = argument;
        break;
    case OPTION_REGION:
        options->region = argument;
        break;
    case OPTION_OTHER_REGION:
        options->other_region = argument;
        break;
    case OPTION_SESSION_WORKER:
        options->session_worker = argument;
        break;
    case OPTION_AGENT_STATE_DIR:
        options->agent_state_dir = argument;
        break;
    case OPTION_NODE_ROOT:
        options->node_root = argument;
        break;
    case OPTION_REPLY_LOG:
        options->reply_log = argument;
        break;
    case OPTION_IMDS_LISTEN:
        options->imds_listen = argument;
        break;
    case OPTION_IMDS_IPV6_LISTEN:
        options->imds_ipv6_listen = argument;
        break;
    case OPTION_CONTAINER_LISTEN:
        options->container_listen = argument;
        break;
    case OPTION_AWS_NAMES:
        options->has_aws_names = true;
        break;
    case OPTION_NO_BUILTIN_NODES:
        options->has_builtin_nodes = false;
        break;
    case OPTION_EXECUTE_ON_LIGHT_NODES:
        options->has_light_execution = true;
        break;
    case OPTION_NO_AGENT_PAUSE:
        options->has_agent_pause = false;
        break;
    case OPTION_DEBUG:
        options->is_debug = true;
        break;
    case OPTION_HELP:
        options->wants_help = true;
        break;
    case OPTION_VERSION:
        options->wants_version = true;
        break;
    case OPTION_API_PORT:
    case OPTION_GATEWAY_PORT:
    case OPTION_PROXY_PORT:
    case OPTION_IMDS_PORT:
    case OPTION_CONTAINER_PORT:
    case OPTION_LIGHT_NODES:
    case OPTION_SEED:
    case OPTION_EXIT_WITH_PARENT:
        return apply_number(code, argument, options);
    }
    return ERR_OK;
}

enum err lab_options_parse(int argc, char **argv, struct lab_options *ret_options)
{
    struct option options[TABLE_LEN + 1] = {{0}};
    for (size_t i = 0; i < TABLE_LEN; i++) {
        options[i] = (struct option){table[i].name, table[i].argument == NULL ? no_argument : required_argument, NULL,
                                     table[i].code};
    }
    *ret_options = (struct lab_options){.listen = "127.0.0.1",
                                        .region = "us-east-1",
                                        .imds_listen = "127.0.0.1",
                                        .imds_ipv6_listen = "::1",
                                        .container_listen = "127.0.0.1",
                                        .has_builtin_nodes = true,
                                        .has_agent_pause = true};
    int code = 0;
    while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (code == '?') {
            return ERR_USAGE; /* getopt has said why */
        }
        TRY(apply((enum option_code)code, optarg, ret_options));
    }
    if (ret_options->node_root != NULL && ret_options->node_root[0] != '/') {
        log_error("--node-root: '%s' is not an absolute path", ret_options->node_root);
        return ERR_USAGE;
    }
    if (optind < argc) {
        log_error("unexpected argument '%s'", argv[optind]);
        return ERR_USAGE;
    }
    return ERR_OK;
}
