/* http_proxy: which proxy the environment names, and which hosts go without it. Pure; the edge hands it to libcurl,
 * which would read the same variables a little differently.
 *
 *   proxy      https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY: the first that is set. For https alone: http goes to
 *              this machine only, and never through a proxy
 *   its URL    [SCHEME://][USER[:PASSWORD]@]HOST[:PORT][/]; SCHEME is http (the default, port 80), https (443), socks4,
 *              socks4a, socks5 or socks5h (1080). %-escapes in USER and PASSWORD mean what they say
 *   exempt     no_proxy, or NO_PROXY where that is not set; set but empty it exempts nothing
 *   its list   "*", or with commas or blanks between them: names (each stands for the hosts of its domain, too; leading
 *              dots mean nothing), addresses, networks (10.0.0.0/8, fd00::/8), each with a port or without
 *
 * Source: Python's urllib, which the AWS CLI asks (urlsplit, proxy_bypass_environment); libcurl for networks, blanks,
 * ALL_PROXY and SOCKS. What differs on purpose: docs/decisions/0010. */
#ifndef SSM_PROXY_CORE_HTTP_PROXY_H
#define SSM_PROXY_CORE_HTTP_PROXY_H

#include "common/secret.h"
#include "proxy/core/aws_config.h"

/* Zero-initialised means "no proxy". */
struct http_proxy {
    const char *variable;        /* that names it; static. NULL: there is none */
    char url[LIMIT_HOST + 32];   /* "http://host:port", and nothing else */
    struct endpoint_url address; /* host and port; the scheme means nothing */
    struct secret user;
    struct secret password;
    const char *exempt; /* value of no_proxy; borrowed; NULL: none */
};

/* `environment` must outlive what is returned. ERR_CONFIG, with words that have nothing of the URL in them: a URL that
 * cannot be used. A proxy that cannot be used is never left out. ERR_MEMORY. */
enum err http_proxy_find(const struct aws_config_environment *environment, struct http_proxy *ret_proxy,
                         struct text *ret_why) SSM_MUST_USE;

/* Whether a connection to `url` goes through it. */
bool http_proxy_applies(const struct http_proxy *proxy, const struct endpoint_url *url);

void http_proxy_wipe(struct http_proxy *proxy); /* then "no proxy"; usable with AUTO() */

#endif
