/* base/hash.c: folded 64×64→128 multiplication, as in Wang Yi's wyhash. */
#include "base/hash.h"

#include <string.h>

__extension__ typedef unsigned __int128 wide;

static const uint64_t k0 = 0xa0761d6478bd642fu, k1 = 0xe7037ed1a0b428dbu;

static uint64_t fold(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word64(const unsigned char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static uint64_t word32(const unsigned char *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

uint64_t odd_hash(const void *data, size_t size, uint64_t seed)
{
    const unsigned char *p = data;
    uint64_t a = 0, b = 0;
    size_t left = size;
    seed ^= k0;
    while (left > 16) {
        seed = fold(word64(p) ^ k1, word64(p + 8) ^ seed);
        p += 16;
        left -= 16;
    }
    /* The last 16 bytes or fewer, by words that may overlap. */
    if (left >= 8) {
        a = word64(p);
        b = word64(p + left - 8);
    } else if (left >= 4) {
        a = word32(p);
        b = word32(p + left - 4);
    } else if (left) {
        a = ((uint64_t)p[0] << 16) | ((uint64_t)p[left / 2] << 8) | p[left - 1];
    }
    return fold(k1 ^ size, fold(a ^ k1, b ^ seed));
}
