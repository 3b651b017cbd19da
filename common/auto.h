/* auto: release a resource when its variable goes out of scope.
 *
 *     AUTO_FREE char *path = strdup(...);
 *     AUTO(json_drop) json_t *root = json_loads(...);
 *
 * AUTO(function) takes a function over a pointer to the variable. To hand the resource on, move it: return MOVE(path).
 */
#ifndef SSM_COMMON_AUTO_H
#define SSM_COMMON_AUTO_H

#include <stdlib.h>

#define AUTO(function) __attribute__((cleanup(function)))

static inline void auto_free(void *variable)
{
    free(*(void **)variable);
}
#define AUTO_FREE AUTO(auto_free)

/* The value of a pointer variable, which is NULL afterwards: its cleanup then has nothing to release. */
#define MOVE(pointer)                                                                                                  \
    __extension__({                                                                                                    \
        __typeof__(pointer) moved_ = (pointer);                                                                        \
        (pointer) = NULL;                                                                                              \
        moved_;                                                                                                        \
    })

#endif
