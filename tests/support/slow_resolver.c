/* slow_resolver: preloaded, a getaddrinfo that takes 20 s, like a name server that does not answer. */
#include <netdb.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret_addresses)
{
    (void)node;
    (void)service;
    (void)hints;
    (void)ret_addresses;
    (void)sleep(20);
    return EAI_AGAIN;
}
