#include "score/prototypes.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "math/matrix.h"

enum { SEED_ROWS = 4096, ITERATIONS = 20, BLOCK = 512, SEED_STREAM = 0x6b6d };

/* |x - c|^2 of one row and one centre */
static double distance(const float *x, const float *c, size_t X)
{
    double sum = 0;
    for (size_t j = 0; j < X; j++) {
        double d = (double)x[j] - c[j];
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
            double d = distance(x + i * n / rows * X, centers + k * X, X);
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

int odd_prototypes_fit(const float *x, size_t n, size_t X, size_t wanted, uint64_t seed,
                       odd_pool *pool, float *centers, oddrow_error *err)
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
