#include "pam_ssm/userctl/key_store.h"

#include "common/auto.h"
#include "common/sha256.h"
#include "pam_ssm/core/rfc3339.h"
#include "pam_ssm/edge/helper_process.h"
#include "pam_ssm/edge/path_trust.h"
#include "pam_ssm/edge/state_dir.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#define SSHD_TIMEOUT_MS 20000

enum err key_store_read(const struct node *node, const char *account, struct accepted_keys *ret_keys,
                        struct text *ret_why)
{
    char path[LIMIT_PATH + 1];
    struct text text = text_in(path, sizeof path);
    text_format(&text, "%s/%s", node->paths->keys_dir, account);
    TRY(text_finish(&text));
    AUTO_FREE char *content = NULL;
    size_t len = 0;
    enum err err = path_trust_read(path, node->paths->owner, ACCEPTED_KEY_FILE, &content, &len, ret_why);
    if (err == ERR_NO_TARGET) {
        text_clear(ret_why);
        ret_keys->count = 0;
        return ERR_OK;
    }
    TRY(err);
    accepted_key_read(bytes_of(content, len), ret_keys);
    return ERR_OK;
}

/* The folder, to be passed by everybody. */
static enum err make_passable(const struct node *node, const char *path, struct text *ret_why)
{
    AUTO(path_trust_close) int dir = -1;
    TRY(state_dir_make(path, node->paths->owner, ret_why));
    TRY(path_trust_open_dir(path, node->paths->owner, &dir, ret_why));
    if (fchmod(dir, 0711) != 0) {
        text_format(ret_why, "%s: %s", path, strerror(errno));
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

enum err key_store_write(const struct node *node, const char *account, const struct accepted_keys *keys,
                         struct text *ret_why)
{
    TRY(make_passable(node, node->paths->runtime_dir, ret_why));
    TRY(make_passable(node, node->paths->keys_dir, ret_why));
    if (keys->count == 0) {
        return state_dir_remove(node->paths->keys_dir, account, ret_why);
    }
    AUTO_FREE char *memory = malloc(ACCEPTED_KEY_FILE);
    if (memory == NULL) {
        return ERR_MEMORY;
    }
    struct text text = text_in(memory, ACCEPTED_KEY_FILE);
    accepted_key_render(keys, &text);
    TRY(text_finish(&text));
    return state_dir_write(node->paths->keys_dir, account, text_bytes(&text), 0644, false, ret_why);
}

enum err key_store_sweep(const struct node *node, struct text *ret_why)
{
    AUTO(state_dir_names_free) struct state_dir_names names = {0};
    AUTO_FREE struct accepted_keys *keys = malloc(sizeof *keys);
    TRY(keys != NULL ? ERR_OK : ERR_MEMORY);
    TRY(state_dir_list(node->paths->keys_dir, node->paths->owner, &names, ret_why));
    for (size_t i = 0; i < names.count; i++) {
        TRY(key_store_read(node, names.names[i], keys, ret_why));
        if (accepted_key_sweep(keys, node->now.unix_s) > 0) {
            TRY(key_store_write(node, names.names[i], keys, ret_why));
        }
    }
    return ERR_OK;
}

enum err key_store_fingerprint(const struct accepted_key *key, char ret_fingerprint[PUBLIC_KEY_FINGERPRINT])
{
    uint8_t blob[PUBLIC_KEY_BLOB];
    uint8_t digest[SHA256_LEN];
    AUTO(sha256_free) struct sha256 *hash = NULL;
    TRY(sha256_new(&hash));
    TRY(sha256_digest(hash, bytes_of(blob, public_key_blob(&key->public, blob)), digest));
    struct text text = text_in(ret_fingerprint, PUBLIC_KEY_FINGERPRINT);
    public_key_put_fingerprint(digest, &text);
    return text_finish(&text);
}

/* "OpenSSH_9.2p1 Debian-2..."; before 9.3 it stands below a complaint about -V. Unknown counts as old: sshd refuses
 * what it does not understand, and a key is then not accepted at all. */
static bool knows_utc(void)
{
    char memory[1024] = "";
    struct text output = text_in(memory, sizeof memory);
    const char *const argv[] = {"sshd", "-V", NULL};
    int status = 0;
    if (helper_process_run(&(struct helper_process){argv, SSHD_TIMEOUT_MS, &output, NULL}, &status) != ERR_OK) {
        return false;
    }
    static const char name[] = "OpenSSH_";
    const char *version = strstr(memory, name);
    if (version == NULL) {
        return false;
    }
    char *end = NULL;
    long major = strtol(version + sizeof name - 1, &end, 10);
    long minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    return major > 9 || (major == 9 && minor >= 1);
}

enum err key_store_put_expiry(struct accepted_key *key, struct text *ret_why)
{
    struct text text = text_in(key->expiry, sizeof key->expiry);
    if (knows_utc()) {
        rfc3339_put_generalized(&text, key->not_after_unix_s);
        return text_finish(&text);
    }
    struct tm local;
    time_t when = (time_t)key->not_after_unix_s;
    if (localtime_r(&when, &local) == NULL || strftime(key->expiry, sizeof key->expiry, "%Y%m%d%H%M%S", &local) == 0) {
        text_put(ret_why, "the local time cannot be told");
        return ERR_SYSTEM;
    }
    return ERR_OK;
}
