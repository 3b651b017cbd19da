/* sudoers_limited: the commands of the level limited, the files of /etc/ssm-bridge/limited.d.
 *
 *     # nginx, and what it says
 *     Cmnd_Alias SSMLIM_WEB = /usr/bin/systemctl --no-pager restart nginx.service, \
 *                             /usr/bin/journalctl ^-u [a-z0-9.@-]+ --no-pager$
 *
 * It is the syntax of sudoers(5), so that visudo -cf checks such a file too, and less than all of it: comments on lines
 * of their own, and aliases that begin with SSMLIM_. A command is an absolute path or sudoedit, one digest before it if
 * wanted; behind it nothing (any arguments), "" (none), one regular expression ^...$, or words. What sudoers would take
 * and mean differently than it looks (`#`, `"`, `:` without a backslash) is refused, and so is what could not be
 * judged: ALL, `!`, directories, other aliases, wildcards in a path. */
#ifndef SSM_HOST_CORE_SUDOERS_LIMITED_H
#define SSM_HOST_CORE_SUDOERS_LIMITED_H

#include "common/limits.h"
#include "common/text.h"

struct sudoers_command {
    size_t line;
    char *text;      /* as sudoers wants it, digest included; blanks and escapes are made uniform */
    char *path;      /* or "sudoedit" */
    char *arguments; /* without escapes; "": none are allowed; NULL: any */
    bool is_regex;   /* arguments are a regular expression, "^...$", as it was written */
    bool has_wildcard;
    bool has_digest;
};

struct sudoers_alias {
    char name[LIMIT_SUDOERS_ALIAS + 1];
    char *file;
    size_t line;
    size_t first, count; /* its commands */
};

struct sudoers_limited {
    struct sudoers_alias *aliases; /* all owned */
    size_t alias_count;
    struct sudoers_command *commands;
    size_t command_count;
};

/* Adds what is in one file; `name` is what messages call it. ERR_CONFIG with "web:12: ..." in ret_why, also for an
 * alias that is there already; ERR_TOO_LONG over LIMIT_SUDOERS_COMMANDS; ERR_MEMORY. After an error only
 * sudoers_limited_free is allowed. */
enum err sudoers_limited_add(struct sudoers_limited *limited, struct bytes file, const char *name,
                             struct text *ret_why) SSM_MUST_USE;

void sudoers_limited_free(struct sudoers_limited *limited); /* usable with AUTO() */

#endif
