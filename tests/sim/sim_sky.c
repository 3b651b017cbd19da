#include "tests/sim/sim_sky.h"

static bool is_before(const struct sim_flight *a, const struct sim_flight *b)
{
    return a->arrives_us < b->arrives_us || (a->arrives_us == b->arrives_us && a->order < b->order);
}

static void swap(struct sim_flight *a, struct sim_flight *b)
{
    struct sim_flight kept = *a;
    *a = *b;
    *b = kept;
}

bool sim_sky_push(struct sim_sky *sky, struct sim_flight flight)
{
    if (sky->count == SIM_SKY_MAX) {
        return false;
    }
    flight.order = sky->order++;
    size_t at = sky->count++;
    sky->flights[at] = flight;
    while (at > 0 && is_before(&sky->flights[at], &sky->flights[(at - 1) / 2])) {
        swap(&sky->flights[at], &sky->flights[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    return true;
}

struct sim_flight sim_sky_pop(struct sim_sky *sky)
{
    struct sim_flight first = sky->flights[0];
    sky->flights[0] = sky->flights[--sky->count];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
            if (child < sky->count && is_before(&sky->flights[child], &sky->flights[least])) {
                least = child;
            }
        }
        if (least == at) {
            return first;
        }
        swap(&sky->flights[at], &sky->flights[least]);
        at = least;
    }
}
