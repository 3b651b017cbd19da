/* aliases: names of a person's own for targets, from $XDG_CONFIG_HOME/ssm-bridge/config (or
 * ~/.config/ssm-bridge/config), in the dialect of common/ini:
 *
 *     [alias db]
 *     target = tag:Role=database      a target without aliases: names, ids, suffixes
 *     region = eu-west-1
 *     profile = production
 *     document_name = Our-SSHSession
 *     reason = on call
 *
 * Only the target is required. What the command line says wins. */
#ifndef SSM_PROXY_CORE_ALIASES_H
#define SSM_PROXY_CORE_ALIASES_H

#include "common/ini.h"
#include "proxy/core/aws_config.h"

/* Zero-initialised means none. Owned; AUTO(aliases_free). */
struct aliases {
    struct ini ini;
};

/* Everything but the target may be NULL. Borrowed from struct aliases. */
struct alias {
    const char *target;
    const char *region;
    const char *profile;
    const char *document_name;
    const char *reason;
};

/* Where the file is. "" when neither XDG_CONFIG_HOME, which counts when it is absolute, nor HOME says so. ERR_CONFIG
 * when the path is over LIMIT_PATH. */
enum err aliases_path(const struct aws_config_environment *environment, char ret_path[LIMIT_PATH + 1],
                      struct text *ret_why) SSM_MUST_USE;

/* The whole file. ERR_CONFIG with words (the line, without the file's name): as ini_parse, and for a section that is no
 * alias, a key that is not one of those above, an alias without a target or whose name or target is of no use. */
enum err aliases_parse(struct bytes file, struct aliases *ret_aliases, struct text *ret_why) SSM_MUST_USE;

/* False when there is none of exactly this name. */
bool aliases_find(const struct aliases *aliases, const char *name, struct alias *ret_alias);

/* The name of each, by number from 0 on; NULL behind the last. */
const char *aliases_name(const struct aliases *aliases, size_t number);

void aliases_free(struct aliases *aliases); /* safe to repeat */

#endif
