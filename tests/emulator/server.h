/* server: libwebsockets: one context, a virtual host for the API and one for the gateway, TLS on both, HTTP/1.1 only,
 * no permessage-deflate. It also watches the event_loop. */
#ifndef SSM_LAB_SERVER_H
#define SSM_LAB_SERVER_H

#include "tests/emulator/lab.h"

/* Listens; lab->lws, api_port and gateway_port are set. */
enum err server_start(struct lab *lab) SSM_MUST_USE;

/* One round: waits, and handles everything that is ready. */
void server_round(struct lab *lab);

void server_stop(struct lab *lab);

#endif
