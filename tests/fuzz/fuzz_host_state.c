/* key_value, grant, login_record: any bytes as a file of ours. What is accepted and written again is read as the same.
 */
#include "tests/fuzz/fuzz_support.h"

#include "common/auto.h"
#include "pam_ssm/core/grant.h"
#include "pam_ssm/core/key_value.h"
#include "pam_ssm/core/login_record.h"

static char written[2 * LIMIT_STATE_FILE + 64];

static void check_key_value(struct bytes input)
{
    AUTO_FREE char *memory = fuzz_string(input);
    struct key_value_file file;
    struct key_value_file again;
    if (key_value_parse(memory, input.len, &file) != ERR_OK) {
        return;
    }
    MUST(file.count <= KEY_VALUE_MAX);
    struct text text = text_in(written, sizeof written);
    for (size_t i = 0; i < file.count; i++) {
        MUST(key_value_get(&file, file.entries[i].key) == file.entries[i].value);
        key_value_put(&text, file.entries[i].key, file.entries[i].value);
    }
    MUST(input.len > LIMIT_STATE_FILE || text_finish(&text) == ERR_OK);
    if (text_finish(&text) != ERR_OK) {
        return;
    }
    MUST(key_value_parse(written, text.len, &again) == ERR_OK && again.count == file.count);
    for (size_t i = 0; i < file.count; i++) {
        MUST(strcmp(again.entries[i].key, file.entries[i].key) == 0);
        MUST(strcmp(again.entries[i].value, file.entries[i].value) == 0);
    }
}

static void check_grant(struct bytes input)
{
    AUTO_FREE char *memory = fuzz_string(input);
    struct grant grant;
    struct grant again;
    if (grant_parse(memory, input.len, &grant) != ERR_OK) {
        return;
    }
    MUST(grant_is_id(grant.id));
    struct text text = text_in(written, sizeof written);
    grant_render(&grant, &text);
    MUST(text_finish(&text) == ERR_OK);
    MUST(grant_parse(written, text.len, &again) == ERR_OK);
    MUST(strcmp(again.session_id, grant.session_id) == 0 && strcmp(again.owner, grant.owner) == 0);
    MUST(again.not_after_unix_s == grant.not_after_unix_s && again.boot_deadline_s == grant.boot_deadline_s);
    struct host_moment now = {.unix_s = grant.not_after_unix_s, .boot_s = grant.boot_deadline_s};
    memcpy(now.boot_id, grant.boot_id, sizeof now.boot_id);
    MUST(!grant_is_active(&grant, &now)); /* to the second */
    now.boot_id[0] = now.boot_id[0] == 'x' ? 'y' : 'x';
    now.unix_s = now.boot_s = 0;
    MUST(!grant_is_active(&grant, &now));
}

static void check_record(struct bytes input)
{
    AUTO_FREE char *memory = fuzz_string(input);
    struct login_record record;
    struct login_record again;
    if (login_record_parse(memory, input.len, &record) != ERR_OK) {
        return;
    }
    MUST(agent_state_is_session_id(record.session.session_id));
    struct text text = text_in(written, sizeof written);
    login_record_render(&record, &text);
    MUST(text_finish(&text) == ERR_OK);
    MUST(login_record_parse(written, text.len, &again) == ERR_OK);
    MUST(again.pid == record.pid && again.start_ticks == record.start_ticks);
    struct proc_stat other = {.pid = record.pid, .start_ticks = record.start_ticks ^ 1};
    MUST(!login_record_is_of(&record, &other, record.boot_id));
}

static void check_name(struct bytes input)
{
    AUTO_FREE char *name = fuzz_string(input);
    char again[LOGIN_RECORD_NAME_SIZE];
    int64_t pid = 0;
    int64_t start_ticks = 0;
    if (login_record_parse_name(name, &pid, &start_ticks) == ERR_OK) {
        login_record_name(pid, start_ticks, again);
        MUST(strcmp(again, name) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of(data, size);
    check_key_value(input);
    check_grant(input);
    check_record(input);
    check_name(input);
    return 0;
}
