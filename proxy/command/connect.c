#include "proxy/command/verbs.h"

#include "common/log.h"
#include "proxy/command/host_key_fetch.h"
#include "proxy/command/login_key.h"
#include "proxy/command/node_session.h"
#include "proxy/command/stdio_side.h"
#include "proxy/edge/terminal.h"

#include <unistd.h>

#define DEFAULT_PORT "22"

struct connect {
    char port[6];
    char label[sizeof "port " + 5];
    struct node_access access;
    struct stdio_side side;
    struct login_key key;
    struct node_session session;
    struct connection_note note; /* what ssh calls this connection */
    struct host_key_fetch host_keys;
};

static enum err parse_port(struct connect *connect, const struct options *options)
{
    const char *given = options->argument_count > 1 ? options->arguments[1] : DEFAULT_PORT;
    uint16_t port;
    if (target_parse_port(given, &port) != ERR_OK) {
        log_error("connect: not a port (1 to 65535): %s", given);
        return ERR_USAGE;
    }
    struct text text = text_in(connect->port, sizeof connect->port);
    text_format(&text, "%u", port);
    struct text label = text_in(connect->label, sizeof connect->label);
    text_format(&label, "port %u", port);
    return ERR_OK;
}

static enum err parse_host_keys(struct connect *connect, const struct options *options)
{
    const char *source = options->values[OPTION_HOST_KEYS];
    const char *user = options->argument_count > 2 ? options->arguments[2] : "";
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    if (source == NULL) {
        return ERR_OK;
    }
    enum err err = host_key_fetch_choose(source, &connect->host_keys.source, &why);
    if (err == ERR_OK && connection_note_make(options->arguments[0], connect->port, user, &connect->note) != ERR_OK) {
        text_put(&why, "not a user, for which there could be host keys: too long, or control characters in it");
        err = ERR_USAGE;
    }
    if (err != ERR_OK) {
        log_error("connect: %s", memory);
    }
    return err;
}

static enum err parse(struct connect *connect, const struct options *options)
{
    TRY(node_access_parse(&connect->access, options));
    TRY(parse_port(connect, options));
    TRY(parse_host_keys(connect, options));
    return login_key_open(&connect->key, options, &connect->session);
}

/* Both go on beside StartSession. */
static enum err before_start(void *context, struct node_access *access)
{
    struct connect *connect = context;
    memcpy(connect->note.node_id, access->choice.id, sizeof connect->note.node_id);
    host_key_fetch_begin(&connect->host_keys, &access->client, &connect->note, &connect->session.tunnel.was_open);
    return login_key_start(&connect->key, access);
}

/* No byte has passed: out of the terminal's reach, or Ctrl-C at the ssh that happens to be the first would end the
 * tunnel of a ControlPersist master. */
static void leave_terminal(void *context)
{
    (void)context;
    (void)terminal_leave_session();
}

static enum err run(struct connect *connect, struct node_session_want *want)
{
    struct node_access *access = &connect->access;
    TRY(node_access_open(access));
    TRY(stdio_side_open(&connect->side, &access->client, access->payload_bytes));
    want->local = stdio_side_local(&connect->side);
    want->local.begin = leave_terminal;
    return node_session_run(&connect->session, access, want);
}

/* Whoever reads our output sees its end now, and need not wait for us to clean up. */
static void release_stdio(struct connect *connect)
{
    stdio_side_close(&connect->side);
    (void)close(STDIN_FILENO);
    (void)close(STDOUT_FILENO);
    if (stdio_guard() != ERR_OK) {
        log_debug("standard input and output stay closed");
    }
}

static void leave(struct connect *connect)
{
    bool was_open = connect->session.was_open;
    release_stdio(connect);
    host_key_fetch_end(&connect->host_keys);
    node_session_end(&connect->session);
    if (was_open) {
        node_access_leave(&connect->access);
    }
}

static int run_and_leave(struct connect *connect)
{
    struct ssm_api_parameter port = {"portNumber", connect->port};
    struct node_session_want want = {
        .label = connect->label,
        .document_name = "AWS-StartSSHSession",
        .takes_alias_document = true,
        .parameters = &port,
        .parameter_count = 1,
        .purpose = CHANNEL_FOR_TUNNEL,
        .before_start = before_start,
        .context = connect,
    };
    enum err err = run(connect, &want);
    char memory[NODE_SESSION_NAME_SIZE];
    struct text name = text_in(memory, sizeof memory);
    node_session_put_name(&connect->access, &want, &name);
    int exit_code = node_access_report(&connect->access, memory, err);
    leave(connect);
    return exit_code;
}

static int connect_run(const struct options *options)
{
    struct connect connect = {.port = ""};
    enum err err = parse(&connect, options);
    int exit_code = err == ERR_OK ? run_and_leave(&connect) : err_exit_code(err);
    login_key_close(&connect.key, connect.access.is_open ? &connect.access.client : NULL);
    node_access_close(&connect.access);
    return exit_code;
}

const struct verb connect_verb = {
    .name = "connect",
    .arguments = "[--] TARGET [PORT [USER]]",
    .summary = "Carry an SSH connection to a node: the ProxyCommand of OpenSSH.",
    .details =
        "TARGET is an id (i-..., mi-..., ecs:...), a Name, tag:KEY=VALUE, an address, a DNS name of EC2 or an alias;\n"
        ".REGION or .REGION.PROFILE may follow. PORT is 22 unless given; USER is for --key and --host-keys.\n"
        "Standard input and output are the tunnel.",
    .options = OPTIONS_NODE_ACCESS | OPTION_BIT(OPTION_PAYLOAD_SIZE) | OPTION_BIT(OPTION_KEY) |
               OPTION_BIT(OPTION_LIFETIME) | OPTION_BIT(OPTION_AGENT) | OPTION_BIT(OPTION_HOST_KEYS),
    .min_arguments = 1,
    .max_arguments = 3,
    .run = connect_run,
};
