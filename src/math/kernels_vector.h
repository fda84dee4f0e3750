/* math/kernels_vector.h: the vectors the kernels are written in. Included once per instruction set,
 * by math/kernels_body.h. WIDTH floats: 16 with AVX-512, 8 with AVX, else 4. */
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <math.h>
#include <string.h>

#if defined(__AVX512F__)
enum { WIDTH = 16, TILE_VECTORS = 4 };
#elif defined(__AVX__)
enum { WIDTH = 8, TILE_VECTORS = 2 };
#else
enum { WIDTH = 4, TILE_VECTORS = 2 };
#endif

typedef float vector __attribute__((vector_size(4 * WIDTH)));
typedef int32_t integers __attribute__((vector_size(4 * WIDTH)));
typedef float unaligned __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE vector load(const float *p)
{
    return *(const unaligned *)p;
}

INLINE void store(float *p, vector v)
{
    *(unaligned *)p = v;
}

INLINE vector spread(float x)
{
    return x - (vector){0};
}

INLINE vector choose(integers mask, vector yes, vector no)
{
    return (vector)(((integers)yes & mask) | ((integers)no & ~mask));
}

/* a > b ? a : b, lane by lane: b when either is not a number */
INLINE vector greater(vector a, vector b)
{
#if defined(__AVX512F__)
    return (vector)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX__)
    return (vector)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return choose(a > b, a, b);
#endif
}

INLINE vector lesser(vector a, vector b)
{
#if defined(__AVX512F__)
    return (vector)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(__AVX__)
    return (vector)_mm256_min_ps((__m256)a, (__m256)b);
#else
    return choose(a < b, a, b);
#endif
}

/* bit i: whether a[i] == b[i] */
INLINE unsigned lanes_equal(vector a, vector b)
{
#if defined(__AVX512F__)
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_EQ_OQ);
#elif defined(__AVX__)
    return (unsigned)_mm256_movemask_ps(_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_EQ_OQ));
#else
    unsigned bits = 0;
    for (size_t i = 0; i < WIDTH; i++)
        bits |= (unsigned)(a[i] == b[i]) << i;
    return bits;
#endif
}

INLINE vector root(vector a)
{
#if defined(__AVX512F__)
    return (vector)_mm512_sqrt_ps((__m512)a);
#elif defined(__AVX__)
    return (vector)_mm256_sqrt_ps((__m256)a);
#else
    for (size_t i = 0; i < WIDTH; i++)
        a[i] = sqrtf(a[i]);
    return a;
#endif
}

/* exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2; exp(r) by its series cut after r^7
 * (error below 6e-9). x is held within [-87, 88]; not-a-number stays. */
INLINE vector exponential(vector x)
{
    const float shift =
        12582912.0f; /* 1.5 * 2^23: adding it leaves the rounded n in the low bits */
    x = lesser(spread(88.0f), greater(spread(-87.0f), x));
    vector t = x * 1.44269504088896341f + shift;
    vector n = t - shift;
    vector r = x - n * 0.693359375f; /* ln 2 in two parts (Cody and Waite) */
    r = r + n * 2.12194440e-4f;
    vector p = r * (1.0f / 5040) + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    integers scale = ((integers)t - (0x4B400000 - 127)) << 23;
    return p * (vector)scale;
}

/* ln x = e ln 2 + ln m for normal x > 0, m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh(s) with
 * s = (m - 1) / (m + 1), |s| <= 0.172, by its series cut after s^9 (error below 2e-9). */
INLINE vector logarithm(vector x)
{
    const integers half = (integers)spread(0.70710678f);
    integers e = ((integers)x - half) >> 23;
    integers bits = (integers)x - (e << 23);
    vector m = (vector)bits;
    vector s = (m - 1.0f) / (m + 1.0f), q = s * s;
    vector p = q * (2.0f / 9) + 2.0f / 7;
    p = p * q + 2.0f / 5;
    p = p * q + 2.0f / 3;
    p = p * q * s + 2.0f * s;
    vector k = __builtin_convertvector(e, vector);
    return k * 0.693359375f + (p - k * 2.12194440e-4f) + x * 0.0f; /* the last: keep inf and NaN */
}
