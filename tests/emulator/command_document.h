/* command_document: the documents that SendCommand takes, what parameters they have, and what they do on a node.
 * Sources: the documents themselves, as DescribeDocument shows them. */
#ifndef SSM_LAB_COMMAND_DOCUMENT_H
#define SSM_LAB_COMMAND_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>

#include "common/err.h"
#include "tests/emulator/service_error.h"

enum command_action { COMMAND_RUNS_SCRIPT, COMMAND_UPDATES_AGENT };

struct command_parameter {
    const char *name;
    const char *pattern; /* extended regular expression of each value; NULL: anything */
    bool is_required, is_list;
};

struct command_document {
    const char *name;
    const char *plugin;   /* "aws:runShellScript" */
    const char *platform; /* that it is for */
    enum command_action action;
    const struct command_parameter *parameters; /* ends with one without a name */
};

/* NULL when there is no such document, or none for Run Command. */
const struct command_document *command_document_find(const char *name);

/* ERR_MALFORMED, with *ret_error in the service's words: not what the document takes. NULL stands for {}. */
enum err command_document_check(const struct command_document *document, const json_t *parameters,
                                struct service_error *ret_error) SSM_MUST_USE;

/* First value of a parameter that was checked; "" when it is not given. */
const char *command_document_value(const json_t *parameters, const char *name);

/* All its values, each a line. The caller frees it; NULL: no memory. */
char *command_document_lines(const json_t *parameters, const char *name);

#endif
