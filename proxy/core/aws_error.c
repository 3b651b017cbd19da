#include "proxy/core/aws_error.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* "Exception" at the end is left out: services differ in it. Sources: the common errors of the SSM, STS, EC2 and EC2
 * Instance Connect API references, StartSession's own, botocore's retry data (throttling). */
static const struct {
    const char *type;
    enum err err;
} types[] = {
    {"TargetNotConnected", ERR_OFFLINE},
    {"InvalidInstanceId", ERR_NO_TARGET},
    {"InvalidTarget", ERR_NO_TARGET},
    {"EC2InstanceNotFound", ERR_NO_TARGET},
    {"EC2InstanceStateInvalid", ERR_OFFLINE},
    {"InvalidInstanceID.NotFound", ERR_NO_TARGET},
    {"InvalidInstanceID.Malformed", ERR_NO_TARGET},
    {"AccessDenied", ERR_DENIED},
    {"UnauthorizedOperation", ERR_DENIED},
    {"OptInRequired", ERR_DENIED},
    {"Auth", ERR_DENIED},
    {"ExpiredToken", ERR_CREDENTIALS},
    {"UnrecognizedClient", ERR_CREDENTIALS},
    {"InvalidClientTokenId", ERR_CREDENTIALS},
    {"InvalidAccessKeyId", ERR_CREDENTIALS},
    {"InvalidSignature", ERR_CREDENTIALS},
    {"SignatureDoesNotMatch", ERR_CREDENTIALS},
    {"MissingAuthenticationToken", ERR_CREDENTIALS},
    {"InvalidIdentityToken", ERR_CREDENTIALS},
    {"IDPRejectedClaim", ERR_CREDENTIALS},
    {"IncompleteSignature", ERR_CREDENTIALS},
    {"AuthFailure", ERR_CREDENTIALS},
    {"RequestTimeTooSkewed", ERR_CLOCK_SKEW},
    {"RequestExpired", ERR_CLOCK_SKEW},
    {"RequestInTheFuture", ERR_CLOCK_SKEW},
    {"Throttling", ERR_THROTTLED},
    {"Throttled", ERR_THROTTLED},
    {"RequestThrottled", ERR_THROTTLED},
    {"TooManyRequests", ERR_THROTTLED},
    {"RequestLimitExceeded", ERR_THROTTLED},
    {"BandwidthLimitExceeded", ERR_THROTTLED},
    {"EC2Throttled", ERR_THROTTLED},
    {"PriorRequestNotComplete", ERR_THROTTLED},
    {"RequestTimeout", ERR_SERVICE},
    {"IDPCommunicationError", ERR_SERVICE},
    {"InternalServerError", ERR_SERVICE},
    {"InternalFailure", ERR_SERVICE},
    {"InternalError", ERR_SERVICE},
    {"ServiceUnavailable", ERR_SERVICE},
    {"EC2InstanceUnavailable", ERR_SERVICE},
    {"Service", ERR_SERVICE},
    {"DoesNotExist", ERR_SESSION_ENDED},
};

static bool is_type(const char *type, const char *stem)
{
    size_t len = strlen(stem);
    return strncmp(type, stem, len) == 0 && (type[len] == '\0' || strcmp(type + len, "Exception") == 0);
}

static bool says(const char *message, const char *words)
{
    return strcasestr(message, words) != NULL;
}

static enum err classify_type(const char *type, const char *message)
{
    if (is_type(type, "Validation") && (says(message, "'target'") || says(message, "'instanceId'"))) {
        return ERR_NO_TARGET;
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (is_type(type, types[i].type)) {
            return types[i].err;
        }
    }
    return ERR_CONFIG;
}

static enum err classify_status(int http_status)
{
    if (http_status == 429) {
        return ERR_THROTTLED;
    }
    if (http_status >= 500 && http_status <= 599) {
        return ERR_SERVICE;
    }
    return http_status == 403 ? ERR_DENIED : ERR_UNREACHABLE;
}

enum err aws_error_classify(int http_status, const char *type, const char *message)
{
    if (says(message, "Rate exceeded")) {
        return ERR_THROTTLED;
    }
    enum err by_status = classify_status(http_status);
    if (*type == '\0') {
        return by_status;
    }
    enum err err = classify_type(type, message);
    if (err == ERR_CREDENTIALS && (says(message, "Signature expired") || says(message, "Signature not yet current"))) {
        return ERR_CLOCK_SKEW;
    }
    bool is_unknown = err == ERR_CONFIG;
    return is_unknown && (by_status == ERR_SERVICE || by_status == ERR_THROTTLED) ? by_status : err;
}
