/* region_list: the regions that a person's profiles name. */
#ifndef SSM_PROXY_CORE_REGION_LIST_H
#define SSM_PROXY_CORE_REGION_LIST_H

#include "common/limits.h"
#include "proxy/core/aws_profile.h"

#define REGION_LIST_MAX 32

struct region_list {
    char names[REGION_LIST_MAX][LIMIT_REGION + 1];
    size_t count;
};

/* Each `region` of both files once, in their order, but not `except`; those beyond REGION_LIST_MAX and what is no name
 * of a region are left out. */
void region_list_of_profiles(const struct aws_profile_files *files, const char *except, struct region_list *ret_list);

#endif
