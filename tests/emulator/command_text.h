/* command_text: the parameters of a Command document: how they are declared, which values they take, and how
 * "{{ name }}" in its inputs becomes text. Source: Systems Manager user guide, "Data elements and parameters". */
#ifndef SSM_LAB_COMMAND_TEXT_H
#define SSM_LAB_COMMAND_TEXT_H

#include <jansson.h>

#include "common/err.h"
#include "tests/emulator/service_error.h"

/* `declared` is the document's member "parameters", or NULL. ERR_MALFORMED with *ret_error. */
enum err command_text_judge(json_t *declared, struct service_error *ret_error) SSM_MUST_USE;

/* `given`: {"name":["value"]}, or NULL. ERR_MALFORMED with *ret_error: unknown, missing, or not as declared. */
enum err command_text_check(json_t *declared, json_t *given, struct service_error *ret_error) SSM_MUST_USE;

/* A text, or a list of texts that are lines, each ended; "" for anything else. A parameter of several values is as many
 * lines. The caller frees it; NULL: no memory. */
char *command_text_render(const json_t *declared, const json_t *given, const json_t *value);

#endif
