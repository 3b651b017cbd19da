#include "proxy/command/stream.h"

#include "common/log.h"
#include "proxy/core/control_message.h"
#include "proxy/core/reconnect.h"
#include "proxy/edge/clock.h"

static void pump(void *context, struct client *client)
{
    struct stream *stream = context;
    (void)client;
    if (stream->websocket != NULL) {
        websocket_pump(stream->websocket);
    }
}

static int64_t deadline_us(const void *context, int64_t now_us)
{
    const struct stream *stream = context;
    (void)now_us;
    return stream->websocket != NULL ? websocket_deadline_us(stream->websocket) : INSTANT_NEVER;
}

void stream_join(struct stream *stream, struct client *client)
{
    stream->companion = (struct companion){.context = stream, .pump = pump, .deadline_us = deadline_us};
    companion_join(client, &stream->companion);
}

void stream_close(struct stream *stream, struct client *client)
{
    companion_leave(client, &stream->companion);
    websocket_free(&stream->websocket);
}

enum err stream_init(struct stream *stream, struct client *client, const char *stream_url, struct chance chance)
{
    TRY(endpoint_parse_stream_url(bytes_of_text(stream_url), &stream->url, &client->why));
    aws_settings_apply_gateway(&client->account.settings, &stream->url);
    stream->chance = chance;
    stream->client_id = uuid_v4(&stream->chance);
    return ERR_OK;
}

enum err stream_upgrade(struct stream *stream, struct client *client)
{
    if (stream->websocket == NULL) {
        TRY(websocket_connect(client->net, &stream->url, &stream->websocket));
    }
    return websocket_upgrade(stream->websocket, &stream->url);
}

static enum err wait_for_websocket(const struct stream *stream, struct client *client)
{
    while (websocket_state(stream->websocket) != WEBSOCKET_OPEN) {
        if (websocket_state(stream->websocket) == WEBSOCKET_CLOSED) {
            enum err err = websocket_error(stream->websocket, &client->why);
            return err != ERR_OK ? err : ERR_UNREACHABLE;
        }
        if (clock_mono_us() >= client->deadline_us) {
            text_put(&client->why, "the message gateway did not answer in time");
            return ERR_TIMEOUT;
        }
        if (client->signal != 0) {
            return ERR_INTERRUPTED;
        }
        TRY(client_turn(client, client->deadline_us));
    }
    return ERR_OK;
}

/* Not what every try would meet: a certificate, a refusal, a gateway that breaks the protocol. */
static bool is_worth_a_try(enum err err)
{
    return err == ERR_UNREACHABLE || err == ERR_TIMEOUT || err == ERR_THROTTLED || err == ERR_SERVICE;
}

static enum err wait_until(struct client *client, int64_t until_us)
{
    while (clock_mono_us() < until_us) {
        if (client->signal != 0) {
            return ERR_INTERRUPTED;
        }
        TRY(client_turn(client, until_us));
    }
    return ERR_OK;
}

enum err stream_open(struct stream *stream, struct client *client)
{
    int64_t now_us = clock_mono_us();
    struct chance chance = chance_from_number(chance_next(&stream->chance));
    struct reconnect reconnect = reconnect_begin(chance, client->deadline_us - now_us, now_us);
    char last_failure[512] = "";
    for (;;) {
        TRY(stream_upgrade(stream, client));
        enum err err = wait_for_websocket(stream, client);
        if (!is_worth_a_try(err) || !reconnect_failed(&reconnect, clock_mono_us())) {
            if (err == ERR_TIMEOUT && last_failure[0] != '\0') { /* tells more than that the time is over */
                text_format(&client->why, "; before that: %s", last_failure);
            }
            return err;
        }
        struct text last = text_in(last_failure, sizeof last_failure);
        text_put(&last, client->why.data);
        log_debug("no websocket yet: %s; trying again", last_failure);
        websocket_free(&stream->websocket);
        text_clear(&client->why);
        TRY(wait_until(client, reconnect.next_us));
    }
}

enum err stream_open_data_channel(struct stream *stream, struct secret *token)
{
    struct uuid request_id = uuid_v4(&stream->chance);
    char memory[LIMIT_SECRET];
    struct text frame = text_in(memory, sizeof memory);
    enum err err = control_message_open_data_channel(&request_id, token, &stream->client_id, &frame);
    err = err == ERR_OK ? websocket_send(stream->websocket, WEBSOCKET_TEXT, text_bytes(&frame)) : err;
    explicit_bzero(memory, sizeof memory);
    secret_wipe(token);
    return err;
}
