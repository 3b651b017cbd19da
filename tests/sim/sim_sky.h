/* sim_sky: the messages of a simulated network that are on their way, by their time of arrival. */
#ifndef SSM_TESTS_SIM_SKY_H
#define SSM_TESTS_SIM_SKY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_SKY_MAX 65536 /* windows allow a few thousand */

enum sim_direction { TO_AGENT, TO_CLIENT };

/* One message on its way. */
struct sim_flight {
    int64_t arrives_us;
    uint64_t order;  /* of push; breaks ties */
    uint64_t number; /* of its direction, in the order of sending */
    enum sim_direction direction;
    uint32_t connection; /* it dies with the client's connection that carried it */
    bool has_landed;     /* once before */
    size_t len;
    uint8_t *wire; /* owned by whoever holds the flight */
};

struct sim_sky {
    struct sim_flight flights[SIM_SKY_MAX]; /* a heap, the earliest first */
    size_t count;
    uint64_t order; /* of the next push */
};

/* False when there is no room: the flight stays the caller's. */
bool sim_sky_push(struct sim_sky *sky, struct sim_flight flight);

/* The earliest; needs one. */
struct sim_flight sim_sky_pop(struct sim_sky *sky);

#endif
