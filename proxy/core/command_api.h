/* command_api: requests and replies of the SSM API's Run Command: SendCommand, ListCommands, ListCommandInvocations,
 * GetCommandInvocation, CancelCommand. Pure, as ssm_api.h.
 *
 *     {"DocumentName":"AWS-RunShellScript","InstanceIds":["i-1"],"Parameters":{"commands":["uptime"]}}
 *     {"Command":{"CommandId":"<uuid>","Status":"Pending","TargetCount":1,"CompletedCount":0,"ErrorCount":0}}
 *
 * What a node writes is kept by the agent up to COMMAND_API_OUTPUT and COMMAND_API_ERROR characters; lists have both
 * in one text of up to COMMAND_API_LIST_OUTPUT. Sources: the API reference; "Understanding command statuses" and
 * "Run Command limits" of the user guide; the agent's iohandler for the marks where it has cut. */
#ifndef SSM_PROXY_CORE_COMMAND_API_H
#define SSM_PROXY_CORE_COMMAND_API_H

#include "common/json_view.h"
#include "proxy/core/ssm_api.h"

#define COMMAND_API_ID_LEN 36            /* a UUID */
#define COMMAND_API_NODES_MAX 50         /* InstanceIds of one SendCommand */
#define COMMAND_API_TARGETS_MAX 5        /* Targets of one, */
#define COMMAND_API_TARGET_VALUES_MAX 50 /* and Values of each */
#define COMMAND_API_COMMENT_MAX 100
#define COMMAND_API_OUTPUT 24000
#define COMMAND_API_ERROR 8000
#define COMMAND_API_LIST_OUTPUT 2500
#define COMMAND_API_DELIVERY_MIN_S 30 /* TimeoutSeconds */

/* ---- requests ---- */

/* Nodes by a property: all of several targets, any of several values. */
struct command_api_target {
    const char *key; /* "tag:Env" */
    const char *values[COMMAND_API_TARGET_VALUES_MAX];
    size_t value_count;
};

/* All borrowed. Either node_ids or targets. */
struct command_api_send {
    const char *document_name;
    const char *const *node_ids;
    size_t node_count;
    const struct command_api_target *targets;
    size_t target_count;
    const json_t *parameters;                 /* an object of lists of strings; NULL: none */
    const char *comment;                      /* NULL or "": none */
    const char *max_concurrency, *max_errors; /* "10", "50%"; NULL: the service's own, 50 and 0 */
    int64_t delivery_timeout_s;               /* 0: the service's own, one hour */
    const char *s3_bucket, *s3_prefix;        /* where all output goes, too; NULL: nowhere */
    const char *log_group;                    /* of CloudWatch, likewise */
};

/* ERR_MALFORMED: a text that is not UTF-8; ERR_TOO_LONG: over the service's own limits; ERR_MEMORY. */
enum err command_api_send(const struct command_api_send *send, struct ssm_api_request *ret_request) SSM_MUST_USE;
enum err command_api_list_command(const char *command_id, struct ssm_api_request *ret_request) SSM_MUST_USE;

struct command_api_list {
    const char *command_id;
    bool has_output; /* the reply is to have the steps, with what they have written */
    int page_size;   /* 1 to LIMIT_API_PAGE */
    const char *next_token;
};

enum err command_api_list_invocations(const struct command_api_list *list,
                                      struct ssm_api_request *ret_request) SSM_MUST_USE;

/* `step`: the name of one; NULL where the document has no more than one. */
enum err command_api_get_invocation(const char *command_id, const char *node_id, const char *step,
                                    struct ssm_api_request *ret_request) SSM_MUST_USE;
enum err command_api_cancel(const char *command_id, struct ssm_api_request *ret_request) SSM_MUST_USE;

/* ---- replies ---- */

enum command_api_status {
    COMMAND_API_PENDING,
    COMMAND_API_IN_PROGRESS, /* also Delayed, and whatever the service may say one day */
    COMMAND_API_CANCELLING,
    COMMAND_API_SUCCESS, /* this one and those below are final */
    COMMAND_API_FAILED,
    COMMAND_API_TIMED_OUT,
    COMMAND_API_CANCELLED,
};

static inline bool command_api_is_over(enum command_api_status status)
{
    return status >= COMMAND_API_SUCCESS;
}

#define COMMAND_API_DETAILS_SIZE 64 /* "Execution Timed Out", "No Instances In Tag" */

/* A command as a whole. Texts longer than their field are cut, control characters replaced: for display, except the id.
 */
struct command_api_command {
    char id[COMMAND_API_ID_LEN + 1];
    char document_name[LIMIT_ARN + 1];
    enum command_api_status status;
    char status_details[COMMAND_API_DETAILS_SIZE];
    int64_t target_count, completed_count, error_count; /* 0 as long as the service has not counted */
    char s3_bucket[64], s3_prefix[501], log_group[513]; /* "": none */
};

/* What one step of the document did on a node. Owned; command_api_step_free. */
struct command_api_step {
    char name[129]; /* "aws:runShellScript", or as the document names it */
    enum command_api_status status;
    char status_details[COMMAND_API_DETAILS_SIZE];
    int response_code; /* the exit code of the process; -1: there is none */
    char *output;      /* as the node wrote it, never NULL after a parser */
    char *error;
    bool is_output_cut, is_error_cut; /* there was more */
};

void command_api_step_free(struct command_api_step *step); /* safe to repeat */

struct command_api_invocation {
    char node_id[LIMIT_TARGET + 1];
    char node_name[257]; /* of the computer */
    enum command_api_status status;
    char status_details[COMMAND_API_DETAILS_SIZE];
    struct command_api_step *steps; /* none before the node has begun */
    size_t step_count;
};

/* One page. Owned; AUTO(command_api_invocations_free). */
struct command_api_invocations {
    struct command_api_invocation *items;
    size_t count;     /* at most LIMIT_API_PAGE */
    char *next_token; /* NULL on the last page */
};

void command_api_invocations_free(struct command_api_invocations *invocations); /* safe to repeat */

/* Errors of all parsers: those of aws_error.h, ERR_MALFORMED, ERR_TOO_LONG, ERR_MEMORY, each with ret_failure. What
 * they write to is zero-initialised or holds an earlier result, which is then freed. */

/* SendCommand. */
enum err command_api_parse_sent(const struct aws_reply *reply, struct command_api_command *ret_command,
                                struct service_failure *ret_failure) SSM_MUST_USE;

/* ListCommands for one command. ERR_NO_TARGET: the service knows none of that id. */
enum err command_api_parse_listed(const struct aws_reply *reply, struct command_api_command *ret_command,
                                  struct service_failure *ret_failure) SSM_MUST_USE;

enum err command_api_parse_invocations(const struct aws_reply *reply, struct command_api_invocations *ret_invocations,
                                       struct service_failure *ret_failure) SSM_MUST_USE;

/* GetCommandInvocation. */
enum err command_api_parse_invocation(const struct aws_reply *reply, struct command_api_step *ret_step,
                                      struct service_failure *ret_failure) SSM_MUST_USE;

/* CancelCommand. */
enum err command_api_parse_cancelled(const struct aws_reply *reply, struct service_failure *ret_failure) SSM_MUST_USE;

/* GetCommandInvocation has refused: shortly after SendCommand it does not know the invocation yet. */
bool command_api_is_not_yet(const struct service_failure *failure);

/* ---- words of a person ---- */

bool command_api_is_id(const char *text);

/* "10" or "50%", as MaxConcurrency; MaxErrors may be 0, too. */
bool command_api_is_rate(const char *text, bool may_be_zero);

#endif
