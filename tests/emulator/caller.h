/* caller: who sends a signed request, for every service of ssm-lab alike. */
#ifndef SSM_LAB_CALLER_H
#define SSM_LAB_CALLER_H

#include "tests/emulator/lab.h"
#include "tests/emulator/signature.h"

/* signature_check, and the fault that lets all temporary credentials of people expire. *ret_error is set, in the words
 * of the services that speak JSON, whatever the error. */
enum err caller_check(struct lab *lab, const struct signature_scope *scope, const struct http_request *request,
                      const struct credential **ret_caller, struct service_error *ret_error) SSM_MUST_USE;

#endif
