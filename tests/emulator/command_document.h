/* command_document: documents of type Command: which ones CreateDocument takes, what parameters SendCommand may give
 * them, and what they then do on a node. Schema 1.2 has runtimeConfig, 2.0 and 2.2 have mainSteps; of their plugins the
 * lab knows aws:runShellScript, aws:runPowerShellScript and aws:updateSsmAgent, one a platform.
 * Source: Systems Manager user guide, "Data elements and parameters" and "Command document plugin reference". */
#ifndef SSM_LAB_COMMAND_DOCUMENT_H
#define SSM_LAB_COMMAND_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "tests/emulator/service_error.h"

enum command_action { COMMAND_DOES_NOTHING, COMMAND_RUNS_SCRIPT, COMMAND_UPDATES_AGENT };

/* What a node of one platform does: its document with the parameters put in. */
struct command_plan {
    enum command_action action; /* COMMAND_DOES_NOTHING: the document is not for this platform */
    char plugin[64];            /* as the lists name it: the plugin (schema 1.2), or the step */
    char *script;               /* owned */
    char *directory;            /* owned; "": none is named */
    int64_t timeout_seconds;
    char *version; /* of the agent that is wanted, owned; "": the latest */
    bool allows_downgrade;
};

/* ERR_MALFORMED, with *ret_error in the service's words: no document that can be made. */
enum err command_document_judge(const json_t *content, struct service_error *ret_error) SSM_MUST_USE;

/* "Linux", "MacOS", "Windows". */
bool command_document_is_for(const json_t *content, const char *platform);

/* ERR_MALFORMED, with *ret_error: not what the document takes. NULL stands for {}. */
enum err command_document_check(const json_t *content, json_t *parameters,
                                struct service_error *ret_error) SSM_MUST_USE;

/* Of a document that was judged, and parameters that were checked. */
enum err command_document_plan(const json_t *content, const json_t *parameters, const char *platform,
                               struct command_plan *ret_plan) SSM_MUST_USE;
void command_document_plan_free(struct command_plan *plan);

#endif
