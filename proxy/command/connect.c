#include "proxy/command/verbs.h"

#include "common/log.h"
#include "proxy/command/explain_offline.h"
#include "proxy/command/failure.h"
#include "proxy/command/node_choice.h"
#include "proxy/command/session.h"
#include "proxy/command/tunnel.h"
#include "proxy/command/wait_node.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/entropy.h"
#include "proxy/edge/terminal.h"

#include <stdlib.h>
#include <unistd.h>

#define DOCUMENT_NAME "AWS-StartSSHSession"
#define DEFAULT_PORT "22"
#define CONNECT_TIMEOUT_S 60
#define RESUME_TIMEOUT_S 900
#define PING_INTERVAL_S 20 /* under every idle limit of a NAT or load balancer in the field */
#define MIN_PAYLOAD 1024   /* what every client sends */
#define MAX_PAYLOAD 65536
/* For some seconds after its own start an agent drops new sessions silently. */
#define SESSIONS_MAX 3
#define REAP_US (5 * 1000 * 1000) /* after the tunnel, for what earlier runs left: ssh is gone, nobody waits */

struct connect {
    const struct options *options;
    struct aws_config_flags flags; /* of the command line */
    struct node_choice choice;
    char port[6];
    int64_t timeout_us;
    int64_t wait_us; /* for a node that is not connected; 0: not at all */
    struct wait_node wait;
    char cause[640]; /* why the node is not connected; "" not known */
    int64_t resume_us;
    int64_t ping_us;
    uint32_t payload_bytes;
    struct client client;
    struct stream stream;
    struct ssm_api_session session; /* session_id is "" when there is none to end */
    struct reaper reaper;
    bool is_unbegun; /* the agent never began the session, or the gateway let it go first: another one may do better */
    bool was_open;   /* the tunnel has carried bytes, or could have */
};

#define NAME_SIZE (2 * LIMIT_TARGET + 32)

/* "web-1 (i-0123456789abcdef0) port 22": what every line about this run begins with. */
static void put_name(const struct connect *connect, struct text *name)
{
    const char *target = connect->options->arguments[0];
    const char *id = connect->choice.id;
    text_put(name, target);
    if (id[0] != '\0' && strcmp(id, target) != 0) {
        text_format(name, " (%s)", id);
    }
    text_format(name, " port %s", connect->port);
}

/* ---- the command line ---- */

static enum err parse_wait(struct connect *connect)
{
    const char *text = connect->options->values[OPTION_WAIT];
    connect->wait.may_start = options_has(connect->options, OPTION_START);
    if (text_is_given(text)) {
        return proxy_options_seconds(connect->options, OPTION_WAIT, PROXY_OPTIONS_WAIT_S, &connect->wait_us);
    }
    if (text != NULL || connect->wait.may_start) {
        connect->wait_us = (int64_t)PROXY_OPTIONS_WAIT_S * 1000 * 1000;
    }
    return ERR_OK;
}

static enum err parse_target(struct connect *connect)
{
    connect->flags = proxy_options_flags(connect->options);
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    enum err err = node_choice_read(&connect->choice, connect->options->arguments[0], &connect->flags, &why);
    if (err != ERR_OK) {
        log_error("connect: %s", why.len > 0 ? why.data : err_text(err));
    }
    return err;
}

static enum err parse(struct connect *connect)
{
    const struct options *options = connect->options;
    const char *port_text = options->argument_count > 1 ? options->arguments[1] : DEFAULT_PORT;
    uint16_t port;
    TRY(parse_target(connect));
    TRY(parse_wait(connect));
    if (target_parse_port(port_text, &port) != ERR_OK) {
        log_error("connect: not a port (1 to 65535): %s", port_text);
        return ERR_USAGE;
    }
    struct text text = text_in(connect->port, sizeof connect->port);
    text_format(&text, "%u", port);
    TRY(proxy_options_seconds(options, OPTION_CONNECT_TIMEOUT, CONNECT_TIMEOUT_S, &connect->timeout_us));
    struct proxy_options_range payload = {"bytes", MIN_PAYLOAD, MAX_PAYLOAD, MIN_PAYLOAD};
    TRY(proxy_options_number(options, OPTION_PAYLOAD_SIZE, &payload, &connect->payload_bytes));
    TRY(proxy_options_seconds(options, OPTION_PING_INTERVAL, PING_INTERVAL_S, &connect->ping_us));
    return proxy_options_seconds(options, OPTION_RESUME_TIMEOUT, RESUME_TIMEOUT_S, &connect->resume_us);
}

/* ---- connecting ---- */

static enum err make_chance(struct chance *ret_chance)
{
    uint8_t seed[CHANCE_SEED_LEN];
    TRY(entropy_fill(seed, sizeof seed));
    *ret_chance = chance_from_entropy(seed);
    return ERR_OK;
}

static const char *first_given(const char *option, const char *of_alias)
{
    return option != NULL ? option : of_alias;
}

/* From nothing to a session whose websocket is open: the connection to the gateway is made while StartSession runs. */
static enum err connect_session(struct connect *connect)
{
    struct client *client = &connect->client;
    const struct options *options = connect->options;
    TRY(client_begin_resolve(client, true));
    const struct aws_service_gateway *gateway = &client->account.settings.gateway;
    if (gateway->is_known) {
        TRY(websocket_connect(client->net, &gateway->url, &client->websocket));
    }
    TRY(client_resolve(client, true, client->deadline_us));
    TRY(node_choice_find(&connect->choice, client));
    const struct alias *alias = &connect->choice.way->alias;
    const char *document = first_given(options->values[OPTION_DOCUMENT_NAME], alias->document_name);
    struct ssm_api_start_session request = {
        .target = connect->choice.id,
        .document_name = document != NULL ? document : DOCUMENT_NAME,
        .port_number = connect->port,
        .reason = first_given(options->values[OPTION_REASON], alias->reason),
    };
    TRY(session_start(client, &request, &connect->session));
    log_debug("session %s on %s", connect->session.session_id, connect->choice.id);
    if (client->signal != 0) {
        return ERR_INTERRUPTED;
    }
    struct chance chance;
    TRY(make_chance(&chance));
    TRY(stream_init(&connect->stream, client, connect->session.stream_url, chance));
    return stream_open(&connect->stream, client);
}

/* ---- a node that is not connected ---- */

static void explain(struct connect *connect)
{
    struct text cause = text_in(connect->cause, sizeof connect->cause);
    explain_offline(&connect->client, connect->choice.id, options_has(connect->options, OPTION_SEARCH_REGIONS), &cause);
}

static void explain_missing(struct connect *connect)
{
    if (!options_has(connect->options, OPTION_SEARCH_REGIONS)) {
        bool names_region = connect->choice.way->target.region[0] != '\0';
        text_put(&connect->client.why, names_region ? "" : "; --search-regions looks in the regions of your profiles");
        return;
    }
    struct text cause = text_in(connect->cause, sizeof connect->cause);
    explain_offline_missing(&connect->client, &connect->choice.way->target, &cause);
    text_format(&connect->client.why, "%s%s", cause.len > 0 ? "; " : "", cause.data);
}

/* Until it is connected, from now on for wait_us. */
static enum err wait_for_node(struct connect *connect)
{
    struct client *client = &connect->client;
    websocket_free(&client->websocket); /* it would not stay open for that long */
    log_debug("waiting for %s: %s", connect->choice.id, client->why.data);
    text_clear(&client->why);
    if (connect->wait.deadline_us == 0) {
        connect->wait.deadline_us = clock_mono_us() + connect->wait_us;
    }
    connect->wait.name = connect->options->arguments[0];
    connect->wait.id = connect->choice.id;
    enum err err = wait_node(client, &connect->wait);
    log_progress(NULL);
    client->deadline_us = clock_mono_us() + connect->timeout_us;
    if (err == ERR_TIMEOUT) {
        explain(connect);
        text_format(&client->why, "%s%s", connect->cause[0] != '\0' ? "; " : "", connect->cause);
    }
    return err;
}

static enum err connect_patiently(struct connect *connect)
{
    for (;;) {
        enum err err = connect_session(connect);
        if (err != ERR_OFFLINE) {
            return err;
        }
        if (connect->wait_us == 0) {
            explain(connect);
            return err;
        }
        TRY(wait_for_node(connect));
    }
}

/* ---- the tunnel ---- */

static enum err make_channel(uint32_t payload_bytes, struct sha256 *hash, struct channel **ret_channel)
{
    struct chance chance;
    struct channel_config config = channel_config_default();
    config.payload_bytes = payload_bytes;
    TRY(make_chance(&chance));
    return channel_new(&config, chance, hash, ret_channel);
}

static void log_counters(const struct channel *channel)
{
    struct channel_counters counters = channel_counters(channel);
    log_debug("sent %llu messages (%llu again), received %llu (%llu twice, %llu dropped, %llu with a wrong digest), "
              "payloads of %u bytes, at most %u in flight, round trip %lld us",
              (unsigned long long)counters.messages_sent, (unsigned long long)counters.resends,
              (unsigned long long)counters.messages_received, (unsigned long long)counters.duplicates,
              (unsigned long long)counters.dropped, (unsigned long long)counters.digest_failures,
              counters.payload_bytes, counters.send_limit, (long long)counters.smoothed_rtt_us);
}

static enum err run_tunnel(struct connect *connect)
{
    struct client *client = &connect->client;
    AUTO(sha256_free) struct sha256 *hash = NULL;
    AUTO(channel_free) struct channel *channel = NULL;
    AUTO(tunnel_close) struct tunnel tunnel = {0};
    TRY(sha256_new(&hash));
    TRY(make_channel(connect->payload_bytes, hash, &channel));
    TRY(stream_open_data_channel(&connect->stream, client, &connect->session.token));
    /* Nothing more can be asked of the person, and no byte has passed: out of the terminal's reach, or Ctrl-C at the
     * ssh that happens to be the first would end the tunnel of a ControlPersist master. */
    (void)terminal_leave_session();
    char name_memory[NAME_SIZE];
    struct text name = text_in(name_memory, sizeof name_memory);
    put_name(connect, &name);
    struct tunnel_session session = {
        .name = name.data,
        .channel = channel,
        .stream = &connect->stream,
        .session_id = connect->session.session_id,
        .ping_interval_us = connect->ping_us,
        .resume_budget_us = connect->resume_us,
        .payload_bytes = connect->payload_bytes,
    };
    TRY(tunnel_open(&tunnel, client, &session, &connect->reaper));
    enum err err = tunnel_run(&tunnel);
    connect->was_open = tunnel.was_open;
    connect->is_unbegun = channel_result(channel).is_unanswered || tunnel.was_lost_unbegun;
    log_counters(channel);
    struct channel_result result = channel_result(channel);
    if (result.is_session_over) {
        session_forget(client, connect->session.session_id);
        connect->session.session_id[0] = '\0';
    }
    if (err == ERR_OK && result.err != ERR_OK) {
        text_clear(&client->why);
        text_put(&client->why, result.reason);
        err = result.err;
    }
    return err == ERR_OK && client->signal != 0 ? ERR_INTERRUPTED : err;
}

/* ---- leaving ---- */

static void put_source(const struct account *account, struct text *line)
{
    char memory[LIMIT_PROFILE + 64];
    struct text source = text_in(memory, sizeof memory);
    account_put_source(account, &source);
    text_format(line, source.len > 0 ? " (%s)" : "%s", memory);
}

static int report(const struct connect *connect, enum err err)
{
    const struct client *client = &connect->client;
    if (err == ERR_OK) {
        return 0;
    }
    if (err == ERR_INTERRUPTED) {
        log_debug("interrupted by signal %d", client->signal);
        return 128 + client->signal;
    }
    char name_memory[NAME_SIZE];
    struct text name = text_in(name_memory, sizeof name_memory);
    put_name(connect, &name);
    char line_memory[FAILURE_SIZE];
    struct text line = text_in(line_memory, sizeof line_memory);
    if (err == ERR_OFFLINE && connect->cause[0] != '\0') {
        text_format(&line, "%s: %s", err_text(err), connect->cause);
    } else {
        failure_put(err, &client->why, &line);
    }
    if (err == ERR_CREDENTIALS) {
        put_source(&client->account, &line);
    }
    log_error("%s: %s", name.data, line.data);
    return err_exit_code(err);
}

/* Whoever reads our output sees its end now, and need not wait for us to clean up. */
static void release_stdio(void)
{
    (void)close(STDIN_FILENO);
    (void)close(STDOUT_FILENO);
    if (stdio_guard() != ERR_OK) {
        log_debug("standard input and output stay closed");
    }
}

/* Whatever happened, the session ends; when that cannot be done now, it stands in its record for the next run. */
static void end_session(struct connect *connect)
{
    struct client *client = &connect->client;
    if (connect->session.session_id[0] == '\0') {
        return;
    }
    text_clear(&client->why);
    enum err err = session_end(client, connect->session.session_id, clock_mono_us() + TUNNEL_LEAVE_US);
    if (err != ERR_OK) {
        log_debug("session %s stays for the next run to end: %s", connect->session.session_id, client->why.data);
    }
    connect->session.session_id[0] = '\0';
}

static void leave(struct connect *connect)
{
    struct client *client = &connect->client;
    release_stdio();
    end_session(connect);
    if (connect->was_open) {
        reaper_finish(&connect->reaper, client, clock_mono_us() + REAP_US);
    }
}

static enum err connect_and_run(struct connect *connect)
{
    struct client *client = &connect->client;
    TRY(node_choice_open(&connect->choice, client, &connect->flags, connect->timeout_us));
    for (int left = SESSIONS_MAX;; left--) {
        TRY(connect_patiently(connect));
        enum err err = run_tunnel(connect);
        if (!connect->is_unbegun || left == 1 || client->signal != 0 || clock_mono_us() >= client->deadline_us) {
            return err;
        }
        log_debug("the session does not begin: %s; starting another one", client->why.data);
        end_session(connect);
        websocket_free(&client->websocket);
    }
}

static int connect_run(const struct options *options)
{
    struct connect connect = {.options = options};
    enum err err = parse(&connect);
    if (err != ERR_OK) {
        node_choice_free(&connect.choice);
        return err_exit_code(err);
    }
    err = connect_and_run(&connect);
    if (err == ERR_NO_TARGET && connect.choice.id[0] == '\0') {
        explain_missing(&connect);
    }
    int exit_code = report(&connect, err);
    leave(&connect);
    reaper_free(&connect.reaper);
    ssm_api_session_wipe(&connect.session);
    client_close(&connect.client);
    node_choice_free(&connect.choice);
    return exit_code;
}

const struct verb connect_verb = {
    .name = "connect",
    .arguments = "[--] TARGET [PORT [USER]]",
    .summary = "Carry an SSH connection to a node: the ProxyCommand of OpenSSH.",
    .details =
        "TARGET is an id (i-..., mi-..., ecs:...), a Name, tag:KEY=VALUE, an address, a DNS name of EC2 or an alias;\n"
        ".REGION or .REGION.PROFILE may follow. PORT is 22 unless given; USER is ignored.\n"
        "Standard input and output are the tunnel.",
    .options = OPTIONS_AWS | OPTION_BIT(OPTION_DOCUMENT_NAME) | OPTION_BIT(OPTION_REASON) |
               OPTION_BIT(OPTION_CONNECT_TIMEOUT) | OPTION_BIT(OPTION_RESUME_TIMEOUT) | OPTION_BIT(OPTION_WAIT) |
               OPTION_BIT(OPTION_START) | OPTION_BIT(OPTION_SEARCH_REGIONS) | OPTION_BIT(OPTION_PING_INTERVAL) |
               OPTION_BIT(OPTION_PAYLOAD_SIZE),
    .min_arguments = 1,
    .max_arguments = 3,
    .run = connect_run,
};
