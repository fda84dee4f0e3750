#include "model/rarity.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "math/kernels.h"

/* Vocabularies are folded into tables while all tables stay within this; others are multiplied. */
static const size_t FOLD_BYTES = (size_t)16 << 20;

struct odd_rarity {
    const odd_model *model;
    const odd_kernels *kernels;
    size_t near;   /* rows of Q for prototypes, padded to whole vectors */
    size_t stride; /* and those for whitened coordinates, padded */
    float *map;    /* (X, stride): Q, transposed */
    float *start;  /* (stride): q_0 */
    float **table; /* (C): (V, stride), or NULL: multiplied */
    size_t folded;
    const float **tables; /* (folded) of table, and which column each is */
    size_t *column;
};

/* Wide shapes have no matrix to fold: their coordinates are scaled one by one. */
static bool diagonal(const odd_model *model)
{
    return model->shape.n > ODD_SHAPE_FULL;
}

static void fill_map(odd_rarity *r)
{
    const odd_model *model = r->model;
    const float *mean = model->shape.mean;
    size_t X = model->network->X;
    for (size_t p = 0; p < r->near; p++) {
        double norm = 0;
        r->start[p] = 1e30f; /* padding is far away */
        if (p >= model->prototype_count)
            continue;
        for (size_t j = 0; j < X; j++) {
            double d = (double)model->prototypes[p * X + j] - (double)mean[j];
            r->map[j * r->stride + p] = (float)(-2 * d);
            norm += d * d;
        }
        r->start[p] = (float)norm;
    }
    for (size_t i = 0; !diagonal(model) && i < X; i++)
        for (size_t j = 0; j <= i; j++)
            r->map[j * r->stride + r->near + i] = model->shape.whiten[i * X + j];
}

/* table[id] = Q[:, slice] (E[id] - mean slice) */
static int fold_column(odd_rarity *r, size_t c, oddrow_error *err)
{
    const odd_network *network = r->model->network;
    size_t V = network->config.V[c], E = network->config.E[c];
    size_t first = network->first[c];
    const float *embedding = odd_network_tensor(network, c), *mean = r->model->shape.mean + first;
    r->table[c] = odd_alloc(V * r->stride, sizeof(float));
    if (!r->table[c])
        return odd_fail(err, ODDROW_ENOMEM, "out of memory");
    for (size_t id = 0; id < V; id++)
        for (size_t q = 0; q < r->stride; q++) {
            double sum = 0;
            for (size_t j = 0; j < E; j++)
                sum += (double)r->map[(first + j) * r->stride + q] *
                       ((double)embedding[id * E + j] - (double)mean[j]);
            r->table[c][id * r->stride + q] = (float)sum;
        }
    r->tables[r->folded] = r->table[c];
    r->column[r->folded++] = c;
    return 0;
}

static int fold(odd_rarity *r, oddrow_error *err)
{
    const odd_network *network = r->model->network;
    size_t C = network->config.C, X = network->X, bytes = 0;
    r->near = ODD_PADDED(r->model->prototype_count);
    r->stride = r->near + (diagonal(r->model) ? 0 : ODD_PADDED(X));
    r->map = odd_alloc(r->stride * X, sizeof(float));
    r->start = odd_alloc(r->stride, sizeof(float));
    r->table = odd_alloc(C + 1, sizeof(float *));
    r->tables = odd_alloc(C + 1, sizeof(float *));
    r->column = odd_alloc(C + 1, sizeof(size_t));
    if (!r->map || !r->start || !r->table || !r->tables || !r->column)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory");
    fill_map(r);
    for (size_t c = 0; c < C; c++) {
        size_t more = network->config.V[c] * r->stride * sizeof(float);
        int rc = bytes + more <= FOLD_BYTES ? fold_column(r, c, err) : 0;
        if (rc)
            return rc;
        bytes += r->table[c] ? more : 0;
    }
    return 0;
}

int odd_rarity_new(const odd_model *model, odd_rarity **out, oddrow_error *err)
{
    odd_rarity *r = odd_alloc(1, sizeof *r);
    *out = r;
    if (!r)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory");
    r->model = model;
    r->kernels = odd_kernels_best();
    int rc = model->prototype_count ? fold(r, err) : 0;
    if (rc)
        odd_rarity_free(out);
    return rc;
}

void odd_rarity_free(odd_rarity **rarity)
{
    if (!rarity || !*rarity)
        return;
    odd_rarity *r = *rarity;
    for (size_t c = 0; r->table && c < r->model->network->config.C; c++)
        odd_free(r->table[c]);
    odd_free(r->map);
    odd_free(r->start);
    odd_free(r->table);
    odd_free(r->tables);
    odd_free(r->column);
    odd_free(r);
    *rarity = NULL;
}

size_t odd_rarity_floats(const odd_rarity *rarity)
{
    return rarity->stride + rarity->model->network->X;
}

size_t odd_rarity_ids(const odd_rarity *rarity)
{
    return rarity->folded + 1;
}

/* q (B, stride) = Q (x - mean) + q_0; centred (B, X) is scratch. */
static void apply(const odd_rarity *r, const uint32_t *ids, const float *x, size_t rows, float *q,
                  float *centred, uint32_t *folded_ids)
{
    const odd_network *network = r->model->network;
    size_t C = network->config.C, X = network->X;
    const float *mean = r->model->shape.mean;
    for (size_t i = 0; i < rows; i++) {
        for (size_t t = 0; t < r->folded; t++) {
            uint32_t id = ids[i * C + r->column[t]];
            folded_ids[i * r->folded + t] = id < network->config.V[r->column[t]] ? id : 0;
        }
    }
    r->kernels->gather_add(q, r->stride, r->start, r->tables, r->folded, r->stride, folded_ids,
                           r->folded, rows, r->stride);
    for (size_t c = 0; c <= C; c++) {
        size_t first = network->first[c], end = c < C ? network->first[c + 1] : X;
        if (end == first || (c < C && r->table[c]))
            continue;
        for (size_t i = 0; i < rows; i++)
            for (size_t j = first; j < end; j++)
                centred[i * X + j] = x[i * X + j] - mean[j];
        r->kernels->multiply(q, r->stride, centred + first, X, r->map + first * r->stride,
                             r->stride, NULL, true, rows, r->stride, end - first);
    }
}

/* The distance itself is computed anew, since q has lost digits where it is small. */
static void measure_local(const odd_rarity *r, const float *x, size_t rows, const float *q,
                          float *difference, uint32_t *nearest, float *local)
{
    size_t X = r->model->network->X;
    r->kernels->row_argmin(nearest, q, r->stride, rows, r->near);
    for (size_t i = 0; i < rows; i++) {
        const float *prototype = r->model->prototypes + nearest[i] * X;
        for (size_t j = 0; j < X; j++)
            difference[i * X + j] = x[i * X + j] - prototype[j];
    }
    r->kernels->row_squares(local, difference, X, rows, X);
    for (size_t i = 0; i < rows; i++)
        local[i] = sqrtf(local[i]);
}

void odd_rarity_measure(const odd_rarity *r, const uint32_t *ids, const float *x, size_t rows,
                        float *floats, uint32_t *id_scratch, float *local, float *shape)
{
    size_t X = r->model->network->X;
    float *q = floats, *centred = floats + rows * r->stride;
    if (!local && !shape)
        return;
    apply(r, ids, x, rows, q, centred, id_scratch);
    if (shape && diagonal(r->model)) {
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < X; j++)
                centred[i * X + j] =
                    (x[i * X + j] - r->model->shape.mean[j]) * r->model->shape.whiten[j];
        r->kernels->row_squares(shape, centred, X, rows, X);
    } else if (shape) {
        r->kernels->row_squares(shape, q + r->near, r->stride, rows, X);
    }
    if (local)
        measure_local(r, x, rows, q, centred, id_scratch, local);
}

static double squared_distance(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t j = 0; j < n; j++) {
        double d = (double)a[j] - (double)b[j];
        sum += d * d;
    }
    return sum;
}

void odd_rarity_measure_plain(const odd_model *model, const float *x, size_t rows, float *local,
                              float *shape)
{
    size_t X = model->network->X;
    for (size_t i = 0; local && i < rows; i++) {
        double least = INFINITY;
        for (size_t p = 0; p < model->prototype_count; p++) {
            double d = squared_distance(x + i * X, model->prototypes + p * X, X);
            least = d < least ? d : least;
        }
        local[i] = (float)sqrt(least);
    }
    if (shape)
        odd_shape_distances(&model->shape, x, rows, shape);
}
