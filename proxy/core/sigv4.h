/* sigv4: AWS Signature Version 4 with an Authorization header (no presigned URLs, no chunked payloads).
 *
 * Three stages, each callable alone, and one function that runs them all:
 *
 *     canonical request  ->  string to sign  ->  signature
 *
 * Source: "Signature Version 4 signing process" in the IAM user guide; the cases of aws-c-auth's signing test suite.
 * The path is percent-encoded once more than it is on the wire, as for every service except S3.
 *
 *     struct sigv4_header headers[] = {{"Host", host}, {"Content-Type", SSM_API_CONTENT_TYPE}, {"X-Amz-Target", ...}};
 *     struct sigv4_request request = {.method = "POST", .path = "/", .headers = headers, .header_count = 3,
 *                                     .body = body};
 *     struct sigv4_scope scope = {.unix_seconds = now, .region = "eu-west-1", .service = "ssm"};
 *     struct sigv4_authorization signed_headers;
 *     TRY(sigv4_authorize(&request, &scope, &credentials, &signed_headers));
 *     send: headers, X-Amz-Date: signed_headers.date, Authorization: signed_headers.value,
 *           X-Amz-Security-Token: credentials.session_token (when set) */
#ifndef SSM_PROXY_CORE_SIGV4_H
#define SSM_PROXY_CORE_SIGV4_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/text.h"
#include "proxy/core/aws_credentials.h"

#define SIGV4_DATE_SIZE 17    /* 20150830T123600Z and the terminator */
#define SIGV4_HASH_SIZE 65    /* 64 hexadecimal digits and the terminator */
#define SIGV4_VALUE_SIZE 2048 /* of the Authorization value; 300 characters in practice */

struct sigv4_header {
    const char *name; /* any case */
    const char *value;
};

/* All borrowed. Every header given is signed, so leave out those that a hop may change (User-Agent, Connection). */
struct sigv4_request {
    const char *method;
    const char *path;                   /* as on the wire, from '/' up to '?' */
    const char *query;                  /* as on the wire, without '?'; NULL for none */
    const struct sigv4_header *headers; /* with Host */
    size_t header_count;
    struct bytes body;
    bool keeps_path; /* leave '//', '.' and '..' in the path alone; normally they are resolved for the signature */
};

/* What a signature is good for. */
struct sigv4_scope {
    int64_t unix_seconds; /* the service allows five minutes of skew */
    const char *region;
    const char *service;
};

struct sigv4_authorization {
    char date[SIGV4_DATE_SIZE];   /* X-Amz-Date */
    char value[SIGV4_VALUE_SIZE]; /* Authorization */
};

/* Runs all stages. X-Amz-Date, and X-Amz-Security-Token when the credentials have a session token, are added to the
 * signed headers and must not be in the request's list. ERR_TOO_LONG over SIGV4_VALUE_SIZE or LIMIT_SIGNED_HEADERS,
 * ERR_NO_CREDENTIALS when there are none, ERR_MALFORMED for a time before 1970 or after 9999, ERR_MEMORY. */
enum err sigv4_authorize(const struct sigv4_request *request, const struct sigv4_scope *scope,
                         const struct aws_credentials *credentials,
                         struct sigv4_authorization *ret_authorization) SSM_MUST_USE;

/* Stage 1, over the headers as given, with nothing added; `ret_signed_headers` gets the list "host;x-amz-date".
 * ERR_TOO_LONG when one of the texts is full. Wipe the memory of `ret_canonical` when it holds a session token. */
enum err sigv4_canonical_request(const struct sigv4_request *request, struct text *ret_canonical,
                                 struct text *ret_signed_headers) SSM_MUST_USE;

/* Stage 2. */
enum err sigv4_string_to_sign(const struct sigv4_scope *scope, struct bytes canonical_request,
                              struct text *ret_string_to_sign) SSM_MUST_USE;

/* Stage 3. The derived keys are wiped. */
enum err sigv4_signature(const struct sigv4_scope *scope, const struct secret *secret_access_key,
                         struct bytes string_to_sign, char ret_signature[SIGV4_HASH_SIZE]) SSM_MUST_USE;

/* "20150830T123600Z". ERR_MALFORMED outside 1970 .. 9999. */
enum err sigv4_date(int64_t unix_seconds, char ret_date[SIGV4_DATE_SIZE]) SSM_MUST_USE;

/* SHA-256 in hexadecimal: x-amz-content-sha256, for services that want it (SSM and STS do not). */
enum err sigv4_payload_hash(struct bytes body, char ret_hash[SIGV4_HASH_SIZE]) SSM_MUST_USE;

#endif
