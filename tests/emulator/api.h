/* api: the SSM API (AWS JSON 1.1), the little of ec2messages that an agent calls, and EC2 Instance Connect: signature,
 * table of operations, errors in AWS's words. */
#ifndef SSM_LAB_API_H
#define SSM_LAB_API_H

#include <jansson.h>

#include "tests/emulator/http_exchange.h"
#include "tests/emulator/service_error.h"

struct api_call {
    struct lab *lab;
    struct http_exchange *exchange;
    const char *region;              /* that the request was signed for; one of the lab's */
    const json_t *input;             /* an object */
    const struct credential *caller; /* NULL for operations that are not signed in the usual way */
};

/* False, and nothing done, when the request is no POST to "/". */
bool api_request(struct http_exchange *exchange);

/* How an operation answers: steals `output` (NULL answers InternalServerError) ... */
void api_reply(const struct api_call *call, json_t *output);
/* ... or fails. */
void api_fail(const struct api_call *call, const char *type, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void api_fail_error(const struct api_call *call, const struct service_error *error);

/* A member that is a string of `min` to `max` characters. NULL after having failed the call with ValidationException;
 * `name` is spelled as in the request. */
const char *api_text(const struct api_call *call, const char *name, size_t min, size_t max);

/* A member that may be missing: "" then. */
const char *api_optional(const json_t *object, const char *name);

/* MaxResults and NextToken over `total` items: where the page begins and ends. False after having failed the call. */
bool api_page(const struct api_call *call, size_t min, size_t max, size_t total, size_t *ret_begin, size_t *ret_end);
/* Adds NextToken when the page is not the last. */
void api_next_token(json_t *output, size_t end, size_t total);

/* False after having failed the call with AccessDeniedException: the caller's policy does not let him. */
struct permission_request;
bool api_allows(const struct api_call *call, const struct permission_request *request);

/* True after having failed the call likewise, for those who may only look, and for agents. */
bool api_denies(const struct api_call *call, const char *action);

/* The operations, by file. */
void api_session_start(const struct api_call *call);
void api_session_resume(const struct api_call *call);
void api_session_terminate(const struct api_call *call);
void api_session_describe(const struct api_call *call);
void api_node_describe(const struct api_call *call);
void api_node_connection_status(const struct api_call *call);
void api_command_send(const struct api_call *call);
void api_command_cancel(const struct api_call *call);
void api_command_list(const struct api_call *call);
void api_command_list_invocations(const struct api_call *call);
void api_command_get_invocation(const struct api_call *call);
void api_document_create(const struct api_call *call);
void api_document_get(const struct api_call *call);
void api_document_describe(const struct api_call *call);
void api_document_delete(const struct api_call *call);
void api_connect_send_key(const struct api_call *call);
void api_kms_generate_data_key(const struct api_call *call);
void api_kms_decrypt(const struct api_call *call);
void api_agent_register(const struct api_call *call);
void api_agent_role_token(const struct api_call *call);
void api_agent_update_key(const struct api_call *call);
void api_agent_update_information(const struct api_call *call);
void api_association_create(const struct api_call *call);
void api_association_describe(const struct api_call *call);
void api_association_list(const struct api_call *call);
void api_association_delete(const struct api_call *call);
void api_association_start(const struct api_call *call);
void api_agent_associations(const struct api_call *call);
void api_agent_get_messages(const struct api_call *call);

#endif
