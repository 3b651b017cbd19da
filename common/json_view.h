/* json_view: jansson, as strictly as this project reads every document: one object, no duplicate members, bounded size,
 * members asked for by type. */
#ifndef SSM_COMMON_JSON_VIEW_H
#define SSM_COMMON_JSON_VIEW_H

#include "common/auto.h"
#include "common/bytes.h"
#include "common/secret.h"
#include "common/text.h"

#include <jansson.h>

/* For AUTO_JSON: drops one reference. */
void json_view_drop(json_t **json);
#define AUTO_JSON AUTO(json_view_drop)

/* What jansson's failure means: ERR_MEMORY, or ERR_MALFORMED. */
enum err json_view_error(const json_error_t *error);

/* The caller owns *ret_object (AUTO_JSON). ERR_MALFORMED unless `document` is exactly one JSON object; ERR_TOO_LONG
 * over LIMIT_API_REPLY, because jansson itself has no limit; ERR_MEMORY. */
enum err json_view_parse_object(struct bytes document, json_t **ret_object) SSM_MUST_USE;

/* The text of a string member, borrowed from `object`; NULL when it is absent, null or no string, or object is NULL. */
const char *json_view_text(const json_t *object, const char *member);

/* The text of a string member as a secret. ERR_MALFORMED when there is none, it is empty, or control characters are in
 * it (a token becomes a header value); ERR_TOO_LONG; ERR_MEMORY. */
enum err json_view_secret(const json_t *object, const char *member, struct secret *ret_secret) SSM_MUST_USE;

/* Appends `raw`, which is UTF-8, as a JSON string in quotes. */
void json_view_quote(struct bytes raw, struct text *text);

#endif
