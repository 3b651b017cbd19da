#include "proxy/command/reaper.h"

#include "common/log.h"
#include "proxy/command/api.h"
#include "proxy/edge/clock.h"

#include <signal.h>

/* Shorter than what is left after a tunnel, so that a run of one second gets past one API that is out of reach. */
#define CALL_TIMEOUT_US (4 * 1000 * 1000)
#define LATER_US (500 * 1000)

static bool is_unreachable(const struct reaper *reaper)
{
    for (size_t i = 0; i < reaper->unreachable_count; i++) {
        if (strcmp(reaper->unreachable[i], reaper->record.endpoint_url) == 0) {
            return true;
        }
    }
    return false;
}

/* No answer, whatever the reason. */
static void give_up_endpoint(struct reaper *reaper)
{
    char *url = strdup(reaper->record.endpoint_url);
    if (url == NULL || reaper->unreachable_count == REAPER_UNREACHABLE_MAX) {
        free(url);
        reaper->is_done = true;
        return;
    }
    reaper->unreachable[reaper->unreachable_count++] = url;
}

/* As the account of the record says; the person may be someone else by now, or logged out. */
static enum err begin(struct reaper *reaper, const struct client *client, struct text *why)
{
    const struct session_record *record = &reaper->record;
    bool is_ours = strcmp(record->profile, client->account.settings.profile) == 0;
    struct aws_config_flags flags = client->flags;
    flags.profile = is_ours ? client->flags.profile : record->profile;
    flags.region = record->region;
    flags.endpoint_url = record->endpoint_url;
    return account_open(&flags, &reaper->account, why);
}

static void begin_next(struct reaper *reaper, struct client *client)
{
    if (client->records == NULL || !session_record_next_stale(client->records, &reaper->record)) {
        reaper->is_done = true;
        return;
    }
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    if (is_unreachable(reaper)) {
        log_debug("session %s of an earlier run stays: its API did not answer before", reaper->record.session_id);
        return;
    }
    reaper->is_at_work = begin(reaper, client, &why) == ERR_OK;
    if (!reaper->is_at_work) {
        log_debug("session %s of an earlier run stays: %s", reaper->record.session_id, memory);
    }
}

/* ERR_AGAIN while the session is being ended. */
static enum err go_on(struct reaper *reaper, struct client *client, struct text *why)
{
    if (reaper->call == NULL) {
        struct resolver_way way = {.api = &client->api};
        TRY(account_pump(&reaper->account, &way, why));
        AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
        TRY(ssm_api_terminate_session(reaper->record.session_id, &request));
        struct api_way once = {.timeout_us = CALL_TIMEOUT_US, .tries = 1}; /* the next run tries again */
        TRY(api_post(&client->api, &reaper->account, &request, once, &reaper->call));
    }
    struct aws_reply reply;
    enum err err = api_reply(reaper->call, &reply, why);
    if (err != ERR_OK) {
        if (err != ERR_AGAIN) {
            give_up_endpoint(reaper);
        }
        return err;
    }
    struct service_failure failure;
    err = ssm_api_parse_terminated_session(&reply, &failure);
    if (err != ERR_OK) {
        service_failure_put(&failure, why);
    }
    return err;
}

/* False while the session is being ended. */
static bool end_session(struct reaper *reaper, struct client *client)
{
    char memory[512];
    struct text why = text_in(memory, sizeof memory);
    enum err err = go_on(reaper, client, &why);
    if (err == ERR_AGAIN) {
        return false;
    }
    if (err == ERR_OK) {
        log_debug("ended session %s of an earlier run", reaper->record.session_id);
        session_record_remove(client->records, reaper->record.session_id);
    } else {
        log_debug("session %s of an earlier run stays: %s", reaper->record.session_id, memory);
    }
    api_free(&reaper->call);
    account_wipe(&reaper->account);
    reaper->is_at_work = false;
    return true;
}

static void pump(void *context, struct client *client)
{
    struct reaper *reaper = context;
    while (!reaper->is_done) {
        if (reaper->is_at_work && !end_session(reaper, client)) {
            return;
        }
        begin_next(reaper, client);
    }
}

/* It has not begun: a tunnel that is quiet from its beginning is not to keep it longer than this. */
static int64_t deadline_us(const void *context, int64_t now_us)
{
    const struct reaper *reaper = context;
    return !reaper->is_done && !reaper->is_at_work ? now_us + LATER_US : INSTANT_NEVER;
}

void reaper_begin(struct reaper *reaper, struct client *client)
{
    if (reaper->companion.pump == NULL) {
        reaper->companion = (struct companion){.context = reaper, .pump = pump, .deadline_us = deadline_us};
        companion_join(client, &reaper->companion);
    }
}

void reaper_finish(struct reaper *reaper, struct client *client, int64_t deadline_us)
{
    if (client->signal == SIGINT || client->signal == SIGTERM) { /* SIGHUP is how ssh says good-bye, every time */
        deadline_us = instant_earlier(deadline_us, client->leave_by_us);
    }
    reaper_begin(reaper, client);
    pump(reaper, client);
    while (!reaper->is_done && !client->is_urgent && clock_mono_us() < deadline_us) {
        if (client_turn(client, deadline_us) != ERR_OK) {
            return;
        }
    }
}

void reaper_free(struct reaper *reaper, struct client *client)
{
    companion_leave(client, &reaper->companion);
    api_free(&reaper->call);
    account_wipe(&reaper->account);
    for (size_t i = 0; i < reaper->unreachable_count; i++) {
        free(reaper->unreachable[i]);
    }
    reaper->unreachable_count = 0;
}
