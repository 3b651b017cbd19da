#include "pam_ssm/userctl/userctl_print.h"

#include <stdio.h>

static bool is_printable(unsigned char character)
{
    return character >= 0x20 && character < 0x7f;
}

void userctl_print_safe(const char *words)
{
    for (; *words != '\0'; words++) {
        unsigned char character = (unsigned char)*words;
        if (is_printable(character)) {
            (void)putchar(character);
        } else {
            printf("\\x%02x", character);
        }
    }
}

json_t *userctl_print_string(const char *words)
{
    if (words == NULL) {
        return NULL;
    }
    AUTO_FREE char *clean = strdup(words);
    if (clean == NULL) {
        return NULL;
    }
    for (char *at = clean; *at != '\0'; at++) {
        *at = (char)((unsigned char)*at >= 0x7f ? '?' : *at);
    }
    return json_string(clean);
}

bool userctl_print_json(json_t *document)
{
    bool is_written = document != NULL && json_dumpf(document, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) == 0;
    json_decref(document);
    return is_written && putchar('\n') != EOF && fflush(stdout) == 0;
}
