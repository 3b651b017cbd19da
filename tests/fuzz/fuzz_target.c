/* target: any name. Every reading is a target of its own, what an id or an address is read as does not change when it
 * is read again, and the pieces of a reading are pieces of the text. */
#include "tests/fuzz/fuzz_support.h"

#include "common/auto.h"
#include "common/text.h"
#include "proxy/core/endpoint.h"
#include "proxy/core/target.h"

static void check_reading(const char *text, const struct target *reading)
{
    struct target again;
    MUST(reading->text[0] != '\0' && strlen(reading->text) <= LIMIT_TARGET);
    MUST(reading->region[0] == '\0' || endpoint_region_is_valid(reading->region));
    MUST(reading->profile[0] == '\0' || (reading->region[0] != '\0' && strstr(text, reading->profile) != NULL));
    MUST(target_parse(reading->text, &again) == ERR_OK);
    MUST(again.kind == reading->kind && strcmp(again.text, reading->text) == 0);
    bool has_tag = reading->kind == TARGET_TAG || reading->kind == TARGET_NAME;
    MUST(has_tag == (reading->tag_key[0] != '\0'));
    MUST(!has_tag || target_tag_value(reading)[0] != '\0');
    for (const char *at = reading->text; *at != '\0'; at++) {
        MUST(!text_is_control(*at));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = fuzz_string(bytes_of(data, size));
    struct target readings[TARGET_READINGS_MAX];
    size_t count = 0;
    if (target_read(text, readings, &count) != ERR_OK) {
        struct target whole;
        MUST(target_parse(text, &whole) == ERR_USAGE);
        return 0;
    }
    MUST(count >= 1 && count <= TARGET_READINGS_MAX);
    for (size_t i = 0; i < count; i++) {
        check_reading(text, &readings[i]);
        MUST(i == 0 || readings[i].region[0] != '\0');
    }
    return 0;
}
