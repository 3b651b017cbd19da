#include "tests/emulator/ec2.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/auto.h"
#include "common/log.h"
#include "tests/emulator/call_fault.h"
#include "tests/emulator/caller.h"
#include "tests/emulator/instance.h"
#include "tests/emulator/lab_region.h"
#include "tests/emulator/permission.h"

#define VERSION "2016-11-15"
#define NAMESPACE "http://ec2.amazonaws.com/doc/" VERSION "/"
#define CONTENT_TYPE "text/xml;charset=UTF-8"
#define DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define SKEW_MINUTES 15

/* ---- answers ---- */

void ec2_reply(const struct ec2_call *call, const char *action, const struct text *result)
{
    size_t size = result->len + 1024;
    AUTO_FREE char *memory = result->overflowed ? NULL : malloc(size);
    if (memory == NULL) {
        ec2_fail(call, 500, "InternalError", "An internal error has occurred");
        return;
    }
    struct text text = text_in(memory, size);
    text_format(&text, DECLARATION "<%sResponse xmlns=\"" NAMESPACE "\">", action);
    xml_writer_element(&text, "requestId", http_exchange_request_id(call->exchange));
    text_put_bytes(&text, text_bytes(result));
    text_format(&text, "</%sResponse>", action);
    http_exchange_reply(call->exchange, 200, CONTENT_TYPE, memory);
}

void ec2_fail(const struct ec2_call *call, int http_status, const char *code, const char *format, ...)
{
    char message[2048], memory[16 * 1024];
    struct text text = text_in(memory, sizeof memory);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    text_put(&text, DECLARATION "<Response><Errors><Error>");
    xml_writer_element(&text, "Code", code);
    xml_writer_element(&text, "Message", message);
    text_put(&text, "</Error></Errors>");
    xml_writer_element(&text, "RequestID", http_exchange_request_id(call->exchange));
    text_put(&text, "</Response>");
    call->lab->counters.api_errors++;
    http_exchange_reply(call->exchange, http_status, CONTENT_TYPE, memory);
    log_debug("ec2: %s: %s", code, message);
}

/* ---- who calls ---- */

#define NOT_VALIDATED "AWS was not able to validate the provided access credentials"
#define HAS_EXPIRED "Request has expired."

/* EC2 tells little: a wrong secret, key, region or token and a clock that is ahead are all AuthFailure; a session that
 * has expired and a clock that is behind are RequestExpired. */
static const struct {
    const char *type, *beginning; /* of the message in the words of the services that speak JSON */
    int http_status;
    const char *code, *message;
} refusals[] = {
    {"InvalidSignatureException", "Signature expired: ", 400, "RequestExpired", HAS_EXPIRED},
    {"ExpiredTokenException", "", 400, "RequestExpired", HAS_EXPIRED},
    {"InvalidSignatureException", "", 401, "AuthFailure", NOT_VALIDATED},
    {"UnrecognizedClientException", "", 401, "AuthFailure", NOT_VALIDATED},
    {"IncompleteSignatureException", "", 401, "AuthFailure", NOT_VALIDATED},
    {"MissingAuthenticationTokenException", "", 400, "MissingParameter",
     "The request must contain the parameter AWSAccessKeyId"},
};

static void refuse(const struct ec2_call *call, const struct service_error *error)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (strcmp(refusals[i].type, error->type) == 0 &&
            strncmp(refusals[i].beginning, error->message, strlen(refusals[i].beginning)) == 0) {
            ec2_fail(call, refusals[i].http_status, refusals[i].code, "%s", refusals[i].message);
            return;
        }
    }
    ec2_fail(call, 500, "InternalError", "An internal error has occurred");
}

static bool is_caller_known(struct ec2_call *call)
{
    struct service_error error = {0};
    struct signature_scope scope = {call->region, "ec2", lab_time(call->lab), SKEW_MINUTES};
    if (caller_check(call->lab, &scope, call->exchange->request, &call->caller, &error) != ERR_OK) {
        refuse(call, &error);
        return false;
    }
    return true;
}

/* ---- operations ---- */

static const struct {
    const char *action, *permission;
    void (*run)(const struct ec2_call *call);
    bool is_looking; /* what the denied key may do, too */
} operations[] = {
    {"DescribeInstances", "ec2:DescribeInstances", ec2_instance_describe, true},
    {"GetConsoleOutput", "ec2:GetConsoleOutput", ec2_instance_console, true},
    {"StartInstances", "ec2:StartInstances", ec2_instance_start, false},
};

#define OPERATION_COUNT (sizeof operations / sizeof operations[0])

static bool is_in_policy_on(const struct ec2_call *call, const char *action, const char *id)
{
    char arn[200];
    struct service_error ignored;
    bool is_looking = strncmp(action, "ec2:Describe", strlen("ec2:Describe")) == 0;
    const struct instance *instance = instance_find(call->lab->instances, id, call->region);
    snprintf(arn, sizeof arn, "arn:aws:ec2:%s:" LAB_ACCOUNT ":instance/%.64s", call->region, id);
    struct permission_request request = {
        .action = action, .resource = is_looking ? "*" : arn, .tags = instance == NULL ? NULL : instance->tags};
    return permission_check(call->caller, &request, &ignored) == ERR_OK;
}

/* On every instance that is named; on all of them where none is. Describe actions have no resource. */
static bool is_in_policy(const struct ec2_call *call, const char *action)
{
    const char *only = form_get(call->form, "InstanceId"), *id = form_get(call->form, "InstanceId.1");
    bool is_granted = id != NULL || is_in_policy_on(call, action, only == NULL ? "*" : only);
    for (unsigned number = 2; is_granted && id != NULL; number++) {
        char key[40];
        is_granted = is_in_policy_on(call, action, id);
        snprintf(key, sizeof key, "InstanceId.%u", number);
        id = form_get(call->form, key);
    }
    return is_granted;
}

/* Faults, and what the caller may not do. */
static bool is_let_through(const struct ec2_call *call, size_t operation)
{
    struct service_error error = {0};
    bool is_forbidden = call->caller->node_id[0] != '\0' ||
                        (call->caller->is_denied && !operations[operation].is_looking) ||
                        !is_in_policy(call, operations[operation].permission);
    if (is_forbidden) {
        call_fault_deny(operations[operation].permission, call->caller, call->region, &error);
    } else if (!call_fault_strikes(call->exchange, operations[operation].permission, call->caller, &error)) {
        return true;
    }
    ec2_fail(call, error.http_status, error.type, "%s", error.message);
    return false;
}

static void run(struct ec2_call *call)
{
    const char *action = form_get(call->form, "Action");
    size_t i = 0;
    while (i < OPERATION_COUNT && (action == NULL || strcmp(operations[i].action, action) != 0)) {
        i++;
    }
    if (i == OPERATION_COUNT) {
        ec2_fail(call, 400, "InvalidAction", "The action %.64s is not valid for this web service.",
                 action == NULL ? "" : action);
        return;
    }
    log_debug("ec2: %s", action);
    if (is_caller_known(call) && is_let_through(call, i)) {
        operations[i].run(call);
    }
}

bool ec2_request(struct http_exchange *exchange)
{
    struct form *form = form_of_request(exchange->request, VERSION);
    if (form == NULL) {
        return false;
    }
    struct ec2_call call = {.lab = exchange->lab,
                            .exchange = exchange,
                            .form = form,
                            .region = lab_region(exchange->lab, exchange->request)};
    run(&call);
    form_free(form);
    return true;
}
