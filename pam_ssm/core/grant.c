#include "pam_ssm/core/grant.h"

#include "pam_ssm/core/key_value.h"

bool grant_is_id(const char *id)
{
    return strlen(id) == GRANT_ID_LEN && strspn(id, "0123456789abcdef") == GRANT_ID_LEN;
}

enum err grant_parse(char *memory, size_t len, struct grant *ret_grant)
{
    struct key_value_file file;
    struct grant grant = {0};
    TRY(key_value_parse(memory, len, &file));
    TRY(key_value_get_text(&file, "ID", grant.id, sizeof grant.id));
    TRY(key_value_get_text(&file, "SESSION_ID", grant.session_id, sizeof grant.session_id));
    TRY(key_value_get_text(&file, "OWNER", grant.owner, sizeof grant.owner));
    TRY(key_value_get_text(&file, "REASON", grant.reason, sizeof grant.reason));
    TRY(key_value_get_text(&file, "GRANTED_BY", grant.granted_by, sizeof grant.granted_by));
    TRY(key_value_get_text(&file, "BOOT_ID", grant.boot_id, sizeof grant.boot_id));
    TRY(key_value_get_number(&file, "CREATED", &grant.created_unix_s));
    TRY(key_value_get_number(&file, "NOT_AFTER", &grant.not_after_unix_s));
    TRY(key_value_get_number(&file, "BOOT_DEADLINE", &grant.boot_deadline_s));
    /* What it is bound to must be said, even when it is nothing: a line that is lost would give root to everybody. */
    if (key_value_get(&file, "SESSION_ID") == NULL || key_value_get(&file, "OWNER") == NULL) {
        return ERR_MALFORMED;
    }
    bool is_bound_right = grant.session_id[0] == '\0' || agent_state_is_session_id(grant.session_id);
    if (!grant_is_id(grant.id) || !is_bound_right || grant.boot_id[0] == '\0') {
        return ERR_MALFORMED;
    }
    *ret_grant = grant;
    return ERR_OK;
}

void grant_render(const struct grant *grant, struct text *text)
{
    key_value_put(text, "ID", grant->id);
    key_value_put(text, "SESSION_ID", grant->session_id);
    key_value_put(text, "OWNER", grant->owner);
    key_value_put(text, "REASON", grant->reason);
    key_value_put(text, "GRANTED_BY", grant->granted_by);
    key_value_put(text, "BOOT_ID", grant->boot_id);
    key_value_put_number(text, "CREATED", grant->created_unix_s);
    key_value_put_number(text, "NOT_AFTER", grant->not_after_unix_s);
    key_value_put_number(text, "BOOT_DEADLINE", grant->boot_deadline_s);
}

bool grant_is_active(const struct grant *grant, const struct host_moment *now)
{
    return now->unix_s < grant->not_after_unix_s && now->boot_s < grant->boot_deadline_s &&
           strcmp(now->boot_id, grant->boot_id) == 0;
}

bool grant_binds(const struct grant *grant, const struct agent_session *session)
{
    bool is_session = grant->session_id[0] == '\0' || strcmp(grant->session_id, session->session_id) == 0;
    bool is_owner = grant->owner[0] == '\0' || strcmp(grant->owner, session->owner) == 0;
    return is_session && is_owner;
}
