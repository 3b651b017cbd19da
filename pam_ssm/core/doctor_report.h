/* doctor_report: what a doctor found, check by check. The doctor_*.c of this directory turn facts, which the edges have
 * gathered, into findings; they look at nothing themselves. */
#ifndef SSM_HOST_CORE_DOCTOR_REPORT_H
#define SSM_HOST_CORE_DOCTOR_REPORT_H

#include <stdbool.h>
#include <stddef.h>

enum doctor_state {
    DOCTOR_OK,
    DOCTOR_NOTE,    /* nothing to mend here, and worth knowing */
    DOCTOR_UNKNOWN, /* it could not be found out */
    DOCTOR_WARN,    /* it guarantees less than it could, or will break some day */
    DOCTOR_BAD      /* the account has more than it should, or sessions do not work */
};

#define DOCTOR_WORDS 512
#define DOCTOR_FINDINGS 64 /* more than all checks together can give */

struct doctor_finding {
    const char *check; /* its name, such as "sudo-rules"; constant memory */
    enum doctor_state state;
    char words[DOCTOR_WORDS]; /* one line; may hold bytes of others: quote them where they are shown */
    const char *advice;       /* one line; NULL: none is needed; constant memory */
};

struct doctor_report {
    size_t count;
    struct doctor_finding findings[DOCTOR_FINDINGS];
};

/* Words that are too long are cut. */
void doctor_report_add(struct doctor_report *report, const char *check, enum doctor_state state, const char *advice,
                       const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Something is bad. */
bool doctor_report_is_weak(const struct doctor_report *report);

/* "ok", "note", "unknown", "warn", "bad". */
const char *doctor_report_state_text(enum doctor_state state);

#endif
