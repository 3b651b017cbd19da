/* credential_document: the JSON object in which programs, containers' agents and metadata services give credentials. */
#ifndef SSM_PROXY_CORE_CREDENTIAL_DOCUMENT_H
#define SSM_PROXY_CORE_CREDENTIAL_DOCUMENT_H

#include "common/json_view.h"
#include "proxy/core/aws_credentials.h"

struct credential_document_form {
    enum aws_credentials_source source; /* that the credentials are to bear */
    const char *token_member;           /* "Token", "SessionToken" */
    bool needs_all;                     /* token and Expiration, too */
};

/* Words of these go on after "what the program printed ", and hold no value of the document. ERR_NO_CREDENTIALS: what
 * it is or lacks ("is no JSON object", "has no SecretAccessKey"); ERR_MEMORY. */

/* The caller drops the object. */
enum err credential_document_parse(struct bytes document, json_t **ret_object, struct text *ret_why) SSM_MUST_USE;

/* AccessKeyId, SecretAccessKey, the token and Expiration of `object`. */
enum err credential_document_read(const json_t *object, const struct credential_document_form *form,
                                  struct aws_credentials *ret_credentials, struct text *ret_why) SSM_MUST_USE;

/* ERR_CREDENTIALS: "has expired at 2026-01-01T00:00:00Z"; credentials without an end never do. */
enum err credential_document_check_age(const struct aws_credentials *credentials, int64_t unix_seconds,
                                       struct text *ret_why) SSM_MUST_USE;

/* Code and message of a refusal, in either spelling ("Code", "code"), fit for display; nothing when there are none. */
void credential_document_put_refusal(struct bytes document, struct text *text);

#endif
