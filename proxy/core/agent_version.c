#include "proxy/core/agent_version.h"

#include <stddef.h>
#include <stdint.h>

#define COMPONENT_MAX 100000000 /* far above any; ten of it fit into 32 bits */

/* The number at *text, which is moved to the dot behind it or to the end. False when there is none. */
static bool take_component(const char **text, uint32_t *ret_number)
{
    uint32_t number = 0;
    const char *at = *text;
    while (*at >= '0' && *at <= '9' && number < COMPONENT_MAX) {
        number = 10 * number + (uint32_t)(*at++ - '0');
    }
    bool is_number = at > *text && (*at == '.' || *at == '\0');
    *text = at;
    *ret_number = number;
    return is_number;
}

bool agent_version_is_above(const char *version, const char *floor)
{
    int order = 0; /* of the first components that differ */
    for (;;) {
        uint32_t ours;
        uint32_t theirs;
        if (!take_component(&version, &ours) || !take_component(&floor, &theirs) || *version != *floor) {
            return false;
        }
        if (order == 0) {
            order = (ours > theirs) - (ours < theirs);
        }
        if (*version == '\0') {
            return order > 0;
        }
        version++;
        floor++;
    }
}
