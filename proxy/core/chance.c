#include "proxy/core/chance.h"

#include <string.h>

/* The generators are Blackman and Vigna's xoshiro256** and, to spread a small seed over its state, splitmix64. */

static uint64_t rotate_left(uint64_t value, int count)
{
    return (value << count) | (value >> (64 - count));
}

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

struct chance chance_from_number(uint64_t seed)
{
    struct chance chance;
    for (int i = 0; i < 4; i++) {
        chance.state[i] = splitmix64(&seed);
    }
    return chance;
}

struct chance chance_from_entropy(const uint8_t seed[CHANCE_SEED_LEN])
{
    struct chance chance;
    memcpy(chance.state, seed, sizeof chance.state);
    uint64_t any = chance.state[0] | chance.state[1] | chance.state[2] | chance.state[3];
    return any != 0 ? chance : chance_from_number(0); /* all zero is the generator's one fixed point */
}

uint64_t chance_next(struct chance *chance)
{
    uint64_t *state = chance->state;
    uint64_t result = rotate_left(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
}

uint64_t chance_below(struct chance *chance, uint64_t bound)
{
    return chance_next(chance) % bound; /* the bias is below 2^-40 for every bound used here */
}
