#include "pam_ssm/core/doctor_report.h"

#include <stdarg.h>
#include <stdio.h>

void doctor_report_add(struct doctor_report *report, const char *check, enum doctor_state state, const char *advice,
                       const char *format, ...)
{
    if (report->count == DOCTOR_FINDINGS) {
        return;
    }
    struct doctor_finding *finding = &report->findings[report->count++];
    *finding = (struct doctor_finding){.check = check, .state = state, .advice = advice};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(finding->words, sizeof finding->words, format, arguments);
    va_end(arguments);
}

bool doctor_report_is_weak(const struct doctor_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        if (report->findings[i].state == DOCTOR_BAD) {
            return true;
        }
    }
    return false;
}

const char *doctor_report_state_text(enum doctor_state state)
{
    static const char *const texts[] = {
        [DOCTOR_OK] = "ok",     [DOCTOR_NOTE] = "note", [DOCTOR_UNKNOWN] = "unknown",
        [DOCTOR_WARN] = "warn", [DOCTOR_BAD] = "bad",
    };
    return texts[state];
}
