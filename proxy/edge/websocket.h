/* websocket: the client side of one websocket over TLS (RFC 6455): a connection that libcurl makes, an upgrade of our
 * own (core/ws_upgrade), frames by core/ws_codec. Nothing outside this header knows of the three, so that libcurl's
 * own websocket interface could take their place.
 *
 *     websocket_connect(net, &guessed_gateway, &ws)       name, TCP, TLS: while StartSession runs
 *     websocket_upgrade(ws, &stream_url)                  any time later; keeps the connection if the address is right
 *     every turn of the loop:
 *         net_pump(net);
 *         websocket_pump(ws);                             moves the state on
 *         while (room && websocket_receive(ws, &message) == ERR_OK) ...
 *         while (websocket_send(ws, WEBSOCKET_BINARY, frame) == ERR_OK) ...
 *         websocket_flush(ws);                            once for all messages: 16 KiB pieces
 *         loop_wait(loop, instant_earlier(..., websocket_deadline_us(ws)));
 *
 *     state        upgrade()  connected  101  close()/peer closes  peer's answer, end of stream, error, deadline
 *     CONNECTING   (kept)     CONNECTED                            CLOSED
 *     CONNECTED    UPGRADING                                       CLOSED
 *     UPGRADING                          OPEN                      CLOSED
 *     OPEN                                    CLOSING              CLOSED
 *     CLOSING                                                      CLOSED
 *
 * A connection that proves stale (the peer closed it while it waited for its upgrade, or before one byte of the
 * answer), one that failed before the upgrade was asked for, and one to another address than the upgrade wants are
 * replaced by one fresh connection, once; with an address that differs this is no retry and costs nothing of it.
 *
 * Bounds: a message has LIMIT_WEBSOCKET_MESSAGE bytes in LIMIT_WEBSOCKET_FRAGMENTS fragments at most; pings are
 * answered (the last one of several, as RFC 6455 5.5.3 allows) up to LIMIT_WEBSOCKET_CONTROL_RATE a second; everything
 * over that ends the connection with ERR_PROTOCOL or ERR_TOO_LONG. */
#ifndef SSM_PROXY_EDGE_WEBSOCKET_H
#define SSM_PROXY_EDGE_WEBSOCKET_H

#include "proxy/edge/net.h"

enum websocket_state {
    WEBSOCKET_CONNECTING,
    WEBSOCKET_CONNECTED, /* TLS is up; the upgrade has not been asked for yet */
    WEBSOCKET_UPGRADING, /* WS_LINK_ANSWER_TIMEOUT_US at most */
    WEBSOCKET_OPEN,
    WEBSOCKET_CLOSING, /* a close frame went out; waiting for the peer's, WEBSOCKET_CLOSE_TIMEOUT_US at most */
    WEBSOCKET_CLOSED
};

enum websocket_kind { WEBSOCKET_TEXT, WEBSOCKET_BINARY };

/* Leaving must take under 5 s altogether; a live peer answers a close frame at once. */
#define WEBSOCKET_CLOSE_TIMEOUT_US (1 * 1000 * 1000)

struct websocket; /* owned by its creator; about 90 KiB */

/* Starts to connect; scheme and path of `gateway` mean nothing: it is TLS always. ERR_MEMORY, ERR_SYSTEM; a failure to
 * connect shows later as the state CLOSED. */
enum err websocket_connect(struct net *net, const struct endpoint_url *gateway,
                           struct websocket **ret_websocket) SSM_MUST_USE;

/* Closes the connection without more words. NULL inside is fine; usable with AUTO(). */
void websocket_free(struct websocket **websocket);

/* Asks for the upgrade to `url`, now or as soon as the connection is up. Once in a websocket's life. The path goes out
 * byte for byte. ERR_MEMORY, ERR_TOO_LONG. */
enum err websocket_upgrade(struct websocket *websocket, const struct endpoint_url *url) SSM_MUST_USE;

/* After net_pump: connected? answered? flushes too. Look at websocket_state afterwards. */
void websocket_pump(struct websocket *websocket);

enum websocket_state websocket_state(const struct websocket *websocket);

/* When the peer's last bytes came, in mono_us: a pong as well as a message; 0 before the first. */
int64_t websocket_received_us(const struct websocket *websocket);

/* Why it is CLOSED, with words. ERR_OK: closed by websocket_close and the peer agreed, or did not answer in time.
 * ERR_UNREACHABLE: could not connect, connection lost, or the peer closed it (worth a reconnect). ERR_CERTIFICATE,
 * ERR_TIMEOUT, ERR_CONFIG: as https. ERR_PROTOCOL, ERR_TOO_LONG: the peer broke the websocket protocol or a bound.
 * ERR_DENIED, ERR_THROTTLED, ERR_SERVICE: an upgrade answered by 401 or 403, 429, 5xx. ERR_AGAIN: not closed. */
enum err websocket_error(const struct websocket *websocket, struct text *ret_why) SSM_MUST_USE;

/* The code of the peer's close frame; 1005: it had none; 1006: no close frame came. */
unsigned websocket_close_code(const struct websocket *websocket);

/* The next whole message, text and binary alike (the service's receivers do not tell them apart), valid until the next
 * call. ERR_AGAIN: nothing whole has come; also while not OPEN. Stop calling when there is no room for more: what is
 * unread stays, and pings are not answered meanwhile. Messages that came before the close are delivered first. */
enum err websocket_receive(struct websocket *websocket, struct bytes *ret_message) SSM_MUST_USE;

/* False while the caller has no room: the socket is not watched for input and unread bytes do not wake the loop. */
void websocket_want_receive(struct websocket *websocket, bool want_receive);

/* One message, one frame, into the send buffer. ERR_AGAIN: no room, or not OPEN: after loop_wait and websocket_flush
 * there will be. ERR_TOO_LONG: over WEBSOCKET_SEND_MAX. A ping's payload has at most 125 bytes. */
#define WEBSOCKET_SEND_MAX (64 * 1024 + 256) /* the largest agent message with its header */
enum err websocket_send(struct websocket *websocket, enum websocket_kind kind, struct bytes message) SSM_MUST_USE;
enum err websocket_ping(struct websocket *websocket, struct bytes payload) SSM_MUST_USE;

/* The largest message that websocket_send takes now; over 32 KiB only with an empty send buffer. 0 while not OPEN. */
size_t websocket_send_room(const struct websocket *websocket);

/* Hands the send buffer to TLS as far as the kernel takes it. Errors show in the state. */
void websocket_flush(struct websocket *websocket);

/* Starts the close handshake (what is unsent goes out first); before OPEN it closes at once. `code`: 1000 normal,
 * 1001 going away, 1002 protocol error. */
void websocket_close(struct websocket *websocket, unsigned code);

/* When websocket_pump wants to be called at the latest; INSTANT_NEVER when only the socket matters. 0, at once, while
 * bytes wait for websocket_receive here or in OpenSSL, where epoll does not see them (unless want_receive is false). */
int64_t websocket_deadline_us(const struct websocket *websocket);

#endif
