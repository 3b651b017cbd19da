#include "proxy/core/key_slot.h"

#include <stdio.h>

#define RECORD "# ssm-bridge-key 1 "
#define RECORD_MAX 128
#define YEAR_10000_S INT64_C(253402300800)

static const char *const kinds[] = {[KEY_SLOT_FILE] = "file", [KEY_SLOT_AGENT] = "agent"};

/* ---- the record ---- */

/* "file 1795235400 1795278600", cut into words. */
static enum err read_words(char *words, struct key_slot *slot)
{
    const char *kind = strsep(&words, " ");
    const char *from = strsep(&words, " ");
    const char *until = strsep(&words, " ");
    if (from == NULL || until == NULL || words != NULL) {
        return ERR_MALFORMED;
    }
    bool is_agent = strcmp(kind, kinds[KEY_SLOT_AGENT]) == 0;
    slot->kind = is_agent ? KEY_SLOT_AGENT : KEY_SLOT_FILE;
    TRY(is_agent || strcmp(kind, kinds[KEY_SLOT_FILE]) == 0 ? ERR_OK : ERR_MALFORMED);
    TRY(text_parse_decimal(from, 0, YEAR_10000_S, &slot->from_s));
    return text_parse_decimal(until, slot->from_s, YEAR_10000_S, &slot->until_s);
}

/* The last line. */
static enum err read_record(struct bytes file, struct key_slot *slot)
{
    if (file.len == 0 || file.data[file.len - 1] != '\n') {
        return ERR_MALFORMED;
    }
    const uint8_t *before = memrchr(file.data, '\n', file.len - 1);
    size_t at = before == NULL ? 0 : (size_t)(before - file.data) + 1;
    size_t len = file.len - at - 1;
    char line[RECORD_MAX];
    if (len >= sizeof line || len < strlen(RECORD) || memcmp(file.data + at, RECORD, strlen(RECORD)) != 0 ||
        memchr(file.data + at, '\0', len) != NULL) {
        return ERR_MALFORMED;
    }
    memcpy(line, file.data + at, len);
    line[len] = '\0';
    return read_words(line + strlen(RECORD), slot);
}

enum err key_slot_read(struct bytes file, struct key_slot *ret_slot)
{
    struct key_slot slot = {.is_there = true};
    TRY(openssh_key_read(file, &slot.key));
    bool is_file = slot.key.has_private;
    explicit_bzero(slot.key.private_half, sizeof slot.key.private_half);
    slot.key.has_private = false;
    TRY(read_record(file, &slot));
    TRY(is_file == (slot.kind == KEY_SLOT_FILE) ? ERR_OK : ERR_MALFORMED);
    *ret_slot = slot;
    return ERR_OK;
}

void key_slot_put_record(const struct key_slot *slot, struct text *text)
{
    text_format(text, RECORD "%s %lld %lld\n", kinds[slot->kind], (long long)slot->from_s, (long long)slot->until_s);
}

/* ---- which ---- */

/* A key of the future was made while the clock was wrong: its end cannot be believed either. */
static bool is_good(const struct key_slot *slot, int64_t now_s)
{
    return slot->is_there && !slot->is_lost && now_s < slot->until_s && slot->from_s <= now_s + KEY_SLOT_RIPE_S;
}

static bool is_ripe(const struct key_slot *slot, int64_t now_s)
{
    return slot->from_s <= now_s - KEY_SLOT_RIPE_S;
}

/* The newest that every ssh has read, or else the one that has been there for longest. */
int key_slot_for_login(const struct key_slot slots[KEY_SLOT_COUNT], int64_t now_s)
{
    int best = -1;
    for (int i = 0; i < KEY_SLOT_COUNT; i++) {
        if (!is_good(&slots[i], now_s)) {
            continue;
        }
        if (best < 0) {
            best = i;
            continue;
        }
        bool is_newer = slots[i].from_s > slots[best].from_s;
        const struct key_slot *newer = is_newer ? &slots[i] : &slots[best];
        best = is_newer == is_ripe(newer, now_s) ? i : best;
    }
    return best;
}

int key_slot_to_keep(const struct key_slot slots[KEY_SLOT_COUNT], const struct key_slot_wish *wish, int64_t now_s)
{
    int best = -1;
    for (int i = 0; i < KEY_SLOT_COUNT; i++) {
        const struct key_slot *slot = &slots[i];
        int64_t wished_s = slot->from_s + wish->lifetime_s;
        int64_t until_s = slot->until_s < wished_s ? slot->until_s : wished_s;
        bool does = is_good(slot, now_s) && slot->kind == wish->kind && until_s - now_s > KEY_SLOT_OVERLAP_S;
        best = does && (best < 0 || slot->from_s > slots[best].from_s) ? i : best;
    }
    return best;
}

int key_slot_to_write(const struct key_slot slots[KEY_SLOT_COUNT], int64_t now_s)
{
    int used = key_slot_for_login(slots, now_s);
    if (used >= 0) {
        return 1 - used;
    }
    if (!slots[0].is_there || !slots[1].is_there) {
        return slots[0].is_there ? 1 : 0;
    }
    return slots[0].from_s <= slots[1].from_s ? 0 : 1;
}
