/* target_plan and aliases: a name up to the first line feed, then the file of aliases. Every way leads to a target of
 * its own, with region and profile that are fit for what comes behind, and words of a refusal are there. */
#include "tests/fuzz/fuzz_support.h"

#include "common/auto.h"
#include "proxy/core/target_plan.h"

static void check_way(const struct target_way *way)
{
    static const struct aws_config_flags flags[] = {{.profile = NULL}, {.region = "eu-west-1", .profile = "prod"}};
    struct target again;
    MUST(target_parse(way->target.text, &again) == ERR_OK && again.kind == way->target.kind);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        struct aws_config_flags applied = flags[i];
        char memory[1024];
        struct text why = text_in(memory, sizeof memory);
        enum err err = target_plan_apply(way, &applied, &why);
        MUST(err == ERR_OK || (err == ERR_USAGE && i == 1 && why.len > 0));
        MUST(applied.region == NULL || endpoint_region_is_valid(applied.region));
        MUST(err != ERR_OK || i == 0 ||
             (strcmp(applied.region, "eu-west-1") == 0 && strcmp(applied.profile, "prod") == 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes file = bytes_of(data, size);
    AUTO_FREE char *name = fuzz_string(fuzz_take_until(&file, '\n'));
    AUTO(aliases_free) struct aliases aliases = {.ini = {.memory = NULL}};
    char memory[1024];
    struct text why = text_in(memory, sizeof memory);
    enum err err = aliases_parse(file, &aliases, &why);
    MUST(err == ERR_OK || (err == ERR_CONFIG && why.len > 0));
    struct target_plan plan;
    struct target whole;
    err = target_plan_make(name, &aliases, &plan);
    MUST(err == target_parse(name, &whole));
    if (err != ERR_OK) {
        return 0;
    }
    MUST(plan.count >= 1 && plan.count <= TARGET_PLAN_MAX);
    for (size_t i = 0; i < plan.count; i++) {
        check_way(&plan.ways[i]);
    }
    MUST(!target_is_id(&whole) || (plan.count == 1 && strcmp(plan.ways[0].target.text, whole.text) == 0));
    return 0;
}
