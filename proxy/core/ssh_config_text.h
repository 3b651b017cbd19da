/* ssh_config_text: what `ssm-proxy config` writes for ssh_config(5), and the one line that it adds to a person's file.
 *
 *     Match originalhost "i-*,mi-*,tag:*,db,!*'*,!*\*,!*!*" user "*,!*'*"
 *         ProxyCommand /usr/bin/ssm-proxy connect -- '%n' %p '%r'
 *         ...
 *     Match originalhost "*,!*.*,!*'*,!*\*,!*!*" user "*,!*'*" exec "/usr/libexec/ssm-bridge/ssh-answer config match --
 * '%n'"
 *         ...
 *
 * Where the key is ours, a last criterion has it made before ssh reads it: exec "ssh-answer key ensure; true", true
 * also when that has failed and has said why: connect then says what is missing, and not ssh that it knows no such
 * host.
 *
 * ssh puts %n and %r into a command for $SHELL -c as they are; before 9.6 with any character in them (CVE-2023-51385).
 * Between quotes the shell replaces nothing, and what could end the quotes is no name of ours: ' in every shell, \ in
 * fish, ! in csh. ssh looks at the criteria from left to right and runs exec only when the others hold. Not `host`:
 * that is the name after Hostname, while %n is the one that was typed. */
#ifndef SSM_PROXY_CORE_SSH_CONFIG_TEXT_H
#define SSM_PROXY_CORE_SSH_CONFIG_TEXT_H

#include "common/text.h"

#define SSH_CONFIG_TEXT_SIZE (256 * 1024) /* room for a block: thousands of aliases */

/* Everything is borrowed, and is what the questions below say yes to. */
struct ssh_config_settings {
    const char *program;        /* ssm-proxy: a path */
    const char *answer;         /* what ssh is to ask, with the words of ssm-proxy: a path */
    const char *key_options;    /* of `key ensure`, likewise; NULL: keys are the person's own */
    const char *key_files[2];   /* where it keeps them: paths */
    const char *options;        /* of connect, with a blank before each word: " --profile production"; "" without */
    const char *patterns;       /* of --host; NULL: none */
    const char *host_keys;      /* connect's --host-keys: a word; NULL: ssh asks nobody for host keys */
    const char *known_hosts;    /* where ssh keeps those that a person accepts: a path; with host_keys alone */
    const char *control_path;   /* a directory for the sockets of ControlMaster; NULL: no ControlMaster */
    const char *const *aliases; /* names */
    size_t alias_count;
    const char *const *profiles; /* names; `Match tagged`, which OpenSSH knows from 9.4 on, for each */
    size_t profile_count;
};

/* An absolute path that stands for itself in ssh_config(5) and in a shell, without quotes. */
bool ssh_config_text_is_path(const char *path);

/* The same for one word behind an option. */
bool ssh_config_text_is_word(const char *word);

/* A host name that is no pattern. */
bool ssh_config_text_is_name(const char *name);

/* Patterns with commas between them, one of them at least not negated. */
bool ssh_config_text_is_pattern_list(const char *patterns);

/* Is there room for a socket of ssh in this directory? sockaddr_un has 108 bytes; ssh puts 40 digits of %C and, while
 * it binds, a dot and 16 more characters behind it. */
bool ssh_config_text_has_socket_room(const char *directory);

/* Appends the whole block. Overflow as in text.h. */
void ssh_config_text_put(const struct ssh_config_settings *settings, struct text *text);

/* Where `line` stands in the file as a whole line; ret_len counts its end. */
bool ssh_config_text_find_line(struct bytes file, const char *line, size_t *ret_at, size_t *ret_len);

#endif
