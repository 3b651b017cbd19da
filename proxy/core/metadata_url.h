/* metadata_url: to whom a token of a metadata service may be sent. */
#ifndef SSM_PROXY_CORE_METADATA_URL_H
#define SSM_PROXY_CORE_METADATA_URL_H

#include "proxy/core/endpoint.h"

/* https to any host; http to this machine ("localhost", 127.0.0.0/8, ::1) and to `addresses`, which are ended by NULL:
 * what nobody on the way can read, or what leads to no other machine than the host. */
bool metadata_url_is_trusted(const struct endpoint_url *url, const char *const *addresses);

#endif
