#include "proxy/command/failure.h"

#include "common/log.h"

/* What the person can do about it, where the words of the failure do not say it all. */
static const char *const advice[ERR_COUNT] = {
    [ERR_OFFLINE] = "; is the node running, its agent up, and the region right?",
    [ERR_NO_SERVER] = "; is a server listening on that port of the node?",
    [ERR_CREDENTIALS] = "; renew or correct the credentials",
    [ERR_CLOCK_SKEW] = "; set the clock of this machine",
    [ERR_THROTTLED] = "; try again in a moment",
    [ERR_SERVICE] = "; try again in a moment",
};

/* The service ends its messages with a full stop, or a blank; our line goes on after it. */
static size_t len_without_full_stop(const struct text *why)
{
    size_t len = why->len;
    while (len > 0 && (why->data[len - 1] == '.' || why->data[len - 1] == ' ')) {
        len--;
    }
    return len;
}

void failure_put(enum err err, const struct text *why, struct text *text)
{
    size_t why_len = len_without_full_stop(why);
    text_put(text, err_text(err));
    if (why_len > 0) {
        text_put(text, ": ");
        text_put_bytes(text, bytes_of(why->data, why_len));
    }
    bool names_command = strstr(why->data, "run: ") != NULL;
    if (advice[err] != NULL && !names_command) {
        text_put(text, advice[err]);
    }
}

int failure_report(const char *subject, enum err err, const struct text *why, int signal)
{
    if (err == ERR_INTERRUPTED) {
        return 128 + signal;
    }
    if (err != ERR_OK) {
        char memory[FAILURE_SIZE];
        struct text line = text_in(memory, sizeof memory);
        failure_put(err, why, &line);
        log_error("%s: %s", subject, memory);
    }
    return err_exit_code(err);
}
