#include "pam_ssm/core/audit_line.h"

#include "common/json_view.h"
#include "pam_ssm/core/rfc3339.h"

#include <inttypes.h>

/* json_view_quote wants UTF-8: other bytes become '?'. */
static void put_quoted(struct text *text, const char *value)
{
    size_t len = strlen(value);
    char clean[LIMIT_ARN + 1];
    struct text copy = text_in(clean, sizeof clean);
    for (size_t i = 0; i < len && i < LIMIT_ARN; i++) {
        text_put_char(&copy, (char)((unsigned char)value[i] < 0x80 ? value[i] : '?'));
    }
    json_view_quote(text_bytes(&copy), text);
}

static void put_member(struct text *text, const char *name, const char *value)
{
    if (text_is_given(value)) {
        text_format(text, ",\"%s\":", name);
        put_quoted(text, value);
    }
}

void audit_line_put(struct text *text, const struct audit_event *event)
{
    text_put(text, "{\"time\":\"");
    rfc3339_put(text, event->unix_ms);
    text_put(text, "\"");
    put_member(text, "event", event->event);
    put_member(text, "user", event->user);
    put_member(text, "service", event->service);
    if (event->session != NULL) {
        put_member(text, "session_id", event->session->session_id);
        put_member(text, "owner_arn", event->session->owner);
        put_member(text, "document", event->session->document);
    }
    put_member(text, "peer", event->peer);
    put_member(text, "level", event->level);
    put_member(text, "grant_id", event->grant_id);
    put_member(text, "command", event->command);
    put_member(text, "reason", event->reason);
    put_member(text, "by", event->by);
    if (event->pid > 0) {
        text_format(text, ",\"pid\":%" PRId64, event->pid);
    }
    if (event->uid >= 0) {
        text_format(text, ",\"uid\":%" PRId64, event->uid);
    }
    text_put(text, "}\n");
}
