/* forward_spec: what a person wants forwarded: where connections come in here, and where they go to from the node.
 *
 *     80                          port 80 of the node, at port 80 here
 *     8080:80                     at port 8080 here; 0: any that is free
 *     8080:db.internal:5432       of another host, as the node sees it
 *     0.0.0.0:8080:80             at another address of this machine than its loopback ones; * or nothing: all of them
 *     [::1]:8080:[fd00::5]:80     IPv6 addresses stand in brackets
 *     ./web.sock:80               a unix socket here; what has a slash in it is one
 *
 * The forms of `ssh -L`, but for a unix socket of the node, which Session Manager has no document for. */
#ifndef SSM_PROXY_CORE_FORWARD_SPEC_H
#define SSM_PROXY_CORE_FORWARD_SPEC_H

#include "common/limits.h"
#include "common/text.h"

#define FORWARD_SPEC_PATH_SIZE 108 /* of sockaddr_un, with its terminator */
#define FORWARD_SPEC_ADDRESS_SIZE 64

struct forward_spec {
    char path[FORWARD_SPEC_PATH_SIZE];    /* of a unix socket here; "": TCP */
    char bind[FORWARD_SPEC_ADDRESS_SIZE]; /* "": both loopback addresses; "*": all; else an address */
    uint16_t local_port;                  /* 0: any */
    char host[LIMIT_HOST + 1];            /* "": the node itself */
    uint16_t remote_port;
};

/* ERR_USAGE with words. */
enum err forward_spec_parse(const char *text, struct forward_spec *ret_spec, struct text *ret_why) SSM_MUST_USE;

/* "localhost:80", "[fd00::5]:80": the far end, as the node sees it. */
void forward_spec_put_remote(const struct forward_spec *spec, struct text *text);

#endif
