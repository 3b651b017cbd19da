/* pam_stack: our lines in a PAM service file that is the admin's, such as /etc/pam.d/sshd: put in, taken out, judged.
 *
 *     account required pam_nologin.so
 *     # BEGIN ssm-bridge ...
 *     -account [success=done ignore=ignore module_unknown=ignore default=die] pam_ssm.so
 *     # END ssm-bridge
 *     @include common-account
 *
 * A wrong line in such a file locks everybody out. So a file is changed only when all of it is understood, the result
 * is read back, and whatever is doubtful is refused: then nothing is changed. Taking out gives the bytes from before.
 *
 * `-account` and module_unknown=ignore: when the module is missing or broken, others log in as before, and ssm-user is
 * refused by its expired account. success=done: for a verified session, what follows does not look at that expiry. */
#ifndef SSM_HOST_CORE_PAM_STACK_H
#define SSM_HOST_CORE_PAM_STACK_H

#include "common/text.h"

#define PAM_STACK_MODULE "pam_ssm.so"

enum pam_stack_service {
    PAM_STACK_LOGIN, /* sshd: account, session */
    PAM_STACK_SUDO   /* sudo and sudo-i of sudo-rs, which knows no pam_service: auth, account */
};

struct pam_stack_wish {
    enum pam_stack_service service;
    const char *user;      /* a name of host_policy_is_user_name */
    const char *arguments; /* of the module, such as "require=grant"; "": none */
};

/* The file with our lines; what there was of ours before is replaced. ERR_DENIED with words: a line that PAM or we do
 * not understand, no place for our lines, a line before it that lets people in without asking us, a jump over our
 * place. ERR_TOO_LONG, ERR_MEMORY. */
enum err pam_stack_insert(struct bytes file, const struct pam_stack_wish *wish, struct text *ret_file,
                          struct text *ret_why) SSM_MUST_USE;

/* The file without our blocks. ERR_DENIED with words: a block of ours is damaged. */
enum err pam_stack_remove(struct bytes file, struct text *ret_file, struct text *ret_why) SSM_MUST_USE;

/* ERR_OK: our lines are there, once, as wished, and in force. ERR_NO_TARGET: nothing of ours is there. ERR_DENIED: what
 * is there is not as wished; words. ERR_MEMORY. */
enum err pam_stack_check(struct bytes file, const struct pam_stack_wish *wish, struct text *ret_why) SSM_MUST_USE;

/* The whole files /etc/pam.d/ssm-sudo and ssm-sudo-limited. */
void pam_stack_put_sudo(struct text *text, const char *user);
void pam_stack_put_sudo_limited(struct text *text, const char *user);

#endif
