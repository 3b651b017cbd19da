#include "pam_ssm/userctl/sudoers_apply.h"

#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/core/key_value.h"
#include "pam_ssm/core/sudoers_render.h"
#include "pam_ssm/edge/path_trust.h"
#include "pam_ssm/edge/state_dir.h"
#include "pam_ssm/edge/sudoers_install.h"
#include "pam_ssm/userctl/governed.h"
#include "pam_ssm/userctl/hex_hash.h"
#include "pam_ssm/userctl/limited_list.h"
#include "pam_ssm/userctl/live_grants.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* Which list was accepted with --i-know, a key_value file below state_dir. */
static const char accepted_name[] = "limited-accepted";

static bool is_dry(const struct sudoers_apply *wish)
{
    return wish->how == SUDOERS_LOOK || wish->how == SUDOERS_SHOW;
}

/* ---- the list ---- */

static bool was_accepted(const struct host_paths *paths, const char *hash)
{
    char path_memory[LIMIT_PATH + 1];
    char words[160];
    struct text path = text_in(path_memory, sizeof path_memory);
    struct text why = text_in(words, sizeof words);
    text_format(&path, "%s/%s", paths->state_dir, accepted_name);
    AUTO_FREE char *content = NULL;
    size_t len = 0;
    struct key_value_file file;
    if (path_trust_read(path_memory, paths->owner, LIMIT_STATE_FILE, &content, &len, &why) != ERR_OK ||
        key_value_parse(content, len, &file) != ERR_OK) {
        return false;
    }
    const char *accepted = key_value_get(&file, "SHA256");
    return accepted != NULL && strcmp(accepted, hash) == 0;
}

static enum err remember(const struct host_paths *paths, const char *hash, struct text *ret_why)
{
    char memory[128];
    struct text text = text_in(memory, sizeof memory);
    key_value_put(&text, "SHA256", hash);
    TRY(state_dir_make(paths->state_dir, paths->owner, ret_why));
    return state_dir_write(paths->state_dir, accepted_name, text_bytes(&text), 0600, true, ret_why);
}

static enum err read_list(const struct sudoers_apply *wish, struct sudoers_limited *ret_limited, struct text *ret_why)
{
    const struct host_paths *paths = wish->node->paths;
    TRY(limited_list_read(paths, ret_limited, ret_why));
    if (ret_limited->command_count == 0) {
        log_notice("%s lists no command: the level limited allows nothing", paths->limited_dir);
        return ERR_OK;
    }
    char hash[HEX_HASH_SIZE];
    TRY(limited_list_hash(ret_limited, hash));
    if (was_accepted(paths, hash) || limited_list_lint(ret_limited).errors == 0) {
        return ERR_OK;
    }
    if (!wish->accepts_findings) {
        text_put(ret_why, "the list of the level limited is as good as root (see above); --i-know accepts that");
        return ERR_DENIED;
    }
    return is_dry(wish) ? ERR_OK : remember(paths, hash, ret_why);
}

/* ---- our file ---- */

/* `memory` has LIMIT_SUDOERS_FILE bytes. */
static enum err make_file(const struct sudoers_apply *wish, const struct sudoers_rules *rules, char *memory,
                          struct bytes *ret_file, struct text *ret_why)
{
    AUTO(sudoers_limited_free) struct sudoers_limited limited = {0};
    if (wish->node->policy.privilege.level == HOST_LEVEL_LIMITED) {
        TRY(read_list(wish, &limited, ret_why));
    }
    struct sudoers_rules with_list = *rules;
    with_list.limited = &limited;
    AUTO_FREE char *body_memory = malloc(LIMIT_SUDOERS_FILE);
    if (body_memory == NULL) {
        return ERR_MEMORY;
    }
    struct text body = text_in(body_memory, LIMIT_SUDOERS_FILE);
    TRY(sudoers_render(&with_list, &body, ret_why));
    char hash[HEX_HASH_SIZE];
    TRY(hex_hash_of(text_bytes(&body), hash));
    struct text file = text_in(memory, LIMIT_SUDOERS_FILE);
    sudoers_render_header(hash, &file);
    text_put_bytes(&file, text_bytes(&body));
    *ret_file = text_bytes(&file);
    return text_finish(&file);
}

static bool is_same(const struct sudoers_present *present, struct bytes wanted)
{
    return present->is_sound && present->len == wanted.len && memcmp(present->content, wanted.data, wanted.len) == 0;
}

/* Our own program, by its absolute path: no list names it, the linter sees to that. */
static enum err expect(const struct sudoers_apply *wish, bool is_root, bool *ret_is_outranked, struct text *ret_why)
{
    char program[LIMIT_PATH + 1];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    if (len <= 0) {
        text_format(ret_why, "/proc/self/exe: %s", strerror(errno));
        return ERR_SYSTEM;
    }
    program[len] = '\0';
    bool allows = false;
    enum err err = sudoers_install_allows(wish->node->policy.account.name, program, &allows, ret_why);
    if (err == ERR_NO_TARGET) { /* no account yet: nothing to ask about */
        text_clear(ret_why);
        return ERR_OK;
    }
    TRY(err);
    *ret_is_outranked = allows != is_root;
    if (*ret_is_outranked) {
        text_format(ret_why,
                    "sudo still %s %s to do everything: a rule elsewhere counts more than %s/%s (see: sudo -l -U %s)",
                    allows ? "allows" : "does not allow", wish->node->policy.account.name,
                    wish->node->paths->sudoers_dir, wish->node->paths->our_sudoers, wish->node->policy.account.name);
    }
    return ERR_OK;
}

/* Is what stands there now fit to stay? What gives less stays unless it is itself what broke sudoers. */
static enum err judge_installed(const struct sudoers_apply *wish, bool is_root, bool was_broken,
                                struct sudoers_applied *applied, struct text *ret_why)
{
    bool is_tightening = wish->how == SUDOERS_TIGHTEN;
    enum err err = sudoers_install_check(wish->node->paths, ret_why);
    if (err != ERR_OK && (!is_tightening || (err == ERR_CONFIG && !was_broken))) {
        return err;
    }
    text_clear(ret_why);
    err = expect(wish, is_root, &applied->is_outranked, ret_why);
    if (is_tightening) {
        applied->is_outranked = applied->is_outranked || err != ERR_OK;
        return ERR_OK;
    }
    TRY(err);
    return applied->is_outranked ? ERR_CONFIG : ERR_OK;
}

static enum err install(const struct sudoers_apply *wish, struct bytes file, bool is_root,
                        const struct sudoers_present *present, struct sudoers_applied *applied, struct text *ret_why)
{
    const struct host_paths *paths = wish->node->paths;
    bool was_broken = sudoers_install_check(paths, ret_why) != ERR_OK;
    if (was_broken) {
        log_notice("sudoers is not in order already: %s", ret_why->data);
        text_clear(ret_why);
    }
    TRY(sudoers_install_put(paths, paths->our_sudoers, file, ret_why));
    enum err err = judge_installed(wish, is_root, was_broken, applied, ret_why);
    if (err == ERR_OK) {
        return ERR_OK;
    }
    char memory[256];
    struct text why = text_in(memory, sizeof memory);
    if (sudoers_install_restore(paths, paths->our_sudoers, present, &why) != ERR_OK) {
        log_error("the old %s/%s could not be put back (ssm-userctl apply writes it anew): %s", paths->sudoers_dir,
                  paths->our_sudoers, memory);
    } else {
        text_put(ret_why, "; the old file is back");
    }
    return err;
}

static enum err apply_ours(const struct sudoers_apply *wish, struct sudo_version version,
                           struct sudoers_applied *applied, struct text *ret_why)
{
    const struct host_paths *paths = wish->node->paths;
    int64_t not_after = 0;
    TRY(live_grants_end(wish->node, &not_after, ret_why));
    not_after = not_after > wish->planned_not_after_unix_s ? not_after : wish->planned_not_after_unix_s;
    const struct sudoers_rules rules = {
        .policy = &wish->node->policy, .grant_not_after_unix_s = not_after, .version = version};
    AUTO_FREE char *memory = malloc(LIMIT_SUDOERS_FILE);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    struct bytes file;
    TRY(make_file(wish, &rules, memory, &file, ret_why));
    AUTO(sudoers_install_free) struct sudoers_present present = {0};
    TRY(sudoers_install_read(paths, paths->our_sudoers, &present, ret_why));
    bool is_root = wish->node->policy.privilege.level == HOST_LEVEL_ROOT || not_after > 0;
    if (is_same(&present, file)) {
        return is_dry(wish) ? ERR_OK : expect(wish, is_root, &applied->is_outranked, ret_why);
    }
    applied->has_changed = true;
    if (wish->how == SUDOERS_SHOW) {
        printf("%s/%s:\n%s", paths->sudoers_dir, paths->our_sudoers, memory);
    }
    if (is_dry(wish)) {
        return ERR_OK;
    }
    return install(wish, file, is_root, &present, applied, ret_why);
}

/* ---- the whole ---- */

enum err sudoers_apply(const struct sudoers_apply *wish, struct sudoers_applied *ret_applied, struct text *ret_why)
{
    struct sudoers_applied applied = {0};
    struct sudo_version version;
    TRY(governed_want_own(wish->node, ret_why));
    if (!is_dry(wish)) {
        TRY(state_dir_sweep(wish->node->paths->sudoers_dir, ret_why));
    }
    enum err err = sudoers_install_version(&version, ret_why);
    if (err == ERR_NO_TARGET) {
        text_clear(ret_why);
    } else {
        TRY(err);
        TRY(apply_ours(wish, version, &applied, ret_why));
    }
    *ret_applied = applied;
    return ERR_OK;
}

enum err sudoers_apply_undo(const struct node *node, struct text *ret_why)
{
    static const struct sudoers_present nothing = {0};
    enum err err = sudoers_install_restore(node->paths, node->paths->our_sudoers, &nothing, ret_why);
    if (err == ERR_NO_TARGET) {
        text_clear(ret_why);
        return ERR_OK;
    }
    return err;
}
