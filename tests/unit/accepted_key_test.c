/* Public keys for a short time: what is no key, the file that sshd reads, and ssh-keygen as a judge. */
#include "tests/support/unit.h"

#include "pam_ssm/core/accepted_key.h"

#include <unistd.h>

static char words[256];
static struct accepted_keys keys, again;

static enum err parse(const char *line, struct accepted_key *ret_key)
{
    struct text why = text_in(words, sizeof words);
    return accepted_key_parse(bytes_of_text(line), ret_key, &why);
}

static const char ed25519[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

static void what_is_no_key_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "ssh-ed25519",
        "ssh-ed25519 ",
        "ssh-dss AAAAB3NzaC1kc3MAAAAA",
        "ssh-ed25519-cert-v01@openssh.com AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
        "SSH-ED25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
        " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
        "command=\"id\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
        /* two blanks, a character too few, one too many, another alphabet, bits that nobody needs */
        "ssh-ed25519  AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fAA==",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4_",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAH-ABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4=",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAHwABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4=",
        /* the blob says another type */
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
        "ecdsa-sha2-nistp256 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n\n",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a\nb",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\tcomment",
        "ssh-ed25519 ================",
    };
    struct accepted_key key = {0};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (parse(wrong[i], &key) != ERR_MALFORMED || words[0] == '\0') {
            fail_msg("accepted: %s", wrong[i]);
        }
    }
    static char longest[PUBLIC_KEY_BASE64 * 2];
    memset(longest, 'A', sizeof longest - 1);
    memcpy(longest, "ssh-ed25519 ", 12);
    assert_err(parse(longest, &key), ERR_MALFORMED);
}

static void comment_is_dropped(void **state)
{
    (void)state;
    struct accepted_key key = {.not_after_unix_s = 5, .expiry = "20261121043000Z"};
    char line[256];
    (void)snprintf(line, sizeof line, "%s somebody's \"key\"\n", ed25519);
    assert_ok(parse(line, &key));
    keys.count = 0;
    assert_ok(accepted_key_add(&keys, &key));
    char memory[1024];
    struct text text = text_in(memory, sizeof memory);
    accepted_key_render(&keys, &text);
    (void)snprintf(line, sizeof line, "from=\"127.0.0.1,::1\",expiry-time=\"20261121043000Z\" %s ssm-bridge:5\n",
                   ed25519);
    assert_string_equal(memory, line);
}

static void file_is_swept_and_bounded(void **state)
{
    (void)state;
    struct accepted_key key = {.expiry = "20261121043000"};
    assert_ok(parse(ed25519, &key));
    keys.count = 0;
    for (size_t i = 0; i < ACCEPTED_KEYS; i++) {
        key.public.base64[60] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[i];
        key.not_after_unix_s = (int64_t)(100 + i);
        assert_ok(accepted_key_add(&keys, &key));
    }
    key.not_after_unix_s = 500;
    assert_ok(accepted_key_add(&keys, &key)); /* the last one again */
    assert_int_equal(keys.count, ACCEPTED_KEYS);
    key.public.base64[60] = '+';
    assert_err(accepted_key_add(&keys, &key), ERR_TOO_LONG);
    static char memory[ACCEPTED_KEY_FILE];
    struct text text = text_in(memory, sizeof memory);
    text_put(&text, "# not ours\nssh-ed25519 AAAA somebody\n");
    accepted_key_render(&keys, &text);
    assert_ok(text_finish(&text));
    accepted_key_read(text_bytes(&text), &again);
    assert_int_equal(again.count, ACCEPTED_KEYS);
    assert_int_equal(accepted_key_sweep(&again, 110), 11);
    assert_int_equal(again.count, ACCEPTED_KEYS - 11);
    assert_int_equal(again.keys[0].not_after_unix_s, 111);
    assert_int_equal(again.keys[again.count - 1].not_after_unix_s, 500);
    accepted_key_take_out(&again, 0);
    assert_int_equal(again.keys[0].not_after_unix_s, 112);
}

static void account_names_are_file_names(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", ".", "..", ".a", "-a", "a/b", "a b", "a\n", "a%u", "a'b", "0123456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(accepted_key_is_account(wrong[i]));
    }
    assert_true(accepted_key_is_account("ssm-user"));
    assert_true(accepted_key_is_account("Alice.B@example.com"));
}

/* ---- ssh-keygen's opinion ---- */

static bool ask_keygen(const char *file)
{
    char command[512];
    (void)snprintf(command, sizeof command, "ssh-keygen -l -f %s >%s.out 2>&1", file, file);
    return system(command) == 0; /* NOLINT(cert-env33-c): a test's own file */
}

static void write_file(const char *path, const char *content)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Each type, and each of its characters changed: never do we accept what ssh-keygen refuses. */
static void keygen_accepts_what_we_accept(void **state)
{
    (void)state;
    static const char *const kinds[] = {"ed25519", "ecdsa -b 256", "ecdsa -b 384", "ecdsa -b 521", "rsa -b 2048"};
    char dir[] = "/tmp/accepted-key-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char path[128], command[512], line[4096] = "";
    (void)snprintf(path, sizeof path, "%s/key", dir);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        (void)snprintf(command, sizeof command, "rm -f %s*; ssh-keygen -q -N '' -C 'a comment' -f %s -t %s", path, path,
                       kinds[i]);
        assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
        (void)snprintf(command, sizeof command, "%s.pub", path);
        FILE *file = fopen(command, "re");
        assert_non_null(file);
        assert_non_null(fgets(line, sizeof line, file));
        (void)fclose(file);
        struct accepted_key key = {0};
        assert_ok(parse(line, &key));
        char *last = strchr(line + strlen(key.public.type) + 1, '=');
        if (last != NULL) {
            last[-1]++; /* bits that belong to no byte: ssh-keygen overlooks them */
            assert_err(parse(line, &key), ERR_MALFORMED);
            last[-1]--;
        }
        size_t step = strlen(key.public.base64) / 12;
        for (size_t at = 0; at < strlen(key.public.base64); at += step) {
            char changed[4096];
            struct accepted_key other = {0};
            (void)snprintf(changed, sizeof changed, "%s", line);
            char *character = changed + strlen(key.public.type) + 1 + at;
            *character = *character == 'A' ? 'B' : 'A';
            write_file(path, changed);
            if (parse(changed, &other) == ERR_OK && !ask_keygen(path) && strncmp(key.public.type, "ecdsa", 5) != 0) {
                fail_msg("accepted, but not by ssh-keygen: %s", changed);
            }
        }
    }
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_key_is_refused),     cmocka_unit_test(comment_is_dropped),
        cmocka_unit_test(file_is_swept_and_bounded),     cmocka_unit_test(account_names_are_file_names),
        cmocka_unit_test(keygen_accepts_what_we_accept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
