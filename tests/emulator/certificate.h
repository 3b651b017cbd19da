/* certificate: a certificate authority of ssm-lab's own and one server certificate under it, new at every start, so
 * that nothing on disk is worth stealing and clients verify exactly as they do against AWS. EC P-256 keys: made in a
 * millisecond. The server certificate is good for localhost, 127.0.0.1 and ::1. */
#ifndef SSM_LAB_CERTIFICATE_H
#define SSM_LAB_CERTIFICATE_H

#include "common/err.h"

struct certificate_files {
    char authority[512]; /* ca.pem: what clients trust */
    char server[512];    /* server.pem: server certificate, then the authority's */
    char server_key[512];
};

/* Writes ca.pem, server.pem and server.key (mode 0600) into `directory`. */
enum err certificate_make(const char *directory, struct certificate_files *ret_files) SSM_MUST_USE;

#endif
