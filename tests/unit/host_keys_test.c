/* Host keys: what is none, a console's output, lines for ssh (which ssh-keygen reads), and the file that keeps them. */
#include "tests/support/unit.h"

#include "proxy/core/host_key_cache.h"

#include <unistd.h>

#define ED_A "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
#define ED_B "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4g"
#define BEGIN "-----BEGIN SSH HOST KEY KEYS-----"
#define END "-----END SSH HOST KEY KEYS-----"

/* Which no server has. */
static const char security_key[] =
    "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAABAgMEBQYHCAk"
    "KCwwNDg8QERITFBUWFxgZGhscHR4fAAAABHNzaDo=";

static char words[256];

static enum err parse(const char *output, struct host_keys *ret_keys)
{
    struct text why = text_in(words, sizeof words);
    return host_keys_parse_lines(bytes_of_text(output), ret_keys, &why);
}

static enum err parse_console(const char *output, struct host_keys *ret_keys)
{
    struct text why = text_in(words, sizeof words);
    return host_keys_parse_console(bytes_of_text(output), ret_keys, &why);
}

static void what_is_no_host_key_is_left_out(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "\n\r\n \n",
        "cut: /etc/ssh/ssh_host_*_key.pub: No such file or directory\n",
        "ssh-ed25519\n",
        "ssh-ed25519 AAAA\n",
        "ssh-dss AAAAB3NzaC1kc3MAAAAA\n",
        "web-1,ssh-ed25519\n",
        "@cert-authority\n* * *\n",
        "ssh-ed25519\tAAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n",
        security_key,
    };
    struct host_keys keys;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (parse(wrong[i], &keys) != ERR_MALFORMED || words[0] == '\0') {
            fail_msg("taken: %s", wrong[i]);
        }
    }
    assert_ok(parse("Welcome!\n" ED_A "\nssh-dss AAAA\r\n" ED_B " root@web-1\r\n" ED_A "\n", &keys));
    assert_int_equal(keys.count, 2);
    assert_string_equal(keys.keys[0].type, "ssh-ed25519");
    char memory[1024];
    struct text text = text_in(memory, sizeof memory);
    host_keys_put_known_hosts(&keys, "web-1", &text);
    assert_string_equal(memory, "web-1 " ED_A "\nweb-1 " ED_B "\n");
}

static void more_keys_than_an_sshd_has_are_refused(void **state)
{
    (void)state;
    char many[4096];
    struct text text = text_in(many, sizeof many);
    struct host_keys keys;
    for (int i = 0; i < HOST_KEYS_MAX; i++) {
        text_format(&text, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR%c%c\n",
                    "abcdefghijkl"[i], 'A');
    }
    assert_ok(parse(many, &keys));
    assert_int_equal(keys.count, HOST_KEYS_MAX);
    text_put(&text, ED_A "\n");
    assert_err(parse(many, &keys), ERR_TOO_LONG);
    assert_string_equal(words, "more host keys than any sshd has");
}

static void a_console_shows_whole_blocks(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        ED_A "\n",
        "-----BEGIN SSH HOST KEY FINGERPRINTS-----\n" ED_A "\n-----END SSH HOST KEY FINGERPRINTS-----\n",
        BEGIN "\n" ED_A "\n",
        ED_A "\n" END "\n",
        BEGIN "\n" END "\n" ED_A "\n",
        /* the second one may be anybody's */
        BEGIN "\n" ED_A "\n" END "\n" BEGIN "\n" ED_B "\n" END "\n",
        BEGIN "\n" ED_A "\n" END "\n" BEGIN "\n" ED_A "\n" ED_B "\n" END "\n",
        BEGIN "\n" ED_A "\n" END "\n" BEGIN "\n" END "\n",
    };
    struct host_keys keys;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (parse_console(wrong[i], &keys) != ERR_MALFORMED || words[0] == '\0') {
            fail_msg("taken: %s", wrong[i]);
        }
    }
    static const char *const good[] = {
        BEGIN "\n" ED_A " root@ip-10-0-0-1\n" END "\n",
        /* a console ends lines with CR LF; cloud-init's logger and the kernel have prefixes, and talk in between */
        "[   30.1] login: \r\n" BEGIN "\r\n[   31.0] eth0: up\r\n" ED_A " root@a b\r\n" END "\r\n",
        "[   31.5] cloud-init[612]: " BEGIN "\n[   31.5] cloud-init[612]: " ED_A "\n[   31.5] cloud-init[612]: " END,
        /* the beginning of the first one is no longer in the 64 KiB; one was cut off by a reset */
        ED_B "\n" END "\n" BEGIN "\n" ED_A "\n" END "\n" BEGIN "\n" ED_A "\n" END "\n" BEGIN "\n" ED_B "\n",
        BEGIN "\n" ED_B "\n" BEGIN "\n" ED_A "\n" END "\n",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (parse_console(good[i], &keys) != ERR_OK || keys.count != 1 || strstr(ED_A, keys.keys[0].base64) == NULL) {
            fail_msg("not taken: %s", good[i]);
        }
    }
}

/* ---- ssh-keygen finds a name in what we write ---- */

static bool keygen_finds(const char *host, const char *lines)
{
    char path[] = "/tmp/host-keys-XXXXXX";
    char command[1024];
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, lines, strlen(lines)) == (ssize_t)strlen(lines));
    close(fd);
    (void)snprintf(command, sizeof command, "ssh-keygen -F '%s' -f %s | grep -q %s", host, path, strchr(ED_A, ' ') + 1);
    bool is_found = system(command) == 0; /* NOLINT(cert-env33-c): a test's own file */
    unlink(path);
    return is_found;
}

static void ssh_finds_the_name(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool is_exact; /* no pattern that other names match, too */
    } hosts[] = {
        {"web-1", true},
        {"[web-1]:2222", true},
        {"i-0123456789abcdef0.eu-west-1", true},
        {"tag:role=web", true},
        {"[fe80::1]:2222", true},
        {"tag:role=a,b", false},
        {"a b", false},
        {"web-*", false},
        {"!web", false},
        {"|1|a|b", false},
        {"@revoked", false},
        {"#web", false},
        {"", false},
    };
    struct host_keys keys;
    assert_ok(parse(ED_A "\n", &keys));
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        char memory[HOST_KEYS_LINES(64)];
        struct text text = text_in(memory, sizeof memory);
        host_keys_put_known_hosts(&keys, hosts[i].host, &text);
        assert_ok(text_finish(&text));
        if (strncmp(memory, "* ", 2) == 0 ? hosts[i].is_exact
                                          : !hosts[i].is_exact || !keygen_finds(hosts[i].host, memory)) {
            fail_msg("for %s: %s", hosts[i].host, memory);
        }
    }
}

/* ---- the file ---- */

#define HEAD "ssm-bridge-host-keys 1\n"
#define NODE "node i-0123456789abcdef0\n"

static enum err parse_cache(const char *file, struct host_key_cache *ret_cache)
{
    return host_key_cache_parse(bytes_of_text(file), ret_cache);
}

static void a_damaged_file_is_no_file(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        HEAD,
        HEAD NODE,
        HEAD "key " ED_A "\n",
        NODE "key " ED_A "\n",
        "ssm-bridge-host-keys 2\n" NODE "key " ED_A "\n",
        HEAD NODE "key " ED_A,
        HEAD NODE "key " ED_A "\nrest",
        HEAD NODE "key " ED_A " comment\n",
        HEAD NODE "key " ED_A " \n",
        HEAD NODE "key ssh-ed25519 AAAA\n",
        HEAD NODE "born yesterday\nkey " ED_A "\n",
        HEAD "node ../../etc/passwd\nkey " ED_A "\n",
        HEAD "node ecs:cluster_task_container\nkey " ED_A "\n",
    };
    struct host_key_cache cache;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (parse_cache(wrong[i], &cache) != ERR_MALFORMED) {
            fail_msg("taken: %s", wrong[i]);
        }
    }
    assert_ok(parse_cache(HEAD NODE "colour blue\nborn 2026-03-01T08:15:30Z\nkey " ED_A "\n", &cache));
    assert_int_equal(cache.born_unix_s, 1772352930);
    char memory[HOST_KEY_CACHE_FILE];
    struct text text = text_in(memory, sizeof memory);
    host_key_cache_put(&cache, &text);
    assert_string_equal(memory, HEAD NODE "born 2026-03-01T08:15:30Z\nkey " ED_A "\n");
}

static void keys_belong_to_one_node(void **state)
{
    (void)state;
    struct host_key_cache cache = {.node_id = "i-0a", .born_unix_s = 100};
    assert_true(host_key_cache_is_of(&cache, "i-0a", 100));
    assert_true(host_key_cache_is_of(&cache, "i-0a", HOST_KEY_CACHE_BORN_UNKNOWN));
    assert_false(host_key_cache_is_of(&cache, "i-0a", 101));
    assert_false(host_key_cache_is_of(&cache, "i-0b", 100));
    assert_false(host_key_cache_is_of(&cache, "i-0b", HOST_KEY_CACHE_BORN_UNKNOWN));
    cache.born_unix_s = HOST_KEY_CACHE_BORN_UNKNOWN;
    assert_true(host_key_cache_is_of(&cache, "i-0a", 100));
    static const char *const none[] = {"", "i-", "mi-", "i-0A", "i-0/", "i-../x", "ecs:a_b_c", "x-0", "I-0", "i-0\n"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_false(host_key_cache_is_for(none[i]));
    }
    assert_true(host_key_cache_is_for("i-0123456789abcdef0"));
    assert_true(host_key_cache_is_for("mi-0123456789abcdef0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_host_key_is_left_out), cmocka_unit_test(more_keys_than_an_sshd_has_are_refused),
        cmocka_unit_test(a_console_shows_whole_blocks),    cmocka_unit_test(ssh_finds_the_name),
        cmocka_unit_test(a_damaged_file_is_no_file),       cmocka_unit_test(keys_belong_to_one_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
