/* random.h - seeded pseudo-random numbers (xoshiro256**, seeded by splitmix64). Not for secrets:
 * schedules, jitter and choices that a run must be able to repeat. One owner a struct; no
 * allocation, no system call. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t s[4];
};

void random_seed(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
/* Uniform in [0, bound), without modulo bias; 0 for bound 0. */
uint64_t random_below(struct random *random, uint64_t bound);
/* Uniform in [0, 1). */
double random_unit(struct random *random);
/* Exponential with mean 1, in units of 2^-32, by comparing uniform numbers alone: von Neumann,
 * "Various techniques used in connection with random digits", 1951. No logarithm, so that a seed
 * gives the same numbers on every machine. */
uint64_t random_exponential(struct random *random);

#endif
