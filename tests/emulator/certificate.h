/* certificate: a certificate authority of ssm-lab's own and one server certificate under it, new at every start, so
 * that nothing on disk is worth stealing and clients verify exactly as they do against AWS. EC P-256 keys: made in a
 * millisecond. The server certificate is good for localhost, 127.0.0.1 and ::1. A client that asks for an AWS name gets
 * one for that name, made while it waits. */
#ifndef SSM_LAB_CERTIFICATE_H
#define SSM_LAB_CERTIFICATE_H

#include <openssl/ssl.h>

#include "common/err.h"

struct certificate_files {
    char authority[512]; /* ca.pem: what clients trust */
    char server[512];    /* server.pem: server certificate, then the authority's */
    char server_key[512];
};

struct certificate_authority;

/* Writes ca.pem, server.pem and server.key (mode 0600) into `directory`. The caller owns the authority. */
enum err certificate_make(const char *directory, struct certificate_files *ret_files,
                          struct certificate_authority **ret_authority) SSM_MUST_USE;
void certificate_authority_free(struct certificate_authority *authority);

/* From now on servers of `context`, which has the server certificate, are AWS names (aws_name.h) for clients that ask
 * for one. The authority must outlive the context's connections. */
void certificate_serve_names(struct certificate_authority *authority, SSL_CTX *context);

#endif
