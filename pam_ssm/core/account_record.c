#include "pam_ssm/core/account_record.h"

#include "pam_ssm/core/host_policy.h"
#include "pam_ssm/core/key_value.h"

static const char *const origin_words[] = {[ACCOUNT_CREATED] = "created", [ACCOUNT_ADOPTED] = "adopted"};

static enum err parse_origin(const struct key_value_file *file, enum account_origin *ret_origin)
{
    const char *word = key_value_get(file, "ORIGIN");
    for (unsigned i = 0; word != NULL && i < sizeof origin_words / sizeof origin_words[0]; i++) {
        if (strcmp(origin_words[i], word) == 0) {
            *ret_origin = (enum account_origin)i;
            return ERR_OK;
        }
    }
    return ERR_MALFORMED;
}

static enum err parse_unpark(const struct key_value_file *file, struct account_record *record)
{
    if (key_value_get(file, "OPEN_UNTIL") == NULL) {
        return ERR_OK;
    }
    TRY(key_value_get_number(file, "OPEN_UNTIL", &record->open_until_unix_s));
    TRY(key_value_get_number(file, "OPEN_BOOT_DEADLINE", &record->open_boot_deadline_s));
    return key_value_get_text(file, "OPEN_BOOT_ID", record->open_boot_id, sizeof record->open_boot_id);
}

enum err account_record_parse(char *memory, size_t len, struct account_record *ret_record)
{
    struct key_value_file file;
    TRY(key_value_parse(memory, len, &file));
    struct account_record record = {0};
    TRY(key_value_get_text(&file, "USER", record.user, sizeof record.user));
    TRY(key_value_get_number(&file, "UID", &record.uid));
    TRY(parse_origin(&file, &record.origin));
    TRY(key_value_get_number(&file, "PRIOR_EXPIRE_DAY", &record.prior_expire_day));
    TRY(key_value_get_number(&file, "SINCE", &record.since_unix_s));
    int64_t is_removed = 0;
    TRY(key_value_get_number(&file, "IS_REMOVED", &is_removed));
    record.is_removed = is_removed != 0;
    TRY(parse_unpark(&file, &record));
    if (!host_policy_is_user_name(record.user) || record.uid <= 0 || record.uid > UINT32_MAX - 1) {
        return ERR_MALFORMED;
    }
    *ret_record = record;
    return ERR_OK;
}

void account_record_render(const struct account_record *record, struct text *text)
{
    key_value_put(text, "USER", record->user);
    key_value_put_number(text, "UID", record->uid);
    key_value_put(text, "ORIGIN", origin_words[record->origin]);
    key_value_put_number(text, "PRIOR_EXPIRE_DAY", record->prior_expire_day);
    key_value_put_number(text, "SINCE", record->since_unix_s);
    key_value_put_number(text, "IS_REMOVED", record->is_removed ? 1 : 0);
    if (record->open_until_unix_s != 0) {
        key_value_put_number(text, "OPEN_UNTIL", record->open_until_unix_s);
        key_value_put_number(text, "OPEN_BOOT_DEADLINE", record->open_boot_deadline_s);
        key_value_put(text, "OPEN_BOOT_ID", record->open_boot_id);
    }
}

void account_record_unpark(struct account_record *record, const struct host_moment *now, int64_t duration_s)
{
    record->open_until_unix_s = now->unix_s + duration_s;
    record->open_boot_deadline_s = now->boot_s + duration_s;
    memcpy(record->open_boot_id, now->boot_id, sizeof record->open_boot_id);
}

void account_record_park(struct account_record *record)
{
    record->open_until_unix_s = record->open_boot_deadline_s = 0;
    record->open_boot_id[0] = '\0';
}

bool account_record_is_unparked(const struct account_record *record, const struct host_moment *now)
{
    return record->open_until_unix_s != 0 && now->unix_s < record->open_until_unix_s &&
           now->boot_s < record->open_boot_deadline_s && strcmp(now->boot_id, record->open_boot_id) == 0;
}
