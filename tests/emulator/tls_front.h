/* tls_front: TLS in front of the proxy, for clients that speak TLS to their proxy (https:// in HTTPS_PROXY): what comes
 * decrypted goes to the proxy's own port, over loopback, and back. It has the lab's server certificate. */
#ifndef SSM_LAB_TLS_FRONT_H
#define SSM_LAB_TLS_FRONT_H

#include "tests/emulator/lab.h"

struct tls_front;

/* Listens on a free port of the lab's address; `port` is where the connections go on. */
enum err tls_front_new(struct lab *lab, int port, struct tls_front **ret_front) SSM_MUST_USE;
void tls_front_free(struct tls_front *front);

int tls_front_port(const struct tls_front *front);

#endif
