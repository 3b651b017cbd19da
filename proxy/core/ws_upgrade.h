/* ws_upgrade: the opening handshake of a websocket (RFC 6455, section 4), the client's side, without I/O.
 *
 *     GET /v1/data-channel/SESSION?role=publish_subscribe&cell-number=... HTTP/1.1
 *     Host: ssmmessages.eu-west-1.amazonaws.com
 *     Connection: Upgrade
 *     Upgrade: websocket
 *     Sec-WebSocket-Version: 13
 *     Sec-WebSocket-Key: (16 random bytes in base64)
 *
 *     HTTP/1.1 101 Switching Protocols
 *     Upgrade: websocket
 *     Connection: upgrade
 *     Sec-WebSocket-Accept: base64(SHA-1(key + a fixed UUID))
 *
 * No subprotocol, no extension, no authorization and no origin is sent: the token travels in the first message
 * (observed of the Session Manager plugin). The answer is taken as it arrives, in pieces of any size. */
#ifndef SSM_PROXY_CORE_WS_UPGRADE_H
#define SSM_PROXY_CORE_WS_UPGRADE_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/text.h"
#include "proxy/core/endpoint.h"

#include <stdbool.h>

#define WS_UPGRADE_NONCE_LEN 16
#define WS_UPGRADE_REQUEST_MAX (LIMIT_STREAM_URL + LIMIT_HOST + 512)

struct ws_upgrade {
    char accept[29]; /* what Sec-WebSocket-Accept must say, base64 of 20 bytes */
    char answer[LIMIT_UPGRADE_ANSWER + 1];
    size_t answer_len;
};

/* Begins a handshake and writes its request. `nonce` has WS_UPGRADE_NONCE_LEN fresh random bytes, `ret_request` room
 * for WS_UPGRADE_REQUEST_MAX. */
enum err ws_upgrade_begin(struct ws_upgrade *upgrade, const struct endpoint_url *url, const uint8_t *nonce,
                          struct text *ret_request) SSM_MUST_USE;

/* The next piece of the answer. ret_used, always written: how many of its bytes belong to the answer.
 * ERR_AGAIN   all were used, and more is needed.
 * ERR_OK      the upgrade is granted; the bytes after ret_used are the first of the websocket.
 * ERR_DENIED (401, 403), ERR_THROTTLED (429), ERR_SERVICE (5xx): refused with that status.
 * ERR_PROTOCOL: any other status, not HTTP/1.1, a header that is missing, repeated, wrong, or not asked for.
 * ERR_TOO_LONG: no blank line within LIMIT_UPGRADE_ANSWER. All but the first two end the handshake, with words. */
enum err ws_upgrade_accept(struct ws_upgrade *upgrade, struct bytes piece, size_t *ret_used,
                           struct text *ret_why) SSM_MUST_USE;

#endif
