#include "tests/support/unit.h"

#include "common/ini.h"
#include "common/limits.h"

static enum err parse(const char *text, struct ini *ini, char *why, size_t size)
{
    struct text words = text_in(why, size);
    return ini_parse(bytes_of_text(text), ini, &words);
}

/* ---- refused ---- */

static void refuses_a_whole_file(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"key = value\n", "line 1: text before"},
        {"\n# comment\n  key = value\n", "line 3: text before"},
        {"\xef\xbb\xbf[default]\n", "line 1: text before"},
        {"[a]\n[b]\n[a]\n", "line 3: section [a] is given twice, first on line 1"},
        {"[a]\nk = 1\nK = 2\n", "line 3: key k is given twice, first on line 2"},
        {"[a]\nk = 1\nx=1\nk : 2\n", "line 4: key k is given twice"},
        {"[a]\nnonsense\n", "line 2: neither"},
        {"[a]\n= value\n", "line 2: no key"},
        {"[a]\n: value\n", "line 2: no key"},
        {"[]\n", "line 1: text before"},
        {"[a]\n[]\n", "line 2: neither"},
        {"[a]\n[b\n", "line 2: neither"},
        {"[a]\ns3 =\n  nonsense\n", "line 3: a nested line"},
        {"[a]\r\n\r\nnonsense\r\n", "line 3: neither"},
        {"[a]\rnonsense\r", "line 2: neither"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char why[256];
        struct ini ini = {0};
        assert_err(parse(cases[i].text, &ini, why, sizeof why), ERR_CONFIG);
        if (strstr(why, cases[i].words) == NULL) {
            fail_msg("case %zu says \"%s\", not \"%s\"", i, why, cases[i].words);
        }
        assert_null(ini.memory);
    }
}

static void never_says_a_value(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "[a]\nHUNTER2\n",
        "HUNTER2\n",
        "[a]\naws_secret_access_key = x\naws_secret_access_key = HUNTER2\n",
        "[a]\ns3 =\n  HUNTER2\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char why[256];
        struct ini ini = {0};
        assert_err(parse(cases[i], &ini, why, sizeof why), ERR_CONFIG);
        assert_null(strcasestr(why, "hunter2"));
    }
}

static void refuses_what_is_too_much(void **state)
{
    (void)state;
    char why[256];
    struct text words = text_in(why, sizeof why);
    struct ini ini = {0};
    assert_err(ini_parse(bytes_of("[a]\0\n", 5), &ini, &words), ERR_CONFIG);
    assert_non_null(strstr(why, "NUL"));

    AUTO_FREE char *big = malloc(LIMIT_CONFIG_FILE + 1);
    memset(big, '\n', LIMIT_CONFIG_FILE + 1);
    text_clear(&words);
    assert_err(ini_parse(bytes_of(big, LIMIT_CONFIG_FILE + 1), &ini, &words), ERR_CONFIG);
    assert_ok(ini_parse(bytes_of(big, LIMIT_CONFIG_FILE), &ini, &words));
    ini_free(&ini);

    /* One section more than fits, each under its own name. */
    struct text many = text_in(big, LIMIT_CONFIG_FILE);
    for (unsigned i = 0; i <= LIMIT_INI_ENTRIES; i++) {
        text_format(&many, "[%x]\n", i);
    }
    assert_ok(text_finish(&many));
    text_clear(&words);
    assert_err(ini_parse(text_bytes(&many), &ini, &words), ERR_CONFIG);
    assert_non_null(strstr(why, "too many"));
    many.len -= strlen("[10000]\n");
    assert_ok(ini_parse(text_bytes(&many), &ini, &words));
    assert_int_equal(ini.section_count, LIMIT_INI_ENTRIES);
    ini_free(&ini);
}

/* ---- accepted ---- */

static void reads_what_botocore_reads(void **state)
{
    (void)state;
    static const char file[] = "# comment\n"
                               "; another\n"
                               "[default]\n"
                               "Region = eu-west-1 # not a comment\n"
                               "output : json ; nor this\n"
                               "sso_start_url=https://x.example/#/start\n"
                               "   \n"
                               "empty =\n"
                               "\n"
                               "[profile \"sp ace\"]  trailing text\n"
                               "\tindented = yes\n"
                               "both = a:b=c\n"
                               "long = one\n"
                               "   two\n"
                               "# between\n"
                               "\n"
                               "     three  \n"
                               "\n"
                               "s3 =\n"
                               "  Max_Queue = 10\n"
                               "\n"
                               "  addressing = path = x\n"
                               "  addressing = virtual\n"
                               "after = nested\n"
                               "[ odd ]x]\n"
                               "k=v";
    char why[256];
    AUTO(ini_free) struct ini ini = {0};
    assert_ok(parse(file, &ini, why, sizeof why));
    assert_int_equal(ini.section_count, 3);

    const struct ini_section *first = ini_find_section(&ini, "default");
    assert_string_equal(ini_get(&ini, first, "region"), "eu-west-1 # not a comment");
    assert_string_equal(ini_get(&ini, first, "output"), "json ; nor this");
    assert_string_equal(ini_get(&ini, first, "sso_start_url"), "https://x.example/#/start");
    assert_string_equal(ini_get(&ini, first, "empty"), "");
    assert_null(ini_get(&ini, first, "Region"));
    assert_null(ini_get(&ini, first, "indented"));

    const struct ini_section *second = ini_find_section(&ini, "profile \"sp ace\"");
    assert_non_null(second);
    assert_int_equal(second->line, 10);
    assert_string_equal(ini_get(&ini, second, "indented"), "yes");
    assert_string_equal(ini_get(&ini, second, "both"), "a:b=c");
    assert_string_equal(ini_get(&ini, second, "long"), "one\ntwo\n\nthree");
    assert_string_equal(ini_get(&ini, second, "s3"), "");
    assert_string_equal(ini_get(&ini, second, "after"), "nested");
    assert_string_equal(ini_get_nested(&ini, second, "s3", "Max_Queue"), "10");
    assert_string_equal(ini_get_nested(&ini, second, "s3", "addressing"), "virtual");
    assert_null(ini_get_nested(&ini, second, "s3", "max_queue"));
    assert_null(ini_get(&ini, second, "max_queue"));

    const struct ini_section *third = ini_find_section(&ini, " odd ]x");
    assert_string_equal(ini_get(&ini, third, "k"), "v");
    assert_null(ini_find_section(&ini, "odd"));
    assert_null(ini_get(&ini, NULL, "k"));
}

static void reads_every_line_ending(void **state)
{
    (void)state;
    static const char *const endings[] = {"\n", "\r\n", "\r"};
    for (size_t i = 0; i < 3; i++) {
        char file[256];
        snprintf(file, sizeof file, "[a]%sk = 1%s  2%s%s[b]%sk =%s", endings[i], endings[i], endings[i], endings[i],
                 endings[i], endings[i]);
        char why[256];
        AUTO(ini_free) struct ini ini = {0};
        assert_ok(parse(file, &ini, why, sizeof why));
        assert_string_equal(ini_get(&ini, ini_find_section(&ini, "a"), "k"), "1\n2");
        assert_string_equal(ini_get(&ini, ini_find_section(&ini, "b"), "k"), "");
    }
}

static void reads_nothing(void **state)
{
    (void)state;
    static const char *const files[] = {"", "\n", "#", "[a]", "[a]\n#x"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char why[64];
        AUTO(ini_free) struct ini ini = {0};
        assert_ok(parse(files[i], &ini, why, sizeof why));
        assert_int_equal(ini.entry_count, 0);
        assert_string_equal(why, "");
    }
    struct ini empty = {0};
    assert_null(ini_find_section(&empty, "default"));
    ini_free(&empty);
    ini_free(&empty);
}

/* Every prefix of a file that has everything parses or is refused, and leaves nothing behind (under ASan). */
static void survives_every_prefix(void **state)
{
    (void)state;
    static const char file[] =
        "[a]\nk = v\n  w\n\n  x\ns =\n  a = b\n  c=d\n e=\n\n[b] x\nk: ;#\r\n\ty=z\r\n= oops\n[a]\n";
    for (size_t len = 0; len <= sizeof file - 1; len++) {
        AUTO_FREE char *exact = malloc(len + (len == 0));
        memcpy(exact, file, len);
        char why[256];
        struct text words = text_in(why, sizeof why);
        AUTO(ini_free) struct ini ini = {0};
        enum err err = ini_parse(bytes_of(exact, len), &ini, &words);
        assert_true(err == ERR_OK ? words.len == 0 : err == ERR_CONFIG && words.len > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_a_whole_file),     cmocka_unit_test(never_says_a_value),
        cmocka_unit_test(refuses_what_is_too_much), cmocka_unit_test(reads_what_botocore_reads),
        cmocka_unit_test(reads_every_line_ending),  cmocka_unit_test(reads_nothing),
        cmocka_unit_test(survives_every_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
