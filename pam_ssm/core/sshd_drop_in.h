/* sshd_drop_in: the text of /etc/ssh/sshd_config.d/10-ssm-bridge.conf, and what `sshd -T` says. */
#ifndef SSM_HOST_CORE_SSHD_DROP_IN_H
#define SSM_HOST_CORE_SSHD_DROP_IN_H

#include "common/text.h"

struct sshd_drop_in {
    const char *user;
    const char *keys_dir;  /* /run/ssm-bridge/keys */
    const char *key_files; /* AuthorizedKeysFile as it would be without us; "none" is possible */
};

void sshd_drop_in_render(const struct sshd_drop_in *wish, struct text *text);

/* Appends the value of a setting in the output of sshd -T, "usepam yes": its name in lower case. A setting that has
 * several lines gives several words. False: it is not there. */
bool sshd_drop_in_find(const char *effective, const char *setting, struct text *ret_value);

/* Is it one of the words of a value? */
bool sshd_drop_in_has_word(const char *value, const char *word);

/* The output of sshd -T without AuthorizedKeysFile: what our file must leave as it is for everybody else. */
void sshd_drop_in_put_rest(const char *effective, struct text *text);

/* The main configuration file with each Include line taken apart by `expand`, which appends Include lines of its own,
 * or nothing and gives false to have the line as it is. */
void sshd_drop_in_expand(struct bytes config, bool (*expand)(void *context, const char *patterns, struct text *text),
                         void *context, struct text *text);

#endif
