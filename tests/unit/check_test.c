#include "tests/support/unit.h"

#include "proxy/core/check.h"
#include "proxy/core/last_log_text.h"

#include <stdlib.h>

static struct check clock_check(void)
{
    return (struct check){
        .name = "clock", .status = CHECK_WARNED, .detail = "400 s slow", .advice = "set it", .took_us = -1};
}

static void shows_a_check_to_a_person(void **state)
{
    (void)state;
    struct check check = clock_check();
    char memory[4096];
    struct text text = text_in(memory, sizeof memory);
    check_put_lines(&check, false, &text);
    assert_string_equal(memory, "warn  clock         400 s slow\n                    -> set it\n");
    text_clear(&text);
    check.advice[0] = '\0';
    (void)stpcpy(check.subject, "of this machine");
    check_put_lines(&check, true, &text);
    assert_string_equal(memory, "\033[33mwarn\033[0m  clock         of this machine: 400 s slow\n");
}

static void shows_nothing_that_drives_a_terminal(void **state)
{
    (void)state;
    struct check check = clock_check();
    (void)stpcpy(check.subject, "a\033[2Jb");
    (void)stpcpy(check.detail, "c\rd\ne");
    (void)stpcpy(check.advice, "\177");
    char memory[4096];
    struct text text = text_in(memory, sizeof memory);
    check_put_lines(&check, false, &text);
    assert_string_equal(memory, "warn  clock         a?[2Jb: c?d?e\n                    -> ?\n");
}

static void writes_a_check_for_a_program(void **state)
{
    (void)state;
    struct check check = clock_check();
    char *json = NULL;
    assert_ok(check_to_json(&check, &json));
    assert_string_equal(json,
                        "{\"Check\":\"clock\",\"Status\":\"warned\",\"Detail\":\"400 s slow\",\"Advice\":\"set it\"}");
    free(json);
    check.took_us = 12999;
    check.advice[0] = '\0';
    (void)stpcpy(check.subject, "m\xc3\xbcller");
    (void)stpcpy(check.detail, "\xff\"");
    assert_ok(check_to_json(&check, &json));
    assert_string_equal(json, "{\"Check\":\"clock\",\"Subject\":\"m\xc3\xbcller\",\"Status\":\"warned\","
                              "\"Detail\":\"?\\\"\",\"Milliseconds\":12}");
    free(json);
}

/* ---- last.log ---- */

static struct bytes file_of(const char *text)
{
    return bytes_of(text, strlen(text));
}

static void finds_the_last_line(void **state)
{
    (void)state;
    struct last_log_line line;
    static const char *const without[] = {"",
                                          "\n\n",
                                          "2026-01-31T09:41:07Z\n",
                                          "2026-01-31T09:41:07Z 12\n",
                                          " 12 x\n",
                                          "2026-01-31T09:41:07Z x12 words\n",
                                          "2026-01-31T09:41:07Z  words\n"};
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
        assert_false(last_log_text_last(file_of(without[i]), &line));
    }
    assert_false(last_log_text_last(bytes_of(NULL, 0), &line));
    struct bytes file = file_of("T1 1 first\nT2 22 a second one\n\nrubbish\nT3 x no line of ours");
    assert_true(last_log_text_last(file, &line));
    assert_memory_equal(line.time.data, "T2", 2);
    assert_int_equal(line.process_id.len, 2);
    assert_int_equal(line.words.len, strlen("a second one"));
    assert_memory_equal(line.words.data, "a second one", line.words.len);
    assert_true(last_log_text_take(&file, &line));
    assert_memory_equal(line.words.data, "first", 5);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_a_check_to_a_person),
        cmocka_unit_test(shows_nothing_that_drives_a_terminal),
        cmocka_unit_test(writes_a_check_for_a_program),
        cmocka_unit_test(finds_the_last_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
