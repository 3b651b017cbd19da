/* account_record: what ssm-userctl remembers of the account that it governs: /var/lib/ssm-bridge/owned, a key_value
 * file. It is written before the account is touched, so that whatever a killed run leaves is known to be ours; and it
 * stays when the account is removed, so that the account comes back with the user id that its files have. */
#ifndef SSM_HOST_CORE_ACCOUNT_RECORD_H
#define SSM_HOST_CORE_ACCOUNT_RECORD_H

#include "pam_ssm/core/grant.h"

#define ACCOUNT_RECORD_NAME "owned"

enum account_origin {
    ACCOUNT_CREATED, /* by us */
    ACCOUNT_ADOPTED  /* it was there, and `adopt` gave it to us */
};

struct account_record {
    char user[LIMIT_USER + 1];
    int64_t uid;
    enum account_origin origin;
    int64_t prior_expire_day; /* of an adopted account, for `uninstall --restore`; -1: none */
    int64_t since_unix_s;
    bool is_removed; /* by `remove`: nothing creates it again but `init` and `unpark` */

    /* `unpark`: until both clocks have passed, in that boot. 0: it is not unparked. */
    int64_t open_until_unix_s;
    int64_t open_boot_deadline_s;
    char open_boot_id[HOST_BOOT_ID_LEN + 1];
};

/* `memory` is cut into strings, see key_value_parse. ERR_MALFORMED. */
enum err account_record_parse(char *memory, size_t len, struct account_record *ret_record) SSM_MUST_USE;
void account_record_render(const struct account_record *record, struct text *text);

void account_record_unpark(struct account_record *record, const struct host_moment *now, int64_t duration_s);
void account_record_park(struct account_record *record);

/* Neither clock has passed the end of `unpark`, and the machine has not been started again. */
bool account_record_is_unparked(const struct account_record *record, const struct host_moment *now);

#endif
