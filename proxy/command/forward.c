#include "proxy/command/verbs.h"

#include "common/log.h"
#include "proxy/command/forward_side.h"
#include "proxy/command/node_session.h"
#include "proxy/command/output.h"
#include "proxy/core/forward_spec.h"
#include "proxy/edge/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FORWARDS_MAX 16
#define PORT_TRIES 8 /* for a free port that is free for IPv4 and IPv6 */

/* One line of what is forwarded: a session of its own, because a session goes to one port. */
struct forward {
    const char *word; /* as it was given */
    struct forward_spec spec;
    char local[FORWARD_SPEC_PATH_SIZE + FORWARD_SPEC_ADDRESS_SIZE]; /* "127.0.0.1:8080", or the path */
    char remote[LIMIT_HOST + 16];
    char label[LIMIT_HOST + 20]; /* "to localhost:80" */
    char port[6];
    struct ssm_api_parameter parameters[2];
    struct forward_side side;
    struct node_session_want want;
    struct node_session session;
    unsigned tries;
    bool is_running;
    bool was_open;
    bool is_told; /* on standard output, that it listens */
};

struct forward_run {
    struct node_access access;
    struct output output;
    struct forward *forwards; /* owned */
    size_t count;
    int exit_code; /* of the first one that failed */
};

/* ---- the command line ---- */

static enum err parse_forward(struct forward *forward, const char *word)
{
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    enum err err = forward_spec_parse(word, &forward->spec, &why);
    if (err != ERR_OK) {
        log_error("forward: %s: %s", word, memory);
        return err;
    }
    forward->word = word;
    struct text remote = text_in(forward->remote, sizeof forward->remote);
    forward_spec_put_remote(&forward->spec, &remote);
    struct text label = text_in(forward->label, sizeof forward->label);
    text_format(&label, "to %s", forward->remote);
    struct text port = text_in(forward->port, sizeof forward->port);
    text_format(&port, "%u", forward->spec.remote_port);
    return ERR_OK;
}

static enum err parse(struct forward_run *run, const struct options *options)
{
    TRY(node_access_parse(&run->access, options));
    TRY(output_open(options, &run->output));
    size_t count = (size_t)(options->argument_count - 1);
    run->forwards = calloc(count, sizeof *run->forwards);
    if (run->forwards == NULL) {
        log_error("forward: %s", err_text(ERR_MEMORY));
        return ERR_MEMORY;
    }
    run->count = count;
    for (size_t i = 0; i < count; i++) {
        TRY(parse_forward(&run->forwards[i], options->arguments[1 + i]));
    }
    return ERR_OK;
}

/* ---- listening ---- */

static bool lacks_ipv6(void)
{
    return errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL;
}

/* The same port of both families; IPv6 where this machine has it. ERR_AGAIN: a port that was free for one is not for
 * the other. */
static enum err listen_pair(struct forward *forward, const char *ipv4, const char *ipv6, uint16_t *ret_port,
                            struct text *why)
{
    struct forward_side *side = &forward->side;
    uint16_t port;
    TRY(listener_open_tcp(ipv4, forward->spec.local_port, &side->listeners[0], &port, why));
    side->listener_count = 1;
    char memory[128];
    struct text ignored = text_in(memory, sizeof memory);
    enum err err = listener_open_tcp(ipv6, port, &side->listeners[1], &port, &ignored);
    *ret_port = port;
    if (err == ERR_OK) {
        side->listener_count = 2;
        return ERR_OK;
    }
    if (lacks_ipv6()) {
        return ERR_OK;
    }
    bool may_choose = errno == EADDRINUSE && forward->spec.local_port == 0;
    text_format(why, "[%s]: %s", ipv6, memory);
    forward_side_close(side);
    return may_choose ? ERR_AGAIN : err;
}

static enum err listen_both(struct forward *forward, const char *ipv4, const char *ipv6, uint16_t *ret_port,
                            struct text *why)
{
    enum err err = ERR_AGAIN;
    for (int left = PORT_TRIES; err == ERR_AGAIN && left > 0; left--) {
        text_clear(why);
        err = listen_pair(forward, ipv4, ipv6, ret_port, why);
    }
    return err == ERR_AGAIN ? ERR_SYSTEM : err;
}

static enum err listen_tcp(struct forward *forward, struct text *why)
{
    struct forward_spec *spec = &forward->spec;
    struct text local = text_in(forward->local, sizeof forward->local);
    const char *address = spec->bind;
    uint16_t port;
    if (address[0] == '\0' || strcmp(address, "*") == 0) {
        bool is_loopback = address[0] == '\0';
        address = is_loopback ? "127.0.0.1" : "0.0.0.0";
        TRY(listen_both(forward, address, is_loopback ? "::1" : "::", &port, why));
    } else {
        TRY(listener_open_tcp(address, spec->local_port, &forward->side.listeners[0], &port, why));
        forward->side.listener_count = 1;
    }
    text_format(&local, strchr(address, ':') != NULL ? "[%s]:%u" : "%s:%u", address, port);
    return ERR_OK;
}

static enum err listen_unix(struct forward *forward, struct text *why)
{
    TRY(listener_open_unix(forward->spec.path, &forward->side.listeners[0], why));
    forward->side.listener_count = 1;
    struct text local = text_in(forward->local, sizeof forward->local);
    text_put(&local, forward->spec.path);
    return ERR_OK;
}

/* Before any session: somebody who has taken the port is found out at once. */
static enum err listen_all(struct forward_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        struct forward *forward = &run->forwards[i];
        char memory[256];
        struct text why = text_in(memory, sizeof memory);
        bool is_unix = forward->spec.path[0] != '\0';
        enum err err = is_unix ? listen_unix(forward, &why) : listen_tcp(forward, &why);
        if (err != ERR_OK) {
            log_error("forward: %s: %s", forward->word, memory);
            return err;
        }
    }
    return ERR_OK;
}

/* ---- sessions ---- */

static void describe(struct forward *forward)
{
    bool is_remote = forward->spec.host[0] != '\0';
    forward->parameters[0] = (struct ssm_api_parameter){"portNumber", forward->port};
    forward->parameters[1] = (struct ssm_api_parameter){"host", forward->spec.host};
    forward->want = (struct node_session_want){
        .label = forward->label,
        .document_name = is_remote ? "AWS-StartPortForwardingSessionToRemoteHost" : "AWS-StartPortForwardingSession",
        .parameters = forward->parameters,
        .parameter_count = is_remote ? 2 : 1,
        .purpose = CHANNEL_FOR_STREAMS,
        .local = forward_side_local(&forward->side),
    };
}

static enum err begin(struct forward_run *run, struct forward *forward)
{
    struct node_access *access = &run->access;
    describe(forward);
    forward->side.name = forward->session.name;
    forward->side.remote = forward->remote;
    TRY(forward_side_open(&forward->side, access->client.loop));
    forward->tries++;
    TRY(node_session_begin(&forward->session, access, &forward->want));
    forward->is_running = true;
    return ERR_OK;
}

/* `forward`: NULL when it is about all of them. */
static void report(struct forward_run *run, const struct forward *forward, enum err err)
{
    char memory[sizeof forward->session.name];
    struct text name = text_in(memory, sizeof memory);
    if (forward != NULL) {
        node_session_put_name(&run->access, &forward->want, &name);
    } else {
        node_access_put_name(&run->access, &name);
    }
    int exit_code = node_access_report(&run->access, memory, err);
    run->exit_code = run->exit_code == 0 ? exit_code : run->exit_code;
}

/* False, and said, when one of them does not begin. */
static bool begin_all(struct forward_run *run)
{
    struct client *client = &run->access.client;
    for (size_t i = 0; i < run->count; i++) {
        client->deadline_us = clock_mono_us() + run->access.timeout_us;
        enum err err = begin(run, &run->forwards[i]);
        if (err != ERR_OK) {
            report(run, &run->forwards[i], err);
            return false;
        }
    }
    return true;
}

/* Its session is over: there is another one when the agent had not begun, else nothing listens here any more. */
static void finish(struct forward_run *run, struct forward *forward)
{
    enum err err = node_session_finish(&forward->session);
    bool may_begin_again = node_session_may_begin_again(&forward->session) && forward->tries < NODE_SESSION_TRIES;
    forward->is_running = false;
    forward->was_open = forward->was_open || forward->session.was_open;
    if (may_begin_again) {
        log_debug("%s: the session does not begin; starting another one", forward->session.name);
        node_session_end(&forward->session);
        err = begin(run, forward);
        if (err == ERR_OK) {
            return;
        }
    } else if (err == ERR_OK) {
        text_put(&run->access.client.why, "the node ended it");
        err = ERR_SESSION_ENDED;
    }
    report(run, forward, err);
    forward_side_close(&forward->side);
    node_session_end(&forward->session);
}

/* A line that a program may read: where connections are taken, and where they go to. Whoever has closed standard
 * output needs none; whoever waits for a line that cannot be written would wait for ever. */
static enum err tell(struct forward_run *run, struct forward *forward)
{
    const struct output_member members[] = {{"Local", forward->local}, {"Remote", forward->remote}};
    struct text *why = &run->access.client.why;
    if (forward->is_told || !forward->side.is_ready) {
        return ERR_OK;
    }
    forward->is_told = true;
    text_clear(why);
    enum err err = output_put_members(&run->output, members, sizeof members / sizeof members[0], why);
    if (err == ERR_SYSTEM && (run->output.is_reader_gone || run->output.is_closed)) {
        text_clear(why);
        return ERR_OK;
    }
    return err;
}

static enum err look_at_all(struct forward_run *run, bool *ret_is_running, bool *ret_is_open)
{
    *ret_is_running = *ret_is_open = false;
    for (size_t i = 0; i < run->count; i++) {
        struct forward *forward = &run->forwards[i];
        if (forward->is_running && node_session_is_over(&forward->session)) {
            finish(run, forward);
        }
        if (forward->is_running) {
            TRY(tell(run, forward));
            *ret_is_running = true;
            *ret_is_open = *ret_is_open || forward->side.is_ready;
        }
    }
    return ERR_OK;
}

static enum err turn_until_over(struct forward_run *run)
{
    for (;;) {
        bool is_running;
        bool is_open;
        TRY(look_at_all(run, &is_running, &is_open));
        if (!is_running) {
            return ERR_OK;
        }
        TRY(node_access_turn(&run->access, is_open));
    }
}

static void run_all(struct forward_run *run)
{
    enum err err = node_access_open(&run->access);
    if (err == ERR_OK && !begin_all(run)) {
        return;
    }
    err = err == ERR_OK ? turn_until_over(run) : err;
    if (err != ERR_OK) {
        report(run, NULL, err);
    }
}

/* ---- the end ---- */

static void close_all(struct forward_run *run)
{
    bool was_open = false;
    for (size_t i = 0; i < run->count; i++) {
        struct forward *forward = &run->forwards[i];
        was_open = was_open || forward->was_open || forward->session.tunnel.was_open;
        node_session_end(&forward->session);
        forward_side_close(&forward->side);
    }
    if (was_open) {
        node_access_leave(&run->access);
    }
}

static int forward_run(const struct options *options)
{
    struct forward_run run = {.exit_code = 0};
    enum err err = parse(&run, options);
    err = err == ERR_OK ? listen_all(&run) : err;
    if (err == ERR_OK) {
        run_all(&run);
    }
    close_all(&run);
    node_access_close(&run.access);
    free(run.forwards);
    return err == ERR_OK ? run.exit_code : err_exit_code(err);
}

const struct verb forward_verb = {
    .name = "forward",
    .arguments = "[--] TARGET [[ADDRESS:]PORT:][HOST:]PORT...",
    .summary = "Forward ports of this machine to a node, or through it.",
    .details =
        "Each 80, 8080:80, 0:80, 8080:HOST:80 or ADDRESS:8080:HOST:80 as for ssh -L: from a port of this machine (its\n"
        "loopback addresses unless ADDRESS says more; 0: a free one) or a unix socket (a path), to a port of the\n"
        "node or of a HOST that the node reaches. A line on standard output says where each is taken, once it is.\n"
        "Ctrl-C ends it.",
    .options = OPTIONS_NODE_ACCESS | OPTION_BIT(OPTION_PAYLOAD_SIZE) | OPTION_BIT(OPTION_OUTPUT),
    .min_arguments = 2,
    .max_arguments = 1 + FORWARDS_MAX,
    .run = forward_run,
};
