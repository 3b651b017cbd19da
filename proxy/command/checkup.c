#include "proxy/command/checkup.h"

#include "common/log.h"
#include "proxy/command/failure.h"
#include "proxy/edge/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* What a person can do about a failure, whatever was tried. */
static const char *const advice_of[ERR_COUNT] = {
    [ERR_USAGE] = "correct the command line",
    [ERR_NO_TARGET] = "compare with what ssm-proxy ls shows; is this the right region and account?",
    [ERR_AMBIGUOUS] = "use an id, or give the nodes different Name tags",
    [ERR_OFFLINE] = "start the node and its amazon-ssm-agent; the agent needs its role and a way to the endpoints",
    [ERR_NO_SERVER] = "start sshd on the node, or name the port that it listens on",
    [ERR_CERTIFICATE] = "behind a proxy that opens TLS, name its CA with --ca-bundle or AWS_CA_BUNDLE",
    [ERR_UNREACHABLE] = "let this machine reach the host, or name a proxy in HTTPS_PROXY",
    [ERR_THROTTLED] = "try again in a moment",
    [ERR_SERVICE] = "try again in a moment",
    [ERR_TIMEOUT] = "is something in between dropping packets? Try again, or from another network",
    [ERR_PROTOCOL] = "is something in between changing what it carries? Run it again with --debug and report it",
    [ERR_MALFORMED] = "is the endpoint the right one? Run it again with --debug",
    [ERR_STREAM_URL] = "correct the endpoint in the settings",
    [ERR_SESSION_LOST] = "try again; keep the network up",
    [ERR_SESSION_ENDED] = "see the session's end in the node's agent log",
    [ERR_UNSUPPORTED] = "install or update on the node what is named",
    [ERR_DENIED] = "allow it in the IAM policies of this identity",
    [ERR_CREDENTIALS] = "renew or correct the credentials (ssm-proxy login, aws sso login, aws configure)",
    [ERR_CLOCK_SKEW] = "set the clock of this machine",
    [ERR_NO_CREDENTIALS] =
        "name a profile that has credentials (--profile, AWS_PROFILE), or set them up: aws configure",
    [ERR_NO_PROMPT] = "run ssm-proxy doctor in a terminal",
    [ERR_CONFIG] = "correct the file or variable that is named",
    [ERR_TOO_LONG] = "is the endpoint the right one?",
    [ERR_MEMORY] = "free some memory",
    [ERR_SYSTEM] = "see the reason that the system gives",
};

struct checkup_item checkup_begin(const char *name, const char *subject)
{
    struct checkup_item item = {.check = {.name = name, .took_us = -1}, .began_us = clock_mono_us()};
    text_copy_for_display(subject, item.check.subject, sizeof item.check.subject);
    log_progress(name);
    return item;
}

void checkup_time(struct checkup_item *item)
{
    item->check.took_us = clock_mono_us() - item->began_us;
}

static enum err put_object(struct checkup *checkup, const struct check *check)
{
    char *object = NULL;
    TRY(check_to_json(check, &object));
    enum err err = output_put_object(&checkup->output, object, &checkup->client.why);
    free(object);
    return err;
}

static enum err report(struct checkup *checkup, struct checkup_item *item, enum check_status status)
{
    struct check *check = &item->check;
    check->status = status;
    checkup->counts[status]++;
    log_progress(NULL);
    if (checkup->output.is_json) {
        return put_object(checkup, check);
    }
    char memory[sizeof *check + 256];
    struct text lines = text_in(memory, sizeof memory);
    check_put_lines(check, checkup->output.is_coloured, &lines);
    return output_put(&checkup->output, &lines, &checkup->client.why);
}

enum err checkup_pass(struct checkup *checkup, struct checkup_item *item, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(item->check.detail, sizeof item->check.detail, format, arguments);
    va_end(arguments);
    return report(checkup, item, CHECK_PASSED);
}

enum err checkup_skip(struct checkup *checkup, struct checkup_item *item, const char *reason)
{
    text_copy_for_display(reason, item->check.detail, sizeof item->check.detail);
    return report(checkup, item, CHECK_SKIPPED);
}

static void set_advice(struct checkup_item *item, const char *advice)
{
    text_copy_for_display(advice, item->check.advice, sizeof item->check.advice);
}

enum err checkup_warn(struct checkup *checkup, struct checkup_item *item, const char *detail, const char *advice)
{
    text_copy_for_display(detail, item->check.detail, sizeof item->check.detail);
    set_advice(item, advice);
    return report(checkup, item, CHECK_WARNED);
}

enum err checkup_fail(struct checkup *checkup, struct checkup_item *item, enum err err, const char *advice)
{
    struct text *why = &checkup->client.why;
    struct text detail = text_in(item->check.detail, sizeof item->check.detail);
    text_format(&detail, "%s%s%s", err_text(err), why->len > 0 ? ": " : "", why->len > 0 ? why->data : "");
    set_advice(item, advice != NULL ? advice : advice_of[err]);
    if (checkup->first_failure == ERR_OK) {
        checkup->first_failure = err;
        struct text words = text_in(checkup->first_words, sizeof checkup->first_words);
        const struct check *check = &item->check;
        text_format(&words, "%s%s%s: %s", check->name, check->subject[0] != '\0' ? " " : "", check->subject,
                    check->advice);
    }
    text_clear(why);
    return report(checkup, item, CHECK_FAILED);
}
