/* trust: which files hold the certificates that we trust; see net.h for the policy. Looks at the disk, reads no
 * certificate. */
#ifndef SSM_PROXY_EDGE_TRUST_H
#define SSM_PROXY_EDGE_TRUST_H

#include "common/limits.h"
#include "common/text.h"

struct trust {
    char file[LIMIT_PATH + 1];      /* a bundle; "" for none */
    char directory[LIMIT_PATH + 1]; /* with hashed links, or several with ':' between; "" for none. Never both "" */
};

/* The arguments may be NULL or ""; ret_trust is written in any case. ERR_CONFIG with words when one that is given
 * cannot be read, or the system has no certificates at all. */
enum err trust_find(const char *ca_path, const char *ssl_cert_file, const char *ssl_cert_dir, struct trust *ret_trust,
                    struct text *ret_why) SSM_MUST_USE;

#endif
