#include "proxy/command/stream.h"

#include "proxy/core/control_message.h"

enum err stream_init(struct stream *stream, struct run *run, const char *stream_url, struct chance chance)
{
    TRY(endpoint_parse_stream_url(bytes_of_text(stream_url), &stream->url, &run->why));
    aws_settings_apply_gateway(&run->account.settings, &stream->url);
    stream->chance = chance;
    stream->client_id = uuid_v4(&stream->chance);
    return ERR_OK;
}

enum err stream_upgrade(const struct stream *stream, struct run *run)
{
    if (run->websocket == NULL) {
        TRY(websocket_connect(run->net, &stream->url, &run->websocket));
    }
    return websocket_upgrade(run->websocket, &stream->url);
}

enum err stream_open_data_channel(struct stream *stream, struct run *run, struct secret *token)
{
    struct uuid request_id = uuid_v4(&stream->chance);
    char memory[LIMIT_SECRET];
    struct text frame = text_in(memory, sizeof memory);
    enum err err = control_message_open_data_channel(&request_id, token, &stream->client_id, &frame);
    err = err == ERR_OK ? websocket_send(run->websocket, WEBSOCKET_TEXT, text_bytes(&frame)) : err;
    explicit_bzero(memory, sizeof memory);
    secret_wipe(token);
    return err;
}
