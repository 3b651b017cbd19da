#include "proxy/command/node_session.h"

#include "common/log.h"
#include "proxy/command/session.h"
#include "proxy/edge/clock.h"
#include "proxy/edge/entropy.h"

void node_session_put_name(const struct node_access *access, const struct node_session_want *want, struct text *name)
{
    node_access_put_name(access, name);
    text_format(name, " %s", want->label);
}

static enum err make_chance(struct chance *ret_chance)
{
    uint8_t seed[CHANCE_SEED_LEN];
    TRY(entropy_fill(seed, sizeof seed));
    *ret_chance = chance_from_entropy(seed);
    return ERR_OK;
}

/* ---- from nothing to an open websocket ---- */

static const char *document_of(const struct node_session *session)
{
    const struct node_access *access = session->access;
    const char *given = access->options->values[OPTION_DOCUMENT_NAME];
    if (given == NULL && session->want.takes_alias_document) {
        given = access->choice.way->alias.document_name;
    }
    return given != NULL ? given : session->want.document_name;
}

static enum err start(struct node_session *session)
{
    const struct node_session_want *want = &session->want;
    struct node_access *access = session->access;
    struct client *client = &access->client;
    if (want->before_start != NULL) {
        TRY(want->before_start(want->context, access));
    }
    const char *reason = access->options->values[OPTION_REASON];
    struct ssm_api_start_session request = {
        .target = access->choice.id,
        .document_name = document_of(session),
        .parameters = want->parameters,
        .parameter_count = want->parameter_count,
        .reason = reason != NULL ? reason : access->choice.way->alias.reason,
    };
    TRY(session_start(client, &request, &session->session));
    log_debug("session %s on %s", session->session.session_id, access->choice.id);
    return client->signal != 0 ? ERR_INTERRUPTED : ERR_OK;
}

/* The connection to the gateway is made while StartSession runs. */
static enum err reach(struct node_session *session)
{
    struct client *client = &session->access->client;
    TRY(client_begin_resolve(client, true));
    const struct aws_service_gateway *gateway = &client->account.settings.gateway;
    stream_join(&session->stream, client);
    if (gateway->is_known) {
        TRY(websocket_connect(client->net, &gateway->url, &session->stream.websocket));
    }
    TRY(client_resolve(client, true, client->deadline_us));
    TRY(node_choice_find(&session->access->choice, client));
    TRY(start(session));
    struct chance chance;
    TRY(make_chance(&chance));
    TRY(stream_init(&session->stream, client, session->session.stream_url, chance));
    return stream_open(&session->stream, client);
}

static enum err reach_patiently(struct node_session *session)
{
    for (;;) {
        enum err err = reach(session);
        if (err != ERR_OFFLINE) {
            return err;
        }
        stream_close(&session->stream, &session->access->client); /* it would not stay open for that long */
        TRY(node_access_await(session->access));
    }
}

/* ---- the tunnel ---- */

static enum err make_channel(struct node_session *session)
{
    struct chance chance;
    struct channel_config config = channel_config_default();
    config.purpose = session->want.purpose;
    config.payload_bytes = session->access->payload_bytes;
    TRY(sha256_new(&session->hash));
    TRY(make_chance(&chance));
    return channel_new(&config, chance, session->hash, &session->channel);
}

enum err node_session_begin(struct node_session *session, struct node_access *access,
                            const struct node_session_want *want)
{
    *session = (struct node_session){.access = access, .want = *want};
    TRY(reach_patiently(session));
    TRY(make_channel(session));
    TRY(stream_open_data_channel(&session->stream, &session->session.token));
    struct text name = text_in(session->name, sizeof session->name);
    node_session_put_name(access, want, &name);
    struct tunnel_session tunnel = {
        .name = session->name,
        .channel = session->channel,
        .stream = &session->stream,
        .session_id = session->session.session_id,
        .local = want->local,
        .ping_interval_us = access->ping_us,
        .resume_budget_us = access->resume_us,
    };
    tunnel_open(&session->tunnel, &access->client, &tunnel);
    return ERR_OK;
}

bool node_session_is_over(const struct node_session *session)
{
    return session->tunnel.is_over;
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

enum err node_session_finish(struct node_session *session)
{
    struct client *client = &session->access->client;
    const struct tunnel_local *local = &session->want.local;
    struct channel_result result = channel_result(session->channel);
    session->was_open = session->tunnel.was_open;
    session->is_unbegun = result.is_unanswered || session->tunnel.was_lost_unbegun;
    tunnel_close(&session->tunnel);
    log_counters(session->channel);
    if (result.is_session_over) {
        session_forget(client, session->session.session_id);
        session->session.session_id[0] = '\0';
    }
    text_clear(&client->why);
    TRY(local->judge(local->context, &client->why));
    if (result.err != ERR_OK) {
        text_put(&client->why, result.reason);
        return result.err;
    }
    return client->signal != 0 ? ERR_INTERRUPTED : ERR_OK;
}

bool node_session_may_begin_again(const struct node_session *session)
{
    const struct client *client = &session->access->client;
    return session->is_unbegun && client->signal == 0 && clock_mono_us() < client->deadline_us;
}

enum err node_session_run(struct node_session *session, struct node_access *access,
                          const struct node_session_want *want)
{
    for (int left = NODE_SESSION_TRIES;; left--) {
        TRY(node_session_begin(session, access, want));
        while (!node_session_is_over(session)) {
            TRY(node_access_turn(access, session->tunnel.was_open));
        }
        enum err err = node_session_finish(session);
        if (left == 1 || !node_session_may_begin_again(session)) {
            return err;
        }
        log_debug("the session does not begin: %s; starting another one", access->client.why.data);
        node_session_end(session);
    }
}

/* ---- the end ---- */

static void terminate(struct node_session *session)
{
    struct client *client = &session->access->client;
    const char *id = session->session.session_id;
    if (id[0] == '\0') {
        return;
    }
    text_clear(&client->why);
    if (session_end(client, id, clock_mono_us() + TUNNEL_LEAVE_US) != ERR_OK) {
        log_debug("session %s stays for the next run to end: %s", id, client->why.data);
    }
}

void node_session_end(struct node_session *session)
{
    if (session->access == NULL) {
        return;
    }
    tunnel_close(&session->tunnel);
    stream_close(&session->stream, &session->access->client);
    channel_free(&session->channel);
    sha256_free(&session->hash);
    terminate(session);
    ssm_api_session_wipe(&session->session);
    session->session.session_id[0] = '\0';
    session->access = NULL;
}
