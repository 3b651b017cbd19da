/* key_slot: any file where a short-lived key should be. What is taken holds a whole key and a whole record, and both
 * read back the same. */
#include "tests/fuzz/fuzz_support.h"

#include "proxy/core/key_slot.h"

static void check_record(const struct key_slot *slot)
{
    char content[512];
    struct text text = text_in(content, sizeof content);
    openssh_key_put_public(&slot->key, &text);
    text_put_char(&text, '\n');
    struct key_slot in_agent = *slot;
    in_agent.kind = KEY_SLOT_AGENT; /* of which the public line is all */
    key_slot_put_record(&in_agent, &text);
    MUST(text_finish(&text) == ERR_OK);
    struct key_slot again;
    MUST(key_slot_read(text_bytes(&text), &again) == ERR_OK);
    MUST(memcmp(again.key.blob, slot->key.blob, sizeof slot->key.blob) == 0);
    MUST(again.from_s == slot->from_s && again.until_s == slot->until_s && again.kind == KEY_SLOT_AGENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct key_slot slots[KEY_SLOT_COUNT] = {{.is_there = false}, {.is_there = false}};
    if (key_slot_read(bytes_of(data, size), &slots[0]) == ERR_OK) {
        MUST(slots[0].is_there && slots[0].from_s >= 0 && slots[0].until_s >= slots[0].from_s);
        check_record(&slots[0]);
        MUST(key_slot_to_write(slots, slots[0].from_s) == 1);
        MUST(key_slot_for_login(slots, slots[0].until_s) == -1);
    } else {
        MUST(!slots[0].is_there);
    }
    return 0;
}
