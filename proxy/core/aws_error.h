/* aws_error: what an AWS error type means for us. The same words come from every service, in JSON or XML. */
#ifndef SSM_PROXY_CORE_AWS_ERROR_H
#define SSM_PROXY_CORE_AWS_ERROR_H

#include "common/err.h"

/* `type` without its namespace, "" when the reply names none; `message` may be "". Never ERR_OK. Which type means what
 * stands in the table of aws_error.c; beside it:
 *
 *   ERR_NO_TARGET     a ValidationException about the target
 *   ERR_DENIED        403 without a type
 *   ERR_CLOCK_SKEW    a type of ERR_CREDENTIALS when the message is about the signature's time
 *   ERR_THROTTLED     "Rate exceeded" in the message; 429 with any type that the table lacks, or none
 *   ERR_SERVICE       5xx likewise
 *   ERR_CONFIG        any other type (InvalidDocument, InvalidParameters, BadRequest): the request is at fault
 *   ERR_UNREACHABLE   no type, and neither 403, 429 nor 5xx: something between us and the service answered */
enum err aws_error_classify(int http_status, const char *type, const char *message) SSM_MUST_USE;

#endif
