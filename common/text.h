/* text: builds text in memory that the caller provides. Overflow is sticky: append without looking, check once at the
 * end with text_finish. The content is always terminated, and cut at the limit after an overflow.
 *
 *     char line[256];
 *     struct text text = text_in(line, sizeof line);
 *     text_put(&text, "host:");
 *     text_format(&text, "%d", port);
 *     TRY(text_finish(&text));
 */
#ifndef SSM_COMMON_TEXT_H
#define SSM_COMMON_TEXT_H

#include "common/bytes.h"
#include "common/err.h"

struct text {
    char *data; /* borrowed, terminated */
    size_t len;
    size_t size; /* of data, the terminator included */
    bool overflowed;
};

/* `data` holds at least one byte. */
struct text text_in(char *data, size_t size);

void text_put(struct text *text, const char *string);
void text_put_bytes(struct text *text, struct bytes bytes);
void text_put_char(struct text *text, char character);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Empties it, overflow included. */
void text_clear(struct text *text);

static inline struct bytes text_bytes(const struct text *text)
{
    return bytes_of(text->data, text->len);
}

/* ERR_TOO_LONG when anything was cut. */
enum err text_finish(const struct text *text) SSM_MUST_USE;

/* For display: control characters become '?' (those of ISO 8859-1 two of them), and what does not fit into `size`
 * bytes, the terminator included, is cut between two characters of UTF-8. NULL gives "". */
void text_copy_for_display(const char *from, char *ret_copy, size_t size);

/* Characters of UTF-8, which the limits of AWS count. */
size_t text_count_characters(struct bytes bytes);

/* Appends `word` as one word for a POSIX shell, in quotes where it needs them: for a command that a person may copy. */
void text_put_shell_word(struct text *text, const char *word);

/* The whole of `string` as a decimal number from `min` to `max`: digits, with one '-' before them where negative; no
 * blank, no '+', no other base. ERR_MALFORMED. */
enum err text_parse_decimal(const char *string, int64_t min, int64_t max, int64_t *ret_number) SSM_MUST_USE;

/* False for NULL and "": an option, a variable or a setting that is empty counts as not given. */
static inline bool text_is_given(const char *string)
{
    return string != NULL && *string != '\0';
}

/* ASCII alone, whatever the locale. */
static inline bool text_is_control(char character)
{
    return (unsigned char)character < 0x20 || character == 0x7f;
}

/* Does a control of ISO 8859-1 (U+0080 to U+009F) begin there, in UTF-8? To some terminals U+009B is ESC [. */
bool text_is_second_control(const char *at);

static inline char text_lower(char character)
{
    return (char)(character >= 'A' && character <= 'Z' ? character + ('a' - 'A') : character);
}

#endif
