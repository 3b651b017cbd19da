/* ssm_api: requests and replies of the SSM API (AWS JSON 1.1, API version 2014-11-06). Pure: text in, text out; the
 * edge posts it.
 *
 *     POST / HTTP/1.1
 *     Content-Type: application/x-amz-json-1.1
 *     X-Amz-Target: AmazonSSM.StartSession
 *
 * A reply is 200 with a JSON object, or an error (service_failure.h). */
#ifndef SSM_PROXY_CORE_SSM_API_H
#define SSM_PROXY_CORE_SSM_API_H

#include "common/auto.h"
#include "common/bytes.h"
#include "common/err.h"
#include "common/json_view.h"
#include "common/limits.h"
#include "common/secret.h"
#include "proxy/core/aws_request.h"
#include "proxy/core/service_failure.h"

#define SSM_API_SERVICE "ssm" /* for the signature and the host name */
#define SSM_API_CONTENT_TYPE "application/x-amz-json-1.1"

/* What to post. Owned; usable with AUTO(ssm_api_request_free). */
struct ssm_api_request {
    const char *x_amz_target; /* static: "AmazonSSM.StartSession" */
    char *body;               /* terminated */
    size_t body_len;
};

void ssm_api_request_free(struct ssm_api_request *request);

/* For the files that write requests. Borrows `body`; when it is NULL, `error` says why: no memory, or a text that is
 * not UTF-8. */
enum err ssm_api_make_request(const char *x_amz_target, const json_t *body, const json_error_t *error,
                              struct ssm_api_request *ret_request) SSM_MUST_USE;

#define SSM_API_REASON_MAX 256 /* API: Reason is 1 to 256 characters */

/* One of a document's parameters: goes out as {"portNumber": ["22"]}. */
struct ssm_api_parameter {
    const char *name;
    const char *value;
};

struct ssm_api_start_session {
    const char *target;
    const char *document_name; /* NULL: the service's default, a shell */
    const struct ssm_api_parameter *parameters;
    size_t parameter_count;
    const char *reason; /* NULL or "": none; 1 to 256 characters */
};

#define SSM_API_FILTERS_MAX 10

struct ssm_api_filter {
    const char *key; /* "InstanceIds", "tag:Name", "ResourceType" */
    const char *value;
};

/* Nodes to describe. */
struct ssm_api_describe_nodes {
    /* All of them hold; ended by a key that is NULL. The service mixes tags with nothing else. */
    struct ssm_api_filter filters[SSM_API_FILTERS_MAX];
    const char *const *first_values; /* of the first filter, in place of its value: any may fit; NULL: none */
    size_t first_value_count;
    const char *next_token; /* of the page before; NULL: first page */
};

/* ERR_MALFORMED when a text is not UTF-8, ERR_TOO_LONG over the service's own limits, ERR_MEMORY. */
enum err ssm_api_start_session(const struct ssm_api_start_session *session,
                               struct ssm_api_request *ret_request) SSM_MUST_USE;
enum err ssm_api_resume_session(const char *session_id, struct ssm_api_request *ret_request) SSM_MUST_USE;
enum err ssm_api_terminate_session(const char *session_id, struct ssm_api_request *ret_request) SSM_MUST_USE;
enum err ssm_api_describe_nodes(const struct ssm_api_describe_nodes *nodes,
                                struct ssm_api_request *ret_request) SSM_MUST_USE;

/* Whether a target could take a session now; DescribeInstanceInformation's PingStatus does not say so. */
enum err ssm_api_connection_status(const char *target, struct ssm_api_request *ret_request) SSM_MUST_USE;

/* Is there such a document, of sessions or of commands? Only the reply's success matters. */
enum err ssm_api_describe_document(const char *name, struct ssm_api_request *ret_request) SSM_MUST_USE;

/* A session that the service has opened. Zero-initialise; AUTO(ssm_api_session_wipe). */
struct ssm_api_session {
    char session_id[LIMIT_SESSION_ID + 1]; /* 1 to 96 of [A-Za-z0-9._@+=,-] and not "." or "..": fit for a file name */
    /* As received; endpoint_parse_stream_url judges it. "" when resuming, if absent. */
    char stream_url[LIMIT_STREAM_URL + 1];
    struct secret token;
};

void ssm_api_session_wipe(struct ssm_api_session *session);

/* Every parser returns the error that the reply stands for, and fills `ret_failure` whenever it fails. The service's
 * refusals are named in aws_error.h; beside them:
 *   ERR_SESSION_ENDED resume only: no TokenValue
 *   ERR_MALFORMED     200 with a body that is not what it should be
 *   ERR_TOO_LONG      a reply over LIMIT_API_REPLY, a member over its own limit
 *   ERR_MEMORY        not enough to read the reply, whatever it says
 * What they write to must be zero-initialised or hold an earlier result, which is then wiped. */

/* StartSession. When the reply is good but for its StreamUrl (ERR_STREAM_URL) or token, the session exists all the
 * same: ret_session->session_id is set then, "" otherwise, and the session is to be ended. */
enum err ssm_api_parse_session(const struct aws_reply *reply, struct ssm_api_session *ret_session,
                               struct service_failure *ret_failure) SSM_MUST_USE;

/* ResumeSession: a fresh token for the session; its StreamUrl may be absent (the one before goes on to hold). */
enum err ssm_api_parse_resumed_session(const struct aws_reply *reply, struct ssm_api_session *ret_session,
                                       struct service_failure *ret_failure) SSM_MUST_USE;

/* TerminateSession, and any other reply of which only success matters. DoesNotExistException is success here: the
 * session is over. */
enum err ssm_api_parse_terminated_session(const struct aws_reply *reply,
                                          struct service_failure *ret_failure) SSM_MUST_USE;

/* One managed node. Texts longer than their field are cut, control characters replaced: for display, except the id. */
struct ssm_api_node {
    char instance_id[LIMIT_TARGET + 1];
    char name[257];
    char computer_name[256];
    char ip_address[64];
    char ping_status[32]; /* Online, ConnectionLost, Inactive */
    char platform_type[32];
    char platform_name[128];
    char platform_version[64];
    char agent_version[32];
    bool is_agent_latest;       /* no newer agent is released */
    bool is_agent_outdated;     /* there is a newer one; neither: the service does not say */
    char resource_type[32];     /* EC2Instance, ManagedInstance */
    double last_ping_unix_time; /* seconds; 0 when unknown */
    int64_t registered_unix_s;  /* of a hybrid node; 0 when the service does not say */
};

/* One page. Owned; AUTO(ssm_api_nodes_free). */
struct ssm_api_nodes {
    struct ssm_api_node *items;
    size_t count;     /* at most LIMIT_API_PAGE */
    char *next_token; /* NULL on the last page */
};

void ssm_api_nodes_free(struct ssm_api_nodes *nodes);

enum err ssm_api_parse_nodes(const struct aws_reply *reply, struct ssm_api_nodes *ret_nodes,
                             struct service_failure *ret_failure) SSM_MUST_USE;

/* GetConnectionStatus. */
enum err ssm_api_parse_connection_status(const struct aws_reply *reply, bool *ret_is_connected,
                                         struct service_failure *ret_failure) SSM_MUST_USE;

#endif
