/* base/random.h: seeded streams of random numbers, the same on every machine. */
#ifndef ODD_BASE_RANDOM_H
#define ODD_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* xoshiro256** 1.0 (Blackman and Vigna, 2018). One thread a stream. */
typedef struct odd_random {
    uint64_t state[4];
} odd_random;

/* Starts a stream, seeded by splitmix64. The same seed and stream give the same numbers; different
 * streams are independent. */
void odd_random_start(odd_random *r, uint64_t seed, uint64_t stream);

/* The next 64 bits. */
uint64_t odd_random_next(odd_random *r);

/* Uniform in [0, 1), a multiple of 2^-53. */
double odd_random_uniform(odd_random *r);

/* Standard normal (Marsaglia's polar method). */
double odd_random_normal(odd_random *r);

/* Uniform in 0 … n - 1, unbiased (Lemire 2019); 0 when n is 0. */
uint64_t odd_random_below(odd_random *r, uint64_t n);

/* Puts n items into a uniformly random order (Fisher and Yates). */
void odd_random_shuffle(odd_random *r, uint32_t *items, size_t n);

/* Mixes three numbers into 64 random-looking bits, without state: for masks that must not depend on
 * how threads share the work. */
uint64_t odd_random_hash(uint64_t seed, uint64_t a, uint64_t b);

#endif
