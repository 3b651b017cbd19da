/* tag: key and value as people attach them to instances and managed nodes. Lists end with an entry without a key. */
#ifndef SSM_LAB_TAG_H
#define SSM_LAB_TAG_H

#include <stddef.h>
#include <string.h>

struct tag {
    const char *key, *value; /* borrowed */
};

/* The value of `key`; NULL when there is none. `tags` may be NULL. */
static inline const char *tag_value(const struct tag *tags, const char *key)
{
    for (; tags != NULL && tags->key != NULL; tags++) {
        if (strcmp(tags->key, key) == 0) {
            return tags->value;
        }
    }
    return NULL;
}

#endif
