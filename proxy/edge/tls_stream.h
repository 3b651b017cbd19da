/* tls_stream: a bare TLS connection, by libcurl's CURLOPT_CONNECT_ONLY: libcurl resolves, goes through the proxy,
 * connects, verifies; then bytes. Only ws_link.c and websocket.c use it.
 *
 * What has to be known about libcurl 7.88 here, all of it measured:
 *   The easy handle stays in the multi for life: taking it out closes the connection.
 *   SSL_MODE_ENABLE_PARTIAL_WRITE and _ACCEPT_MOVING_WRITE_BUFFER are ours to set; without them a retry after
 *   CURLE_AGAIN from another address fails for good. A retry must not be shorter than the first try.
 *   read_ahead, with OpenSSL's default buffer: one recvfrom for many records, instead of two for each.
 *   Nothing is called on curl's SSL object itself: after a reset by the peer that is a NULL dereference.
 *   epoll does not see bytes that OpenSSL holds: only ERR_AGAIN means that all was read. */
#ifndef SSM_PROXY_EDGE_TLS_STREAM_H
#define SSM_PROXY_EDGE_TLS_STREAM_H

#include "proxy/edge/net.h"

#define TLS_STREAM_PIECE (16 * 1024) /* one TLS record; what one send or receive moves at most */

struct tls_stream {
    struct net_transfer transfer;
    struct loop_source source; /* want_read, want_write are the caller's; in the loop while is_connected */
    bool is_connected;
    bool is_drained; /* the last receive said ERR_AGAIN, and the socket has not become readable since */
};

/* Starts to connect to host and port of `url`. `stream` stays where it is until tls_stream_close. */
enum err tls_stream_open(struct net *net, const struct endpoint_url *url, struct tls_stream *stream) SSM_MUST_USE;
void tls_stream_close(struct tls_stream *stream); /* safe to repeat */

/* After net_pump. ERR_AGAIN while it connects, ERR_OK from then on, or why it failed. */
enum err tls_stream_connect(struct tls_stream *stream, struct text *ret_why) SSM_MUST_USE;

/* Up to TLS_STREAM_PIECE bytes. ERR_OK with 0 bytes: the peer has closed, by close_notify or by a bare FIN, which
 * cannot be told apart. ERR_AGAIN, or ERR_UNREACHABLE with words. */
enum err tls_stream_receive(struct tls_stream *stream, uint8_t *buffer, size_t size, size_t *ret_len,
                            struct text *ret_why) SSM_MUST_USE;

/* ERR_OK and how many were taken; ERR_AGAIN (try again when writable, with the same bytes first, and no fewer);
 * ERR_UNREACHABLE with words. */
enum err tls_stream_send(struct tls_stream *stream, struct bytes bytes, size_t *ret_len,
                         struct text *ret_why) SSM_MUST_USE;

#endif
