/* visible_text: what a node wrote, so that it can be shown on a terminal without driving it: control characters but for
 * line feed and tab, and those of ISO 8859-1 (U+0080 to U+009F), as "^[" or "\x9b". Pure. */
#ifndef SSM_PROXY_CORE_VISIBLE_TEXT_H
#define SSM_PROXY_CORE_VISIBLE_TEXT_H

#include "common/text.h"

#define VISIBLE_TEXT_GROWTH 4 /* times as long it becomes at most */

/* Appends all of `raw`, which is UTF-8. A carriage return before a line feed is left out. */
void visible_text_put(struct bytes raw, struct text *text);

#endif
