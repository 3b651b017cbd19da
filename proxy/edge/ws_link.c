#include "proxy/edge/ws_link.h"

#include "proxy/edge/clock.h"

#include <string.h>

/* ---- connecting ---- */

static enum err ws_link_connect(struct ws_link *link)
{
    link->state = WS_LINK_CONNECTING;
    link->deadline_us = INSTANT_NEVER;
    link->request_len = link->request_sent = 0;
    link->upgrade.answer_len = 0;
    enum err err = tls_stream_open(link->net, &link->url, &link->stream);
    if (err != ERR_OK) {
        link->state = WS_LINK_FAILED;
    }
    return err;
}

enum err ws_link_open(struct net *net, struct entropy_pool *entropy, const struct endpoint_url *url,
                      struct ws_link *link)
{
    memset(link, 0, sizeof *link);
    link->net = net;
    link->entropy = entropy;
    link->url = *url;
    return ws_link_connect(link);
}

void ws_link_close(struct ws_link *link)
{
    tls_stream_close(&link->stream);
    link->state = WS_LINK_FAILED;
    link->deadline_us = INSTANT_NEVER;
}

/* A new connection in place of a stale one, once. False: that has been done, or cannot be. */
static bool ws_link_connect_afresh(struct ws_link *link)
{
    if (link->is_fresh) {
        return false;
    }
    link->is_fresh = true;
    tls_stream_close(&link->stream);
    return ws_link_connect(link) == ERR_OK;
}

/* ---- asking ---- */

/* ERR_AGAIN while not all of it is sent, too: the answer cannot come before. */
static enum err ws_link_send_request(struct ws_link *link, struct text *ret_why)
{
    enum err err = ERR_OK;
    while (err == ERR_OK && link->request_sent < link->request_len) {
        size_t sent = 0;
        struct bytes rest = bytes_from(bytes_of(link->request, link->request_len), link->request_sent);
        err = tls_stream_send(&link->stream, rest, &sent, ret_why);
        link->request_sent += sent;
    }
    link->stream.source.want_write = err == ERR_AGAIN;
    return err;
}

static enum err ws_link_write_request(struct ws_link *link, struct text *ret_why)
{
    uint8_t nonce[WS_UPGRADE_NONCE_LEN];
    struct text request = text_in(link->request, sizeof link->request);
    enum err err = entropy_take(link->entropy, nonce, sizeof nonce);
    if (err == ERR_OK) {
        err = ws_upgrade_begin(&link->upgrade, &link->url, nonce, &request);
    }
    if (err != ERR_OK) {
        text_put(ret_why, "the websocket upgrade cannot be asked for");
        return err;
    }
    link->request_len = request.len;
    link->request_sent = 0;
    link->state = WS_LINK_UPGRADING;
    link->deadline_us = clock_mono_us() + WS_LINK_ANSWER_TIMEOUT_US;
    link->stream.source.want_read = true;
    return ERR_OK;
}

/* A connection that waited may be dead by now: then it is readable, and says so. */
static enum err ws_link_begin_upgrade(struct ws_link *link, uint8_t *buffer, size_t size, struct text *ret_why)
{
    size_t len = 0;
    enum err err = tls_stream_receive(&link->stream, buffer, size, &len, ret_why);
    if (err == ERR_AGAIN) {
        return ws_link_write_request(link, ret_why);
    }
    if (err == ERR_OK && len > 0) {
        text_put(ret_why, "the gateway spoke before it was asked for a websocket");
        return ERR_PROTOCOL;
    }
    if (ws_link_connect_afresh(link)) {
        return ERR_AGAIN;
    }
    text_put(ret_why, err == ERR_OK ? "the gateway closes connections at once" : "");
    return ERR_UNREACHABLE;
}

enum err ws_link_upgrade(struct ws_link *link, const struct endpoint_url *url)
{
    bool is_same = endpoint_same_address(&link->url, url);
    link->url = *url;
    link->is_upgrade_asked = true;
    if (!is_same) {
        tls_stream_close(&link->stream);
        return ws_link_connect(link);
    }
    if (link->state == WS_LINK_FAILED) {
        return ws_link_connect_afresh(link) ? ERR_OK : ERR_MEMORY;
    }
    return ERR_OK;
}

/* ---- the answer ---- */

/* The stream ended before the websocket was open. Before one byte of the answer, it was stale. */
static enum err ws_link_lose(struct ws_link *link, bool is_end, struct text *ret_why)
{
    if (link->upgrade.answer_len == 0 && ws_link_connect_afresh(link)) {
        return ERR_AGAIN;
    }
    text_put(ret_why, is_end ? "the gateway closed the connection before the websocket was open" : "");
    return ERR_UNREACHABLE;
}

static enum err ws_link_read_answer(struct ws_link *link, uint8_t *buffer, size_t size, struct bytes *ret_first,
                                    struct text *ret_why)
{
    for (;;) {
        size_t len = 0;
        enum err err = tls_stream_receive(&link->stream, buffer, size, &len, ret_why);
        if (err == ERR_AGAIN && clock_mono_us() >= link->deadline_us) {
            text_format(ret_why, "%s does not answer the websocket upgrade", link->url.host);
            return ERR_TIMEOUT;
        }
        if (err == ERR_AGAIN) {
            return ERR_AGAIN;
        }
        if (err != ERR_OK || len == 0) {
            return ws_link_lose(link, err == ERR_OK, ret_why);
        }
        size_t used = 0;
        err = ws_upgrade_accept(&link->upgrade, bytes_of(buffer, len), &used, ret_why);
        if (err != ERR_AGAIN) {
            *ret_first = bytes_of(buffer + used, len - used);
            return err;
        }
    }
}

static enum err ws_link_step(struct ws_link *link, uint8_t *buffer, size_t size, struct bytes *ret_first,
                             struct text *ret_why)
{
    if (link->state == WS_LINK_CONNECTING) {
        TRY(tls_stream_connect(&link->stream, ret_why));
        link->state = WS_LINK_CONNECTED;
    }
    if (link->state == WS_LINK_CONNECTED) {
        TRY(link->is_upgrade_asked ? ws_link_begin_upgrade(link, buffer, size, ret_why) : ERR_AGAIN);
    }
    enum err err = ws_link_send_request(link, ret_why);
    if (err != ERR_OK && err != ERR_AGAIN) {
        return ws_link_lose(link, false, ret_why);
    }
    return ws_link_read_answer(link, buffer, size, ret_first, ret_why);
}

enum err ws_link_pump(struct ws_link *link, uint8_t *buffer, size_t size, struct bytes *ret_first, struct text *ret_why)
{
    enum err err = ws_link_step(link, buffer, size, ret_first, ret_why);
    if (err == ERR_OK) {
        link->state = WS_LINK_OPEN;
        link->deadline_us = INSTANT_NEVER;
    } else if (err != ERR_AGAIN) {
        ws_link_close(link);
    } else {
        text_clear(ret_why); /* words about a connection that has been replaced */
    }
    return err;
}
