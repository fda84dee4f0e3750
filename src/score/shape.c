#include "score/shape.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/sort.h"
#include "math/matrix.h"

enum { BLOCK = 256 };

typedef struct fitting {
    const float *rows;
    size_t count, n;
    const float *limit_of; /* (count) distances; rows beyond `limit` are left out; NULL: none */
    float limit;
    double *mean;  /* (n) */
    double *sums;  /* (n, n) */
    double *block; /* (BLOCK, n) */
    double ridge;
} fitting;

static bool left_out(const fitting *f, size_t row)
{
    return f->limit_of && f->limit_of[row] > f->limit;
}

/* Mean of the kept rows; returns how many there are. */
static size_t find_mean(fitting *f)
{
    size_t kept = 0;
    for (size_t j = 0; j < f->n; j++)
        f->mean[j] = 0;
    for (size_t i = 0; i < f->count; i++) {
        if (left_out(f, i))
            continue;
        kept++;
        for (size_t j = 0; j < f->n; j++)
            f->mean[j] += (double)f->rows[i * f->n + j];
    }
    for (size_t j = 0; j < f->n; j++)
        f->mean[j] /= (double)kept;
    return kept;
}

/* Variance of all entries about their common mean, and the ridge that follows from it. */
static int find_ridge(fitting *f, size_t kept, oddrow_error *err)
{
    double common = 0, variance = 0;
    for (size_t j = 0; j < f->n; j++)
        common += f->mean[j] / (double)f->n;
    for (size_t i = 0; i < f->count; i++)
        for (size_t j = 0; !left_out(f, i) && j < f->n; j++) {
            double d = (double)f->rows[i * f->n + j] - common;
            variance += d * d;
        }
    variance /= (double)kept * (double)f->n;
    if (!isfinite(variance))
        return odd_fail(err, ODDROW_ENUMERIC, "a learned input is not finite");
    f->ridge = ODD_SHAPE_RIDGE * (variance > 1e-6 ? variance : 1e-6);
    return 0;
}

/* sums += centred rows^T centred rows, a block at a time. */
static int add_products(fitting *f, oddrow_error *err)
{
    size_t filled = 0;
    for (size_t j = 0; j < f->n * f->n; j++)
        f->sums[j] = 0;
    for (size_t i = 0; i <= f->count; i++) {
        if (filled == BLOCK || (i == f->count && filled)) {
            int rc = odd_dgemm(true, false, f->n, f->n, filled, 1, f->block, f->n, f->block, f->n,
                               1, f->sums, f->n, err);
            if (rc)
                return rc;
            filled = 0;
        }
        if (i == f->count || left_out(f, i))
            continue;
        for (size_t j = 0; j < f->n; j++)
            f->block[filled * f->n + j] = (double)f->rows[i * f->n + j] - f->mean[j];
        filled++;
    }
    return 0;
}

/* Only the variances, for very wide rows. */
static void fit_variances(const fitting *f, size_t kept, odd_shape *shape)
{
    for (size_t j = 0; j < f->n; j++) {
        double sum = 0;
        for (size_t i = 0; i < f->count; i++) {
            double d = (double)f->rows[i * f->n + j] - f->mean[j];
            sum += left_out(f, i) ? 0 : d * d;
        }
        shape->mean[j] = (float)f->mean[j];
        shape->whiten[j] = (float)(1 / sqrt(sum / (double)(kept > 1 ? kept - 1 : 1) + f->ridge));
    }
}

static int fit_once(fitting *f, odd_shape *shape, oddrow_error *err)
{
    size_t n = f->n, kept = find_mean(f);
    int rc = find_ridge(f, kept, err);
    if (!rc && n > ODD_SHAPE_FULL) {
        fit_variances(f, kept, shape);
        return 0;
    }
    if (!rc)
        rc = add_products(f, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < n * n; i++)
        f->sums[i] /= (double)(kept > 1 ? kept - 1 : 1);
    for (size_t j = 0; j < n; j++)
        f->sums[j * n + j] += f->ridge;
    rc = odd_cholesky(f->sums, n, err);
    if (!rc)
        rc = odd_lower_inverse(f->sums, n, err);
    for (size_t i = 0; !rc && i < n * n; i++)
        shape->whiten[i] = (float)f->sums[i];
    for (size_t j = 0; !rc && j < n; j++)
        shape->mean[j] = (float)f->mean[j];
    return rc;
}

int odd_shape_fit(odd_shape *shape, const float *rows, size_t count, double trim, size_t rounds,
                  oddrow_error *err)
{
    fitting f = {.rows = rows, .count = count, .n = shape->n};
    float *distances = NULL, *sorted = NULL;
    int rc = 0;
    f.mean = odd_alloc(f.n, sizeof(double));
    f.sums = odd_alloc(f.n > ODD_SHAPE_FULL ? 1 : f.n * f.n, sizeof(double));
    f.block = odd_alloc(BLOCK * f.n, sizeof(double));
    distances = odd_alloc(count, sizeof(float));
    sorted = odd_alloc(count, sizeof(float));
    if (!f.mean || !f.sums || !f.block || !distances || !sorted)
        rc = odd_fail(err, ODDROW_ENOMEM, "out of memory for a covariance of %zu columns", f.n);
    if (!rc)
        rc = fit_once(&f, shape, err);
    for (size_t round = 0; !rc && trim > 0 && round < rounds; round++) {
        odd_shape_distances(shape, rows, count, distances);
        for (size_t i = 0; i < count; i++)
            sorted[i] = distances[i];
        odd_sort_floats(sorted, count);
        size_t last = (size_t)((1 - trim) * (double)(count - 1));
        f.limit_of = distances;
        f.limit = sorted[last];
        rc = fit_once(&f, shape, err);
    }
    odd_free(f.mean);
    odd_free(f.sums);
    odd_free(f.block);
    odd_free(distances);
    odd_free(sorted);
    return rc;
}
