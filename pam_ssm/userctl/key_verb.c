/* key: public keys that sshd accepts for a short time, from this node alone. */
#include "common/auto.h"
#include "common/log.h"
#include "pam_ssm/core/duration.h"
#include "pam_ssm/core/rfc3339.h"
#include "pam_ssm/edge/state_dir.h"
#include "pam_ssm/userctl/key_store.h"
#include "pam_ssm/userctl/userctl_print.h"
#include "pam_ssm/userctl/verbs.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

/* A login begins within a minute; whoever wants more wants an authorized_keys file. */
#define DEFAULT_S 60
#define LONGEST_S 3600

/* What all actions work on. */
struct keyring {
    struct node *node;
    char account[LIMIT_USER + 1];
    struct accepted_keys keys;
    struct text why;
    char words[1024];
};

/* ---- the account ---- */

static enum err take_account(struct keyring *ring, const struct options *options)
{
    const char *name = options->values[OPTION_USER];
    if (!text_is_given(name)) {
        name = ring->node->policy.account.name;
    }
    /* The user database may know it by another spelling, and sshd asks for that file. */
    const struct passwd *entry = accepted_key_is_account(name) ? getpwnam(name) : NULL;
    if (entry == NULL || !accepted_key_is_account(entry->pw_name)) {
        text_format(&ring->why, "there is no account %.64s", name);
        return ERR_DENIED;
    }
    if (entry->pw_uid == 0 && !options_has(options, OPTION_ALLOW_ROOT)) {
        text_format(&ring->why, "%s has user id 0 (with --allow-root, a key for it is accepted)", entry->pw_name);
        return ERR_DENIED;
    }
    struct text text = text_in(ring->account, sizeof ring->account);
    text_put(&text, entry->pw_name);
    return text_finish(&text);
}

/* ---- accept ---- */

static enum err read_key_from_stdin(char *ret_line, size_t size)
{
    size_t len = 0;
    while (len < size - 1) {
        ssize_t got = read(STDIN_FILENO, ret_line + len, size - 1 - len);
        if (got < 0) {
            return ERR_SYSTEM;
        }
        if (got == 0) {
            break;
        }
        len += (size_t)got;
    }
    ret_line[len] = '\0';
    return strlen(ret_line) == len && len < size - 1 ? ERR_OK : ERR_TOO_LONG;
}

/* From standard input, or from the arguments behind the action, with a blank between them. */
static enum err take_key(struct keyring *ring, const struct options *options, struct accepted_key *key)
{
    char line[PUBLIC_KEY_BASE64 + 512];
    struct text text = text_in(line, sizeof line);
    if (options->argument_count < 2) {
        enum err err = read_key_from_stdin(line, sizeof line);
        if (err != ERR_OK) {
            text_put(&ring->why, "standard input is no public key");
            return err;
        }
        return accepted_key_parse(bytes_of_text(line), key, &ring->why);
    }
    for (int i = 1; i < options->argument_count; i++) {
        text_format(&text, "%s%s", i > 1 ? " " : "", options->arguments[i]);
    }
    TRY(text_finish(&text));
    return accepted_key_parse(text_bytes(&text), key, &ring->why);
}

static enum err take_time(struct keyring *ring, const struct options *options, struct accepted_key *key)
{
    int64_t seconds = DEFAULT_S;
    if (options_has(options, OPTION_FOR) &&
        duration_parse(options->values[OPTION_FOR], LONGEST_S, &seconds) != ERR_OK) {
        text_put(&ring->why, "--for wants a time up to 1h, such as 60s");
        return ERR_USAGE;
    }
    key->not_after_unix_s = ring->node->now.unix_s + seconds;
    return key_store_put_expiry(key, &ring->why);
}

static void audit(const struct keyring *ring, const char *event, const char *fingerprint)
{
    char memory[256];
    struct text reason = text_in(memory, sizeof memory);
    text_format(&reason, "%s for %s", fingerprint, ring->account);
    node_audit(ring->node, event, memory);
}

static enum err accept_key(struct keyring *ring, const struct options *options)
{
    struct accepted_key key = {0};
    char fingerprint[PUBLIC_KEY_FINGERPRINT], until[40];
    struct text text = text_in(until, sizeof until);
    TRY(take_account(ring, options));
    TRY(take_time(ring, options, &key));
    TRY(take_key(ring, options, &key));
    TRY(key_store_fingerprint(&key, fingerprint));
    TRY(key_store_read(ring->node, ring->account, &ring->keys, &ring->why));
    (void)accepted_key_sweep(&ring->keys, ring->node->now.unix_s);
    if (accepted_key_add(&ring->keys, &key) != ERR_OK) {
        text_format(&ring->why, "%s has %d accepted keys already; ssm-userctl key revoke takes some away",
                    ring->account, ACCEPTED_KEYS);
        return ERR_DENIED;
    }
    rfc3339_put(&text, key.not_after_unix_s * 1000);
    if (!options_has(options, OPTION_DRY_RUN)) {
        TRY(key_store_write(ring->node, ring->account, &ring->keys, &ring->why));
        audit(ring, "key-accepted", fingerprint);
    }
    printf("%s %s until %s\n", ring->account, fingerprint, until);
    return ERR_OK;
}

/* ---- list ---- */

static enum err list_account(struct keyring *ring, const char *account, json_t *array)
{
    TRY(key_store_read(ring->node, account, &ring->keys, &ring->why));
    (void)accepted_key_sweep(&ring->keys, ring->node->now.unix_s);
    for (size_t i = 0; i < ring->keys.count; i++) {
        char fingerprint[PUBLIC_KEY_FINGERPRINT], until[40];
        struct text text = text_in(until, sizeof until);
        TRY(key_store_fingerprint(&ring->keys.keys[i], fingerprint));
        rfc3339_put(&text, ring->keys.keys[i].not_after_unix_s * 1000);
        if (array == NULL) {
            printf("%s %s %s until %s\n", account, fingerprint, ring->keys.keys[i].public.type, until);
        } else if (json_array_append_new(array,
                                         json_pack("{s:s,s:s,s:s,s:s}", "user", account, "fingerprint", fingerprint,
                                                   "type", ring->keys.keys[i].public.type, "not_after", until)) != 0) {
            return ERR_MEMORY;
        }
    }
    return ERR_OK;
}

static enum err list_keys(struct keyring *ring, const struct options *options)
{
    AUTO(state_dir_names_free) struct state_dir_names names = {0};
    const char *only = options->values[OPTION_USER];
    json_t *array = options_has(options, OPTION_JSON) ? json_array() : NULL;
    enum err err = state_dir_list(ring->node->paths->keys_dir, ring->node->paths->owner, &names, &ring->why);
    for (size_t i = 0; i < names.count && err == ERR_OK; i++) {
        if (!text_is_given(only) || strcmp(only, names.names[i]) == 0) {
            err = list_account(ring, names.names[i], array);
        }
    }
    if (err == ERR_OK && array != NULL) {
        return userctl_print_json(array) ? ERR_OK : ERR_SYSTEM;
    }
    json_decref(array);
    return err;
}

/* ---- revoke ---- */

static enum err revoke_one(struct keyring *ring, const char *wanted)
{
    for (size_t i = 0; i < ring->keys.count; i++) {
        char fingerprint[PUBLIC_KEY_FINGERPRINT];
        TRY(key_store_fingerprint(&ring->keys.keys[i], fingerprint));
        if (strcmp(fingerprint, wanted) == 0) {
            accepted_key_take_out(&ring->keys, i);
            return ERR_OK;
        }
    }
    text_format(&ring->why, "%s has no accepted key %.80s", ring->account, wanted);
    return ERR_NO_TARGET;
}

static enum err revoke_key(struct keyring *ring, const struct options *options)
{
    bool is_all = options_has(options, OPTION_ALL);
    if (is_all == (options->argument_count == 2)) {
        text_put(&ring->why, "either a fingerprint, as `ssm-userctl key list` shows it, or --all");
        return ERR_USAGE;
    }
    TRY(take_account(ring, options));
    TRY(key_store_read(ring->node, ring->account, &ring->keys, &ring->why));
    const char *what = is_all ? "all keys" : options->arguments[1];
    if (is_all) {
        ring->keys.count = 0;
    } else {
        TRY(revoke_one(ring, what));
    }
    if (!options_has(options, OPTION_DRY_RUN)) {
        TRY(key_store_write(ring->node, ring->account, &ring->keys, &ring->why));
        audit(ring, "key-revoked", what);
    }
    printf("%s: %s revoked; who is in already stays in\n", ring->account, what);
    return ERR_OK;
}

/* ---- the verb ---- */

static const struct action {
    const char *name;
    enum err (*run)(struct keyring *ring, const struct options *options);
    bool writes;
} actions[] = {{"accept", accept_key, true}, {"list", list_keys, false}, {"revoke", revoke_key, true}};

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i].name, name) == 0) {
            return &actions[i];
        }
    }
    return NULL;
}

static int run_action(const struct action *action, const struct options *options, struct keyring *ring)
{
    AUTO(node_close) struct node *node = NULL;
    bool is_changed = action->writes && !options_has(options, OPTION_DRY_RUN);
    enum err err = node_open(is_changed ? NODE_CHANGE : NODE_READ, &node);
    if (err != ERR_OK) {
        return userctl_exit_code(err);
    }
    ring->node = node;
    ring->why = text_in(ring->words, sizeof ring->words);
    err = action->run(ring, options);
    if (err != ERR_OK) {
        log_error("key %s: %s", action->name, ring->words[0] != '\0' ? ring->words : err_text(err));
        return userctl_exit_code(err);
    }
    return fflush(stdout) == 0 ? USERCTL_OK : USERCTL_ERROR;
}

static int key_run(const struct options *options)
{
    const struct action *action = find_action(options->arguments[0]);
    if (action == NULL) {
        log_error("key: %s is not one of accept, list, revoke", options->arguments[0]);
        return USERCTL_USAGE;
    }
    AUTO_FREE struct keyring *ring = calloc(1, sizeof *ring);
    return ring != NULL ? run_action(action, options, ring) : USERCTL_ERROR;
}

const struct verb key_verb = {
    .name = "key",
    .arguments = "accept|list|revoke [KEY]",
    .summary = "Public keys that sshd accepts for a short time, from this node itself.",
    .details =
        "accept takes a public key as its arguments or on standard input, for --user (by default the account of\n"
        "host.conf) and --for a time (60 s; at most 1 h). sshd must know the folder: ssm-userctl sshd enable.\n"
        "list shows what is accepted now; revoke takes a fingerprint that list shows, or --all.\n",
    .options = OPTION_BIT(OPTION_ALL) | OPTION_BIT(OPTION_ALLOW_ROOT) | OPTION_BIT(OPTION_DRY_RUN) |
               OPTION_BIT(OPTION_FOR) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_USER),
    .min_arguments = 1,
    .max_arguments = 16,
    .run = key_run,
};
