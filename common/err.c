#include "common/err.h"

#include <stddef.h>
#include <sysexits.h>

static const struct {
    const char *text;
    int exit_code;
} errors[ERR_COUNT] = {
    [ERR_OK] = {"no error", EX_OK},
    [ERR_AGAIN] = {"try again", EX_OK},
    [ERR_USAGE] = {"usage", EX_USAGE},
    [ERR_NO_TARGET] = {"no such target", EX_NOINPUT},
    [ERR_AMBIGUOUS] = {"the target is ambiguous", EX_NOINPUT},
    [ERR_OFFLINE] = {"target is not connected", EX_UNAVAILABLE},
    [ERR_NO_SERVER] = {"nothing answers on that port", EX_UNAVAILABLE},
    [ERR_CERTIFICATE] = {"certificate is not trusted", EX_UNAVAILABLE},
    [ERR_UNREACHABLE] = {"unreachable", EX_TEMPFAIL},
    [ERR_THROTTLED] = {"throttled", EX_TEMPFAIL},
    [ERR_SERVICE] = {"service error", EX_TEMPFAIL},
    [ERR_TIMEOUT] = {"timed out", EX_TEMPFAIL},
    [ERR_UNSUPPORTED] = {"not supported", EX_UNAVAILABLE},
    [ERR_PROTOCOL] = {"protocol error", EX_PROTOCOL},
    [ERR_MALFORMED] = {"malformed message", EX_PROTOCOL},
    [ERR_DIGEST] = {"payload digest does not match", EX_PROTOCOL},
    [ERR_STREAM_URL] = {"StreamUrl cannot be used", EX_PROTOCOL},
    [ERR_SESSION_LOST] = {"connection lost", EX_TEMPFAIL},
    [ERR_SESSION_ENDED] = {"session ended", EX_UNAVAILABLE},
    [ERR_DENIED] = {"access denied", EX_NOPERM},
    [ERR_CREDENTIALS] = {"credentials are not accepted", EX_NOPERM},
    [ERR_CLOCK_SKEW] = {"clock is wrong", EX_NOPERM},
    [ERR_NO_CREDENTIALS] = {"no credentials", EX_CONFIG},
    [ERR_NO_PROMPT] = {"nobody has answered", EX_NOPERM},
    [ERR_CONFIG] = {"configuration error", EX_CONFIG},
    [ERR_INTERRUPTED] = {"interrupted", EX_OK},
    [ERR_TOO_LONG] = {"too long", EX_PROTOCOL},
    [ERR_MEMORY] = {"out of memory", EX_OSERR},
    [ERR_SYSTEM] = {"system error", EX_OSERR},
};

const char *err_text(enum err err)
{
    return (unsigned)err < ERR_COUNT ? errors[err].text : "unknown error";
}

int err_exit_code(enum err err)
{
    return (unsigned)err < ERR_COUNT ? errors[err].exit_code : EX_SOFTWARE;
}
