/* proxy_server: an HTTP proxy that knows CONNECT alone, and leads to ssm-lab alone: to its own two ports, and to port
 * 443 of every AWS name (aws_name.h), for which the API or the gateway answers with a certificate of that name.
 * Everything else is refused with 403. Nothing is relayed: once the request is answered, the connection itself is given
 * to the virtual host that it asked for.
 *
 * It counts by name, so that a test can tell that a client went through it and nowhere else. */
#ifndef SSM_LAB_PROXY_SERVER_H
#define SSM_LAB_PROXY_SERVER_H

#include <jansson.h>

#include "tests/emulator/lab.h"

struct proxy_server;

/* Listens beside the lab's other ports, once these are known; `port` 0 takes a free one. */
enum err proxy_server_new(struct lab *lab, struct lws_vhost *api, struct lws_vhost *gateway,
                          struct proxy_server **ret_server) SSM_MUST_USE;
void proxy_server_free(struct proxy_server *server);

/* The member "proxy" of the ready line: url, tls_url (the same with TLS to the proxy), user, password. */
json_t *proxy_server_describe(const struct proxy_server *server);

/* The member "proxy" of /lab/status: {"connects":{"NAME":n},"refused":{"NAME:PORT":n},"unauthorized":n}. */
json_t *proxy_server_status(const struct proxy_server *server);

/* True for a connection of the API or the gateway that came to their own ports, past the proxy. */
bool proxy_server_was_passed(const struct proxy_server *server, int fd);

#endif
