#include "pam_ssm/core/doctor_sudo.h"

#include "common/limits.h"
#include "common/text.h"
#include "pam_ssm/core/sudo_version.h"

#include <string.h>

/* ---- which sudo ---- */

/* The number behind the 'p' of "1.9.17p1"; 0: none. */
static int patch_level(const char *output)
{
    const char *at = strpbrk(output, "0123456789");
    size_t len = at != NULL ? strspn(at, "0123456789.") : 0;
    return len > 0 && at[len] == 'p' && at[len + 1] >= '1' && at[len + 1] <= '9' ? at[len + 1] - '0' : 0;
}

struct weakness {
    const char *cve, *what;
    int since_minor, since_patch; /* of sudo 1 */
    enum doctor_state state;
};

/* Both were mended in 1.9.17p1 (sudo.ws/security/advisories). The first one matters where rules name hosts. */
static const struct weakness weaknesses[] = {
    {"CVE-2025-32462", "its option --host passes by rules for other hosts", 8, 8, DOCTOR_WARN},
    {"CVE-2025-32463", "its option --chroot gives root to anybody", 9, 14, DOCTOR_BAD},
};

static void judge_weakness(const struct doctor_sudo_facts *facts, const struct sudo_version *version,
                           const struct weakness *weakness, struct doctor_report *report)
{
    bool is_mended = sudo_version_is_classic(version, 1, 9, 18) ||
                     (sudo_version_is_classic(version, 1, 9, 17) && patch_level(facts->version) >= 1);
    bool has_it = sudo_version_is_classic(version, 1, weakness->since_minor, weakness->since_patch) && !is_mended;
    if (!has_it) {
        doctor_report_add(report, "sudo-cve", DOCTOR_OK, NULL, "%s is not in this version", weakness->cve);
    } else if (facts->changelog == NULL) {
        doctor_report_add(report, "sudo-cve", DOCTOR_UNKNOWN,
                          "ask the distribution whether its package has been mended, or install sudo 1.9.17p1",
                          "%s (%s) is in this version, and the package's changelog cannot be read", weakness->cve,
                          weakness->what);
    } else if (strstr(facts->changelog, weakness->cve) != NULL) {
        doctor_report_add(report, "sudo-cve", DOCTOR_OK, NULL, "%s is mended by the distribution", weakness->cve);
    } else {
        doctor_report_add(report, "sudo-cve", weakness->state,
                          "update sudo: 1.9.17p1, or the distribution's mended package", "%s: %s", weakness->cve,
                          weakness->what);
    }
}

static void judge_version(const struct doctor_sudo_facts *facts, struct doctor_report *report)
{
    struct sudo_version version;
    if (facts->version == NULL || sudo_version_parse(facts->version, &version) != ERR_OK) {
        doctor_report_add(report, "sudo-version", DOCTOR_UNKNOWN, "run sudo --version by hand",
                          "sudo does not say its version");
        return;
    }
    int len = (int)strcspn(facts->version, "\r\n");
    if (version.is_rs) {
        doctor_report_add(report, "sudo-version", DOCTOR_WARN,
                          "install classic sudo for the levels limited and root, and for grants",
                          "%.*s: only the level none is possible: " SUDO_VERSION_RS_LACKS, len, facts->version);
        return;
    }
    if (!sudo_version_is_classic(&version, 1, 9, 10)) {
        doctor_report_add(report, "sudo-version", DOCTOR_WARN, "update sudo to 1.9.10 or later",
                          "%.*s: no noninteractive_auth, so that sudo -n fails, and no patterns for arguments", len,
                          facts->version);
    } else {
        doctor_report_add(report, "sudo-version", DOCTOR_OK, NULL, "%.*s", len, facts->version);
    }
    for (size_t i = 0; i < sizeof weaknesses / sizeof weaknesses[0]; i++) {
        judge_weakness(facts, &version, &weaknesses[i], report);
    }
}

/* ---- what it gives ---- */

static void judge_rules(const struct doctor_sudo_facts *facts, struct doctor_report *report)
{
    if (!facts->is_answered) {
        doctor_report_add(report, "sudo-rules", DOCTOR_UNKNOWN, "run as root: sudo -n -l -U ssm-user",
                          "sudo does not say what %s may run", facts->user);
    } else if (facts->gives_root && !facts->wants_root) {
        doctor_report_add(report, "sudo-rules", DOCTOR_BAD,
                          "ssm-userctl apply; if that does not help, look for the rule: sudo -l -U ssm-user",
                          "sudo gives %s root, which the policy does not want", facts->user);
    } else if (!facts->gives_root && facts->wants_root) {
        doctor_report_add(report, "sudo-rules", DOCTOR_WARN, "ssm-userctl apply",
                          "sudo does not give %s the root that the policy or a grant wants", facts->user);
    } else {
        doctor_report_add(report, "sudo-rules", DOCTOR_OK, NULL, "sudo gives %s %s", facts->user,
                          facts->gives_root ? "root, to whom pam_ssm allows it" : "no root");
    }
}

/* The line of `text` that has `word` in it, without its indentation; len 0: none. */
static struct bytes line_with(const char *text, const char *word)
{
    const char *found = strstr(text, word);
    if (found == NULL) {
        return bytes_of(NULL, 0);
    }
    const char *begin = found;
    while (begin > text && begin[-1] != '\n') {
        begin--;
    }
    begin += strspn(begin, " \t");
    return bytes_of(begin, strcspn(begin, "\n"));
}

static void judge_unasked(const struct doctor_sudo_facts *facts, struct doctor_report *report)
{
    static const char *const words[] = {"NOPASSWD", "!authenticate"};
    bool is_clean = true;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct bytes line = line_with(facts->listing, words[i]);
        if (line.len > 0) {
            is_clean = false;
            doctor_report_add(report, "sudo-nopasswd", facts->gives_root ? DOCTOR_BAD : DOCTOR_WARN,
                              "remove the rule: grep -rn for it in /etc/sudoers and /etc/sudoers.d, or in LDAP",
                              "a rule for %s asks nobody, neither a person nor pam_ssm: %.*s", facts->user,
                              (int)(line.len < 200 ? line.len : 200), (const char *)line.data);
        }
    }
    if (is_clean) {
        doctor_report_add(report, "sudo-nopasswd", DOCTOR_OK, NULL, "no rule for %s skips the authentication",
                          facts->user);
    }
}

static void judge_listing(const struct doctor_sudo_facts *facts, struct doctor_report *report)
{
    if (facts->listing == NULL) {
        return; /* judge_rules has said it */
    }
    judge_unasked(facts, report);
    if (strstr(facts->listing, "!pam_acct_mgmt") != NULL) {
        doctor_report_add(report, "sudo-account-check", DOCTOR_BAD, "remove `Defaults !pam_acct_mgmt` from sudoers",
                          "sudo does not ask PAM about the account: an expired one may use it");
    } else {
        doctor_report_add(report, "sudo-account-check", DOCTOR_OK, NULL, "sudo asks PAM about the account");
    }
    if (strstr(facts->listing, "pam_service=ssm-sudo") != NULL) {
        doctor_report_add(report, "sudo-service", DOCTOR_OK, NULL, "sudo asks pam_ssm, by a PAM service of its own");
    } else {
        doctor_report_add(
            report, "sudo-service", DOCTOR_WARN, "ssm-userctl apply",
            "sudo does not use the PAM service ssm-sudo for %s: whatever /etc/pam.d/sudo says is what counts",
            facts->user);
    }
}

/* ---- in which order ---- */

static bool is_include(struct bytes line, const char *folder)
{
    static const char *const words[] = {"@includedir", "#includedir"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i]);
        if (line.len > len && memcmp(line.data, words[i], len) == 0) {
            struct bytes path = bytes_from(line, len);
            while (path.len > 0 && (path.data[0] == ' ' || path.data[0] == '\t' || path.data[0] == '"')) {
                path = bytes_from(path, 1);
            }
            size_t folder_len = strlen(folder);
            return path.len > 0 && path.len >= folder_len && memcmp(path.data, folder, folder_len) == 0;
        }
    }
    return false;
}

/* Looks for the folder's line, and for what comes behind it. */
static void judge_include(const struct doctor_sudo_facts *facts, struct doctor_report *report)
{
    bool is_included = false;
    struct bytes behind = bytes_of(NULL, 0);
    for (const char *at = facts->sudoers; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n' ? 1 : 0) {
        const char *begin = at + strspn(at, " \t");
        struct bytes line = bytes_of(begin, strcspn(begin, "\n"));
        if (is_include(line, facts->sudoers_dir)) {
            is_included = true;
        } else if (is_included && behind.len == 0 && line.len > 0 && line.data[0] != '#') {
            behind = line;
        }
    }
    if (!is_included) {
        doctor_report_add(report, "sudoers-order", DOCTOR_BAD,
                          "add `@includedir /etc/sudoers.d` as its last line, by visudo",
                          "/etc/sudoers does not include %s: our rules are not read", facts->sudoers_dir);
    } else if (behind.len > 0) {
        doctor_report_add(report, "sudoers-order", DOCTOR_WARN,
                          "move the line before @includedir: the last rule that matches counts",
                          "behind @includedir in /etc/sudoers, and so before our rules in rank: %.*s",
                          (int)(behind.len < 200 ? behind.len : 200), (const char *)behind.data);
    } else {
        doctor_report_add(report, "sudoers-order", DOCTOR_OK, NULL, "nothing in /etc/sudoers comes behind @includedir");
    }
}

/* sudo skips names with a dot in them, and those that end with '~'; it sorts by strcmp. */
static bool outranks(const char *name, const char *ours)
{
    size_t len = strlen(name);
    return strchr(name, '.') == NULL && (len == 0 || name[len - 1] != '~') && strcmp(name, ours) > 0;
}

static void judge_names(const struct doctor_sudo_facts *facts, struct doctor_report *report)
{
    bool has_ours = false;
    for (size_t i = 0; i < facts->name_count; i++) {
        has_ours |= strcmp(facts->names[i], facts->our_sudoers) == 0;
        if (outranks(facts->names[i], facts->our_sudoers)) {
            doctor_report_add(report, "sudoers-files", DOCTOR_WARN, "rename it, so that it sorts before our file",
                              "%s/%.200s is read behind %s: its rules outrank ours", facts->sudoers_dir,
                              facts->names[i], facts->our_sudoers);
        }
    }
    if (has_ours) {
        doctor_report_add(report, "sudoers-files", DOCTOR_OK, NULL, "%s/%s is there", facts->sudoers_dir,
                          facts->our_sudoers);
    } else {
        doctor_report_add(report, "sudoers-files", DOCTOR_WARN, "ssm-userctl init, or apply", "%s/%s is not there",
                          facts->sudoers_dir, facts->our_sudoers);
    }
}

static void judge_sources(const struct doctor_sudo_facts *facts, struct doctor_report *report)
{
    for (const char *at = facts->nsswitch; at != NULL && *at != '\0';
         at += strcspn(at, "\n"), at += *at == '\n' ? 1 : 0) {
        size_t len = strcspn(at, "\n#");
        if (strncmp(at, "sudoers:", 8) != 0) {
            continue;
        }
        char memory[128];
        struct text sources = text_in(memory, sizeof memory);
        text_put_bytes(&sources, bytes_of(at + 8, len - 8));
        if (strstr(memory, "sss") != NULL || strstr(memory, "ldap") != NULL) {
            doctor_report_add(report, "sudoers-sources", DOCTOR_WARN,
                              "see that no rule of the directory matches ssm-user: sudo -l -U ssm-user",
                              "sudo also asks a directory for rules (nsswitch.conf, sudoers:%s)", memory);
            return;
        }
    }
    doctor_report_add(report, "sudoers-sources", DOCTOR_OK, NULL, "sudo's rules come from files alone");
}

void doctor_sudo_judge(const struct doctor_sudo_facts *facts, struct doctor_report *report)
{
    if (!facts->is_installed) {
        doctor_report_add(report, "sudo-version", facts->wants_root ? DOCTOR_WARN : DOCTOR_NOTE,
                          facts->wants_root ? "install sudo" : NULL, "there is no sudo: nothing runs as root by it");
        return;
    }
    judge_version(facts, report);
    judge_rules(facts, report);
    judge_listing(facts, report);
    if (facts->sudoers != NULL) {
        judge_include(facts, report);
    } else {
        doctor_report_add(report, "sudoers-order", DOCTOR_UNKNOWN, "see why: ls -l /etc/sudoers",
                          "/etc/sudoers cannot be read");
    }
    judge_names(facts, report);
    judge_sources(facts, report);
}
