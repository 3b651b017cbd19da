#include "proxy/command/node_access.h"

#include "common/log.h"
#include "proxy/command/explain_offline.h"
#include "proxy/command/failure.h"
#include "proxy/edge/clock.h"

#define CONNECT_TIMEOUT_S 60
#define RESUME_TIMEOUT_S 900
#define PING_INTERVAL_S 20 /* under every idle limit of a NAT or load balancer in the field */
#define MIN_PAYLOAD 1024   /* what every client sends */
#define MAX_PAYLOAD 65536
#define REAP_US (5 * 1000 * 1000)

/* ---- the command line ---- */

static enum err parse_wait(struct node_access *access)
{
    const char *text = access->options->values[OPTION_WAIT];
    access->wait.may_start = options_has(access->options, OPTION_START);
    if (text_is_given(text)) {
        return proxy_options_seconds(access->options, OPTION_WAIT, PROXY_OPTIONS_WAIT_S, &access->wait_us);
    }
    if (text != NULL || access->wait.may_start) {
        access->wait_us = (int64_t)PROXY_OPTIONS_WAIT_S * 1000 * 1000;
    }
    return ERR_OK;
}

static enum err parse_target(struct node_access *access)
{
    const struct options *options = access->options;
    access->flags = proxy_options_flags(options);
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    enum err err = node_choice_read(&access->choice, options->arguments[0], &access->flags, &why);
    if (err != ERR_OK) {
        log_error("%s: %s", options->verb->name, why.len > 0 ? why.data : err_text(err));
    }
    return err;
}

enum err node_access_parse(struct node_access *access, const struct options *options)
{
    access->options = options;
    TRY(parse_target(access));
    TRY(parse_wait(access));
    TRY(proxy_options_seconds(options, OPTION_CONNECT_TIMEOUT, CONNECT_TIMEOUT_S, &access->timeout_us));
    struct proxy_options_range payload = {"bytes", MIN_PAYLOAD, MAX_PAYLOAD, MIN_PAYLOAD};
    TRY(proxy_options_number(options, OPTION_PAYLOAD_SIZE, &payload, &access->payload_bytes));
    TRY(proxy_options_seconds(options, OPTION_PING_INTERVAL, PING_INTERVAL_S, &access->ping_us));
    return proxy_options_seconds(options, OPTION_RESUME_TIMEOUT, RESUME_TIMEOUT_S, &access->resume_us);
}

enum err node_access_open(struct node_access *access)
{
    access->is_open = true; /* from here on it is to be closed */
    return node_choice_open(&access->choice, &access->client, &access->flags, access->timeout_us);
}

/* ---- a node that is not connected ---- */

static void explain(struct node_access *access)
{
    struct text cause = text_in(access->cause, sizeof access->cause);
    explain_offline(&access->client, access->choice.id, options_has(access->options, OPTION_SEARCH_REGIONS), &cause);
}

static void explain_missing(struct node_access *access)
{
    struct text *why = &access->client.why;
    const struct target *target = &access->choice.way->target;
    if (!options_has(access->options, OPTION_SEARCH_REGIONS)) {
        bool names_region = target->region[0] != '\0';
        text_put(why, names_region ? "" : "; --search-regions looks in the regions of your profiles");
        return;
    }
    struct text cause = text_in(access->cause, sizeof access->cause);
    explain_offline_missing(&access->client, target, &cause);
    text_format(why, "%s%s", cause.len > 0 ? "; " : "", cause.data);
}

enum err node_access_await(struct node_access *access)
{
    struct client *client = &access->client;
    if (access->wait_us == 0) {
        explain(access);
        return ERR_OFFLINE;
    }
    log_debug("waiting for %s: %s", access->choice.id, client->why.data);
    text_clear(&client->why);
    if (access->wait.deadline_us == 0) {
        access->wait.deadline_us = clock_mono_us() + access->wait_us;
    }
    access->wait.name = access->options->arguments[0];
    access->wait.id = access->choice.id;
    enum err err = wait_node(client, &access->wait);
    log_progress(NULL);
    client->deadline_us = clock_mono_us() + access->timeout_us;
    if (err == ERR_TIMEOUT) {
        explain(access);
        text_format(&client->why, "%s%s", access->cause[0] != '\0' ? "; " : "", access->cause);
    }
    return err;
}

/* ---- turning and leaving ---- */

enum err node_access_turn(struct node_access *access, bool is_open)
{
    TRY(client_turn(&access->client, INSTANT_NEVER));
    if (is_open) {
        reaper_begin(&access->reaper, &access->client);
    }
    return ERR_OK;
}

void node_access_leave(struct node_access *access)
{
    reaper_finish(&access->reaper, &access->client, clock_mono_us() + REAP_US);
}

void node_access_close(struct node_access *access)
{
    if (access->is_open) {
        reaper_free(&access->reaper, &access->client);
        client_close(&access->client);
    }
    node_choice_free(&access->choice);
}

/* ---- words ---- */

void node_access_put_name(const struct node_access *access, struct text *name)
{
    const char *target = access->options->arguments[0];
    const char *id = access->choice.id;
    text_put(name, target);
    if (id[0] != '\0' && strcmp(id, target) != 0) {
        text_format(name, " (%s)", id);
    }
}

static void put_source(const struct account *account, struct text *line)
{
    char memory[LIMIT_PROFILE + 64];
    struct text source = text_in(memory, sizeof memory);
    account_put_source(account, &source);
    text_format(line, source.len > 0 ? " (%s)" : "%s", memory);
}

int node_access_report(struct node_access *access, const char *name, enum err err)
{
    const struct client *client = &access->client;
    if (err == ERR_OK) {
        return 0;
    }
    if (err == ERR_INTERRUPTED) {
        log_debug("interrupted by signal %d", client->signal);
        return 128 + client->signal;
    }
    if (err == ERR_NO_TARGET && access->choice.id[0] == '\0') {
        explain_missing(access);
    }
    char memory[FAILURE_SIZE];
    struct text line = text_in(memory, sizeof memory);
    if (err == ERR_OFFLINE && access->cause[0] != '\0') {
        text_format(&line, "%s: %s", err_text(err), access->cause);
    } else {
        failure_put(err, &client->why, &line);
    }
    if (err == ERR_CREDENTIALS) {
        put_source(&client->account, &line);
    }
    log_error("%s: %s", name, line.data);
    return err_exit_code(err);
}
