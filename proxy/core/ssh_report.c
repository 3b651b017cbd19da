#include "proxy/core/ssh_report.h"

#include "common/limits.h"
#include "common/text.h"

#include <stddef.h>
#include <string.h>

struct field {
    const char *word;
    size_t offset;
    size_t size; /* of a text; 0: a number */
};

#define TEXT(name)                                                                                                     \
    {                                                                                                                  \
#name " ", offsetof(struct ssh_report, name), sizeof((struct ssh_report *)NULL)->name                          \
    }
#define NUMBER(name)                                                                                                   \
    {                                                                                                                  \
#name " ", offsetof(struct ssh_report, name), 0                                                                \
    }

static const struct field fields[] = {
    NUMBER(status),       TEXT(said),     TEXT(why),         NUMBER(banner_us),  TEXT(software),
    NUMBER(handshake_us), TEXT(host_key), TEXT(fingerprint), NUMBER(methods_us), TEXT(methods),
};
#define FIELDS (sizeof fields / sizeof fields[0])

static enum err read_line(const char *line, struct ssh_report *report)
{
    for (size_t i = 0; i < FIELDS; i++) {
        size_t word_len = strlen(fields[i].word);
        if (strncmp(line, fields[i].word, word_len) != 0) {
            continue;
        }
        char *at = (char *)report + fields[i].offset;
        if (fields[i].size > 0) {
            text_copy_for_display(line + word_len, at, fields[i].size);
            return ERR_OK;
        }
        int64_t number;
        TRY(text_parse_decimal(line + word_len, 0, INT64_MAX, &number));
        memcpy(at, &number, sizeof number);
        return ERR_OK;
    }
    return ERR_MALFORMED;
}

enum err ssh_report_parse(struct bytes output, struct ssh_report *ret_report)
{
    struct ssh_report report = {.status = -1, .banner_us = -1, .handshake_us = -1, .methods_us = -1};
    char line[4096];
    while (output.len > 0) {
        const uint8_t *end = memchr(output.data, '\n', output.len);
        size_t len = end != NULL ? (size_t)(end - output.data) : output.len;
        if (end == NULL || len >= sizeof line || memchr(output.data, '\0', len) != NULL) {
            return ERR_MALFORMED;
        }
        memcpy(line, output.data, len);
        line[len] = '\0';
        TRY(read_line(line, &report));
        output = bytes_from(output, len + 1);
    }
    *ret_report = report;
    return ERR_OK;
}
