#include "tests/emulator/call_fault.h"

#include <stdio.h>
#include <string.h>

#include "tests/emulator/fault.h"
#include "tests/emulator/lab_region.h"

static const char *const answers[] = {
    [CALL_THROTTLED] = "throttle",
    [CALL_INTERNAL] = "internal",
    [CALL_UNAVAILABLE] = "unavailable",
    [CALL_DENIED] = "deny",
    [CALL_CLOSED] = "close",
    [CALL_HANGS] = "hang",
    [CALL_CUT] = "cut",
};

#define ANSWER_COUNT (sizeof answers / sizeof answers[0])

/* ---- the list ---- */

static enum err parse(const json_t *entry, struct call_fault *ret)
{
    const char *action = json_string_value(json_object_get(entry, "action"));
    const char *answer = json_string_value(json_object_get(entry, "answer"));
    const json_t *count = json_object_get(entry, "count");
    size_t i = 0;
    while (answer != NULL && i < ANSWER_COUNT && strcmp(answers[i], answer) != 0) {
        i++;
    }
    if (action == NULL || strlen(action) >= sizeof ret->action || answer == NULL || i == ANSWER_COUNT ||
        (count != NULL && !json_is_integer(count)) || json_object_size(entry) != (count == NULL ? 2 : 3)) {
        return ERR_MALFORMED;
    }
    strcpy(ret->action, action);
    ret->answer = (enum call_answer)i;
    ret->is_lasting = count == NULL;
    ret->count = json_integer_value(count);
    return ERR_OK;
}

enum err call_fault_set(struct lab *lab, const json_t *list)
{
    struct call_faults faults = {.count = json_array_size(list)};
    if (faults.count > LAB_LIMIT_CALL_FAULTS) {
        return ERR_MALFORMED;
    }
    for (size_t i = 0; i < faults.count; i++) {
        TRY(parse(json_array_get(list, i), &faults.list[i]));
    }
    lab->call_faults = faults;
    return ERR_OK;
}

static bool is_meant(const char *pattern, const char *action)
{
    size_t len = strlen(pattern);
    bool is_prefix = len > 0 && pattern[len - 1] == '*';
    return is_prefix ? strncmp(pattern, action, len - 1) == 0 : strcmp(pattern, action) == 0;
}

static bool take(struct lab *lab, const char *action, enum call_answer *ret_answer)
{
    for (size_t i = 0; i < lab->call_faults.count; i++) {
        struct call_fault *fault = &lab->call_faults.list[i];
        if (is_meant(fault->action, action) && (fault->is_lasting || fault_take(&fault->count))) {
            *ret_answer = fault->answer;
            return true;
        }
    }
    bool is_throttled = fault_take(&lab->faults.throttle_next);
    *ret_answer = is_throttled ? CALL_THROTTLED : CALL_INTERNAL;
    return is_throttled || fault_take(&lab->faults.fail_next);
}

/* ---- how each service says it ---- */

struct words {
    int http_status;
    const char *type, *message;
};

/* Those of Systems Manager also for whatever is not listed. Sources: "Common errors" of each API's reference, and
 * what people have quoted; sso is the portal, sso-oauth its OIDC service (RFC 8628, section 3.5). */
static const struct {
    const char *service;
    struct words throttled, internal, unavailable;
} services[] = {
    {"ec2:",
     {503, "RequestLimitExceeded", "Request limit exceeded."},
     {500, "InternalError", "An internal error has occurred"},
     {503, "Unavailable", "The server is overloaded and can't handle the request."}},
    {"ec2-instance-connect:",
     {400, "ThrottlingException", "Rate exceeded"},
     {500, "ServiceException", "An internal error occurred."},
     {503, "EC2InstanceUnavailableException", "The instance is currently unavailable. Please try again."}},
    {"sts:",
     {400, "Throttling", "Rate exceeded"},
     {500, "InternalFailure", "An internal error occurred."},
     {503, "ServiceUnavailable", "Service is unavailable. Please try again."}},
    {"sso:",
     {429, "TooManyRequestsException", "HTTP 429 Unknown"},
     {500, "InternalServerException", "An internal error occurred."},
     {503, "ServiceUnavailableException", "Service is unavailable. Please try again."}},
    {"sso-oauth:",
     {400, "SlowDownException", "slow_down"},
     {500, "InternalServerException", "server_error"},
     {503, "ServiceUnavailableException", "temporarily_unavailable"}},
    {"",
     {400, "ThrottlingException", "Rate exceeded"},
     {500, "InternalServerError", "An internal error occurred."},
     {503, "ServiceUnavailableException", "Service is unavailable. Please try again."}},
};

static void say(const char *action, enum call_answer answer, struct service_error *ret_error)
{
    size_t i = 0;
    while (strncmp(services[i].service, action, strlen(services[i].service)) != 0) {
        i++; /* the last row fits everything */
    }
    const struct words *words = answer == CALL_THROTTLED  ? &services[i].throttled
                                : answer == CALL_INTERNAL ? &services[i].internal
                                                          : &services[i].unavailable;
    service_error_set(ret_error, words->type, "%s", words->message);
    ret_error->http_status = words->http_status;
}

/* EC2 adds a message that only sts:DecodeAuthorizationMessage can read, for everything but Describe calls. */
static void deny_ec2(const char *action, const char *principal, struct service_error *ret_error)
{
    bool is_describe = strncmp(action, "ec2:Describe", strlen("ec2:Describe")) == 0;
    service_error_set(ret_error, "UnauthorizedOperation",
                      "You are not authorized to perform this operation. User: %s is not authorized to perform: %s "
                      "because no identity-based policy allows the %s action%s",
                      principal, action, action,
                      is_describe ? "" : ". Encoded authorization failure message: bGFiLWVuY29kZWQtbWVzc2FnZQ");
    ret_error->http_status = 403;
}

void call_fault_deny(const char *action, const struct credential *caller, const char *region,
                     struct service_error *ret_error)
{
    const char *principal = caller == NULL ? "anonymous" : caller->principal;
    bool is_sts = strncmp(action, "sts:", 4) == 0;
    if (strncmp(action, "ec2:", 4) == 0) {
        deny_ec2(action, principal, ret_error);
        return;
    }
    if (strncmp(action, "sso", 3) == 0) {
        bool is_portal = action[3] == ':';
        service_error_set(ret_error, is_portal ? "ForbiddenException" : "AccessDeniedException",
                          is_portal ? "No access" : "access_denied");
        ret_error->http_status = is_portal ? 403 : 400;
        return;
    }
    if (strncmp(action, "ec2-instance-connect:", strlen("ec2-instance-connect:")) == 0) {
        service_error_set(ret_error, "AccessDeniedException",
                          "User: %s is not authorized to perform: %s on resource: arn:aws:ec2:%s:" LAB_ACCOUNT
                          ":instance/* because no identity-based policy allows the %s action",
                          principal, action, region, action);
        return;
    }
    int len = (int)strcspn(action, "/"); /* what follows is a document, of AWS's own */
    const char *document = action[len] == '\0' ? LAB_ACCOUNT ":*" : ":document";
    service_error_set(ret_error, is_sts ? "AccessDenied" : "AccessDeniedException",
                      "User: %s is not authorized to perform: %.*s on resource: arn:aws:%.*s:%s:%s%s because no "
                      "identity-based policy allows the %.*s action",
                      principal, len, action, (int)strcspn(action, ":"), action, is_sts ? "" : region, document,
                      action + len, len, action);
    ret_error->http_status = is_sts ? 403 : 400;
}

bool call_fault_strikes(struct http_exchange *exchange, const char *action, const struct credential *caller,
                        struct service_error *ret_error)
{
    enum call_answer answer = CALL_THROTTLED;
    if (!take(exchange->lab, action, &answer)) {
        return false;
    }
    if (answer == CALL_CUT) {
        exchange->is_cut = true;
        return false;
    }
    if (answer == CALL_DENIED) {
        call_fault_deny(action, caller, lab_region(exchange->lab, exchange->request), ret_error);
        return true;
    }
    if (answer == CALL_CLOSED || answer == CALL_HANGS) {
        http_exchange_give_up(exchange, answer == CALL_CLOSED);
    }
    say(action, answer, ret_error);
    return true;
}
