#include "pam_ssm/core/login_record.h"

#include "pam_ssm/core/key_value.h"

#include <inttypes.h>

void login_record_name(int64_t pid, int64_t start_ticks, char ret_name[LOGIN_RECORD_NAME_SIZE])
{
    struct text text = text_in(ret_name, LOGIN_RECORD_NAME_SIZE);
    text_format(&text, "%" PRId64 "-%" PRId64, pid, start_ticks);
}

enum err login_record_parse_name(const char *name, int64_t *ret_pid, int64_t *ret_start_ticks)
{
    char memory[LOGIN_RECORD_NAME_SIZE];
    struct text pid = text_in(memory, sizeof memory);
    const char *dash = strchr(name, '-');
    if (dash == NULL) {
        return ERR_MALFORMED;
    }
    text_put_bytes(&pid, bytes_of(name, (size_t)(dash - name)));
    TRY(text_finish(&pid) == ERR_OK ? ERR_OK : ERR_MALFORMED);
    int64_t parsed_pid = 0;
    int64_t parsed_start = 0;
    TRY(text_parse_decimal(memory, 1, INT32_MAX, &parsed_pid));
    TRY(text_parse_decimal(dash + 1, 0, INT64_MAX, &parsed_start));
    login_record_name(parsed_pid, parsed_start, memory);
    if (strcmp(memory, name) != 0) {
        return ERR_MALFORMED; /* zeros in front: not how it is written */
    }
    *ret_pid = parsed_pid;
    *ret_start_ticks = parsed_start;
    return ERR_OK;
}

static enum err parse_session(const struct key_value_file *file, struct agent_session *session)
{
    TRY(key_value_get_text(file, "SESSION_ID", session->session_id, sizeof session->session_id));
    TRY(key_value_get_text(file, "OWNER", session->owner, sizeof session->owner));
    TRY(key_value_get_text(file, "DOCUMENT", session->document, sizeof session->document));
    TRY(key_value_get_text(file, "PLUGIN", session->plugin, sizeof session->plugin));
    TRY(key_value_get_number(file, "WORKER_PID", &session->worker_pid));
    TRY(key_value_get_number(file, "WORKER_START_MS", &session->worker_start_unix_ms));
    return agent_state_is_session_id(session->session_id) ? ERR_OK : ERR_MALFORMED;
}

enum err login_record_parse(char *memory, size_t len, struct login_record *ret_record)
{
    struct key_value_file file;
    struct login_record record = {0};
    TRY(key_value_parse(memory, len, &file));
    TRY(key_value_get_number(&file, "PID", &record.pid));
    TRY(key_value_get_number(&file, "START", &record.start_ticks));
    TRY(key_value_get_number(&file, "OPENED", &record.opened_unix_s));
    TRY(key_value_get_text(&file, "BOOT_ID", record.boot_id, sizeof record.boot_id));
    TRY(key_value_get_text(&file, "USER", record.user, sizeof record.user));
    TRY(key_value_get_text(&file, "SERVICE", record.service, sizeof record.service));
    TRY(key_value_get_text(&file, "PEER", record.peer, sizeof record.peer));
    TRY(key_value_get_number(&file, "WORKER_START", &record.worker_start_ticks));
    TRY(parse_session(&file, &record.session));
    if (record.pid <= 0 || record.start_ticks < 0 || record.boot_id[0] == '\0') {
        return ERR_MALFORMED;
    }
    *ret_record = record;
    return ERR_OK;
}

void login_record_render(const struct login_record *record, struct text *text)
{
    key_value_put_number(text, "PID", record->pid);
    key_value_put_number(text, "START", record->start_ticks);
    key_value_put(text, "BOOT_ID", record->boot_id);
    key_value_put(text, "USER", record->user);
    key_value_put(text, "SERVICE", record->service);
    key_value_put(text, "PEER", record->peer);
    key_value_put_number(text, "OPENED", record->opened_unix_s);
    key_value_put(text, "SESSION_ID", record->session.session_id);
    key_value_put(text, "OWNER", record->session.owner);
    key_value_put(text, "DOCUMENT", record->session.document);
    key_value_put(text, "PLUGIN", record->session.plugin);
    key_value_put_number(text, "WORKER_PID", record->session.worker_pid);
    key_value_put_number(text, "WORKER_START", record->worker_start_ticks);
    key_value_put_number(text, "WORKER_START_MS", record->session.worker_start_unix_ms);
}

bool login_record_is_of(const struct login_record *record, const struct proc_stat *process, const char *boot_id)
{
    return record->pid == process->pid && record->start_ticks == process->start_ticks &&
           strcmp(record->boot_id, boot_id) == 0;
}
