/* credential_want: what resolving credentials asks of the world, and what the world answers.
 *
 * A provider (a role, IAM Identity Center, a process, a metadata service) is a small pure state machine, whose one step
 * is
 *
 *     enum err X_next(struct X *x, const struct credential_answer *answer, struct credential_want *ret_want,
 *                     struct aws_credentials *ret_credentials, struct text *ret_why);
 *
 *   ERR_AGAIN   ret_want says what to do; the next step gets what came of it
 *   ERR_OK      ret_credentials is set; the provider is done
 *   else        it has failed; ret_why has the words
 *
 * The first step of all gets an answer of kind CREDENTIAL_WANT_NOTHING, which tells the time. What a want points to
 * belongs to the provider and stays until its next step. command/resolver does what is wanted. */
#ifndef SSM_PROXY_CORE_CREDENTIAL_WANT_H
#define SSM_PROXY_CORE_CREDENTIAL_WANT_H

#include "proxy/core/aws_credentials.h"
#include "proxy/core/aws_request.h"

enum credential_want_kind {
    CREDENTIAL_WANT_NOTHING = 0,
    CREDENTIAL_WANT_CALL,    /* send `request`; the answer has the reply of whatever status */
    CREDENTIAL_WANT_FILE,    /* read `path`; a file that is not there is an answer without data */
    CREDENTIAL_WANT_STORE,   /* put `text` into `path`, whole or not at all, 0600, its directories 0700 */
    CREDENTIAL_WANT_PROCESS, /* run `arguments`; the answer has its standard output and exit status */
    CREDENTIAL_WANT_CODE,    /* ask the person for the MFA code, with `prompt` */
};

struct credential_want {
    enum credential_want_kind kind;
    int64_t pause_us;                     /* wait that long before it */
    const struct aws_request *request;    /* CALL */
    const struct aws_credentials *signer; /* CALL: who signs; NULL: nobody, even when there is a signing_name */
    bool is_direct;                       /* CALL: never through a proxy (metadata services of this machine) */
    int64_t timeout_us;                   /* CALL, PROCESS: for one try; 0: as long as there is */
    int tries;                            /* CALL: in all, with pauses between them; 0: as for any service */
    const char *path;                     /* FILE, STORE; absolute, "~" resolved */
    struct bytes text;                    /* STORE */
    const char *const *arguments;         /* PROCESS: ended by NULL; the first is looked up in PATH */
    const char *prompt;                   /* CODE: what is asked for; ": " is added */
};

struct credential_answer {
    enum credential_want_kind kind; /* what this answers */
    int64_t unix_seconds;           /* now, corrected where a service has told that our clock is wrong */
    enum err err;                   /* not ERR_OK: it could not be done, and `why` says why */
    const char *why;
    struct aws_reply reply; /* CALL */
    struct bytes text;      /* FILE, PROCESS, CODE; data NULL: there is no such file. Wiped after the step. */
    int exit_status;        /* PROCESS: as a shell gives it, 128 and the number for a signal */
};

#endif
