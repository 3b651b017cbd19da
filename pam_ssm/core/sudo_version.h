/* sudo_version: which sudo this is, as `sudo --version` tells; what it can do depends on it. */
#ifndef SSM_HOST_CORE_SUDO_VERSION_H
#define SSM_HOST_CORE_SUDO_VERSION_H

#include "common/err.h"

#include <stdbool.h>

struct sudo_version {
    bool is_rs; /* sudo-rs: the rewrite in Rust, a subset with version numbers of its own */
    int major, minor, patch;
};

/* The first line is "Sudo version 1.9.13p3" or "sudo-rs 0.2.8". ERR_MALFORMED. */
enum err sudo_version_parse(const char *output, struct sudo_version *ret_version) SSM_MUST_USE;

/* What sudo-rs lacks for every level but none, and for grants; words for people. */
#define SUDO_VERSION_RS_LACKS                                                                                          \
    "sudo-rs has no pam_service, so that the session would not be verified for sudo, and no NOTAFTER, I/O log, "       \
    "digests or patterns for arguments"

/* Is it classic sudo, of this version or a later one? */
bool sudo_version_is_classic(const struct sudo_version *version, int major, int minor, int patch);

#endif
