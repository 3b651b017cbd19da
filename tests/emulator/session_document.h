/* session_document: the session documents that ssm-lab knows, and the checks of StartSession's parameters.
 * The texts are AWS's public documents, as far as agent and plugin read them. */
#ifndef SSM_LAB_SESSION_DOCUMENT_H
#define SSM_LAB_SESSION_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "tests/emulator/service_error.h"

struct session_document;

/* By name or ARN; NULL when there is none. */
const struct session_document *session_document_find(const char *name);
const char *session_document_name(const struct session_document *document);
/* A session type that the built-in nodes speak (Port); the others need a real agent. */
bool session_document_is_port(const struct session_document *document);

/* Checks `parameters` ({"name":["value"]}, may be NULL) and makes scalars of them, defaults not filled in.
 * ERR_MALFORMED with *ret_error set. The caller owns the result. */
enum err session_document_check(const struct session_document *document, json_t *parameters, json_t **ret_scalars,
                                struct service_error *ret_error) SSM_MUST_USE;

/* properties with every {{ name }} replaced, as the agent does. New reference; NULL without memory. */
json_t *session_document_properties(const struct session_document *document, const json_t *scalars);

/* DocumentContent, placeholders in place, for a real agent. New reference; NULL without memory. */
json_t *session_document_content(const struct session_document *document);

#endif
