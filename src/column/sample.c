/* column/sample.c: reservoir, moments, radix sort, quantiles. */
#include "column/sample.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define FIRST_CAPACITY 64

void odd_sample_start(odd_sample *s, size_t limit, uint64_t seed, uint64_t stream)
{
    *s = (odd_sample){.limit = limit, .weight = 1};
    odd_random_start(&s->random, seed, stream);
}

void odd_sample_free(odd_sample *s)
{
    if (!s)
        return;
    odd_free(s->values);
    s->values = NULL;
}

/* Moments of one block, merged into the running ones (Chan, Golub and LeVeque 1979). */
static void merge_moments(odd_sample *s, const double *x, size_t n)
{
    double sum = 0, square = 0, low = x[0], high = x[0];
    for (size_t i = 0; i < n; i++) {
        sum += x[i];
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    double mean = sum / (double)n, before = (double)s->seen, after = before + (double)n;
    for (size_t i = 0; i < n; i++)
        square += (x[i] - mean) * (x[i] - mean);
    double step = mean - s->mean;
    s->square += square + step * step * (before / after * (double)n);
    s->mean += step * ((double)n / after);
    s->minimum = s->seen == 0 || low < s->minimum ? low : s->minimum;
    s->maximum = s->seen == 0 || high > s->maximum ? high : s->maximum;
}

/* Algorithm L: how many numbers pass before the next one is taken. */
static void skip(odd_sample *s)
{
    s->weight *= exp(log(1 - odd_random_uniform(&s->random)) / (double)s->limit);
    double gap = floor(log(1 - odd_random_uniform(&s->random)) / log1p(-s->weight));
    s->next += gap < 1e18 ? (uint64_t)gap + 1 : (uint64_t)1e18;
}

int odd_sample_add(odd_sample *s, const double *x, size_t n, oddrow_error *err)
{
    if (n == 0)
        return 0;
    size_t fill = s->limit - s->size < n ? s->limit - s->size : n;
    if (s->size + fill > s->capacity) {
        size_t capacity = s->capacity > 0 ? s->capacity * 2 : FIRST_CAPACITY;
        while (capacity < s->size + fill)
            capacity *= 2;
        if (capacity > s->limit)
            capacity = s->limit;
        double *values = odd_resize(s->values, s->capacity, capacity, sizeof *values);
        if (!values)
            return odd_no_memory(err);
        s->values = values;
        s->capacity = capacity;
    }
    merge_moments(s, x, n);
    for (size_t i = 0; i < fill; i++)
        s->values[s->size++] = x[i] + 0.0; /* -0 becomes 0: the two are one knot */
    if (fill > 0 && s->size == s->limit) {
        s->next = s->limit - 1;
        skip(s);
    }
    while (s->size == s->limit && s->next < s->seen + n) {
        s->values[odd_random_below(&s->random, s->limit)] = x[s->next - s->seen] + 0.0;
        skip(s);
    }
    s->seen += n;
    return 0;
}

/* Bits whose unsigned order is that of the numbers, and back. */
static uint64_t to_key(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits ^ ((0 - (bits >> 63)) | (uint64_t)1 << 63);
}

static double from_key(uint64_t key)
{
    uint64_t bits = key ^ (((key >> 63) - 1) | (uint64_t)1 << 63);
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Radix sort by bytes, lowest first; bytes that all numbers share are skipped. */
static bool sort(double *x, size_t n)
{
    uint64_t *keys = odd_alloc(n, sizeof *keys), *other = odd_alloc(n, sizeof *other);
    size_t(*count)[256] = odd_alloc(8, sizeof *count);
    bool good = keys && other && count;
    for (size_t i = 0; good && i < n; i++) {
        keys[i] = to_key(x[i]);
        for (unsigned b = 0; b < 8; b++)
            count[b][keys[i] >> 8 * b & 255]++;
    }
    for (unsigned b = 0; good && b < 8; b++) {
        if (count[b][keys[0] >> 8 * b & 255] == n)
            continue;
        for (size_t i = 0, at = 0; i < 256; i++) {
            size_t here = count[b][i];
            count[b][i] = at;
            at += here;
        }
        for (size_t i = 0; i < n; i++)
            other[count[b][keys[i] >> 8 * b & 255]++] = keys[i];
        uint64_t *swap = keys;
        keys = other;
        other = swap;
    }
    for (size_t i = 0; good && i < n; i++)
        x[i] = from_key(keys[i]);
    odd_free(keys);
    odd_free(other);
    odd_free(count);
    return good;
}

/* numpy.quantile's linear method: position p (n - 1), interpolated from the nearer side. */
static double quantile(const double *sorted, size_t n, double p)
{
    double at = p * (double)(n - 1);
    size_t i = (size_t)at;
    if (i + 1 >= n)
        return sorted[n - 1];
    double t = at - (double)i, step = sorted[i + 1] - sorted[i];
    return t < 0.5 ? sorted[i] + step * t : sorted[i + 1] - step * (1 - t);
}

int odd_sample_scaler(odd_sample *s, odd_scaler_kind kind, odd_scaler *out, oddrow_error *err)
{
    double quantiles[ODD_QUANTILES];
    double deviation = sqrt(s->square / (double)s->seen);
    if (!(deviation > 0))
        deviation = 1;
    if (!sort(s->values, s->size))
        return odd_no_memory(err);
    for (size_t i = 0; i < ODD_QUANTILES; i++) {
        double q = quantile(s->values, s->size, (double)i / (ODD_QUANTILES - 1));
        quantiles[i] = i > 0 && q < quantiles[i - 1] ? quantiles[i - 1] : q; /* rounding */
    }
    quantiles[0] = s->minimum + 0.0;
    quantiles[ODD_QUANTILES - 1] = s->maximum + 0.0;
    const odd_summary of = {.minimum = quantiles[0],
                            .maximum = quantiles[ODD_QUANTILES - 1],
                            .mean = s->mean,
                            .deviation = deviation,
                            .quarter = quantile(s->values, s->size, 0.25),
                            .median = quantile(s->values, s->size, 0.5),
                            .three_quarters = quantile(s->values, s->size, 0.75)};
    double center, scale;
    odd_scaler_fit(kind, &of, &center, &scale);
    return odd_scaler_from(out, kind, quantiles, center, scale, err);
}
