/* Real ssh reads the text in tests/e2e/config_test.py; here is what must never get into it. */
#include "tests/support/unit.h"

#include "proxy/core/node_names.h"
#include "proxy/core/ssh_config_text.h"

static void refuses_what_would_need_quotes(void **state)
{
    (void)state;
    static const char *const paths[] = {"",     "bin/ssm", "/a b",  "/a\"b", "/a'b", "/a%b", "/a\\b", "/a$b",
                                        "/a;b", "/a\nb",   "/a\tb", "/a*b",  "/a#b", "/a~b", "/a(b"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_false(ssh_config_text_is_path(paths[i]));
        assert_false(ssh_config_text_is_word(paths[i]) && i != 1);
        assert_false(ssh_config_text_is_name(paths[i]));
        assert_false(ssh_config_text_is_pattern_list(paths[i]));
        assert_false(node_names_is_usable(paths[i]));
    }
    assert_true(ssh_config_text_is_path("/home/jos\xc3\xa9/.local/bin/ssm-proxy_1.0+b"));
    assert_false(ssh_config_text_is_word("-o"));
    assert_true(ssh_config_text_is_word("https://127.0.0.1:8443/a"));
    assert_false(ssh_config_text_is_name("-web"));
    assert_false(ssh_config_text_is_name("web*"));
    assert_true(ssh_config_text_is_name("web-1.example"));
}

static void pattern_lists(void **state)
{
    (void)state;
    static const char *const wrong[] = {"!web", "web,", ",web", "a,,b", "!", "a b", "a,-b", "a'", "!a,!b"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(ssh_config_text_is_pattern_list(wrong[i]));
    }
    assert_true(ssh_config_text_is_pattern_list("web-*,!web-9,10.0.?.*"));
}

static void a_name_is_a_whole_line(void **state)
{
    (void)state;
    struct bytes file = bytes_of_text("db\nweb-1\nweb-10\n$(id)\nlast");
    static const char *const no[] = {"", "web", "eb-1", "web-1\nweb-10", "$(id)", "DB", "-db", "a.b"};
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        assert_false(node_names_has(file, no[i]));
    }
    assert_true(node_names_has(file, "db"));
    assert_true(node_names_has(file, "web-1"));
    assert_true(node_names_has(file, "last"));
    assert_false(node_names_has(bytes_of(NULL, 0), "db"));
}

static void what_is_kept(void **state)
{
    (void)state;
    struct bytes file =
        bytes_of_text("# origin\n\n-web\nweb\x1b[2J\ntab\there\nc1\xc2\x9bx\n$(id) 'x'\nw\xc3\xbc\xc3\x9b\nlast");
    static const char *const names[] = {"$(id) 'x'", "w\xc3\xbc\xc3\x9b", "last"};
    struct bytes name;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_true(node_names_next(&file, &name));
        assert_true(bytes_equal_text(name, names[i]));
    }
    assert_false(node_names_next(&file, &name));
}

static void finds_its_line(void **state)
{
    (void)state;
    size_t at = 0;
    size_t len = 0;
    assert_false(
        ssh_config_text_find_line(bytes_of_text(" Include x\nInclude xy\n#Include x\n"), "Include x", &at, &len));
    assert_true(ssh_config_text_find_line(bytes_of_text("a\nInclude x\nb"), "Include x", &at, &len));
    assert_int_equal(at, 2);
    assert_int_equal(len, 10);
    assert_true(ssh_config_text_find_line(bytes_of_text("a\r\nInclude x\r\nb"), "Include x", &at, &len));
    assert_int_equal(len, 11);
    assert_true(ssh_config_text_find_line(bytes_of_text("Include x"), "Include x", &at, &len));
    assert_int_equal(len, 9);
}

static void a_socket_needs_room(void **state)
{
    (void)state;
    char directory[64];
    memset(directory, 'a', sizeof directory);
    directory[49] = '\0'; /* 49 + 1 + 40 + 1 + 16 = 107 */
    assert_true(ssh_config_text_has_socket_room(directory));
    directory[49] = 'a';
    directory[50] = '\0';
    assert_false(ssh_config_text_has_socket_room(directory));
}

static void tagged_profiles_come_first(void **state)
{
    (void)state;
    static const char *const profiles[] = {"prod"};
    struct ssh_config_settings settings = {.program = "/p", .options = "", .profiles = profiles, .profile_count = 1};
    char memory[4096];
    struct text text = text_in(memory, sizeof memory);
    ssh_config_text_put(&settings, &text);
    assert_ok(text_finish(&text));
    const char *tagged = strstr(memory, "Match tagged ssm-prod originalhost \"*,!*'*,!*\\*,!*!*\" user \"*,!*'*\"\n"
                                        "    ProxyCommand /p connect --profile prod -- '%n' %p '%r'\n");
    assert_non_null(tagged);
    assert_true(tagged < strstr(memory, "Match originalhost"));
    assert_null(strstr(memory, "Control"));
    struct text small = text_in(memory, 100);
    ssh_config_text_put(&settings, &small);
    assert_err(text_finish(&small), ERR_TOO_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_would_need_quotes),
        cmocka_unit_test(pattern_lists),
        cmocka_unit_test(a_name_is_a_whole_line),
        cmocka_unit_test(what_is_kept),
        cmocka_unit_test(finds_its_line),
        cmocka_unit_test(a_socket_needs_room),
        cmocka_unit_test(tagged_profiles_come_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
