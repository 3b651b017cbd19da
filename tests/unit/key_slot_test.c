#include "tests/support/unit.h"

#include "common/auto.h"
#include "proxy/core/key_agent_message.h"
#include "proxy/core/key_slot.h"

/* Made by ssh-keygen for this test; nobody accepts it. */
#define PRIVATE_KEY                                                                                                    \
    "-----BEGIN OPENSSH PRIVATE KEY-----\n"                                                                            \
    "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n"                                         \
    "QyNTUxOQAAACBnj+JvLnZV0KP/NzxsGkt8aL9dhY0rqry3F/AfvqEzPAAAAJBaosHCWqLB\n"                                         \
    "wgAAAAtzc2gtZWQyNTUxOQAAACBnj+JvLnZV0KP/NzxsGkt8aL9dhY0rqry3F/AfvqEzPA\n"                                         \
    "AAAEDO7LTqNFuZun2jPGPfTO7Dp3Ra+GqfmSQv3TeMW7Gr4WeP4m8udlXQo/83PGwaS3xo\n"                                         \
    "v12FjSuqvLcX8B++oTM8AAAACWEgY29tbWVudAECAwQ=\n"                                                                   \
    "-----END OPENSSH PRIVATE KEY-----\n"
#define PUBLIC_KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGeP4m8udlXQo/83PGwaS3xov12FjSuqvLcX8B++oTM8"
#define RECORD "# ssm-bridge-key 1 file 1000000 1043200\n"
#define AGENT_RECORD "# ssm-bridge-key 1 agent 1000000 1043200\n"

static const char private_key[] = PRIVATE_KEY;

/* ---- keys ---- */

static enum err read_key(const char *text)
{
    AUTO(openssh_key_wipe) struct openssh_key key = {.has_private = false};
    return openssh_key_read(bytes_of_text(text), &key);
}

static void refuses_what_is_no_key(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "\n" PRIVATE_KEY,
        "-----BEGIN OPENSSH PRIVATE KEY-----\n",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----\n",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n AAAA\n-----END OPENSSH PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        "ssh-ed25519 ",
        "ssh-ed25519 AAAA",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==",
        "ssh-ed25519  " PUBLIC_KEY,
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAA==",
        " " PUBLIC_KEY,
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (read_key(texts[i]) != ERR_MALFORMED) {
            fail_msg("taken: %s", texts[i]);
        }
    }
}

/* Every character of the base64 counts: another one is another key, or none. */
static void a_key_that_was_changed(void **state)
{
    (void)state;
    AUTO(openssh_key_wipe) struct openssh_key good = {.has_private = false};
    assert_ok(openssh_key_read(bytes_of_text(private_key), &good));
    size_t refused = 0;
    for (size_t i = strcspn(private_key, "\n") + 1; private_key[i + 1] != '-'; i++) {
        char changed[sizeof private_key];
        memcpy(changed, private_key, sizeof changed);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        AUTO(openssh_key_wipe) struct openssh_key key = {.has_private = false};
        if (openssh_key_read(bytes_of_text(changed), &key) != ERR_OK) {
            refused++;
            continue;
        }
        assert_memory_equal(key.blob, good.blob, sizeof key.blob); /* of it there are two copies and a half */
    }
    assert_true(refused > 250);
}

static void reads_a_key(void **state)
{
    (void)state;
    AUTO(openssh_key_wipe) struct openssh_key key = {.has_private = false};
    AUTO(openssh_key_wipe) struct openssh_key public_half = {.has_private = true};
    assert_ok(openssh_key_read(bytes_of_text(private_key), &key));
    assert_true(key.has_private);
    char line[OPENSSH_KEY_LINE_SIZE];
    struct text text = text_in(line, sizeof line);
    openssh_key_put_public(&key, &text);
    assert_ok(text_finish(&text));
    assert_string_equal(line, PUBLIC_KEY);
    assert_ok(openssh_key_read(bytes_of_text(PUBLIC_KEY " a comment\n"), &public_half));
    assert_false(public_half.has_private);
    assert_memory_equal(key.blob, public_half.blob, sizeof key.blob);
}

/* ---- records ---- */

static enum err read_slot(const char *text)
{
    struct key_slot slot;
    return key_slot_read(bytes_of_text(text), &slot);
}

static void refuses_what_is_no_record(void **state)
{
    (void)state;
    static const char *const texts[] = {
        PRIVATE_KEY,
        RECORD,
        PRIVATE_KEY "# ssm-bridge-key 1 file 1000000 1043200",
        PRIVATE_KEY RECORD "more\n",
        PRIVATE_KEY "# ssm-bridge-key 2 file 1000000 1043200\n",
        PRIVATE_KEY "# ssm-bridge-key 1 disk 1000000 1043200\n",
        PRIVATE_KEY "# ssm-bridge-key 1 file 1000000\n",
        PRIVATE_KEY "# ssm-bridge-key 1 file 1000000 \n",
        PRIVATE_KEY "# ssm-bridge-key 1 file 1000000 1043200 7\n",
        PRIVATE_KEY "# ssm-bridge-key 1 file 1000000 999999\n",
        PRIVATE_KEY "# ssm-bridge-key 1 file -1 999999\n",
        PRIVATE_KEY "# ssm-bridge-key 1 file 1000000 99999999999999999999\n",
        PRIVATE_KEY AGENT_RECORD, /* the private half does not belong there */
        PUBLIC_KEY "\n" RECORD,
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (read_slot(texts[i]) != ERR_MALFORMED) {
            fail_msg("taken: %s", texts[i]);
        }
    }
}

static void reads_a_record(void **state)
{
    (void)state;
    struct key_slot slot;
    char line[128];
    assert_ok(key_slot_read(bytes_of_text(PRIVATE_KEY RECORD), &slot));
    assert_true(slot.is_there && slot.kind == KEY_SLOT_FILE && slot.from_s == 1000000 && slot.until_s == 1043200);
    static const uint8_t nothing[OPENSSH_KEY_PRIVATE_LEN] = {0};
    assert_memory_equal(slot.key.private_half, nothing, sizeof nothing);
    struct text text = text_in(line, sizeof line);
    key_slot_put_record(&slot, &text);
    assert_string_equal(line, RECORD);
    assert_ok(key_slot_read(bytes_of_text(PUBLIC_KEY "\n" AGENT_RECORD), &slot));
    assert_int_equal(slot.kind, KEY_SLOT_AGENT);
    text_clear(&text);
    key_slot_put_record(&slot, &text);
    assert_string_equal(line, AGENT_RECORD);
}

/* ---- which slot ---- */

#define DAY (24 * 60 * 60)
#define LIFE (12 * 60 * 60)
#define NONE ((struct key_slot){.is_there = false})

static struct key_slot made(int64_t from_s)
{
    return (struct key_slot){.is_there = true, .from_s = from_s, .until_s = from_s + LIFE};
}

static void logins_take_the_newest_that_all_have_read(void **state)
{
    (void)state;
    const int64_t now = 100 * DAY;
    struct key_slot future = made(now + DAY);
    struct key_slot lost = made(now - 1000);
    lost.kind = KEY_SLOT_AGENT;
    lost.is_lost = true;
    const struct {
        struct key_slot slots[KEY_SLOT_COUNT];
        int wanted;
    } cases[] = {
        {{NONE, NONE}, -1},
        {{made(now), NONE}, 0},
        {{NONE, made(now - LIFE + 1)}, 1},
        {{made(now - LIFE), NONE}, -1},
        {{made(now - LIFE + 60), made(now - KEY_SLOT_RIPE_S)}, 1},
        {{made(now - LIFE + 60), made(now - KEY_SLOT_RIPE_S + 1)}, 0},
        {{made(now - KEY_SLOT_RIPE_S), made(now - LIFE + 60)}, 0},
        {{made(now - KEY_SLOT_RIPE_S + 1), made(now - LIFE + 60)}, 1},
        {{made(now - 10), made(now - 20)}, 1},
        {{made(now - 20), made(now - 10)}, 0},
        {{made(now - LIFE), made(now)}, 1},
        {{future, NONE}, -1},
        {{lost, made(now)}, 1},
        {{lost, NONE}, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (key_slot_for_login(cases[i].slots, now) != cases[i].wanted) {
            fail_msg("case %zu: %d", i, key_slot_for_login(cases[i].slots, now));
        }
    }
}

static void keeps_what_is_good_for_some_time(void **state)
{
    (void)state;
    const int64_t now = 100 * DAY;
    const struct key_slot_wish wish = {KEY_SLOT_FILE, LIFE};
    const struct key_slot_wish shorter = {KEY_SLOT_FILE, 900};
    const struct key_slot_wish agent = {KEY_SLOT_AGENT, LIFE};
    const struct key_slot fresh[] = {made(now - 301), NONE};
    assert_int_equal(key_slot_to_keep(fresh, &wish, now), 0);
    assert_int_equal(key_slot_to_keep(fresh, &shorter, now), -1);
    assert_int_equal(key_slot_to_keep(fresh, &agent, now), -1);
    const struct key_slot old[] = {NONE, made(now - LIFE + KEY_SLOT_OVERLAP_S)};
    assert_int_equal(key_slot_to_keep(old, &wish, now), -1);
    assert_int_equal(key_slot_to_keep(old, &wish, now - 1), 1);
    const struct key_slot both[] = {made(now - 400), made(now - 5)};
    assert_int_equal(key_slot_to_keep(both, &wish, now), 1);
}

/* For thirty days somebody logs in at random times. What is pushed for a login must be what its ssh has read, some time
 * before or after the slot was chosen; and the slot that is written is never the one that logins use. */
static void a_month_of_logins(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 50; seed++) {
        struct key_slot slots[KEY_SLOT_COUNT] = {NONE, NONE};
        struct key_slot read[KEY_SLOT_COUNT] = {NONE, NONE};
        const struct key_slot_wish wish = {KEY_SLOT_FILE, LIFE};
        unsigned random = seed;
        int64_t now = 1000 * DAY;
        for (int64_t end = now + 30 * DAY; now < end;) {
            random = random * 1103515245 + 12345;
            now += (random >> 8) % (random % 3 == 0 ? 40000 : 700);
            for (int i = 0; i < 2; i++) { /* this one's ensure; then another's, after its ssh has read */
                if (key_slot_to_keep(slots, &wish, now) < 0) {
                    int used = key_slot_for_login(slots, now);
                    int write = key_slot_to_write(slots, now);
                    assert_true(write >= 0 && write < KEY_SLOT_COUNT && write != used);
                    slots[write] = made(now);
                }
                if (i == 0) {
                    memcpy(read, slots, sizeof read);
                    now += (random >> 20) % 60; /* a busy machine */
                }
            }
            int login = key_slot_for_login(slots, now);
            if (login < 0 || slots[login].from_s != read[login].from_s) {
                fail_msg("seed %u: a login uses a key that its ssh has not read", seed);
            }
        }
    }
}

/* ---- ssh-agent ---- */

static void asks_the_agent(void **state)
{
    (void)state;
    AUTO(openssh_key_wipe) struct openssh_key key = {.has_private = false};
    AUTO(key_agent_message_wipe) struct key_agent_message message = {.len = 0};
    char comment[130];
    memset(comment, 'x', sizeof comment - 1);
    comment[sizeof comment - 1] = '\0';
    assert_ok(openssh_key_read(bytes_of_text(private_key), &key));
    assert_err(key_agent_message_put_add(&key, comment, 1, &message), ERR_TOO_LONG);
    key_agent_message_put_list(&message);
    assert_int_equal(message.len, 5);
    assert_memory_equal(message.data, "\0\0\0\1\13", 5);
    assert_ok(key_agent_message_put_add(&key, "c", 43200, &message));
    assert_int_equal(message.len, 4 + 1 + 4 + 11 + 4 + 32 + 4 + 64 + 4 + 1 + 1 + 4);
    assert_int_equal(bytes_get_be32(message.data), message.len - 4);
    assert_memory_equal(message.data + 4, "\31\0\0\0\13ssh-ed25519\0\0\0\40", 20);
    assert_memory_equal(message.data + 24, key.blob + 19, 32);
    assert_memory_equal(message.data + 56, "\0\0\0\100", 4);
    assert_memory_equal(message.data + 60, key.private_half, 64);
    assert_memory_equal(message.data + 124, "\0\0\0\1c\1\0\0\250\300", 10);
}

static void believes_no_answer_of_an_agent(void **state)
{
    (void)state;
    AUTO(openssh_key_wipe) struct openssh_key key = {.has_private = false};
    assert_ok(openssh_key_read(bytes_of_text(PUBLIC_KEY), &key));
    static const struct {
        const char *reply;
        size_t len;
        enum err err;
    } lists[] = {
        {"", 0, ERR_MALFORMED},
        {"\5", 1, ERR_DENIED},
        {"\6", 1, ERR_MALFORMED},
        {"\14", 1, ERR_MALFORMED},
        {"\14\0\0\0", 4, ERR_MALFORMED},
        {"\14\377\377\377\377", 5, ERR_MALFORMED},
        {"\14\0\0\0\1", 5, ERR_MALFORMED},
        {"\14\0\0\0\1\0\0\0\2x", 10, ERR_MALFORMED},
        {"\14\0\0\0\1\377\377\377\377x\0\0\0\0", 14, ERR_MALFORMED},
        {"\14\0\0\0\0", 5, ERR_OK},
        {"\14\0\0\0\1\0\0\0\1x\0\0\0\0", 14, ERR_OK},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        bool has = false;
        if (key_agent_message_read_list(bytes_of(lists[i].reply, lists[i].len), &key, &has) != lists[i].err || has) {
            fail_msg("list %zu", i);
        }
    }
    uint8_t reply[5 + 4 + OPENSSH_KEY_BLOB_LEN + 4] = {12, 0, 0, 0, 1, 0, 0, 0, OPENSSH_KEY_BLOB_LEN};
    memcpy(reply + 9, key.blob, sizeof key.blob);
    bool has = false;
    assert_ok(key_agent_message_read_list(bytes_of(reply, sizeof reply), &key, &has));
    assert_true(has);
    assert_ok(key_agent_message_read_add(bytes_of("\6", 1)));
    assert_err(key_agent_message_read_add(bytes_of("\5", 1)), ERR_DENIED);
    assert_err(key_agent_message_read_add(bytes_of("", 0)), ERR_MALFORMED);
    assert_err(key_agent_message_read_add(bytes_of("\14", 1)), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_key),
        cmocka_unit_test(a_key_that_was_changed),
        cmocka_unit_test(reads_a_key),
        cmocka_unit_test(refuses_what_is_no_record),
        cmocka_unit_test(reads_a_record),
        cmocka_unit_test(logins_take_the_newest_that_all_have_read),
        cmocka_unit_test(keeps_what_is_good_for_some_time),
        cmocka_unit_test(a_month_of_logins),
        cmocka_unit_test(asks_the_agent),
        cmocka_unit_test(believes_no_answer_of_an_agent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
