/* embed/near.c: a pass in single precision finds candidates, which are ranked in double. */
#include "embed/near.h"

#include <float.h>
#include <math.h>

#include "base/error.h"
#include "math/kernels.h"

enum { BLOCK = 1024 };

double odd_metric_of(odd_metric metric, const float *a, const float *b, size_t width)
{
    double dot = 0, aa = 0, bb = 0, distance = 0;
    for (size_t j = 0; j < width; j++) {
        double x = (double)a[j], y = (double)b[j];
        dot += x * y;
        aa += x * x;
        bb += y * y;
        distance += (x - y) * (x - y);
    }
    if (metric == ODD_EUCLIDEAN)
        return sqrt(distance);
    double norms = sqrt(aa) * sqrt(bb);
    return norms > 0 ? dot / norms : aa + bb == 0 || dot == 0 ? 0 : NAN;
}

/* The k best so far, the worst of them first: a heap. */
typedef struct best {
    odd_metric metric;
    odd_neighbour *items;
    size_t k, count;
} best;

/* Whether a stands behind b. */
static bool worse(const best *t, odd_neighbour a, odd_neighbour b)
{
    if (a.value != b.value)
        return t->metric == ODD_COSINE ? a.value < b.value : a.value > b.value;
    return a.row > b.row;
}

static void sink(best *t, size_t i, size_t count)
{
    odd_neighbour item = t->items[i];
    for (size_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && worse(t, t->items[child + 1], t->items[child]))
            child++;
        if (!worse(t, t->items[child], item))
            break;
        t->items[i] = t->items[child];
    }
    t->items[i] = item;
}

static void offer(best *t, odd_neighbour item)
{
    if (isnan(item.value) || isinf(item.value))
        return;
    if (t->count < t->k) {
        size_t i = t->count++;
        while (i > 0 && worse(t, item, t->items[(i - 1) / 2])) {
            t->items[i] = t->items[(i - 1) / 2];
            i = (i - 1) / 2;
        }
        t->items[i] = item;
    } else if (worse(t, t->items[0], item)) {
        t->items[0] = item;
        sink(t, 0, t->count);
    }
}

/* Best first, in place. */
static void sort(best *t)
{
    for (size_t left = t->count; left > 1; left--) {
        odd_neighbour last = t->items[left - 1];
        t->items[left - 1] = t->items[0];
        t->items[0] = last;
        sink(t, 0, left - 1);
    }
}

/* One search. Sums of `width` products in single precision are off by at most about width rounding
 * errors of their size; `slack` is twice that. */
typedef struct search {
    const odd_kernels *kernels;
    const float *vectors, *query;
    size_t width, skip[2];
    double query_norm, slack;
    best best;
} search;

/* What a vector in single precision must reach to be worth a look. Cosines: the least signed
 * square, times |query|^2: dot |dot| below bound |vector|^2 is too far. Distances: the greatest. */
static float bound_of(const search *s)
{
    bool full = s->best.count == s->best.k;
    double worst = full ? s->best.items[0].value : 0;
    if (s->best.metric == ODD_EUCLIDEAN)
        return full ? (float)(worst * worst * (1 + s->slack) + (double)FLT_MIN) : INFINITY;
    double least = (worst - s->slack) * s->query_norm, bound = least * fabs(least);
    return full ? (float)(bound - fabs(bound) * 4 * FLT_EPSILON) : -FLT_MAX;
}

/* Looks at `rows` rows, at most BLOCK. What overflowed, underflowed or is not a number is looked at
 * in double. */
static void search_block(search *s, size_t first, size_t rows)
{
    float sums[BLOCK], squares[BLOCK]; /* dots or squared distances; |vector|^2 */
    const float *vectors = s->vectors + first * s->width;
    bool cosine = s->best.metric == ODD_COSINE;
    if (cosine)
        s->kernels->row_dots(sums, squares, vectors, s->width, s->query, rows, s->width);
    else
        s->kernels->row_distances(sums, vectors, s->width, s->query, rows, s->width);
    float bound = bound_of(s);
    for (size_t i = 0; i < rows; i++) {
        if (cosine ? sums[i] * fabsf(sums[i]) < bound * squares[i] && squares[i] < 1e18f &&
                         squares[i] > 1e-18f
                   : sums[i] > bound && sums[i] <= FLT_MAX)
            continue;
        if (first + i == s->skip[0] || first + i == s->skip[1])
            continue;
        double value = odd_metric_of(s->best.metric, vectors + i * s->width, s->query, s->width);
        offer(&s->best, (odd_neighbour){first + i, value});
        bound = bound_of(s);
    }
}

int odd_near(const float *vectors, size_t rows, size_t width, const float *query, odd_metric metric,
             size_t k, const size_t skip[2], odd_neighbour *out, size_t *found, oddrow_error *err)
{
    search s = {.kernels = odd_kernels_best(),
                .vectors = vectors,
                .query = query,
                .width = width,
                .skip = {skip ? skip[0] : SIZE_MAX, skip ? skip[1] : SIZE_MAX},
                .slack = 2 * ((double)width + 8) * (double)FLT_EPSILON,
                .best = {.metric = metric, .items = out, .k = k}};
    double squares = 0;
    *found = 0;
    for (size_t j = 0; j < width; j++) {
        if (!isfinite(query[j]))
            return odd_fail(err, ODDROW_ENUMERIC, "the vector asked for is not finite");
        squares += (double)query[j] * (double)query[j];
    }
    s.query_norm = sqrt(squares);
    for (size_t first = 0; k && first < rows; first += BLOCK)
        search_block(&s, first, rows - first < BLOCK ? rows - first : BLOCK);
    sort(&s.best);
    *found = s.best.count;
    return 0;
}
