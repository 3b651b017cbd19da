/* agent_state: any bytes as the agent's state file. A session that is believed can be named in a path, a record and a
 * log, and each is read back as what it was. */
#include "tests/fuzz/fuzz_support.h"

#include "common/json_view.h"
#include "pam_ssm/core/audit_line.h"
#include "pam_ssm/core/login_record.h"

#define LOG_OF_TEST "127.0.0.1 1 127.0.0.1 22"

static void check_text(const char *string)
{
    for (; *string != '\0'; string++) {
        MUST(!text_is_control(*string));
    }
}

static void check_log(const struct agent_session *session)
{
    static char memory[AUDIT_LINE_SIZE];
    struct text text = text_in(memory, sizeof memory);
    struct audit_event event = {
        .event = "login", .unix_ms = 1, .user = "ssm-user", .service = "sshd", .session = session, .peer = LOG_OF_TEST};
    audit_line_put(&text, &event);
    MUST(text_finish(&text) == ERR_OK);
    MUST(strchr(memory, '\n') == memory + text.len - 1);
    AUTO_JSON json_t *root = NULL;
    MUST(json_view_parse_object(text_bytes(&text), &root) == ERR_OK);
    MUST(strcmp(json_view_text(root, "session_id"), session->session_id) == 0);
    const char *owner = json_view_text(root, "owner_arn");
    MUST((owner == NULL) == (session->owner[0] == '\0'));
    for (size_t i = 0; owner != NULL && i <= strlen(session->owner); i++) {
        MUST(owner[i] == ((unsigned char)session->owner[i] < 0x80 ? session->owner[i] : '?'));
    }
}

static void check_record(const struct agent_session *session)
{
    static char memory[LIMIT_STATE_FILE];
    struct login_record record = {
        .pid = 1, .start_ticks = 2, .user = "ssm-user", .service = "sshd", .peer = LOG_OF_TEST};
    struct login_record again;
    memset(record.boot_id, 'b', HOST_BOOT_ID_LEN);
    record.session = *session;
    struct text text = text_in(memory, sizeof memory);
    login_record_render(&record, &text);
    MUST(text_finish(&text) == ERR_OK);
    MUST(login_record_parse(memory, text.len, &again) == ERR_OK);
    MUST(strcmp(again.session.session_id, session->session_id) == 0);
    MUST(strcmp(again.session.owner, session->owner) == 0);
    MUST(strcmp(again.session.document, session->document) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct agent_session session;
    if (agent_state_parse(bytes_of(data, size), &session) != ERR_OK) {
        return 0;
    }
    MUST(agent_state_is_session_id(session.session_id) && strchr(session.session_id, '/') == NULL);
    MUST(session.worker_pid > 0 && session.document[0] != '\0');
    check_text(session.owner);
    check_text(session.document);
    check_text(session.plugin);
    check_log(&session);
    check_record(&session);
    return 0;
}
