/* target: what a person calls a node, and the port on it.
 *
 *     i-0123456789abcdef0  mi-0123456789abcdef0  ecs:CLUSTER_TASK_RUNTIMEID     ids: StartSession takes them as they
 * are tag:KEY=VALUE  tag:KEY:VALUE                                              nodes with that tag 10.0.0.12
 * 203.0.113.12  2001:db8::12  [2001:db8::12]                     nodes with that address
 *     ip-10-0-0-12.eu-west-1.compute.internal  ec2-203-0-113-12.compute-1.amazonaws.com
 *     i-0123456789abcdef0.ec2.internal                                          EC2's own DNS names: the region is in
 * them anything else                                                             the value of a Name tag
 *
 * and each with a suffix, by '.' or "--": REGION or REGION.PROFILE. Because a name may look like another name with a
 * suffix, one text can be read in several ways: target_read gives them in the order in which they are to be tried. */
#ifndef SSM_PROXY_CORE_TARGET_H
#define SSM_PROXY_CORE_TARGET_H

#include "common/bytes.h"
#include "common/err.h"
#include "common/limits.h"

enum target_kind {
    TARGET_INSTANCE,     /* i- and 8 or 17 hexadecimal digits: an EC2 instance */
    TARGET_MANAGED_NODE, /* mi- and 17 hexadecimal digits: a hybrid node */
    TARGET_TASK,         /* ecs: and cluster, task and runtime id of a container */
    TARGET_TAG,          /* a tag of any key */
    TARGET_ADDRESS,      /* IPv4 or IPv6 */
    TARGET_PRIVATE_DNS,  /* of EC2 */
    TARGET_PUBLIC_DNS,   /* of EC2 */
    TARGET_NAME          /* the tag Name */
};

struct target {
    enum target_kind kind;
    /* Without its suffix; an address as inet_ntop writes it, a DNS name in lower case, anything else as given. */
    char text[LIMIT_TARGET + 1];
    char tag_key[LIMIT_TAG_KEY + 1]; /* of TARGET_TAG and TARGET_NAME; "" otherwise */
    size_t tag_value_at;             /* where its value begins in `text` */
    char region[LIMIT_REGION + 1];   /* of the suffix, or of a DNS name; "": none */
    char profile[LIMIT_PROFILE + 1]; /* of the suffix; "": none */
};

/* `text` as one whole, without a suffix (the region of a DNS name is none). 1 to LIMIT_TARGET bytes without control
 * characters, else ERR_USAGE; so is what begins with "tag:" and has no key or no value. Lower-case digits only in ids,
 * as AWS writes them: "i-0123ABCD" is a name, and so is an id with the wrong number of digits. */
enum err target_parse(const char *text, struct target *ret_target) SSM_MUST_USE;

/* In how many ways a text is read at most; names with more regions in them are not. */
#define TARGET_READINGS_MAX 4

/* Every way to read `text`, the one to try first foremost: as a whole; then with the last label that is the form of a
 * region for the region; then with a region and what follows it for the profile. What begins with an id, an address or
 * a DNS name of EC2 is only read as that. Errors as target_parse; *ret_count is at least 1. */
enum err target_read(const char *text, struct target ret_readings[TARGET_READINGS_MAX], size_t *ret_count) SSM_MUST_USE;

/* True when StartSession takes the text as it is, without a look-up. */
static inline bool target_is_id(const struct target *target)
{
    return target->kind == TARGET_INSTANCE || target->kind == TARGET_MANAGED_NODE || target->kind == TARGET_TASK;
}

/* Of TARGET_TAG and TARGET_NAME. */
static inline const char *target_tag_value(const struct target *target)
{
    return target->text + target->tag_value_at;
}

/* Decimal digits only, 1 to 65535, no leading zero (the pattern of the documents' portNumber), else ERR_USAGE. */
enum err target_parse_port(const char *text, uint16_t *ret_port) SSM_MUST_USE;

#endif
