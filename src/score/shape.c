/* score/shape.c: the measure of the cloud of training rows as a whole: the squared Mahalanobis
 * distance from x to their mean. */
#include "score/shape.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/sort.h"
#include "math/kernels.h"
#include "math/matrix.h"
#include "score/slices.h"

enum { BLOCK = 256, TRIM_ROUNDS = 3 };

/* ---- a shape ---- */

int odd_shape_new(odd_shape *shape, size_t n, oddrow_error *err)
{
    *shape = (odd_shape){.n = n};
    shape->mean = odd_alloc(n, sizeof(float));
    shape->whiten = odd_alloc(n > ODD_SHAPE_FULL ? n : n * n, sizeof(float));
    if (shape->mean && shape->whiten)
        return 0;
    odd_shape_free(shape);
    return odd_fail(err, ODDROW_ENOMEM, "out of memory for a covariance of %zu columns", n);
}

void odd_shape_free(odd_shape *shape)
{
    if (!shape)
        return;
    odd_free(shape->mean);
    odd_free(shape->whiten);
    *shape = (odd_shape){0};
}

void odd_shape_distances(const odd_shape *shape, const float *rows, size_t count, float *out)
{
    size_t n = shape->n;
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        bool full = n <= ODD_SHAPE_FULL;
        for (size_t a = 0; a < n; a++) {
            double y = full ? 0
                            : (double)shape->whiten[a] *
                                  ((double)rows[i * n + a] - (double)shape->mean[a]);
            for (size_t b = 0; full && b <= a; b++)
                y += (double)shape->whiten[a * n + b] *
                     ((double)rows[i * n + b] - (double)shape->mean[b]);
            sum += y * y;
        }
        out[i] = (float)sum;
    }
}

/* ---- fit ---- */

typedef struct estimate {
    const float *rows;
    size_t count, n;
    const float *limit_of; /* (count) distances; rows beyond `limit` are left out; NULL: none */
    float limit;
    double *mean;  /* (n) */
    double *sums;  /* (n, n) */
    double *block; /* (BLOCK, n) */
    double ridge;
} estimate;

static bool left_out(const estimate *f, size_t row)
{
    return f->limit_of && f->limit_of[row] > f->limit;
}

/* Mean of the kept rows; returns how many there are. */
static size_t find_mean(estimate *f)
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
static int find_ridge(estimate *f, size_t kept, oddrow_error *err)
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
static int add_products(estimate *f, oddrow_error *err)
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
static void fit_variances(const estimate *f, size_t kept, odd_shape *shape)
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

static int fit_once(estimate *f, odd_shape *shape, oddrow_error *err)
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
    estimate f = {.rows = rows, .count = count, .n = shape->n};
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

static int room(odd_verdict *verdict, oddrow_error *err)
{
    return odd_shape_new(&verdict->shape, verdict->network->X, err);
}

static void release(odd_verdict *verdict)
{
    odd_shape_free(&verdict->shape);
}

static int fit(odd_verdict *verdict, const odd_fitting *fitting, oddrow_error *err)
{
    return odd_shape_fit(&verdict->shape, fitting->x, fitting->rows->count,
                         2 * fitting->contamination, TRIM_ROUNDS, err);
}

/* ---- sums: the coordinates of W (x - mean); a wide shape has no matrix to fold ---- */

static bool wide(const odd_verdict *verdict)
{
    return verdict->shape.n > ODD_SHAPE_FULL;
}

static size_t width(const odd_verdict *verdict)
{
    return wide(verdict) ? 0 : verdict->shape.n;
}

/* W[q, j] */
static double whiten_at(const odd_shape *shape, size_t q, size_t j)
{
    return j > q ? 0 : (double)shape->whiten[q * shape->n + j];
}

static void of_category(const odd_verdict *verdict, size_t first, const float *e, size_t E,
                        float *out)
{
    const odd_shape *shape = &verdict->shape;
    for (size_t q = 0; q < shape->n; q++) {
        double sum = 0;
        for (size_t j = 0; j < E; j++)
            sum += whiten_at(shape, q, first + j) * ((double)e[j] - (double)shape->mean[first + j]);
        out[q] = (float)sum;
    }
}

static void of_place(const odd_verdict *verdict, size_t j, float *factor, float *start)
{
    (void)start;
    for (size_t q = 0; q < verdict->shape.n; q++)
        factor[q] = (float)whiten_at(&verdict->shape, q, j);
}

static const odd_slice_sums sums = {width, of_category, of_place};

/* ---- apply ---- */

static void apply(const odd_pass *pass, float *out)
{
    const odd_shape *shape = &pass->verdict->shape;
    size_t rows = pass->rows->count, n = shape->n;
    if (!wide(pass->verdict)) {
        const odd_slices *s = pass->sums->slices;
        odd_kernels_best()->row_squares(out, pass->sums->q + s->at[ODD_MEASURE_SHAPE], s->stride,
                                        rows, n);
        return;
    }
    for (size_t i = 0; i < rows; i++) {
        float sum = 0;
        for (size_t j = 0; j < n; j++) {
            float d = (pass->x[i * n + j] - shape->mean[j]) * shape->whiten[j];
            sum += d * d;
        }
        out[i] = sum;
    }
}

static void plain(const odd_pass *pass, float *out)
{
    odd_shape_distances(&pass->verdict->shape, pass->x, pass->rows->count, out);
}

const odd_measure odd_measure_shape = {
    .name = "shape",
    .part = ODD_PART_GLOBAL,
    .weight = 2,
    .dump_weight = 1,
    .room = room,
    .free = release,
    .fit = fit,
    .sums = &sums,
    .reads_x = wide,
    .apply = apply,
    .plain = plain,
};
