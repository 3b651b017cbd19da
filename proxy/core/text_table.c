#include "proxy/core/text_table.h"

#include <stdint.h>

#define GAP 2

/* ---- width ---- */

struct range {
    uint32_t first, last;
};

/* Unicode 15: the blocks of characters with the property East_Asian_Width W or F, and of emoji. */
static const struct range wide[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},
    {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x2fffd}, {0x30000, 0x3fffd},
};

/* Combining marks and characters without a form of their own. */
static const struct range combining[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f}, {0x1ab0, 0x1aff},
    {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef},
};

static bool is_in(uint32_t character, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (character >= ranges[i].first && character <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

/* One character of UTF-8; a byte that begins none stands for itself. */
static uint32_t take_character(const unsigned char **at)
{
    const unsigned char *from = *at;
    size_t more = from[0] >= 0xf0 && from[0] < 0xf8   ? 3
                  : from[0] >= 0xe0 && from[0] < 0xf0 ? 2
                                                      : from[0] >= 0xc2 && from[0] < 0xe0;
    uint32_t character = more == 0 ? from[0] : from[0] & (0x3fU >> more);
    for (size_t i = 1; i <= more; i++) {
        if ((from[i] & 0xc0) != 0x80) {
            *at = from + 1;
            return from[0];
        }
        character = character << 6 | (from[i] & 0x3f);
    }
    *at = from + more + 1;
    return character;
}

size_t text_table_width(const char *string)
{
    size_t width = 0;
    const unsigned char *at = (const unsigned char *)string;
    while (*at != '\0') {
        uint32_t character = take_character(&at);
        if (is_in(character, wide, sizeof wide / sizeof wide[0])) {
            width += 2;
        } else if (!is_in(character, combining, sizeof combining / sizeof combining[0])) {
            width++;
        }
    }
    return width;
}

/* ---- rows ---- */

static const char *shown(const char *cell)
{
    return text_is_given(cell) ? cell : "-";
}

void text_table_measure(struct text_table *table, const char *const *cells)
{
    for (size_t i = 0; i < table->columns; i++) {
        size_t width = text_table_width(shown(cells[i]));
        table->widths[i] = width > table->widths[i] ? width : table->widths[i];
    }
}

void text_table_put_row(const struct text_table *table, const char *const *cells, struct text *text)
{
    for (size_t i = 0; i < table->columns; i++) {
        const char *cell = shown(cells[i]);
        text_put(text, cell);
        if (i + 1 < table->columns) {
            size_t width = text_table_width(cell);
            size_t fill = GAP + (table->widths[i] > width ? table->widths[i] - width : 0);
            text_format(text, "%*s", (int)fill, "");
        }
    }
    text_put_char(text, '\n');
}
