#include "tests/emulator/sts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "tests/emulator/call_fault.h"
#include "tests/emulator/caller.h"
#include "tests/emulator/identity.h"
#include "tests/emulator/lab_region.h"
#include "tests/emulator/role.h"

#define VERSION "2011-06-15"
#define NAMESPACE "https://sts.amazonaws.com/doc/" VERSION "/"
#define SKEW_MINUTES 15
#define ANSWER_SIZE (16 * 1024)

/* ---- answers ---- */

void sts_reply(const struct sts_call *call, const char *action, const struct text *result)
{
    char memory[ANSWER_SIZE];
    struct text text = text_in(memory, sizeof memory);
    text_format(&text, "<%sResponse xmlns=\"" NAMESPACE "\"><%sResult>", action, action);
    text_put_bytes(&text, text_bytes(result));
    text_format(&text, "</%sResult><ResponseMetadata>", action);
    xml_writer_element(&text, "RequestId", http_exchange_request_id(call->exchange));
    text_format(&text, "</ResponseMetadata></%sResponse>", action);
    if (result->overflowed || text_finish(&text) != ERR_OK) {
        sts_fail(call, 500, "InternalFailure", "An internal error occurred.");
        return;
    }
    http_exchange_reply(call->exchange, 200, "text/xml", memory);
}

void sts_fail(const struct sts_call *call, int http_status, const char *code, const char *format, ...)
{
    char message[2048], memory[ANSWER_SIZE];
    struct text text = text_in(memory, sizeof memory);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    text_put(&text, "<ErrorResponse xmlns=\"" NAMESPACE "\">\n  <Error>\n    ");
    xml_writer_element(&text, "Type", http_status < 500 ? "Sender" : "Receiver");
    text_put(&text, "\n    ");
    xml_writer_element(&text, "Code", code);
    text_put(&text, "\n    ");
    xml_writer_element(&text, "Message", message);
    text_put(&text, "\n  </Error>\n  ");
    xml_writer_element(&text, "RequestId", http_exchange_request_id(call->exchange));
    text_put(&text, "\n</ErrorResponse>\n");
    call->lab->counters.api_errors++;
    http_exchange_reply(call->exchange, http_status, "text/xml", memory);
    log_debug("sts: %s: %s", code, message);
}

/* ---- who calls ---- */

/* The services that speak JSON and STS have different words for the same refusals. */
static const struct {
    const char *type;
    int http_status;
    const char *code, *message; /* NULL: the message stays */
} refusals[] = {
    {"UnrecognizedClientException", 403, "InvalidClientTokenId", NULL},
    {"InvalidSignatureException", 403, "SignatureDoesNotMatch", NULL},
    {"ExpiredTokenException", 403, "ExpiredToken", NULL},
    {"MissingAuthenticationTokenException", 403, "MissingAuthenticationToken",
     "Request is missing Authentication Token"},
    {"IncompleteSignatureException", 400, "IncompleteSignature", NULL},
};

static void refuse(const struct sts_call *call, const struct service_error *error)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (strcmp(refusals[i].type, error->type) == 0) {
            sts_fail(call, refusals[i].http_status, refusals[i].code, "%s",
                     refusals[i].message == NULL ? error->message : refusals[i].message);
            return;
        }
    }
    sts_fail(call, 500, "InternalFailure", "An internal error occurred.");
}

/* The global endpoint is that of us-east-1, whatever region the lab plays; those of the regions say it in their name.
 */
static const char *region_of(const struct sts_call *call, char memory[64])
{
    const char *host = http_request_header(call->exchange->request, "host");
    if (host == NULL || strncmp(host, "sts.", 4) != 0) {
        return lab_region(call->lab, call->exchange->request);
    }
    const char *region = host + 4;
    snprintf(memory, 64, "%.*s", (int)strcspn(region, "."), region);
    return strcmp(memory, "amazonaws") == 0 ? "us-east-1" : memory;
}

static bool is_caller_known(struct sts_call *call)
{
    char memory[64];
    struct service_error error = {0};
    struct signature_scope scope = {region_of(call, memory), "sts", lab_time(call->lab), SKEW_MINUTES};
    if (caller_check(call->lab, &scope, call->exchange->request, &call->caller, &error) != ERR_OK) {
        refuse(call, &error);
        return false;
    }
    return true;
}

/* ---- operations ---- */

static void get_caller_identity(const struct sts_call *call)
{
    const struct credential *caller = call->caller;
    char memory[1024], id[22], user_id[100];
    struct text result = text_in(memory, sizeof memory);
    bool is_user = caller->role[0] == '\0';
    call->lab->identity->counters.get_caller_identity++;
    role_unique_id(is_user ? "AIDA" : "AROA", is_user ? caller->session_name : caller->role, id);
    snprintf(user_id, sizeof user_id, "%s%s%s", id, is_user ? "" : ":", is_user ? "" : caller->session_name);
    xml_writer_element(&result, "Arn", caller->principal);
    xml_writer_element(&result, "UserId", user_id);
    xml_writer_element(&result, "Account", LAB_ACCOUNT);
    sts_reply(call, "GetCallerIdentity", &result);
}

static const struct {
    const char *action;
    void (*run)(const struct sts_call *call);
    bool is_signed;
} operations[] = {
    {"AssumeRole", sts_assume_role, true},
    {"AssumeRoleWithWebIdentity", sts_assume_role_with_web_identity, false},
    {"GetCallerIdentity", get_caller_identity, true},
};

#define OPERATION_COUNT (sizeof operations / sizeof operations[0])

static bool is_let_through(const struct sts_call *call, const char *action)
{
    char permission[80];
    struct service_error error = {0};
    snprintf(permission, sizeof permission, "sts:%s", action);
    if (!call_fault_strikes(call->exchange, permission, call->caller, &error)) {
        return true;
    }
    sts_fail(call, error.http_status, error.type, "%s", error.message);
    return false;
}

static void run(struct sts_call *call)
{
    const char *action = form_get(call->form, "Action");
    size_t i = 0;
    while (i < OPERATION_COUNT && (action == NULL || strcmp(operations[i].action, action) != 0)) {
        i++;
    }
    if (i == OPERATION_COUNT) {
        sts_fail(call, 400, "InvalidAction", "Could not find operation %.64s for version " VERSION,
                 action == NULL ? "" : action);
        return;
    }
    log_debug("sts: %s", action);
    if ((!operations[i].is_signed || is_caller_known(call)) && is_let_through(call, action)) {
        operations[i].run(call);
    }
}

bool sts_request(struct http_exchange *exchange)
{
    struct form *form = form_of_request(exchange->request, VERSION);
    if (form == NULL) {
        return false;
    }
    struct sts_call call = {.lab = exchange->lab, .exchange = exchange, .form = form};
    run(&call);
    form_free(form);
    return true;
}
