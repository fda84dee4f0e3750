/* score/tail.c: knots of the empirical distribution, and the exponential beyond them. */
#include "score/tail.h"

#include <math.h>

#include "base/error.h"
#include "base/sort.h"

/* Value at a quantile of sorted values, between two of them in proportion. */
static double quantile_of(const float *sorted, size_t count, double q)
{
    double at = q * (double)(count - 1);
    size_t low = (size_t)at;
    double share = at - (double)low;
    double next = low + 1 < count ? sorted[low + 1] : sorted[low];
    return (double)sorted[low] + share * (next - (double)sorted[low]);
}

/* Knots at evenly spaced ranks, each at a value of its own with the share of values >= it. */
static void place_knots(odd_tail *tail, const float *sorted, size_t count)
{
    tail->count = 0;
    for (size_t k = 0; k < ODD_TAIL_KNOTS; k++) {
        size_t first = k * (count - 1) / (ODD_TAIL_KNOTS - 1);
        float value = sorted[first];
        if (tail->count && value <= tail->value[tail->count - 1])
            continue;
        while (first > 0 && sorted[first - 1] == value)
            first--;
        if (value > tail->threshold && tail->count)
            break;
        tail->value[tail->count] = value;
        tail->surprise[tail->count] =
            (float)-log(((double)(count - first) + 1) / ((double)count + 1));
        tail->count++;
    }
}

/* Puts the threshold behind the last knot. */
static void close_tail(odd_tail *tail)
{
    tail->value[tail->count] = tail->threshold;
    tail->surprise[tail->count] = tail->threshold_surprise;
}

int odd_tail_fit(odd_tail *tail, float *values, size_t count, double quantile, oddrow_error *err)
{
    double sum = 0, square = 0, excess = 0;
    size_t beyond = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return odd_fail(err, ODDROW_ENUMERIC, "held-out value %zu is not finite", i);
        sum += values[i];
        square += (double)values[i] * values[i];
    }
    odd_sort_floats(values, count);
    *tail = (odd_tail){.threshold = (float)quantile_of(values, count, quantile)};
    while (beyond < count && values[count - 1 - beyond] > tail->threshold) {
        excess += (double)values[count - 1 - beyond] - tail->threshold;
        beyond++;
    }
    double mean = sum / (double)count;
    double variance = square / (double)count - mean * mean;
    double least = 0.01 * sqrt(variance > 0 ? variance : 0) + 1e-6 * fabs(mean) + 1e-9;
    double scale = beyond ? excess / (double)beyond : 0;
    tail->scale = (float)(scale > least ? scale : least);
    place_knots(tail, values, count);
    double share = (double)(beyond ? beyond : 1) / (double)count;
    tail->threshold_surprise = (float)-log(share);
    if (tail->threshold_surprise < tail->surprise[tail->count - 1])
        tail->threshold_surprise = tail->surprise[tail->count - 1];
    close_tail(tail);
    return 0;
}

/* `low` is the last knot below x, or 0. */
static inline float interpolate(const odd_tail *tail, float x, size_t low)
{
    if (!(x <= tail->threshold)) {
        double nats =
            (double)tail->threshold_surprise + ((double)x - tail->threshold) / tail->scale;
        return nats < ODD_TAIL_CAP ? (float)nats : (float)ODD_TAIL_CAP; /* infinity too */
    }
    if (x <= tail->value[0])
        return tail->surprise[0];
    float share = (x - tail->value[low]) / (tail->value[low + 1] - tail->value[low]);
    return tail->surprise[low] + share * (tail->surprise[low + 1] - tail->surprise[low]);
}

/* Several searches side by side, each halving without a branch, hide each other's waits. */
void odd_tail_surprise_all(const odd_tail *tail, const float *x, size_t n, float *out)
{
    enum { SIDE = 8 };
    for (size_t first = 0; first < n; first += SIDE) {
        size_t side = n - first < SIDE ? n - first : SIDE, low[SIDE] = {0};
        float at[SIDE] = {0};
        for (size_t j = 0; j < side; j++)
            at[j] = x[first + j];
        for (size_t left = tail->count; left > 1; left -= left / 2)
            for (size_t j = 0; j < SIDE; j++)
                low[j] += tail->value[low[j] + left / 2] < at[j] ? left / 2 : 0;
        for (size_t j = 0; j < side; j++)
            out[first + j] = interpolate(tail, at[j], low[j]);
    }
}

float odd_tail_surprise(const odd_tail *tail, float x)
{
    float nats;
    odd_tail_surprise_all(tail, &x, 1, &nats);
    return nats;
}

float odd_tail_value(const odd_tail *tail, float nats)
{
    if (nats <= tail->surprise[0])
        return tail->value[0];
    if (nats >= tail->threshold_surprise)
        return tail->threshold + (nats - tail->threshold_surprise) * tail->scale;
    size_t i = 0;
    while (i + 1 < tail->count && tail->surprise[i + 1] < nats)
        i++;
    float rise = tail->surprise[i + 1] - tail->surprise[i];
    float width = tail->value[i + 1] - tail->value[i];
    return rise > 0 ? tail->value[i] + (nats - tail->surprise[i]) / rise * width
                    : tail->value[i + 1];
}

int odd_tail_check(odd_tail *tail, oddrow_error *err)
{
    if (tail->count < 1 || tail->count > ODD_TAIL_KNOTS)
        return odd_fail(err, ODDROW_EFORMAT, "a tail has %zu knots", tail->count);
    if (!isfinite(tail->threshold) || !isfinite(tail->threshold_surprise) ||
        !isfinite(tail->scale) || !(tail->scale > 0) ||
        tail->threshold < tail->value[tail->count - 1] ||
        tail->threshold_surprise < tail->surprise[tail->count - 1])
        return odd_fail(err, ODDROW_EFORMAT, "a tail has a bad threshold or scale");
    for (size_t i = 0; i < tail->count; i++)
        if (!isfinite(tail->value[i]) || !isfinite(tail->surprise[i]) || tail->surprise[i] < 0 ||
            (i &&
             (tail->value[i] <= tail->value[i - 1] || tail->surprise[i] < tail->surprise[i - 1])))
            return odd_fail(err, ODDROW_EFORMAT, "a tail's knots do not rise");
    close_tail(tail);
    return 0;
}
