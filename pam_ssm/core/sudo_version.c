#include "pam_ssm/core/sudo_version.h"

#include <stdlib.h>
#include <string.h>

/* A number and the dot behind it, if there is one; -1 when there is no number. */
static int take_number(const char **at)
{
    if (**at < '0' || **at > '9') {
        return -1;
    }
    char *end;
    long number = strtol(*at, &end, 10);
    *at = *end == '.' ? end + 1 : end;
    return number <= 9999 ? (int)number : -1;
}

enum err sudo_version_parse(const char *output, struct sudo_version *ret_version)
{
    static const char classic[] = "Sudo version ";
    static const char rs[] = "sudo-rs ";
    bool is_rs = strncmp(output, rs, sizeof rs - 1) == 0;
    if (!is_rs && strncmp(output, classic, sizeof classic - 1) != 0) {
        return ERR_MALFORMED;
    }
    const char *at = output + (is_rs ? sizeof rs : sizeof classic) - 1;
    struct sudo_version version = {.is_rs = is_rs};
    version.major = take_number(&at);
    version.minor = take_number(&at);
    version.patch = take_number(&at);
    if (version.major < 0 || version.minor < 0) {
        return ERR_MALFORMED;
    }
    version.patch = version.patch < 0 ? 0 : version.patch; /* "1.9" */
    *ret_version = version;
    return ERR_OK;
}

bool sudo_version_is_classic(const struct sudo_version *version, int major, int minor, int patch)
{
    if (version->is_rs || version->major != major) {
        return !version->is_rs && version->major > major;
    }
    return version->minor > minor || (version->minor == minor && version->patch >= patch);
}
