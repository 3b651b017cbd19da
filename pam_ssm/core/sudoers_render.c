#include "pam_ssm/core/sudoers_render.h"

#include "pam_ssm/core/rfc3339.h"

/* ---- what this sudo can do ---- */

static enum err refuse(struct text *why, const char *what)
{
    text_put(why, what);
    return ERR_DENIED;
}

/* Figures: sudo's NEWS. */
static enum err judge_version(const struct sudoers_rules *rules, struct text *why)
{
    const struct sudo_version *version = &rules->version;
    if (version->is_rs) {
        bool gives_nothing = rules->policy->privilege.level == HOST_LEVEL_NONE && rules->grant_not_after_unix_s == 0;
        return gives_nothing
                   ? ERR_OK
                   : refuse(why, SUDO_VERSION_RS_LACKS ": install classic sudo, or use the level none, without grants");
    }
    if (!sudo_version_is_classic(version, 1, 8, 28)) {
        return refuse(why, "this sudo is older than 1.8.28 and does not know pam_acct_mgmt, so that a line of sudoers "
                           "elsewhere could switch the check of the session off");
    }
    bool has_regex = false;
    for (size_t i = 0; rules->limited != NULL && i < rules->limited->command_count; i++) {
        has_regex = has_regex || rules->limited->commands[i].is_regex;
    }
    if (has_regex && rules->policy->privilege.level == HOST_LEVEL_LIMITED &&
        !sudo_version_is_classic(version, 1, 9, 10)) {
        return refuse(why, "this sudo is older than 1.9.10 and would take a regular expression for plain words");
    }
    return ERR_OK;
}

/* ---- Defaults ---- */

static void put_pam_service(const struct sudoers_rules *rules, const char *whose, const char *service,
                            struct text *text)
{
    text_format(text, "Defaults%s pam_service=%s, pam_login_service=%s", whose, service, service);
    if (sudo_version_is_classic(&rules->version, 1, 9, 9)) {
        text_format(text, ", pam_askpass_service=%s", service);
    }
    text_put_char(text, '\n');
}

/* Whatever other files have set for everybody is set right for this user: that he is authenticated, as himself (not by
 * root's or the target's password), by an account check too, anew for each command. */
static void put_classic_defaults(const struct sudoers_rules *rules, struct text *text)
{
    const char *user = rules->policy->account.name;
    text_format(text, "Defaults:%s authenticate, pam_acct_mgmt, !rootpw, !targetpw, !runaspw, !exempt_group\n", user);
    text_format(text,
                "Defaults:%s timestamp_timeout=0, passwd_tries=1, lecture=never, use_pty, !visiblepw, env_reset%s\n",
                user, sudo_version_is_classic(&rules->version, 1, 9, 10) ? ", noninteractive_auth" : "");
}

static void put_io_log(const struct sudoers_rules *rules, struct text *text)
{
    enum host_io_log io_log = rules->policy->privilege.io_log;
    if (io_log != HOST_IO_LOG_NO) {
        text_format(text, "Defaults:%s %slog_output, iolog_dir=\"/var/log/sudo-io/ssm\"%s\n",
                    rules->policy->account.name, io_log == HOST_IO_LOG_ALL ? "log_input, " : "",
                    sudo_version_is_classic(&rules->version, 1, 9, 8) ? ", log_subcmds" : "");
    }
}

static void put_defaults(const struct sudoers_rules *rules, struct text *text)
{
    const char *user = rules->policy->account.name;
    char whose[LIMIT_USER + 2];
    struct text binding = text_in(whose, sizeof whose);
    text_format(&binding, ":%s", user);
    if (rules->version.is_rs) {
        text_format(text, "Defaults:%s !rootpw, !targetpw, timestamp_timeout=0, passwd_tries=1, use_pty\n", user);
    } else {
        put_pam_service(rules, whose, "ssm-sudo", text);
        put_classic_defaults(rules, text);
        put_io_log(rules, text);
    }
    text_format(text, "Defaults:%s secure_path=\"/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin\"\n", user);
    if (!rules->version.is_rs && rules->policy->privilege.command_timeout_s > 0) {
        text_format(text, "Defaults:%s command_timeout=%lld\n", user,
                    (long long)rules->policy->privilege.command_timeout_s);
    }
}

/* ---- rules ---- */

static void put_aliases(const struct sudoers_rules *rules, struct text *text)
{
    const struct sudoers_limited *limited = rules->limited;
    for (size_t i = 0; i < limited->alias_count; i++) {
        const struct sudoers_alias *alias = &limited->aliases[i];
        text_format(text, "Cmnd_Alias %s = ", alias->name);
        for (size_t j = 0; j < alias->count; j++) {
            text_format(text, "%s%s", j > 0 ? ", \\\n    " : "", limited->commands[alias->first + j].text);
        }
        text_put_char(text, '\n');
        char whose[LIMIT_SUDOERS_ALIAS + 2];
        struct text binding = text_in(whose, sizeof whose);
        text_format(&binding, "!%s", alias->name);
        put_pam_service(rules, whose, "ssm-sudo-limited", text);
    }
}

/* `before` stands before each alias: "!" or nothing. */
static void put_alias_names(const struct sudoers_limited *limited, const char *before, struct text *text)
{
    for (size_t i = 0; i < limited->alias_count; i++) {
        text_format(text, "%s%s%s", i > 0 ? ", " : "", before, limited->aliases[i].name);
    }
    text_put_char(text, '\n');
}

static void put_root(const struct sudoers_rules *rules, struct text *text)
{
    const char *user = rules->policy->account.name;
    if (rules->policy->privilege.level == HOST_LEVEL_ROOT) {
        text_format(text, "%s ALL=(ALL:ALL) PASSWD: NOSETENV: ALL\n", user);
    } else if (rules->grant_not_after_unix_s > 0) {
        text_format(text, "%s ALL=(ALL:ALL) NOTAFTER=", user);
        rfc3339_put_generalized(text, rules->grant_not_after_unix_s);
        text_put(text, " PASSWD: NOSETENV: ALL\n");
    }
}

static void put_limited(const struct sudoers_rules *rules, struct text *text)
{
    const char *user = rules->policy->account.name;
    if (rules->grant_not_after_unix_s > 0) {
        text_format(text, "%s ALL=(ALL:ALL) PASSWD: ", user);
        put_alias_names(rules->limited, "!", text);
    }
    text_format(text, "%s ALL=(root) PASSWD: NOEXEC: NOSETENV: ", user);
    put_alias_names(rules->limited, "", text);
}

enum err sudoers_render(const struct sudoers_rules *rules, struct text *text, struct text *ret_why)
{
    TRY(judge_version(rules, ret_why));
    bool is_limited = rules->policy->privilege.level == HOST_LEVEL_LIMITED && rules->limited != NULL &&
                      rules->limited->alias_count > 0;
    put_defaults(rules, text);
    if (is_limited) {
        put_aliases(rules, text);
    }
    text_format(text, "%s ALL=(ALL:ALL) PASSWD: !ALL\n", rules->policy->account.name);
    put_root(rules, text);
    if (is_limited) {
        put_limited(rules, text);
    }
    return text_finish(text);
}

void sudoers_render_header(const char *sha256, struct text *text)
{
    text_format(text, "# Generated by ssm-userctl. Do not edit. sha256=%s\n", sha256);
}
