#include "tests/emulator/caller.h"

static bool is_person_for_a_time(const struct credential *caller)
{
    return caller->session_token[0] != '\0' && caller->node_id[0] == '\0';
}

enum err caller_check(struct lab *lab, const struct signature_scope *scope, const struct http_request *request,
                      const struct credential **ret_caller, struct service_error *ret_error)
{
    const struct credential *caller = NULL;
    enum err err = signature_check(scope, lab->credentials, request, &caller, ret_error);
    if (err == ERR_OK && lab->faults.expire_temporary && is_person_for_a_time(caller)) {
        service_error_set(ret_error, "ExpiredTokenException", "The security token included in the request is expired");
        err = ERR_CREDENTIALS;
    } else if (err != ERR_OK && err != ERR_CREDENTIALS) {
        service_error_set(ret_error, "InternalServerError", "An internal error occurred.");
    }
    if (err == ERR_OK) {
        *ret_caller = caller;
    }
    return err;
}
