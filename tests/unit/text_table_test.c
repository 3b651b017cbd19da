#include "tests/support/unit.h"

#include "proxy/core/text_table.h"

#include <limits.h>
#include <locale.h>
#include <wchar.h>

static void knows_the_width_of_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t width;
    } cases[] = {
        {"", 0},
        {"web-1", 5},
        {"m\xc3\xbcller", 6},
        {"mu\xcc\x88ller", 6},           /* u and a combining diaeresis */
        {"\xe6\x9d\xb1\xe4\xba\xac", 4}, /* Tokyo */
        {"\xf0\x9f\x9a\x80", 2},         /* a rocket */
        {"\xed\x95\x9c", 2},             /* Hangul */
        {"\xe2\x82\xac", 1},             /* Euro */
        {"\xff\xfe", 2},                 /* no UTF-8: one a byte */
        {"\xe6\x9d", 2},                 /* cut */
        {"a\xe6", 2},
        {"\xf0\x9f\x9a"
         "b",
         4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (text_table_width(cases[i].text) != cases[i].width) {
            fail_msg("case %zu: %zu", i, text_table_width(cases[i].text));
        }
    }
}

/* What the C library makes of every letter of the scripts that names are written in. */
static void agrees_with_the_c_library(void **state)
{
    (void)state;
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
        skip();
    }
    static const struct {
        wchar_t first, last;
    } scripts[] = {
        {0x21, 0x7e},     {0xa1, 0x24f},    {0x300, 0x36f},   {0x391, 0x3c9},   {0x410, 0x44f},   {0x5d0, 0x5ea},
        {0x3041, 0x3096}, {0x30a1, 0x30fa}, {0x4e00, 0x9fff}, {0xac00, 0xd7a3}, {0xff01, 0xff60}, {0x1f600, 0x1f64f},
    };
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        for (wchar_t character = scripts[i].first; character <= scripts[i].last; character++) {
            if (character == 0xad || wcwidth(character) < 0) {
                continue; /* the soft hyphen, which terminals take in different ways; no character */
            }
            char bytes[MB_LEN_MAX + 1] = "";
            mbstate_t shift = {0};
            assert_true(wcrtomb(bytes, character, &shift) != (size_t)-1);
            if ((int)text_table_width(bytes) != wcwidth(character)) {
                fail_msg("U+%04x: %zu, not %d", (unsigned)character, text_table_width(bytes), wcwidth(character));
            }
        }
    }
}

static void aligns(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"NAME", "ID", "PING"}, {"m\xc3\xbcller", "i-1", ""}, {"", "i-22", "Online"}, {"\xe6\x9d\xb1", "i-3", "x"}};
    struct text_table table = {.columns = 3};
    char memory[512];
    struct text text = text_in(memory, sizeof memory);
    for (size_t i = 0; i < 4; i++) {
        text_table_measure(&table, rows[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        text_table_put_row(&table, rows[i], &text);
    }
    assert_string_equal(memory, "NAME    ID    PING\n"
                                "m\xc3\xbcller  i-1   -\n"
                                "-       i-22  Online\n"
                                "\xe6\x9d\xb1      i-3   x\n");
    static const char *const wider[] = {"a-very-long-name", "i-1", "x"}; /* not measured: shown whole */
    text_clear(&text);
    text_table_put_row(&table, wider, &text);
    assert_string_equal(memory, "a-very-long-name  i-1   x\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_width_of_text),
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(aligns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
