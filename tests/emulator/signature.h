/* signature: strict verification of AWS Signature Version 4, written from the public description of the algorithm and
 * not from ssm-proxy's signer, so that a misunderstanding cannot hide on both sides.
 *
 * Refusals carry AWS's own error types and words. The clock may be off by the service's minutes either way.
 *
 * An agent that registered asks for its role token with the same string to sign, but signs it with RSA-PSS (SHA-256,
 * salt of 32) under its registered key and sends the signature in base64. */
#ifndef SSM_LAB_SIGNATURE_H
#define SSM_LAB_SIGNATURE_H

#include <openssl/evp.h>
#include <time.h>

#include "tests/emulator/credential_store.h"
#include "tests/emulator/http_request.h"
#include "tests/emulator/service_error.h"

#define SIGNATURE_SKEW_MINUTES 5 /* of most services; STS grants 15 */

struct signature_scope {
    const char *region;
    const char *service; /* "ssm", "ssmmessages", "ec2messages" */
    time_t now;          /* the service's clock */
    int skew_minutes;    /* of the signature's clock, either way */
};

/* Checks the signature of a request whose body has been read. ERR_CREDENTIALS with *ret_error set otherwise. */
enum err signature_check(const struct signature_scope *scope, const struct credential_store *store,
                         const struct http_request *request, const struct credential **ret_caller,
                         struct service_error *ret_error) SSM_MUST_USE;

/* The region that a request says it was signed for; "" when it does not. */
void signature_region(const struct http_request *request, char ret_region[65]);

/* The managed node id that an agent without credentials signs as; "" when the header is not of that kind. */
void signature_node_id(const struct http_request *request, char ret_node_id[64]);

/* Checks the RSA-PSS form under `key`. */
enum err signature_check_rsa(const struct signature_scope *scope, EVP_PKEY *key, const struct http_request *request,
                             struct service_error *ret_error) SSM_MUST_USE;

#endif
