/* call_fault: which calls of the AWS services fail, and how, by their IAM action:
 *
 *     POST /lab/faults {"calls":[{"action":"ec2:DescribeInstances","answer":"throttle","count":2},
 *                                {"action":"ssm:*","answer":"deny"}]}
 *
 * SendCommand is asked about twice: as ssm:SendCommand and as ssm:SendCommand/AWS-RunShellScript, by its document.
 * The answers: throttle; internal (500); unavailable (503); deny (the caller lacks the permission); close (the
 * connection ends without an answer); hang (there is none); cut (half of the true answer, which is then malformed).
 * Each service says it in its own words. Without a count, it lasts until the next list. The first entry that fits
 * counts. */
#ifndef SSM_LAB_CALL_FAULT_H
#define SSM_LAB_CALL_FAULT_H

#include <jansson.h>

#include "tests/emulator/credential_store.h"
#include "tests/emulator/http_exchange.h"
#include "tests/emulator/service_error.h"

/* Takes the place of the whole list. ERR_MALFORMED, and the list is as before. */
enum err call_fault_set(struct lab *lab, const json_t *list) SSM_MUST_USE;

/* To be asked once a call, by `action` ("ec2:DescribeInstances"), when its caller is known (NULL: the operation is not
 * signed). True: it must fail with *ret_error. The connection may then be past answering, which is nobody's concern. */
bool call_fault_strikes(struct http_exchange *exchange, const char *action, const struct credential *caller,
                        struct service_error *ret_error);

/* How the service of `action` says that the caller lacks the permission. */
void call_fault_deny(const char *action, const struct credential *caller, const char *region,
                     struct service_error *ret_error);

#endif
