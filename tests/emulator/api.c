#include "tests/emulator/api.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "tests/emulator/call_fault.h"
#include "tests/emulator/caller.h"
#include "tests/emulator/lab_region.h"
#include "tests/emulator/permission.h"

#define TOKEN_PREFIX "lab-page-"
#define SSM_PREFIX "AmazonSSM."
#define MESSAGES_PREFIX "EC2WindowsMessageDeliveryService."
#define CONNECT_PREFIX "AWSEC2InstanceConnectService."
#define KMS_PREFIX "TrentService."

/* `signing_name` begins the IAM actions as well. */
static const struct {
    const char *prefix, *signing_name, *message_member;
} services[] = {
    {SSM_PREFIX, "ssm", "message"},
    {MESSAGES_PREFIX, "ec2messages", "message"},
    {KMS_PREFIX, "kms", "message"},
    {CONNECT_PREFIX, "ec2-instance-connect", "Message"},
};

static size_t find_service(const char *target)
{
    size_t i = 0;
    while (i < sizeof services / sizeof services[0] - 1 &&
           (target == NULL || strncmp(services[i].prefix, target, strlen(services[i].prefix)) != 0)) {
        i++;
    }
    return i;
}

static void empty(const struct api_call *call)
{
    api_reply(call, json_object());
}

enum signing { SIGNED, SIGNED_FOR_RESOURCE, UNSIGNED };

static const struct {
    const char *name;
    void (*run)(const struct api_call *call);
    enum signing signing; /* UNSIGNED: the operation checks its caller itself; SIGNED_FOR_RESOURCE: his policy */
} operations[] = {
    {SSM_PREFIX "StartSession", api_session_start, SIGNED_FOR_RESOURCE},
    {SSM_PREFIX "ResumeSession", api_session_resume, SIGNED_FOR_RESOURCE},
    {SSM_PREFIX "TerminateSession", api_session_terminate, SIGNED_FOR_RESOURCE},
    {SSM_PREFIX "DescribeSessions", api_session_describe, SIGNED},
    {SSM_PREFIX "DescribeInstanceInformation", api_node_describe, SIGNED},
    {SSM_PREFIX "GetConnectionStatus", api_node_connection_status, SIGNED},
    {SSM_PREFIX "SendCommand", api_command_send, SIGNED_FOR_RESOURCE},
    {SSM_PREFIX "CancelCommand", api_command_cancel, SIGNED},
    {SSM_PREFIX "ListCommands", api_command_list, SIGNED},
    {SSM_PREFIX "ListCommandInvocations", api_command_list_invocations, SIGNED},
    {SSM_PREFIX "GetCommandInvocation", api_command_get_invocation, SIGNED},
    {SSM_PREFIX "CreateDocument", api_document_create, SIGNED_FOR_RESOURCE},
    {SSM_PREFIX "GetDocument", api_document_get, SIGNED_FOR_RESOURCE},
    {SSM_PREFIX "DescribeDocument", api_document_describe, SIGNED_FOR_RESOURCE},
    {SSM_PREFIX "DeleteDocument", api_document_delete, SIGNED_FOR_RESOURCE},
    {SSM_PREFIX "RegisterManagedInstance", api_agent_register, UNSIGNED},
    {SSM_PREFIX "RequestManagedInstanceRoleToken", api_agent_role_token, UNSIGNED},
    {SSM_PREFIX "UpdateManagedInstancePublicKey", api_agent_update_key, SIGNED},
    {SSM_PREFIX "UpdateInstanceInformation", api_agent_update_information, SIGNED},
    {SSM_PREFIX "ListInstanceAssociations", api_agent_associations, SIGNED},
    {SSM_PREFIX "ListAssociations", api_association_list, SIGNED},
    {SSM_PREFIX "CreateAssociation", api_association_create, SIGNED_FOR_RESOURCE},
    {SSM_PREFIX "DescribeAssociation", api_association_describe, SIGNED},
    {SSM_PREFIX "DeleteAssociation", api_association_delete, SIGNED},
    {SSM_PREFIX "StartAssociationsOnce", api_association_start, SIGNED},
    {SSM_PREFIX "UpdateInstanceAssociationStatus", empty, SIGNED},
    {SSM_PREFIX "PutInventory", empty, SIGNED},
    {SSM_PREFIX "PutComplianceItems", empty, SIGNED},
    {KMS_PREFIX "GenerateDataKey", api_kms_generate_data_key, SIGNED_FOR_RESOURCE},
    {KMS_PREFIX "Decrypt", api_kms_decrypt, SIGNED_FOR_RESOURCE},
    {CONNECT_PREFIX "SendSSHPublicKey", api_connect_send_key, SIGNED_FOR_RESOURCE},
    {MESSAGES_PREFIX "GetMessages", api_agent_get_messages, SIGNED},
    {MESSAGES_PREFIX "AcknowledgeMessage", empty, SIGNED},
    {MESSAGES_PREFIX "SendReply", empty, SIGNED},
    {MESSAGES_PREFIX "FailMessage", empty, SIGNED},
    {MESSAGES_PREFIX "DeleteMessage", empty, SIGNED},
};

#define OPERATION_COUNT (sizeof operations / sizeof operations[0])

/* ---- answers ---- */

void api_reply(const struct api_call *call, json_t *output)
{
    char *text = output == NULL ? NULL : json_dumps(output, JSON_COMPACT);
    json_decref(output);
    if (text == NULL) {
        api_fail(call, "InternalServerError", "An internal error occurred.");
        return;
    }
    http_exchange_reply(call->exchange, 200, "application/x-amz-json-1.1", text);
    free(text);
}

void api_fail_error(const struct api_call *call, const struct service_error *error)
{
    struct http_exchange *exchange = call->exchange;
    size_t service = find_service(http_request_header(exchange->request, "x-amz-target"));
    json_t *body = json_pack("{s:s,s:s}", "__type", error->type, services[service].message_member, error->message);
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    json_decref(body);
    call->lab->counters.api_errors++;
    snprintf(exchange->error_type, sizeof exchange->error_type, "%s", error->type);
    http_exchange_reply(exchange, error->http_status, "application/x-amz-json-1.1", text == NULL ? "{}" : text);
    free(text);
    log_debug("%s: %s", error->type, error->message);
}

void api_fail(const struct api_call *call, const char *type, const char *format, ...)
{
    struct service_error error;
    char message[sizeof error.message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    service_error_set(&error, type, "%s", message);
    api_fail_error(call, &error);
}

/* ---- input ---- */

const char *api_optional(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value == NULL ? "" : value;
}

/* AWS names members in lower camel case in these messages. */
static void fail_constraint(const struct api_call *call, const char *name, const char *value, const char *constraint)
{
    api_fail(call, "ValidationException",
             "1 validation error detected: Value %s%.200s%s at '%c%s' failed to satisfy constraint: %s",
             value == NULL ? "" : "'", value == NULL ? "null" : value, value == NULL ? "" : "'", name[0] | 0x20,
             name + 1, constraint);
}

const char *api_text(const struct api_call *call, const char *name, size_t min, size_t max)
{
    const json_t *member = json_object_get(call->input, name);
    if (member == NULL || json_is_null(member)) {
        fail_constraint(call, name, NULL, "Member must not be null");
        return NULL;
    }
    const char *value = json_string_value(member);
    if (value == NULL) {
        api_fail(call, "SerializationException", "%s is not a string", name);
        return NULL;
    }
    char constraint[80];
    snprintf(constraint, sizeof constraint, "Member must have length %s than or equal to %zu",
             strlen(value) < min ? "greater" : "less", strlen(value) < min ? min : max);
    if (strlen(value) < min || strlen(value) > max) {
        fail_constraint(call, name, value, constraint);
        return NULL;
    }
    return value;
}

/* A token of api_next_token: where the page begins. */
static bool parse_token(const char *token, size_t total, size_t *ret_begin)
{
    char *end = NULL;
    if (strncmp(token, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) != 0) {
        return false;
    }
    unsigned long begin = strtoul(token + strlen(TOKEN_PREFIX), &end, 10);
    *ret_begin = begin;
    return *end == '\0' && begin <= total;
}

bool api_page(const struct api_call *call, size_t min, size_t max, size_t total, size_t *ret_begin, size_t *ret_end)
{
    const json_t *limit = json_object_get(call->input, "MaxResults");
    const char *token = json_string_value(json_object_get(call->input, "NextToken"));
    size_t page = max, begin = 0;
    if (json_is_integer(limit)) {
        json_int_t wanted = json_integer_value(limit);
        if (wanted < (json_int_t)min || wanted > (json_int_t)max) {
            char value[32], constraint[80];
            snprintf(value, sizeof value, "%lld", (long long)wanted);
            snprintf(constraint, sizeof constraint, "Member must have value %s than or equal to %zu",
                     wanted < (json_int_t)min ? "greater" : "less", wanted < (json_int_t)min ? min : max);
            fail_constraint(call, "MaxResults", value, constraint);
            return false;
        }
        page = (size_t)wanted;
    }
    if (token != NULL && !parse_token(token, total, &begin)) {
        api_fail(call, "InvalidNextToken", "The specified token is not valid.");
        return false;
    }
    *ret_begin = begin;
    *ret_end = total - begin < page ? total : begin + page;
    return true;
}

void api_next_token(json_t *output, size_t end, size_t total)
{
    if (end < total) {
        char token[40];
        snprintf(token, sizeof token, TOKEN_PREFIX "%zu", end);
        json_object_set_new(output, "NextToken", json_string(token));
    }
}

/* ---- requests ---- */

static enum err check_caller(struct api_call *call, size_t operation)
{
    struct lab *lab = call->lab;
    struct service_error error = {0};
    const char *service = services[find_service(operations[operation].name)].signing_name;
    struct signature_scope scope = {call->region, service, lab_time(lab), SIGNATURE_SKEW_MINUTES};
    if (operations[operation].signing == UNSIGNED) {
        return ERR_OK;
    }
    enum err err = caller_check(lab, &scope, call->exchange->request, &call->caller, &error);
    if (err != ERR_OK) {
        api_fail_error(call, &error);
    }
    return err;
}

/* "ssm:StartSession" for "AmazonSSM.StartSession". */
static void name_action(const char *operation, char *ret_action, size_t size)
{
    snprintf(ret_action, size, "%s:%s", services[find_service(operation)].signing_name, strchr(operation, '.') + 1);
}

bool api_allows(const struct api_call *call, const struct permission_request *request)
{
    struct service_error error = {0};
    bool is_allowed = permission_check(call->caller, request, &error) == ERR_OK;
    if (!is_allowed) {
        api_fail_error(call, &error);
    }
    return is_allowed;
}

bool api_denies(const struct api_call *call, const char *action)
{
    struct service_error error = {0};
    bool is_denied = call->caller->is_denied || call->caller->node_id[0] != '\0';
    if (is_denied) {
        call_fault_deny(action, call->caller, call->region, &error);
        api_fail_error(call, &error);
    }
    return is_denied;
}

/* What has no resource of its own is done to the account. */
static bool allows_account(const struct api_call *call, size_t operation, const char *action)
{
    char arn[120];
    snprintf(arn, sizeof arn, "arn:aws:%.*s:%s:" LAB_ACCOUNT ":*", (int)strcspn(action, ":"), action, call->region);
    struct permission_request request = {.action = action, .resource = arn};
    return operations[operation].signing != SIGNED || api_allows(call, &request);
}

static void run(struct http_exchange *exchange, size_t operation)
{
    struct lab *lab = exchange->lab;
    struct api_call call = {.lab = lab, .exchange = exchange, .region = lab_region(lab, exchange->request)};
    struct bytes body = byte_queue_bytes(&exchange->request->body);
    if (check_caller(&call, operation) != ERR_OK) {
        return;
    }
    char action[80];
    struct service_error error = {0};
    name_action(operations[operation].name, action, sizeof action);
    if (call_fault_strikes(exchange, action, call.caller, &error)) {
        api_fail_error(&call, &error);
        return;
    }
    if (!allows_account(&call, operation, action)) {
        return;
    }
    json_t *input = body.len == 0 ? NULL : json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(input)) {
        api_fail(&call, "SerializationException", "The request body is not a JSON object");
    } else {
        call.input = input;
        log_debug("%s", operations[operation].name);
        operations[operation].run(&call);
    }
    json_decref(input);
}

static size_t find_operation(const char *target)
{
    size_t i = 0;
    while (i < OPERATION_COUNT && (target == NULL || strcmp(operations[i].name, target) != 0)) {
        i++;
    }
    return i;
}

static void delay_is_over(void *owner, uint64_t now_us)
{
    struct http_exchange *exchange = owner;
    (void)now_us;
    run(exchange, find_operation(http_request_header(exchange->request, "x-amz-target")));
}

bool api_request(struct http_exchange *exchange)
{
    struct lab *lab = exchange->lab;
    struct api_call call = {.lab = lab, .exchange = exchange};
    if (strcmp(exchange->request->method, "POST") != 0 || strcmp(exchange->request->path, "/") != 0) {
        return false;
    }
    size_t operation = find_operation(http_request_header(exchange->request, "x-amz-target"));
    if (operation == OPERATION_COUNT) {
        api_fail(&call, "UnknownOperationException", "%s", "");
        return true;
    }
    bool is_start = operations[operation].run == api_session_start;
    bool is_resume = operations[operation].run == api_session_resume;
    int64_t delay_ms = is_start ? lab->faults.start_session_delay_ms : is_resume ? lab->faults.resume_delay_ms : 0;
    if (delay_ms <= 0) {
        run(exchange, operation);
        return true;
    }
    http_exchange_later(exchange, delay_ms, delay_is_over);
    return true;
}
