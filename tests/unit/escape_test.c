#include "tests/support/unit.h"

#include "proxy/core/escape.h"

/* Feeds `typed` in pieces of `size`, and gives what went through and the commands as letters, in order. */
static void take(const char *typed, size_t size, char *ret_passed, char *ret_commands)
{
    static const char letters[] = " .z?";
    struct escape escape = {0};
    size_t passed = 0;
    size_t commands = 0;
    for (size_t at = 0; at < strlen(typed); at += size) {
        size_t len = strlen(typed) - at < size ? strlen(typed) - at : size;
        struct bytes piece = bytes_of(typed + at, len);
        while (piece.len > 0) {
            uint8_t memory[64];
            size_t before = piece.len;
            enum escape_command command = escape_take(&escape, &piece, memory, &len);
            assert_true(len <= before + 1);
            memcpy(ret_passed + passed, memory, len);
            passed += len;
            if (command != ESCAPE_NONE) {
                ret_commands[commands++] = letters[command];
            }
        }
    }
    ret_passed[passed] = ret_commands[commands] = '\0';
}

static void tells_commands_from_text(void **state)
{
    (void)state;
    static const struct {
        const char *typed;
        const char *passed;
        const char *commands;
    } cases[] = {
        {"", "", ""},
        {"~.", "", "."},
        {"~\x1a", "", "z"},
        {"~?~.", "", "?."},
        {"ls\r~.", "ls\r", "."},
        {"ls\n~.", "ls\n", "."},
        {"ls ~.", "ls ~.", ""},
        {"cd ~/x\r", "cd ~/x\r", ""},
        {"~/bin/x\r~.", "~/bin/x\r", "."},
        {"~~.", "~.", ""},
        {"~~~.", "~~.", ""},
        {"\r~\r~.", "\r~\r", "."},
        {"~", "", ""},
        {"a~\r.", "a~\r.", ""},
        {"~.x~.", "x~.", "."},
        {"x\r~\x1a~.y", "x\ry", "z."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t size = 1; size < 10; size++) {
            char passed[64];
            char commands[16];
            take(cases[i].typed, size, passed, commands);
            if (strcmp(passed, cases[i].passed) != 0 || strcmp(commands, cases[i].commands) != 0) {
                fail_msg("\"%s\" in pieces of %zu gives \"%s\" and \"%s\"", cases[i].typed, size, passed, commands);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tells_commands_from_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
