/* base/random.c: xoshiro256**, seeded by splitmix64, and what is drawn from it. */
#include "base/random.h"

#include <math.h>

__extension__ typedef unsigned __int128 wide;

static uint64_t rotate(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

/* The finaliser of splitmix64 (Steele, Lea and Flood 2014, constants by Stafford). */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static const uint64_t golden = 0x9e3779b97f4a7c15u;

void odd_random_start(odd_random *r, uint64_t seed, uint64_t stream)
{
    uint64_t z = odd_random_hash(seed, stream, 0);
    for (int i = 0; i < 4; i++) {
        z += golden;
        r->state[i] = mix(z);
    }
}

uint64_t odd_random_next(odd_random *r)
{
    uint64_t *s = r->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

double odd_random_uniform(odd_random *r)
{
    return (double)(odd_random_next(r) >> 11) * 0x1p-53;
}

double odd_random_normal(odd_random *r)
{
    double u, v, s;
    do {
        u = 2 * odd_random_uniform(r) - 1;
        v = 2 * odd_random_uniform(r) - 1;
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    return u * sqrt(-2 * log(s) / s);
}

uint64_t odd_random_below(odd_random *r, uint64_t n)
{
    wide product = (wide)odd_random_next(r) * n;
    if ((uint64_t)product < n) {
        uint64_t threshold = n ? (0 - n) % n : 0;
        while ((uint64_t)product < threshold)
            product = (wide)odd_random_next(r) * n;
    }
    return (uint64_t)(product >> 64);
}

void odd_random_shuffle(odd_random *r, uint32_t *items, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)odd_random_below(r, i);
        uint32_t item = items[i - 1];
        items[i - 1] = items[j];
        items[j] = item;
    }
}

uint64_t odd_random_hash(uint64_t seed, uint64_t a, uint64_t b)
{
    uint64_t z = mix(seed + golden);
    z = mix((z ^ a) + golden);
    return mix((z ^ b) + golden);
}
