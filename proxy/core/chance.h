/* chance: pseudo-random numbers whose whole state is a value that the caller seeds: from the kernel in the program,
 * from a printed number in a test. For message ids and jitter; keys and websocket masks come from edge/entropy. */
#ifndef SSM_PROXY_CORE_CHANCE_H
#define SSM_PROXY_CORE_CHANCE_H

#include <stdint.h>

#define CHANCE_SEED_LEN 32

struct chance {
    uint64_t state[4];
};

struct chance chance_from_entropy(const uint8_t seed[CHANCE_SEED_LEN]);
struct chance chance_from_number(uint64_t seed);

uint64_t chance_next(struct chance *chance);

/* 0 .. bound - 1; bound > 0. */
uint64_t chance_below(struct chance *chance, uint64_t bound);

#endif
