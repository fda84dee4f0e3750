/* score/shape.c: the measure of the cloud of training rows as a whole: the squared Mahalanobis
 * distance from x to their mean. */
#include "score/shape.h"

#include <math.h>
#include <string.h>

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
    bool full = n <= ODD_SHAPE_FULL;
    for (size_t i = 0; i < count; i++, rows += n) {
        double sum = 0;
        for (size_t a = 0; a < n; a++) {
            const float *whiten = shape->whiten + (full ? a * n : 0);
            double y = 0;
            for (size_t b = full ? 0 : a; b <= a; b++)
                y += (double)whiten[b] * ((double)rows[b] - (double)shape->mean[b]);
            sum += y * y;
        }
        out[i] = (float)sum;
    }
}

/* ---- fit ---- */

/* Rows, and what is found of them. */
typedef struct estimate {
    const float **row; /* (count) */
    size_t count, n;
    double *mean;  /* (n) */
    double *block; /* (BLOCK, n) */
    double *sums;  /* (n, n); not of a wide shape */
    double freedom, ridge;
} estimate;

/* Mean; variance of all entries about their common mean, and the ridge that follows from it. */
static int find_mean(estimate *e, oddrow_error *err)
{
    double common = 0, variance = 0;
    memset(e->mean, 0, e->n * sizeof *e->mean);
    for (size_t i = 0; i < e->count; i++)
        for (size_t j = 0; j < e->n; j++)
            e->mean[j] += (double)e->row[i][j];
    for (size_t j = 0; j < e->n; j++) {
        e->mean[j] /= (double)e->count;
        common += e->mean[j] / (double)e->n;
    }
    for (size_t i = 0; i < e->count; i++)
        for (size_t j = 0; j < e->n; j++) {
            double d = (double)e->row[i][j] - common;
            variance += d * d;
        }
    variance /= (double)e->count * (double)e->n;
    if (!isfinite(variance))
        return odd_fail(err, ODDROW_ENUMERIC, "a learned input is not finite");
    e->ridge = ODD_SHAPE_RIDGE * (variance > 1e-6 ? variance : 1e-6);
    e->freedom = e->count > 1 ? (double)e->count - 1 : 1;
    return 0;
}

/* sums = covariance and ridge, from centred rows^T centred rows, a block at a time. */
static int find_covariance(estimate *e, oddrow_error *err)
{
    size_t n = e->n;
    memset(e->sums, 0, n * n * sizeof *e->sums);
    for (size_t first = 0; first < e->count; first += BLOCK) {
        size_t left = e->count - first, rows = left < BLOCK ? left : BLOCK;
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < n; j++)
                e->block[i * n + j] = (double)e->row[first + i][j] - e->mean[j];
        int rc =
            odd_dgemm(true, false, n, n, rows, 1, e->block, n, e->block, n, 1, e->sums, n, err);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < n * n; i++)
        e->sums[i] /= e->freedom;
    for (size_t j = 0; j < n; j++)
        e->sums[j * n + j] += e->ridge;
    return 0;
}

/* Only the variances, for very wide rows. */
static void fit_variances(const estimate *e, float *whiten)
{
    for (size_t j = 0; j < e->n; j++) {
        double sum = 0;
        for (size_t i = 0; i < e->count; i++) {
            double d = (double)e->row[i][j] - e->mean[j];
            sum += d * d;
        }
        whiten[j] = (float)(1 / sqrt(sum / e->freedom + e->ridge));
    }
}

static int fit_once(estimate *e, odd_shape *shape, oddrow_error *err)
{
    size_t n = e->n;
    int rc = find_mean(e, err);
    for (size_t j = 0; j < n; j++)
        shape->mean[j] = (float)e->mean[j];
    if (!rc && n > ODD_SHAPE_FULL) {
        fit_variances(e, shape->whiten);
        return 0;
    }
    if (!rc)
        rc = find_covariance(e, err);
    if (!rc)
        rc = odd_cholesky(e->sums, n, err);
    if (!rc)
        rc = odd_lower_inverse(e->sums, n, err);
    for (size_t i = 0; !rc && i < n * n; i++)
        shape->whiten[i] = (float)e->sums[i];
    return rc;
}

int odd_shape_fit(odd_shape *shape, const float *rows, size_t count, double trim, size_t rounds,
                  oddrow_error *err)
{
    size_t n = shape->n;
    double *numbers = odd_alloc(n + BLOCK * n + (n > ODD_SHAPE_FULL ? 0 : n * n), sizeof(double));
    float *distances = odd_alloc(2 * count, sizeof(float)), *sorted = NULL;
    estimate e = {.row = odd_alloc(count, sizeof *e.row), .count = count, .n = n};
    int rc = 0;
    if (!numbers || !distances || !e.row) {
        rc = odd_fail(err, ODDROW_ENOMEM, "out of memory for a covariance of %zu columns", n);
        goto done;
    }
    e.mean = numbers;
    e.block = e.mean + n;
    e.sums = e.block + BLOCK * n;
    sorted = distances + count;
    for (size_t i = 0; i < count; i++)
        e.row[i] = rows + i * n;
    rc = fit_once(&e, shape, err);
    for (size_t round = 0; !rc && trim > 0 && round < rounds; round++) {
        odd_shape_distances(shape, rows, count, distances);
        memcpy(sorted, distances, count * sizeof *sorted);
        odd_sort_floats(sorted, count);
        float limit = sorted[(size_t)((1 - trim) * (double)(count - 1))];
        e.count = 0;
        for (size_t i = 0; i < count; i++)
            if (!(distances[i] > limit))
                e.row[e.count++] = rows + i * n;
        rc = fit_once(&e, shape, err);
    }
done:
    odd_free(numbers);
    odd_free(distances);
    odd_free(e.row);
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
    .contaminated_weight = 1,
    .room = room,
    .free = release,
    .fit = fit,
    .sums = &sums,
    .reads_x = wide,
    .apply = apply,
    .plain = plain,
};
