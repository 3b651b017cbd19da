/* err: every way in which something can fail, with the exit code and the plain words that belong to it.
 *
 * A function that can fail returns `enum err` and passes it up with TRY; outputs come last, are named ret_*, and are
 * written on success only, unless its header says otherwise. Words about *this* failure (which host, which key) travel
 * beside the code in a `struct text`, see text.h; the place that decides what happens next prints them once. */
#ifndef SSM_COMMON_ERR_H
#define SSM_COMMON_ERR_H

#define SSM_MUST_USE __attribute__((warn_unused_result))

enum err {
    ERR_OK = 0,
    ERR_AGAIN,          /* not an error: nothing to read, or no room to write, right now */
    ERR_USAGE,          /* the command line */
    ERR_NO_TARGET,      /* no such node */
    ERR_AMBIGUOUS,      /* several nodes are what was asked for */
    ERR_OFFLINE,        /* the node is known, but not connected */
    ERR_NO_SERVER,      /* nothing answers on that port of the node */
    ERR_CERTIFICATE,    /* TLS: certificate or host name is not the expected one */
    ERR_UNREACHABLE,    /* name resolution, connect, TLS, proxy or HTTP failed below the protocol */
    ERR_THROTTLED,      /* the service asks us to slow down */
    ERR_SERVICE,        /* the service failed (5xx) */
    ERR_TIMEOUT,        /* our own deadline passed */
    ERR_UNSUPPORTED,    /* the node, its agent or the session document cannot do what was asked for */
    ERR_PROTOCOL,       /* the peer broke the protocol */
    ERR_MALFORMED,      /* one message or document could not be parsed */
    ERR_DIGEST,         /* payload and its SHA-256 disagree */
    ERR_STREAM_URL,     /* StreamUrl of the session cannot be used */
    ERR_SESSION_LOST,   /* the connection is gone and could not be resumed */
    ERR_SESSION_ENDED,  /* the service or the node ended the session and said why */
    ERR_DENIED,         /* not authorized */
    ERR_CREDENTIALS,    /* wrong or expired credentials */
    ERR_CLOCK_SKEW,     /* the signature's time is too far from the service's */
    ERR_NO_CREDENTIALS, /* none found */
    ERR_NO_PROMPT,      /* the person would have to be asked, and cannot be */
    ERR_CONFIG,         /* configuration files or environment */
    ERR_INTERRUPTED,    /* a signal asked us to end; the exit code is then 128 and its number */
    ERR_TOO_LONG,       /* over a limit of limits.h */
    ERR_MEMORY,
    ERR_SYSTEM, /* a system call failed; errno tells */
    ERR_COUNT
};

/* A short lower-case phrase, e.g. "target is not connected". Never NULL. */
const char *err_text(enum err err);

/* The process exit code (sysexits.h where one fits; table in ssm-proxy(1)). ERR_OK and ERR_AGAIN give 0, and so does
 * ERR_INTERRUPTED: only the command knows the signal. */
int err_exit_code(enum err err);

/* The guard macro: the happy path runs straight down the page. */
#define TRY(expression)                                                                                                \
    do {                                                                                                               \
        enum err try_err_ = (expression);                                                                              \
        if (try_err_ != ERR_OK) {                                                                                      \
            return try_err_;                                                                                           \
        }                                                                                                              \
    } while (0)

#endif
