/* target: what a person calls a node, and the port on it. */
#ifndef SSM_PROXY_CORE_TARGET_H
#define SSM_PROXY_CORE_TARGET_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/limits.h"

enum target_kind {
    TARGET_INSTANCE,     /* i- and 8 or 17 hexadecimal digits: an EC2 instance; goes to StartSession as it is */
    TARGET_MANAGED_NODE, /* mi- and 17 hexadecimal digits: a hybrid node; goes to StartSession as it is */
    TARGET_NAME          /* anything else: a Name tag value, to be looked up */
};

struct target {
    enum target_kind kind;
    char text[LIMIT_TARGET + 1];
};

/* 1 to LIMIT_TARGET bytes without control characters, else ERR_USAGE. Lower-case digits only, as AWS writes them:
 * "i-0123ABCD" is a name. The same goes for an id with the wrong number of digits. */
enum err target_parse(const char *text, struct target *ret_target) SSM_MUST_USE;

/* True when StartSession takes the text as it is, without a look-up. */
static inline bool target_is_id(const struct target *target)
{
    return target->kind != TARGET_NAME;
}

/* Decimal digits only, 1 to 65535, no leading zero (the pattern of the documents' portNumber), else ERR_USAGE. */
enum err target_parse_port(const char *text, uint16_t *ret_port) SSM_MUST_USE;

#endif
