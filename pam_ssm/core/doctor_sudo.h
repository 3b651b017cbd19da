/* doctor_sudo: does sudo give the governed account what the policy says, and nothing more? Judged by sudo's own answer;
 * the files only explain it. */
#ifndef SSM_HOST_CORE_DOCTOR_SUDO_H
#define SSM_HOST_CORE_DOCTOR_SUDO_H

#include "pam_ssm/core/doctor_report.h"

/* Texts are borrowed; NULL: it could not be read. */
struct doctor_sudo_facts {
    const char *user;
    bool wants_root;       /* by the level, or by an active grant */
    bool is_installed;     /* there is a sudo */
    const char *version;   /* what `sudo --version` prints */
    const char *changelog; /* of the distribution's package: it names the CVEs that were mended without a new version */
    const char *listing;   /* what `sudo -n -l -U user` prints as root */
    bool is_answered;      /* sudo was asked for a command that no list of the level limited may hold */
    bool gives_root;       /* and allows it */
    const char *sudoers;   /* /etc/sudoers */
    const char *sudoers_dir, *our_sudoers;
    const char *const *names; /* of the files in sudoers_dir */
    size_t name_count;
    const char *nsswitch; /* /etc/nsswitch.conf; NULL: there is none */
};

void doctor_sudo_judge(const struct doctor_sudo_facts *facts, struct doctor_report *report);

#endif
