/* helper_process: runs another program of this machine (visudo, sudo, useradd...) and waits for it. For ssm-userctl; a
 * PAM module starts nothing.
 *
 * No shell: the arguments are what the program gets. It finds /dev/null as its standard input, no other descriptor of
 * ours, every signal at its default, "/" as its directory, umask 022, and this environment alone:
 * PATH=/usr/sbin:/usr/bin:/sbin:/bin, LC_ALL=C (so that its words are those that we know), HOME=/root. */
#ifndef SSM_HOST_EDGE_HELPER_PROCESS_H
#define SSM_HOST_EDGE_HELPER_PROCESS_H

#include "common/err.h"
#include "common/text.h"

/* What a helper writes behind a full text is read and dropped, see text_finish. */
struct helper_process {
    const char *const *argv; /* ends with NULL. argv[0] is an absolute path, or a name that is looked for in PATH */
    int64_t timeout_ms;      /* then it is killed */
    struct text *output;     /* what it prints is appended; NULL: dropped */
    struct text *complaints; /* its standard error; NULL: together with the output */
};

/* ERR_OK once it has ended; *ret_status is its exit status, or 128 and the signal that ended it. ERR_NO_TARGET: there
 * is no such program. ERR_TIMEOUT: it was killed, itself alone. ERR_SYSTEM: errno tells. */
enum err helper_process_run(const struct helper_process *helper, int *ret_status) SSM_MUST_USE;

/* Looks a program up in PATH, as above. ERR_NO_TARGET. */
enum err helper_process_find(const char *name, struct text *ret_path) SSM_MUST_USE;

#endif
