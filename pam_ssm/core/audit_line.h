/* audit_line: one event as a line of JSON, for /var/log/ssm-bridge/audit.jsonl. */
#ifndef SSM_HOST_CORE_AUDIT_LINE_H
#define SSM_HOST_CORE_AUDIT_LINE_H

#include "common/text.h"
#include "pam_ssm/core/agent_state.h"

#define AUDIT_LINE_SIZE (8 * 1024)

/* Texts are borrowed; NULL and "" are left out. */
struct audit_event {
    const char *event; /* "login-allowed", "login", "sudo-refused", "grant", "revoke", "level"...; pam_ssm's: gate.h */
    int64_t unix_ms;
    const char *user;
    const char *service;                 /* PAM service */
    const struct agent_session *session; /* NULL: none is known */
    const char *peer;
    const char *level;
    const char *grant_id;
    const char *command; /* of sudo */
    const char *reason;
    const char *by; /* who asked for it */
    int64_t pid;    /* 0: not told */
    int64_t uid;    /* -1: not told */
};

/* Appends the object and a line end. Control characters are escaped, so that an event is always one line; what is no
 * ASCII becomes '?'. */
void audit_line_put(struct text *text, const struct audit_event *event);

#endif
