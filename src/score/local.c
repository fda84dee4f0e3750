/* score/local.c: the measure of the nearest place where training rows lie: the Euclidean distance
 * from x to the nearest prototype, prototypes being the centres of k-means over training rows. */
#include "score/local.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "math/kernels.h"
#include "math/matrix.h"
#include "score/slices.h"

enum { SEED_ROWS = 4096, ITERATIONS = 20, BLOCK = 512, SEED_STREAM = 0x6b6d };

/* ---- fit ---- */

/* |a - b|^2 */
static double squared_distance(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t j = 0; j < n; j++) {
        double d = (double)a[j] - (double)b[j];
        sum += d * d;
    }
    return sum;
}

/* k-means++: each further centre is a row drawn in proportion to its squared distance from the
 * centres so far. */
static int seed_centers(const float *x, size_t n, size_t X, size_t wanted, uint64_t seed,
                        float *centers, oddrow_error *err)
{
    size_t rows = n < SEED_ROWS ? n : SEED_ROWS;
    odd_random random;
    double *near = odd_alloc(rows, sizeof *near);
    if (!near)
        return odd_no_memory(err);
    odd_random_start(&random, seed, SEED_STREAM);
    /* row i of the part is row i * n / rows of x */
    size_t chosen = (size_t)odd_random_below(&random, rows);
    for (size_t i = 0; i < rows; i++)
        near[i] = INFINITY;
    for (size_t k = 0; k < wanted; k++) {
        double total = 0;
        assert(rows); /* n >= wanted > k */
        memcpy(centers + k * X, x + chosen * n / rows * X, X * sizeof *x);
        for (size_t i = 0; i < rows; i++) {
            double d = squared_distance(x + i * n / rows * X, centers + k * X, X);
            near[i] = d < near[i] ? d : near[i];
            total += near[i];
        }
        double at = odd_random_uniform(&random) * total;
        for (chosen = 0; chosen + 1 < rows && at >= near[chosen]; chosen++)
            at -= near[chosen];
    }
    odd_free(near);
    return 0;
}

typedef struct lloyd {
    const float *x, *centers;
    size_t n, X, wanted;
    float *half_norms; /* |c|^2 / 2 */
    float *scratch;    /* (threads, BLOCK, wanted) */
    uint32_t *nearest; /* (n) */
    bool failed;
} lloyd;

/* The nearest centre maximises x.c - |c|^2 / 2. */
static void assign_block(void *context, size_t index, size_t thread)
{
    lloyd *l = context;
    size_t first = index * BLOCK, rows = l->n - first < BLOCK ? l->n - first : BLOCK;
    float *product = l->scratch + thread * BLOCK * l->wanted;
    if (odd_sgemm(false, true, rows, l->wanted, l->X, 1, l->x + first * l->X, l->X, l->centers,
                  l->X, 0, product, l->wanted, NULL))
        l->failed = true;
    for (size_t i = 0; i < rows; i++) {
        const float *p = product + i * l->wanted;
        size_t best = 0;
        for (size_t k = 1; k < l->wanted; k++)
            if (p[k] - l->half_norms[k] > p[best] - l->half_norms[best])
                best = k;
        l->nearest[first + i] = (uint32_t)best;
    }
}

/* Moves each centre to the mean of its rows; one without rows stays. Returns whether any moved. */
static bool move_centers(const lloyd *l, double *sums, size_t *counts, float *centers)
{
    bool moved = false;
    memset(sums, 0, l->wanted * l->X * sizeof *sums);
    memset(counts, 0, l->wanted * sizeof *counts);
    for (size_t i = 0; i < l->n; i++) {
        double *sum = sums + l->nearest[i] * l->X;
        counts[l->nearest[i]]++;
        for (size_t j = 0; j < l->X; j++)
            sum[j] += l->x[i * l->X + j];
    }
    for (size_t k = 0; k < l->wanted; k++)
        for (size_t j = 0; counts[k] && j < l->X; j++) {
            float mean = (float)(sums[k * l->X + j] / (double)counts[k]);
            moved |= mean != centers[k * l->X + j];
            centers[k * l->X + j] = mean;
        }
    return moved;
}

int odd_kmeans(const float *x, size_t n, size_t X, size_t wanted, uint64_t seed, odd_pool *pool,
               float *centers, oddrow_error *err)
{
    lloyd l = {.x = x, .centers = centers, .n = n, .X = X, .wanted = wanted};
    double *sums = odd_alloc(wanted * X, sizeof *sums);
    size_t *counts = odd_alloc(wanted, sizeof *counts);
    l.half_norms = odd_alloc(wanted, sizeof(float));
    l.scratch = odd_alloc(odd_pool_threads(pool) * BLOCK * wanted, sizeof(float));
    l.nearest = odd_alloc(n, sizeof(uint32_t));
    int rc = sums && counts && l.half_norms && l.scratch && l.nearest
                 ? seed_centers(x, n, X, wanted, seed, centers, err)
                 : odd_no_memory(err);
    bool moved = true;
    for (size_t i = 0; !rc && moved && i < ITERATIONS; i++) {
        for (size_t k = 0; k < wanted; k++) {
            double norm = 0;
            for (size_t j = 0; j < X; j++)
                norm += (double)centers[k * X + j] * centers[k * X + j];
            l.half_norms[k] = (float)(norm / 2);
        }
        odd_pool_run(pool, (n + BLOCK - 1) / BLOCK, assign_block, &l);
        if (l.failed)
            rc =
                odd_fail(err, ODDROW_EINVAL, "%zu prototypes of width %zu are too many", wanted, X);
        else
            moved = move_centers(&l, sums, counts, centers);
    }
    odd_free(sums);
    odd_free(counts);
    odd_free(l.half_norms);
    odd_free(l.scratch);
    odd_free(l.nearest);
    return rc;
}

int odd_verdict_prototypes(odd_verdict *verdict, size_t count, oddrow_error *err)
{
    verdict->prototypes = odd_alloc(count * verdict->network->X, sizeof(float));
    verdict->prototype_count = count;
    return verdict->prototypes ? 0 : odd_no_memory(err);
}

static int fit(odd_verdict *verdict, const odd_fitting *fitting, oddrow_error *err)
{
    size_t X = verdict->network->X, n = fitting->rows->count;
    size_t count = n < ODD_PROTOTYPES ? n : ODD_PROTOTYPES;
    int rc = odd_verdict_prototypes(verdict, count, err);
    if (!rc && n > count)
        return odd_kmeans(fitting->x, n, X, count, fitting->seed, fitting->pool,
                          verdict->prototypes, err);
    if (!rc)
        memcpy(verdict->prototypes, fitting->x, n * X * sizeof(float));
    return rc;
}

static void release(odd_verdict *verdict)
{
    odd_free(verdict->prototypes);
}

/* ---- sums: |x - p|^2 for every prototype p, less |x - mean|^2 in the multiplied places, which
 * all prototypes share ---- */

static size_t width(const odd_verdict *verdict)
{
    return verdict->prototype_count;
}

static void of_category(const odd_verdict *verdict, size_t first, const float *e, size_t E,
                        float *out)
{
    for (size_t p = 0; p < verdict->prototype_count; p++)
        out[p] =
            (float)squared_distance(e, verdict->prototypes + p * verdict->network->X + first, E);
}

static double from_mean(const odd_verdict *verdict, size_t p, size_t j)
{
    return (double)verdict->prototypes[p * verdict->network->X + j] -
           (double)verdict->shape.mean[j];
}

static void of_place(const odd_verdict *verdict, size_t j, float *factor, float *start)
{
    for (size_t p = 0; p < verdict->prototype_count; p++) {
        double d = from_mean(verdict, p, j);
        factor[p] = (float)(-2 * d);
        start[p] += (float)(d * d);
    }
}

static const odd_slice_sums sums = {width, of_category, of_place};

/* ---- apply ---- */

/* The distance from row i to prototype p, summed anew without cancellation: the sum that found the
 * prototype has lost digits where it is small. */
static float distance(const odd_pass *pass, size_t i, size_t p)
{
    const odd_slices *s = pass->sums->slices;
    const uint32_t *ids = pass->rows->ids + i * pass->rows->C;
    const float *z = pass->sums->z + i * s->width;
    float sum = 0;
    for (size_t t = 0; t < s->folded; t++)
        sum += s->table[t][ids[s->column[t]] * s->stride + s->at[ODD_MEASURE_LOCAL] + p];
    for (size_t j = 0; j < s->depth; j++) {
        float d = z[j] - (float)from_mean(pass->verdict, p, s->place[j]);
        sum += d * d;
    }
    return sqrtf(sum);
}

static void apply(const odd_pass *pass, float *out)
{
    enum { SIDE = 64 };
    const odd_slices *s = pass->sums->slices;
    const float *q = pass->sums->q + s->at[ODD_MEASURE_LOCAL];
    size_t count = pass->verdict->prototype_count;
    for (size_t first = 0; first < pass->rows->count; first += SIDE) {
        size_t left = pass->rows->count - first, side = left < SIDE ? left : SIDE;
        uint32_t nearest[SIDE];
        odd_kernels_best()->row_argmin(nearest, q + first * s->stride, s->stride, side,
                                       ODD_PADDED(count));
        for (size_t i = 0; i < side; i++) /* any place where a sum is not a number */
            out[first + i] = distance(pass, first + i, nearest[i] < count ? nearest[i] : 0);
    }
}

static void plain(const odd_pass *pass, float *out)
{
    const odd_verdict *verdict = pass->verdict;
    size_t X = verdict->network->X;
    for (size_t i = 0; i < pass->rows->count; i++) {
        double least = INFINITY;
        for (size_t p = 0; p < verdict->prototype_count; p++)
            least = fmin(least, squared_distance(pass->x + i * X, verdict->prototypes + p * X, X));
        out[i] = (float)sqrt(least);
    }
}

const odd_measure odd_measure_local = {
    .name = "local",
    .part = ODD_PART_LOCAL,
    .weight = 1,
    .free = release,
    .fit = fit,
    .sums = &sums,
    .apply = apply,
    .plain = plain,
};
