/* sudoers_install: files below /etc/sudoers.d, put there whole or not at all, and what visudo and sudo say of them. The
 * caller holds the host_lock and puts the steps together; nothing is decided here.
 *
 * Killed between any two of its system calls, the old or the new content stands there; and what is left behind beside
 * it has a dot in its name, which sudo does not read (sudoers(5), @includedir). */
#ifndef SSM_HOST_EDGE_SUDOERS_INSTALL_H
#define SSM_HOST_EDGE_SUDOERS_INSTALL_H

#include "common/bytes.h"
#include "common/text.h"
#include "pam_ssm/core/sudo_version.h"
#include "pam_ssm/edge/host_paths.h"

/* What stands under a name. */
struct sudoers_present {
    char *content; /* owned, terminated; NULL: nothing, or no regular file */
    size_t len;
    bool is_sound; /* a regular file, mode 0440, of the owner */
};

/* ERR_NO_TARGET: there is no directory sudoers.d. ERR_DENIED: others may write there. ERR_TOO_LONG, ERR_MEMORY,
 * ERR_SYSTEM. */
enum err sudoers_install_read(const struct host_paths *paths, const char *name, struct sudoers_present *ret_present,
                              struct text *ret_why) SSM_MUST_USE;
void sudoers_install_free(struct sudoers_present *present); /* usable with AUTO() */

/* Writes a file beside the target, lets visudo judge it, and gives it the name; on the disk when this returns. A
 * symbolic link of that name is replaced, not followed. ERR_CONFIG: visudo refuses it, its words are in ret_why; and as
 * above. The old content stands after every error. */
enum err sudoers_install_put(const struct host_paths *paths, const char *name, struct bytes content,
                             struct text *ret_why) SSM_MUST_USE;

/* Back to what was there: writes it, without asking visudo, or removes the file. */
enum err sudoers_install_restore(const struct host_paths *paths, const char *name,
                                 const struct sudoers_present *present, struct text *ret_why) SSM_MUST_USE;

/* `visudo -c` on /etc/sudoers and all that it includes. ERR_CONFIG with its words. */
enum err sudoers_install_check(const struct host_paths *paths, struct text *ret_why) SSM_MUST_USE;

/* Would sudo run `command` as root for `user`, all sources of rules taken together (`sudo -l -U`)? ERR_NO_TARGET: there
 * is no such user, or no sudo. ERR_TIMEOUT, ERR_SYSTEM. */
enum err sudoers_install_allows(const char *user, const char *command, bool *ret_allows,
                                struct text *ret_why) SSM_MUST_USE;

/* Of the sudo in PATH. ERR_NO_TARGET: there is none. */
enum err sudoers_install_version(struct sudo_version *ret_version, struct text *ret_why) SSM_MUST_USE;

#endif
