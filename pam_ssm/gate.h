/* gate: what pam_ssm does in each phase of PAM. Takes the paths, so that a test can have a tree of its own.
 *
 * Arguments of the PAM line:
 *     user=NAME            the account that is governed (ssm-user); for everybody else each phase is PAM_IGNORE, before
 *                          any file is opened
 *     require=connection   sshd (default): the connection comes from a session worker of the agent
 *     require=session      sudo: this process is inside a verified session
 *     require=grant        sudo: and that session has root, by the level or by a grant that binds it
 * An argument that is not known is PAM_SERVICE_ERR, for the account that is governed alone.
 *
 * Whatever is uncertain, takes longer than 250 ms, or cannot be read is a refusal; the reason goes to syslog
 * (authpriv), to the audit log, and in one line to the person.
 *
 * Events: login-allowed, login-refused, sudo-allowed, sudo-refused when it is decided; login-unverified and
 * sudo-unverified with RequireSsm=log, for what RequireSsm=yes would refuse; login and logout when the session of sshd
 * begins and ends. */
#ifndef SSM_HOST_GATE_H
#define SSM_HOST_GATE_H

#include "pam_ssm/edge/host_paths.h"

#include <security/pam_modules.h>

/* Account, and auth: PAM_SUCCESS, PAM_PERM_DENIED, PAM_IGNORE, PAM_SERVICE_ERR. */
int gate_check(const struct host_paths *paths, pam_handle_t *pamh, int flags, int argc, const char **argv);

/* Writes the login record and the audit line; never refuses: PAM_SUCCESS or PAM_IGNORE. */
int gate_open_session(const struct host_paths *paths, pam_handle_t *pamh, int argc, const char **argv);
int gate_close_session(const struct host_paths *paths, pam_handle_t *pamh, int argc, const char **argv);

/* There are no credentials to set; in a stack of its own a module must say so by success. */
int gate_set_credentials(pam_handle_t *pamh, int argc, const char **argv);

#endif
