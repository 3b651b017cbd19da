#include "proxy/edge/tls_stream.h"

#include <openssl/ssl.h>
#include <string.h>

static CURLcode tls_stream_on_context(CURL *easy, void *context, void *user)
{
    (void)easy;
    (void)user;
    (void)SSL_CTX_set_mode((SSL_CTX *)context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead((SSL_CTX *)context, 1);
    return CURLE_OK;
}

enum err tls_stream_open(struct net *net, const struct endpoint_url *url, struct tls_stream *stream)
{
    memset(stream, 0, sizeof *stream);
    stream->source.fd = -1;
    struct endpoint_url address = *url;
    address.scheme = ENDPOINT_HTTPS;
    address.has_port = true;
    (void)stpcpy(address.path, "/");
    TRY(net_transfer_open(net, &address, &stream->transfer));
    CURL *easy = stream->transfer.easy;
    bool is_set = curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, tls_stream_on_context) == CURLE_OK;
    enum err err = is_set ? net_transfer_start(&stream->transfer) : ERR_MEMORY;
    if (err != ERR_OK) {
        net_transfer_close(&stream->transfer);
    }
    return err;
}

void tls_stream_close(struct tls_stream *stream)
{
    if (stream->is_connected) {
        loop_remove(net_loop(stream->transfer.net), &stream->source);
        stream->is_connected = false;
    }
    net_transfer_close(&stream->transfer);
}

enum err tls_stream_connect(struct tls_stream *stream, struct text *ret_why)
{
    if (stream->is_connected) {
        return ERR_OK;
    }
    if (!stream->transfer.is_done) {
        return ERR_AGAIN;
    }
    TRY(net_transfer_error(&stream->transfer, ret_why));
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(stream->transfer.easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD) {
        text_format(ret_why, "the connection to %s was lost at once", stream->transfer.host);
        return ERR_UNREACHABLE;
    }
    stream->source.fd = fd;
    TRY(loop_add(net_loop(stream->transfer.net), &stream->source));
    stream->is_connected = true;
    return ERR_OK;
}

static enum err tls_stream_lost(const struct tls_stream *stream, CURLcode code, struct text *ret_why)
{
    const char *detail = stream->transfer.error_text;
    text_format(ret_why, "the connection to %s was lost: %s", stream->transfer.host,
                detail[0] != '\0' ? detail : curl_easy_strerror(code));
    return ERR_UNREACHABLE;
}

enum err tls_stream_receive(struct tls_stream *stream, uint8_t *buffer, size_t size, size_t *ret_len,
                            struct text *ret_why)
{
    if (stream->is_drained && !stream->source.can_read && !stream->source.is_broken) {
        return ERR_AGAIN; /* no system call for what epoll would have told */
    }
    stream->transfer.error_text[0] = '\0';
    size_t got = 0;
    CURLcode code = curl_easy_recv(stream->transfer.easy, buffer, size, &got);
    if (code == CURLE_AGAIN) {
        stream->is_drained = true;
        stream->source.can_read = false;
        return ERR_AGAIN;
    }
    stream->is_drained = false;
    if (code != CURLE_OK) {
        return tls_stream_lost(stream, code, ret_why);
    }
    *ret_len = got;
    return ERR_OK;
}

enum err tls_stream_send(struct tls_stream *stream, struct bytes bytes, size_t *ret_len, struct text *ret_why)
{
    stream->transfer.error_text[0] = '\0';
    size_t put = 0;
    size_t len = bytes.len < TLS_STREAM_PIECE ? bytes.len : TLS_STREAM_PIECE;
    CURLcode code = curl_easy_send(stream->transfer.easy, bytes.data, len, &put);
    if (code == CURLE_AGAIN) {
        return ERR_AGAIN;
    }
    if (code != CURLE_OK) {
        return tls_stream_lost(stream, code, ret_why);
    }
    *ret_len = put;
    return ERR_OK;
}
