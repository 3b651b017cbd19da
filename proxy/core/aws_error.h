/* aws_error: what an AWS error type means for us. The same words come from every service, in JSON or XML. */
#ifndef SSM_PROXY_CORE_AWS_ERROR_H
#define SSM_PROXY_CORE_AWS_ERROR_H

#include "common/err.h"

/* `type` without its namespace, "" when the reply names none; `message` may be "". Never ERR_OK.
 *
 *   ERR_OFFLINE       TargetNotConnected
 *   ERR_NO_TARGET     InvalidInstanceId, InvalidTarget; ValidationException about the target
 *   ERR_DENIED        AccessDenied(Exception), UnauthorizedOperation, OptInRequired; 403 without a type
 *   ERR_CREDENTIALS   ExpiredToken(Exception), UnrecognizedClientException, InvalidClientTokenId,
 *                     InvalidSignatureException, SignatureDoesNotMatch, MissingAuthenticationToken(Exception),
 *                     IncompleteSignature(Exception), AuthFailure
 *   ERR_CLOCK_SKEW    the same types when the message is about the signature's time; RequestTimeTooSkewed,
 *                     RequestExpired, RequestInTheFuture
 *   ERR_THROTTLED     Throttling(Exception), ThrottledException, TooManyRequests(Exception), RequestLimitExceeded,
 *                     "Rate exceeded", 429
 *   ERR_SERVICE       InternalServerError, InternalFailure, ServiceUnavailable(Exception); any other 5xx
 *   ERR_SESSION_ENDED DoesNotExistException (of a session)
 *   ERR_CONFIG        InvalidDocument, InvalidParameters, BadRequest and any other type: the request is at fault
 *   ERR_UNREACHABLE   no type, and neither 403, 429 nor 5xx: something between us and the service answered */
enum err aws_error_classify(int http_status, const char *type, const char *message) SSM_MUST_USE;

#endif
