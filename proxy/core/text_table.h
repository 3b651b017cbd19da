/* text_table: rows of cells in columns of text, for a terminal. Nothing is cut: a cell that is wider than its column
 * moves what follows it.
 *
 * Rows come page by page: measure the header and all rows of the first page, put them; measure those of the next page,
 * put them. Columns grow from page to page, and never need more than one page in memory. */
#ifndef SSM_PROXY_CORE_TEXT_TABLE_H
#define SSM_PROXY_CORE_TEXT_TABLE_H

#include "common/text.h"

#include <stddef.h>

#define TEXT_TABLE_COLUMNS_MAX 12

/* Zero-initialise, and say how many columns. */
struct text_table {
    size_t columns;
    size_t widths[TEXT_TABLE_COLUMNS_MAX];
};

/* Columns of a terminal that UTF-8 text takes: two for East Asian wide characters and emoji, none for those that
 * combine. What is not UTF-8 counts one a byte. */
size_t text_table_width(const char *string);

void text_table_measure(struct text_table *table, const char *const *cells);

/* Appends one line with its end. An empty cell is a dash; the last one is not filled up. */
void text_table_put_row(const struct text_table *table, const char *const *cells, struct text *text);

#endif
