#include "proxy/core/askpass.h"

#include <strings.h>

/* Where Debian and its like have it; OpenSSH is built with the same. */
#define ASKPASS_DEFAULT "/usr/bin/ssh-askpass"

static const char *variable(const struct aws_config_environment *environment, const char *name)
{
    return environment->get(environment->context, name);
}

struct askpass askpass_choose(const struct aws_config_environment *environment)
{
    bool is_allowed =
        text_is_given(variable(environment, "DISPLAY")) || text_is_given(variable(environment, "WAYLAND_DISPLAY"));
    bool is_first = false;
    const char *require = variable(environment, "SSH_ASKPASS_REQUIRE");
    if (require != NULL && strcasecmp(require, "force") == 0) {
        is_allowed = is_first = true;
    } else if (require != NULL && strcasecmp(require, "prefer") == 0) {
        is_first = true;
    } else if (require != NULL && strcasecmp(require, "never") == 0) {
        is_allowed = false;
    }
    const char *program = variable(environment, "SSH_ASKPASS");
    if (!is_allowed) {
        return (struct askpass){.program = NULL};
    }
    return (struct askpass){.program = program != NULL ? program : ASKPASS_DEFAULT, .is_first = is_first};
}
