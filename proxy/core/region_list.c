#include "proxy/core/region_list.h"

#include "proxy/core/endpoint.h"

static void add(struct region_list *list, const char *region)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->names[i], region) == 0) {
            return;
        }
    }
    if (list->count < REGION_LIST_MAX) {
        memcpy(list->names[list->count++], region, strlen(region) + 1);
    }
}

static void add_all(const struct ini *ini, const char *except, struct region_list *list)
{
    for (size_t i = 0; i < ini->section_count; i++) {
        const char *region = ini_get(ini, &ini->sections[i], "region");
        if (region != NULL && endpoint_region_is_valid(region) && strcmp(region, except) != 0) {
            add(list, region);
        }
    }
}

void region_list_of_profiles(const struct aws_profile_files *files, const char *except, struct region_list *ret_list)
{
    ret_list->count = 0;
    add_all(&files->config, except, ret_list);
    add_all(&files->credentials, except, ret_list);
}
