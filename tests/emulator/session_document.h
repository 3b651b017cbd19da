/* session_document: the documents that sessions are started with: AWS's own, the checks of StartSession's parameters,
 * and what the agent makes of placeholders. Those that somebody has made lie in the document_store, beside these. */
#ifndef SSM_LAB_SESSION_DOCUMENT_H
#define SSM_LAB_SESSION_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "tests/emulator/agent_core.h"
#include "tests/emulator/document_store.h"
#include "tests/emulator/service_error.h"

/* Preferences of a region: the document of a session that names none. Until somebody has made it, AWS's defaults. */
#define SESSION_DOCUMENT_PREFERENCES "SSM-SessionManagerRunShell"

/* AWS's own: the name, NULL past the last, and the text, to be freed; NULL without memory. */
const char *session_document_builtin_name(size_t index);
char *session_document_builtin_text(size_t index);

/* What the content of a session document says it is. ERR_MALFORMED: not what the agent takes for one. */
enum err session_document_judge(const json_t *content, enum agent_session_type *ret_type) SSM_MUST_USE;

/* Checks `parameters` ({"name":["value"]}, may be NULL) and makes scalars of them, defaults not filled in.
 * ERR_MALFORMED with *ret_error set. The caller owns the result. */
enum err session_document_check(const struct document *document, json_t *parameters, json_t **ret_scalars,
                                struct service_error *ret_error) SSM_MUST_USE;

/* A member of the document ("properties", "inputs") with every {{ name }} replaced, as the agent does: by the value
 * where it stands alone, by its text elsewhere. New reference; an empty object when there is no such member; NULL
 * when it gets too long. */
json_t *session_document_resolve(const struct document *document, const json_t *scalars, const char *member);

#endif
