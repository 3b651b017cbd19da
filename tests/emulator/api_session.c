/* The session operations: StartSession, ResumeSession, TerminateSession, DescribeSessions. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/emulator/api.h"
#include "tests/emulator/document_store.h"
#include "tests/emulator/gateway.h"
#include "tests/emulator/node_table.h"
#include "tests/emulator/permission.h"
#include "tests/emulator/relay.h"
#include "tests/emulator/session.h"

/* The service always names the gateway of the region, whatever endpoint the API was reached by. */
static void name_gateway(const struct api_call *call, char *ret_host, size_t size)
{
    const struct lab *lab = call->lab;
    if (lab->options.has_aws_names) {
        const char *suffix = strncmp(call->region, "cn-", 3) == 0 ? ".cn" : "";
        snprintf(ret_host, size, "ssmmessages.%s.amazonaws.com%s", call->region, suffix);
        return;
    }
    bool is_v6 = strchr(lab->options.listen, ':') != NULL;
    snprintf(ret_host, size, "%s%s%s:%d", is_v6 ? "[" : "", lab->options.listen, is_v6 ? "]" : "", lab->gateway_port);
}

static json_t *session_reply(const struct api_call *call, const struct session *session, bool has_token)
{
    const struct lab *lab = call->lab;
    char path[300], host[160], url[480];
    session_stream_path(session, path, sizeof path);
    name_gateway(call, host, sizeof host);
    snprintf(url, sizeof url, "wss://%s%s", host, path);
    json_t *output = json_pack("{s:s,s:s}", "SessionId", session->id, "StreamUrl",
                               lab->faults.stream_url == NULL ? url : lab->faults.stream_url);
    if (has_token) {
        json_object_set_new(output, "TokenValue", json_string(session->client_token));
    }
    return output;
}

static void fail_denied(const struct api_call *call, const char *action, const char *resource)
{
    api_fail(
        call, "AccessDeniedException",
        "User: %s is not authorized to perform: ssm:%s on resource: %s because no identity-based policy allows the "
        "ssm:%s action",
        call->caller->principal, action, resource, action);
}

/* ---- StartSession ---- */

static const struct document *check_document(const struct api_call *call, const char *name)
{
    size_t len = strlen(name);
    bool is_valid = len >= 3 && len <= 128;
    for (const char *at = name; *at != '\0'; at++) {
        is_valid = is_valid && (isalnum((unsigned char)*at) || strchr("_-.:/", *at) != NULL);
    }
    const struct document *document =
        is_valid ? document_store_find(call->lab->documents, name, "Session", call->region) : NULL;
    if (document == NULL) {
        api_fail(call, "InvalidDocument", "Document with name %.130s does not exist.", name);
    }
    return document;
}

/* The target's node, if a session can be started there. */
static struct node *check_target(const struct api_call *call, const char *target)
{
    struct node *node = node_table_find_in(call->lab->nodes, target, call->region);
    if (node == NULL || !node_is_connected(node)) {
        api_fail(call, "TargetNotConnected", "%s is not connected.", target);
        return NULL;
    }
    return node;
}

static void start(const struct api_call *call, struct node *node, const struct document *document,
                  const json_t *scalars)
{
    struct session *session = NULL;
    if (session_new(call->lab->sessions, call->caller->session_name, &session) != ERR_OK) {
        api_fail(call, "ThrottlingException", "Rate exceeded");
        return;
    }
    session->node = node;
    snprintf(session->target, sizeof session->target, "%s", node->id);
    snprintf(session->owner, sizeof session->owner, "%s", call->caller->principal);
    snprintf(session->reason, sizeof session->reason, "%s", api_optional(call->input, "Reason"));
    snprintf(session->document, sizeof session->document, "%s", document->name);
    call->lab->counters.sessions_started++;
    if (gateway_start_session(session, document, scalars) != ERR_OK) {
        session_end(session, SESSION_FAILED, "");
        api_fail(call, "TargetNotConnected", "%s is not connected.", node->id);
        return;
    }
    api_reply(call, session_reply(call, session, true));
}

/* The ARN of what a session would be started on. */
static void name_target(const char *target, const char *region, char ret_arn[500])
{
    size_t cluster_len = strcspn(target, "_");
    bool is_hybrid = strncmp(target, "mi-", 3) == 0;
    if (strncmp(target, "ecs:", 4) == 0 && target[cluster_len] == '_') {
        const char *task = target + cluster_len + 1;
        snprintf(ret_arn, 500, "arn:aws:ecs:%s:" LAB_ACCOUNT ":task/%.*s/%.*s", region, (int)cluster_len - 4,
                 target + 4, (int)strcspn(task, "_"), task);
        return;
    }
    snprintf(ret_arn, 500, "arn:aws:%s:%s:" LAB_ACCOUNT ":%s/%s", is_hybrid ? "ssm" : "ec2", region,
             is_hybrid ? "managed-instance" : "instance", target);
}

/* The node, and the document where one is named; the default one, too, where the caller may start sessions under
 * ssm:SessionDocumentAccessCheck alone. Source: Session Manager's guide, "Enforce a session document permission check".
 */
static bool allows_start(const struct api_call *call, const char *target)
{
    const struct node *node = node_table_find_in(call->lab->nodes, target, call->region);
    const char *name = api_optional(call->input, "DocumentName");
    char arn[500], document[DOCUMENT_ARN_SIZE];
    struct service_error error = {0};
    name_target(target, call->region, arn);
    document_store_arn(name[0] == '\0' ? SESSION_DOCUMENT_PREFERENCES : name, call->region, document);
    struct permission_request on_node = {.action = "ssm:StartSession",
                                         .resource = arn,
                                         .tags = node == NULL ? NULL : node->tags,
                                         .checks_document = "false"};
    struct permission_request on_document = {
        .action = "ssm:StartSession", .resource = document, .checks_document = "true"};
    if (name[0] == '\0' && permission_check(call->caller, &on_node, &error) == ERR_OK) {
        return true;
    }
    on_node.checks_document = "true";
    return api_allows(call, &on_node) && api_allows(call, &on_document);
}

void api_session_start(const struct api_call *call)
{
    const char *target = api_text(call, "Target", 1, 400);
    if (target == NULL || !allows_start(call, target)) {
        return;
    }
    if (call->caller->is_denied || call->caller->node_id[0] != '\0') {
        char resource[500];
        name_target(target, call->region, resource);
        fail_denied(call, "StartSession", resource);
        return;
    }
    const json_t *name = json_object_get(call->input, "DocumentName");
    json_t *parameters = json_object_get(call->input, "Parameters");
    if (json_object_get(call->input, "Reason") != NULL && api_text(call, "Reason", 1, 256) == NULL) {
        return;
    }
    if ((name != NULL && !json_is_string(name)) || (parameters != NULL && !json_is_object(parameters))) {
        api_fail(call, "SerializationException", "A member of the request has the wrong type");
        return;
    }
    const struct document *document =
        check_document(call, name == NULL ? SESSION_DOCUMENT_PREFERENCES : json_string_value(name));
    if (document == NULL) {
        return;
    }
    struct service_error error = {0};
    json_t *scalars = NULL;
    if (session_document_check(document, parameters, &scalars, &error) != ERR_OK) {
        api_fail_error(call, &error);
        return;
    }
    struct node *node = check_target(call, target);
    if (node != NULL) {
        start(call, node, document, scalars);
    }
    json_decref(scalars);
}

/* ---- ResumeSession, TerminateSession ---- */

static bool allows_session(const struct api_call *call, const char *action, const char *id)
{
    char arn[200];
    snprintf(arn, sizeof arn, "arn:aws:ssm:%s:" LAB_ACCOUNT ":session/%s", call->region, id);
    struct permission_request request = {.action = action, .resource = arn};
    return api_allows(call, &request);
}

static void refuse_resume(const struct api_call *call, const char *id)
{
    char resource[200];
    if (call->lab->faults.resume_error != NULL && !call->caller->is_denied) {
        api_fail(call, call->lab->faults.resume_error, "%s", "Refused, as a fault demands.");
        return;
    }
    snprintf(resource, sizeof resource, "arn:aws:ssm:%s:" LAB_ACCOUNT ":session/%s", call->region, id);
    fail_denied(call, "ResumeSession", resource);
}

void api_session_resume(const struct api_call *call)
{
    const char *id = api_text(call, "SessionId", 1, 96);
    if (id == NULL) {
        return;
    }
    struct session *session = session_table_find(call->lab->sessions, id);
    if (session == NULL) {
        api_fail(call, "DoesNotExistException", "Session %s does not exist", id);
        return;
    }
    if (call->caller->is_denied || fault_take(&call->lab->faults.refuse_resumes)) {
        refuse_resume(call, id);
        return;
    }
    if (!allows_session(call, "ssm:ResumeSession", id)) {
        return;
    }
    bool is_alive = session_is_open(session) && session->status != SESSION_TERMINATING && !call->lab->faults.no_token;
    if (is_alive) {
        session_new_client_token(session);
    }
    api_reply(call, session_reply(call, session, is_alive));
}

void api_session_terminate(const struct api_call *call)
{
    const char *id = api_text(call, "SessionId", 1, 96);
    if (id == NULL) {
        return;
    }
    struct session *session = session_table_find(call->lab->sessions, id);
    if (session == NULL) {
        api_fail(call, "DoesNotExistException", "Session %s does not exist", id);
        return;
    }
    if (!allows_session(call, "ssm:TerminateSession", id)) {
        return;
    }
    if (session_is_open(session)) {
        call->lab->counters.terminated_by_api++;
        relay_terminate(session, "");
    }
    api_reply(call, json_pack("{s:s}", "SessionId", session->id));
}

/* ---- DescribeSessions ---- */

static int64_t parse_time(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    return end == NULL ? 0 : (int64_t)timegm(&tm) * 1000;
}

static bool passes_filter(const struct session *session, const char *key, const char *value)
{
    if (strcmp(key, "Target") == 0) {
        return strcmp(session->target, value) == 0;
    }
    if (strcmp(key, "Owner") == 0) {
        return strcmp(session->owner, value) == 0;
    }
    if (strcmp(key, "SessionId") == 0) {
        return strcmp(session->id, value) == 0;
    }
    if (strcmp(key, "Status") == 0) {
        return strcmp(session_status_text(session->status), value) == 0;
    }
    if (strcmp(key, "InvokedAfter") == 0) {
        return session->start_unix_ms >= parse_time(value);
    }
    return strcmp(key, "InvokedBefore") == 0 && session->start_unix_ms < parse_time(value);
}

static bool is_listed(const struct session *session, bool is_active, const json_t *filters)
{
    size_t i = 0;
    json_t *filter = NULL;
    if (session_is_open(session) != is_active) {
        return false;
    }
    json_array_foreach(filters, i, filter)
    {
        if (!passes_filter(session, api_optional(filter, "key"), api_optional(filter, "value"))) {
            return false;
        }
    }
    return true;
}

static json_t *describe(const struct session *session)
{
    json_t *object =
        json_pack("{s:s,s:s,s:s,s:f,s:s,s:s}", "SessionId", session->id, "Target", session->target, "Status",
                  session_status_text(session->status), "StartDate", (double)session->start_unix_ms / 1000.0,
                  "DocumentName", session->document, "Owner", session->owner);
    if (!session_is_open(session)) {
        json_object_set_new(object, "EndDate", json_real((double)session->end_unix_ms / 1000.0));
    }
    if (session->reason[0] != '\0') {
        json_object_set_new(object, "Reason", json_string(session->reason));
    }
    if (session->details[0] != '\0' && !session_is_open(session)) {
        json_object_set_new(object, "Details", json_string(session->details));
    }
    return object;
}

static bool check_filters(const struct api_call *call, const json_t *filters)
{
    static const char *const keys[] = {"InvokedAfter", "InvokedBefore", "Target", "Owner", "Status", "SessionId"};
    size_t i = 0;
    json_t *filter = NULL;
    json_array_foreach(filters, i, filter)
    {
        const char *key = api_optional(filter, "key");
        size_t known = 0;
        while (known < sizeof keys / sizeof keys[0] && strcmp(keys[known], key) != 0) {
            known++;
        }
        if (known == sizeof keys / sizeof keys[0]) {
            api_fail(call, "InvalidFilterKey", "%.100s is not a valid filter key", key);
            return false;
        }
    }
    return true;
}

void api_session_describe(const struct api_call *call)
{
    const char *state = api_text(call, "State", 1, 10);
    const json_t *filters = json_object_get(call->input, "Filters");
    if (state == NULL) {
        return;
    }
    bool is_active = strcmp(state, "Active") == 0;
    if (!is_active && strcmp(state, "History") != 0) {
        api_fail(call, "ValidationException",
                 "1 validation error detected: Value '%s' at 'state' failed to satisfy constraint: Member must satisfy "
                 "enum value set: [Active, History]",
                 state);
        return;
    }
    size_t total = 0, begin = 0, end = 0, index = 0;
    for (struct session *at = call->lab->sessions->first; at != NULL; at = at->next) {
        total += is_listed(at, is_active, filters) ? 1 : 0;
    }
    if (!check_filters(call, filters) || !api_page(call, 1, 200, total, &begin, &end)) {
        return;
    }
    json_t *list = json_array();
    for (struct session *at = call->lab->sessions->first; at != NULL; at = at->next) {
        if (is_listed(at, is_active, filters)) {
            if (index >= begin && index < end) {
                json_array_append_new(list, describe(at));
            }
            index++;
        }
    }
    json_t *output = json_pack("{s:o}", "Sessions", list);
    api_next_token(output, end, total);
    api_reply(call, output);
}
