/* ini: reads the INI dialect of the AWS shared configuration and credentials files, and of host.conf.
 *
 *     # a comment, when it begins the line (";" too); inside a line both are ordinary characters
 *     [section name]
 *     Key = value                 keys are lower-cased; ':' separates as well as '='
 *     long = first line
 *       second line               an indented line continues the value: "first line\nsecond line"
 *     s3 =
 *       max_queue_size = 1000     indented lines under an empty value are a nested map of one level
 *
 * The rules are botocore's (Python's RawConfigParser, strict), which reads these files for the AWS CLI. It refuses the
 * whole file, and so do we, for: a section or a key given twice, a line that is neither, text before the first
 * section, a byte order mark, a nested line without '='. Ours alone: a NUL byte is refused; bytes from 0x80 up are not
 * looked at; [DEFAULT] is a section like any other (aws_config gives it its meaning).
 * tests/integration/aws_config_differential.py compares the two.
 *
 * The result is flat and read-only: text owned by struct ini, all of it terminated. */
#ifndef SSM_COMMON_INI_H
#define SSM_COMMON_INI_H

#include "common/auto.h"
#include "common/bytes.h"
#include "common/err.h"
#include "common/text.h"

struct ini_section {
    const char *name; /* between the brackets, as written */
    size_t entry_at;  /* its entries: entries[entry_at .. entry_at + entry_count) */
    size_t entry_count;
    size_t line; /* from 1 */
};

struct ini_entry {
    const char *key;    /* lower case */
    const char *nested; /* the key inside a nested map, as written; NULL for an ordinary entry */
    const char *value;  /* "" for the entry that opens a nested map */
    size_t line;
    bool has_nested; /* opens a nested map: its entries follow */
};

/* Zero-initialised means empty: look-ups find nothing. */
struct ini {
    char *memory; /* owned copy of the file, cut into strings */
    size_t memory_len;
    struct ini_section *sections;
    size_t section_count;
    struct ini_entry *entries; /* in the order of the file */
    size_t entry_count;
};

/* Parses a whole file. ERR_CONFIG when the rules above refuse it, and over LIMIT_CONFIG_FILE or LIMIT_INI_ENTRIES;
 * `ret_why` then gets "line 12: ..." (words for a person, without the file's name and without any value of it).
 * ERR_MEMORY. */
enum err ini_parse(struct bytes file, struct ini *ret_ini, struct text *ret_why) SSM_MUST_USE;

/* Frees and empties; safe to repeat, usable with AUTO(). Wipes the memory first: a credentials file may have been in
 * it. */
void ini_free(struct ini *ini);

/* NULL when absent. */
const struct ini_section *ini_find_section(const struct ini *ini, const char *name);

/* The value, or NULL when the key is not in the section (or the section is NULL). `key` in lower case. A key that opens
 * a nested map has the value "". */
const char *ini_get(const struct ini *ini, const struct ini_section *section, const char *key);

/* The value of `nested` in the map `key`; the last one counts when it is given twice, as in botocore. */
const char *ini_get_nested(const struct ini *ini, const struct ini_section *section, const char *key,
                           const char *nested);

#endif
