/* ws_link: from nothing to an upgraded connection: connect, wait for the address to be known, ask for the upgrade, read
 * the answer; with the one fresh connection that a stale one costs. Only websocket.c uses it; once it is WS_LINK_OPEN,
 * the stream is the websocket's. The states and the rule of the fresh connection stand in websocket.h. */
#ifndef SSM_PROXY_EDGE_WS_LINK_H
#define SSM_PROXY_EDGE_WS_LINK_H

#include "proxy/core/ws_upgrade.h"
#include "proxy/edge/entropy.h"
#include "proxy/edge/tls_stream.h"

/* From the request to the end of the answer's header: two round trips and a busy gateway. */
#define WS_LINK_ANSWER_TIMEOUT_US (15 * 1000 * 1000)

enum ws_link_state { WS_LINK_CONNECTING, WS_LINK_CONNECTED, WS_LINK_UPGRADING, WS_LINK_OPEN, WS_LINK_FAILED };

struct ws_link {
    struct net *net;
    struct entropy_pool *entropy; /* borrowed; for the nonce */
    struct endpoint_url url;      /* where the connection goes; the path too, once the upgrade is asked for */
    enum ws_link_state state;
    bool is_upgrade_asked;
    bool is_fresh;       /* the one fresh connection has been spent */
    int64_t deadline_us; /* of the answer; INSTANT_NEVER otherwise */
    struct tls_stream stream;
    struct ws_upgrade upgrade;
    char request[WS_UPGRADE_REQUEST_MAX];
    size_t request_len;
    size_t request_sent;
};

/* Starts to connect. `link` stays where it is until ws_link_close. */
enum err ws_link_open(struct net *net, struct entropy_pool *entropy, const struct endpoint_url *url,
                      struct ws_link *link) SSM_MUST_USE;
void ws_link_close(struct ws_link *link); /* safe to repeat */

/* Asks for the upgrade to `url`, as soon as it can be sent. After a failure to connect it connects once more. */
enum err ws_link_upgrade(struct ws_link *link, const struct endpoint_url *url) SSM_MUST_USE;

/* Moves on. ERR_AGAIN: not open yet. ERR_OK: open; ret_first, in `buffer`, holds the websocket's first bytes. Else it
 * has failed for good, with words; see websocket_error for the codes. */
enum err ws_link_pump(struct ws_link *link, uint8_t *buffer, size_t size, struct bytes *ret_first,
                      struct text *ret_why) SSM_MUST_USE;

#endif
