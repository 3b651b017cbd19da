#include "tests/support/unit.h"

#include "proxy/core/command_outcome.h"
#include "proxy/core/visible_text.h"

/* ---- what came of it ---- */

static void gives_exit_codes_and_words(void **state)
{
    (void)state;
    static const struct {
        enum command_api_status status;
        int code; /* of the last step; -2: there are no steps */
        const char *details;
        int exit_code;
        const char *words;
    } rows[] = {
        {COMMAND_API_SUCCESS, 0, "Success", 0, "Success"},
        {COMMAND_API_SUCCESS, 3, "", 0, "Success"},
        {COMMAND_API_FAILED, 5, "Failed", 5, "Failed, exit code 5"},
        {COMMAND_API_FAILED, 255, "Failed", 255, "Failed, exit code 255"},
        {COMMAND_API_FAILED, 256, "Failed", 1, "Failed, exit code 1"},
        {COMMAND_API_FAILED, -1073741510, "Failed", 1, "Failed, exit code 1"},
        {COMMAND_API_FAILED, 0, "", 1, "Failed"},
        {COMMAND_API_FAILED, -2, "Undeliverable", 69, "Undeliverable"},
        {COMMAND_API_TIMED_OUT, -2, "Delivery Timed Out", 75, "Delivery Timed Out"},
        {COMMAND_API_TIMED_OUT, 137, "Execution Timed Out", 137, "Execution Timed Out, exit code 137"},
        {COMMAND_API_CANCELLED, -2, "Cancelled", 130, "Cancelled"},
        {COMMAND_API_CANCELLED, -2, "Terminated", 1, "Terminated"},
        {COMMAND_API_PENDING, -2, "", 0, "Pending"},
        {COMMAND_API_IN_PROGRESS, -1, "InProgress", 0, "InProgress"},
        {COMMAND_API_CANCELLING, -1, "", 0, "Cancelling"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct command_api_step steps[] = {{.response_code = 0}, {.response_code = rows[i].code}};
        struct command_api_invocation invocation = {.status = rows[i].status, .steps = steps};
        invocation.step_count = rows[i].code == -2 ? 0 : 2;
        strcpy(invocation.status_details, rows[i].details);
        char memory[128];
        struct text text = text_in(memory, sizeof memory);
        command_outcome_put(&invocation, &text);
        assert_string_equal(memory, rows[i].words);
        if (command_outcome_exit_code(&invocation) != rows[i].exit_code) {
            fail_msg("row %zu: %d", i, command_outcome_exit_code(&invocation));
        }
        assert_int_equal(command_outcome_is_left_out(&invocation), strcmp(rows[i].details, "Terminated") == 0);
    }
}

static void leaves_the_agents_line_out(void **state)
{
    (void)state;
    assert_int_equal(command_outcome_error_len(""), 0);
    assert_int_equal(command_outcome_error_len("failed to run commands: exit status 5"), 0);
    assert_int_equal(command_outcome_error_len("oops\nfailed to run commands: exit status 5"), strlen("oops\n"));
    assert_int_equal(command_outcome_error_len("oops\n"), strlen("oops\n"));
    assert_int_equal(command_outcome_error_len("failed to run commands: exit status 5\noops"), 42);
}

static void remembers_nodes(void **state)
{
    (void)state;
    struct command_outcome_told told = {.hashes = NULL};
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5000; i++) {
            char id[32];
            bool is_new;
            snprintf(id, sizeof id, "mi-%017x", i);
            assert_ok(command_outcome_note(&told, id, &is_new));
            assert_int_equal(is_new, round == 0);
        }
    }
    assert_int_equal(told.count, 5000);
    assert_true(told.size <= 16384);
    command_outcome_forget(&told);
    command_outcome_forget(&told);
}

/* ---- what a terminal is shown ---- */

static void escapes_what_drives_a_terminal(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *shown;
        size_t len; /* 0: of the text */
    } rows[] = {
        {"", "", 0},
        {"a\tb\nc", "a\tb\nc", 0},
        {"\x1b[31mred\x1b]0;title\x07", "^[[31mred^[]0;title^G", 0},
        {"one\r\ntwo\rthree\r", "one\ntwo^Mthree^M", 0},
        {"\x7f\x08", "^?^H", 0},
        {"a\0b", "a^@b", 3},
        {"\xc3\xa4\xe2\x82\xac", "\xc3\xa4\xe2\x82\xac", 0},
        {"\xc2\x9b[2J\xc2\xa0", "\\x9b[2J\xc2\xa0", 0},
        {"\xc2", "\xc2", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char memory[256];
        struct text text = text_in(memory, sizeof memory);
        visible_text_put(bytes_of(rows[i].raw, rows[i].len > 0 ? rows[i].len : strlen(rows[i].raw)), &text);
        assert_string_equal(memory, rows[i].shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_exit_codes_and_words),
        cmocka_unit_test(leaves_the_agents_line_out),
        cmocka_unit_test(remembers_nodes),
        cmocka_unit_test(escapes_what_drives_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
