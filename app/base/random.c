#include "base/random.h"

#include <stdbool.h>

#include "base/wide.h"

static uint64_t rotate_left(uint64_t value, unsigned bits);

void random_seed(struct random *random, uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++) { /* splitmix64: never four zeros. */
        seed += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t z = seed;
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        random->s[i] = z ^ z >> 31;
    }
}

uint64_t random_next(struct random *random)
{
    uint64_t *s = random->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* The high half of a 128-bit product is uniform, once the low halves that would come up once too
 * often (the first 2^64 mod bound) are thrown away: Lemire 2019. */
uint64_t random_below(struct random *random, uint64_t bound)
{
    if (bound == 0)
        return 0;
    wide_uint product = (wide_uint)random_next(random) * bound;
    if ((uint64_t)product < bound) {
        uint64_t surplus = -bound % bound;

        while ((uint64_t)product < surplus)
            product = (wide_uint)random_next(random) * bound;
    }
    return (uint64_t)(product >> 64);
}

double random_unit(struct random *random)
{
    return (double)(random_next(random) >> 11) * 0x1p-53;
}

/* A run of falling uniform numbers that begins with u is of odd length with probability e^-u: then
 * u is the fraction. Each failure adds one to the whole part. */
uint64_t random_exponential(struct random *random)
{
    for (uint64_t whole = 0;; whole += UINT64_C(1) << 32) {
        uint64_t first = random_next(random), last = first, next;
        bool odd = true;
        while ((next = random_next(random)) < last) {
            last = next;
            odd = !odd;
        }
        if (odd)
            return whole + (first >> 32);
    }
}

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}
