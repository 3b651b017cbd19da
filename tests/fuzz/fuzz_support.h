/* fuzz_support: what several targets need: a check that stands in every build, and an input taken apart into fields. */
#ifndef SSM_TESTS_FUZZ_SUPPORT_H
#define SSM_TESTS_FUZZ_SUPPORT_H

#include "common/bytes.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libFuzzer prints the input and keeps it as a file when the process aborts. */
#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                    \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Takes the bytes up to the next `separator` (which vanishes), or all that is left. */
static inline struct bytes fuzz_take_until(struct bytes *input, uint8_t separator)
{
    const uint8_t *end = input->len == 0 ? NULL : memchr(input->data, separator, input->len);
    size_t len = end == NULL ? input->len : (size_t)(end - input->data);
    struct bytes field = bytes_of(input->data, len);
    *input = bytes_from(*input, len + 1);
    return field;
}

/* A terminated copy, for the caller to free. */
static inline char *fuzz_string(struct bytes bytes)
{
    MUST(bytes.len < SIZE_MAX);
    char *string = malloc(bytes.len + 1);
    MUST(string != NULL);
    if (bytes.len > 0) {
        memcpy(string, bytes.data, bytes.len);
    }
    string[bytes.len] = '\0';
    return string;
}

#endif
