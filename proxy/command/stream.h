/* stream: the websocket of a session, where it is, and who we are on it. The last two are the same for the life of the
 * session, over every reconnect; the websocket is a companion of the client, which pumps it in every turn. */
#ifndef SSM_PROXY_COMMAND_STREAM_H
#define SSM_PROXY_COMMAND_STREAM_H

#include "proxy/command/client.h"
#include "proxy/core/uuid.h"
#include "proxy/edge/websocket.h"

/* Zero-initialised means "no connection". */
struct stream {
    struct websocket *websocket; /* NULL: none */
    struct companion companion;
    struct endpoint_url url; /* StreamUrl, with our own gateway in the place of its host where the settings say so */
    struct uuid client_id;
    struct chance chance; /* for the ids of requests */
};

/* Joins the client's companions, once. Whoever waits for the websocket joins after it. */
void stream_join(struct stream *stream, struct client *client);
void stream_close(struct stream *stream, struct client *client); /* safe on a zeroed one, and to repeat */

/* ERR_STREAM_URL, with words in client->why, when the URL cannot be used. */
enum err stream_init(struct stream *stream, struct client *client, const char *stream_url,
                     struct chance chance) SSM_MUST_USE;

/* From a session to an open websocket, on the connection that there is, if there is one. While the gateway cannot
 * be reached, does not answer or says that it is busy, it is tried again on a new connection, at the pace of
 * core/reconnect, until client->deadline_us: the token is good until it has been used. ERR_INTERRUPTED: a signal came.
 * Others as websocket_error gives them. */
enum err stream_open(struct stream *stream, struct client *client) SSM_MUST_USE;

/* Asks for the upgrade on the connection, which is made first where there is none. */
enum err stream_upgrade(struct stream *stream, struct client *client) SSM_MUST_USE;

/* The websocket is open: sends OpenDataChannel on it and wipes the token. */
enum err stream_open_data_channel(struct stream *stream, struct secret *token) SSM_MUST_USE;

#endif
