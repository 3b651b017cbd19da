#include "proxy/command/resume.h"

#include "common/log.h"
#include "proxy/command/api.h"
#include "proxy/command/failure.h"

#define TRY_US (20 * 1000 * 1000) /* one try: API call, connection, upgrade */
#define TRY_MIN_US (100 * 1000)

void resume_begin(struct resume *resume, const char *name, struct stream *stream, int64_t budget_us, bool was_useful,
                  int64_t now_us)
{
    struct reconnect before = resume->reconnect;
    *resume = (struct resume){.is_active = true, .name = name, .began_us = now_us, .reconnect = before};
    resume->why = text_in(resume->why_memory, sizeof resume->why_memory);
    if (before.pause_us == 0) {
        struct chance chance = chance_from_number(chance_next(&stream->chance));
        resume->reconnect = reconnect_begin(chance, budget_us, now_us);
    } else {
        reconnect_again(&resume->reconnect, was_useful, budget_us, now_us);
    }
}

static void end_try(struct resume *resume)
{
    api_free(&resume->call);
    account_wipe(&resume->account);
    secret_wipe(&resume->token);
    resume->is_trying = false;
    resume->is_upgrading = false;
}

void resume_free(struct resume *resume)
{
    end_try(resume);
    resume->is_active = false;
}

/* The last try ends with the time that resuming has. */
static int64_t time_of_try_us(const struct resume *resume, int64_t now_us)
{
    int64_t left_us = resume->reconnect.give_up_us - now_us;
    left_us = left_us > TRY_MIN_US ? left_us : TRY_MIN_US;
    return left_us < TRY_US ? left_us : TRY_US;
}

/* Credentials are resolved anew: those that StartSession was signed with may have expired long ago. */
static enum err begin_try(struct resume *resume, struct client *client, struct stream *stream, int64_t now_us)
{
    text_clear(&resume->why);
    resume->is_from_environment = false;
    TRY(account_open(&client->flags, &resume->account, &resume->why));
    websocket_free(&stream->websocket);
    TRY(websocket_connect(client->net, &stream->url, &stream->websocket));
    resume->is_trying = true;
    resume->try_ends_us = now_us + time_of_try_us(resume, now_us);
    return ERR_OK;
}

/* ERR_AGAIN while the credentials are being resolved. */
static enum err ask_for_token(struct resume *resume, struct client *client, const char *session_id)
{
    struct resolver_way way = {.api = &client->api, .is_apart = true};
    enum err err = account_pump(&resume->account, &way, &resume->why);
    TRY(err == ERR_DENIED ? ERR_CREDENTIALS : err); /* a role that is refused now may be allowed again */
    resume->is_from_environment = resume->account.credentials.source == AWS_CREDENTIALS_ENVIRONMENT;
    AUTO(ssm_api_request_free) struct ssm_api_request request = {0};
    TRY(ssm_api_resume_session(session_id, &request));
    struct api_way apart = {.deadline_us = resume->try_ends_us, .tries = 1, .is_apart = true};
    return api_post(&client->api, &resume->account, &request, apart, &resume->call);
}

/* ERR_OK: the token is here. */
static enum err take_token(struct resume *resume)
{
    struct aws_reply reply;
    TRY(api_reply(resume->call, &reply, &resume->why));
    AUTO(ssm_api_session_wipe) struct ssm_api_session session = {.session_id = ""};
    struct service_failure failure;
    enum err err = ssm_api_parse_resumed_session(&reply, &session, &failure);
    if (err == ERR_DENIED) {
        text_put(&resume->why, "without ssm:ResumeSession a connection that is lost cannot be brought back: ");
    }
    if (err != ERR_OK) {
        service_failure_put(&failure, &resume->why);
        return err;
    }
    api_free(&resume->call);
    return secret_set(&resume->token, secret_bytes(&session.token));
}

/* What no further try can change. */
static bool is_final(enum err err)
{
    return err == ERR_SESSION_ENDED || err == ERR_DENIED;
}

/* Every try fails alike until somebody does something. */
static bool needs_person(enum err err)
{
    return err == ERR_CREDENTIALS || err == ERR_NO_CREDENTIALS || err == ERR_NO_PROMPT || err == ERR_CLOCK_SKEW ||
           err == ERR_CONFIG;
}

static void tell_person(struct resume *resume, enum err err, int64_t now_us)
{
    if (resume->has_told || !needs_person(err)) {
        return;
    }
    resume->has_told = true;
    char memory[FAILURE_SIZE];
    struct text line = text_in(memory, sizeof memory);
    failure_put(err, &resume->why, &line);
    bool is_fixed = err == ERR_CREDENTIALS && resume->is_from_environment;
    log_event("%s: cannot be resumed yet: %s%s; it is tried again for %lld s", resume->name, line.data,
              is_fixed ? " (they are in the environment, which stays as it is while this runs: connect again)" : "",
              (long long)((resume->reconnect.give_up_us - now_us) / 1000000));
}

static enum err get_token(struct resume *resume, struct client *client, const char *session_id)
{
    if (resume->call == NULL) {
        TRY(ask_for_token(resume, client, session_id));
    }
    return take_token(resume);
}

static enum err go_on(struct resume *resume, struct client *client, struct stream *stream, const char *session_id)
{
    if (!secret_is_set(&resume->token)) {
        TRY(get_token(resume, client, session_id));
    }
    if (!resume->is_upgrading) {
        TRY(stream_upgrade(stream, client));
        resume->is_upgrading = true;
    }
    if (websocket_state(stream->websocket) == WEBSOCKET_OPEN) {
        enum err err = stream_open_data_channel(stream, &resume->token);
        return err == ERR_AGAIN ? ERR_UNREACHABLE : err; /* no room in a new connection's buffer: the next try */
    }
    if (websocket_state(stream->websocket) == WEBSOCKET_CLOSED) {
        enum err err = websocket_error(stream->websocket, &resume->why);
        return err == ERR_OK || is_final(err) ? ERR_UNREACHABLE : err; /* a busy gateway, not a lost permission */
    }
    return ERR_AGAIN;
}

static const char *awaited(const struct resume *resume)
{
    if (secret_is_set(&resume->token)) {
        return "the message gateway did not answer";
    }
    return resume->call != NULL ? "the SSM API did not answer" : "the credentials could not be resolved";
}

/* A try ends in its time, whatever it waits for. */
static enum err go_on_in_time(struct resume *resume, struct client *client, struct stream *stream,
                              const char *session_id, int64_t now_us)
{
    enum err err = go_on(resume, client, stream, session_id);
    if (err != ERR_AGAIN || now_us < resume->try_ends_us) {
        return err;
    }
    text_clear(&resume->why);
    text_format(&resume->why, "%s in time", awaited(resume));
    return ERR_TIMEOUT;
}

/* Without these words the failure would read like a connection lost once more, which is resumed. */
static enum err give_up(struct resume *resume)
{
    text_format(&resume->why, "%sit could not be resumed within the --resume-timeout", resume->why.len > 0 ? "; " : "");
    resume->is_active = false;
    return ERR_SESSION_LOST;
}

enum err resume_pump(struct resume *resume, struct client *client, struct stream *stream, const char *session_id,
                     int64_t now_us)
{
    if (!resume->is_trying && reconnect_is_over(&resume->reconnect)) {
        return give_up(resume);
    }
    if (!resume->is_trying && now_us < resume->reconnect.next_us) {
        return ERR_AGAIN;
    }
    enum err err = resume->is_trying ? ERR_OK : begin_try(resume, client, stream, now_us);
    err = err == ERR_OK ? go_on_in_time(resume, client, stream, session_id, now_us) : err;
    if (err == ERR_AGAIN) {
        return err;
    }
    end_try(resume);
    if (err == ERR_OK || is_final(err)) {
        resume->is_active = false;
        return err;
    }
    log_debug("the session could not be resumed yet: %s: %s", err_text(err), resume->why.data);
    tell_person(resume, err, now_us);
    return reconnect_failed(&resume->reconnect, now_us) ? ERR_AGAIN : give_up(resume);
}

int64_t resume_deadline_us(const struct resume *resume)
{
    if (!resume->is_active) {
        return INSTANT_NEVER;
    }
    int64_t next_us = resume->is_trying ? resume->try_ends_us : resume->reconnect.next_us;
    return instant_earlier(next_us, account_deadline_us(&resume->account));
}
