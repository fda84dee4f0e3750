/* embed/align.c: rotations from shared values, carried through all parts of a model. */
#include "embed/align.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "embed/near.h"
#include "math/decompose.h"
#include "math/matrix.h"
#include "model/parts.h"
#include "tables/embedding.h"

int odd_procrustes(const float *const *from, const float *const *to, size_t count, size_t E,
                   double *rotation, oddrow_error *err)
{
    double *product = odd_alloc(E * E, sizeof(double)), *u = odd_alloc(E * E, sizeof(double)),
           *vt = odd_alloc(E * E, sizeof(double)), *s = odd_alloc(E, sizeof(double));
    int rc = product && u && vt && s ? 0 : odd_no_memory(err);
    for (size_t i = 0; !rc && i < count; i++) { /* N^T O, unit rows */
        double scale = odd_embedding_norm(from[i], E) * odd_embedding_norm(to[i], E);
        for (size_t a = 0; scale > 0 && a < E; a++)
            for (size_t b = 0; b < E; b++)
                product[a * E + b] += (double)from[i][a] * (double)to[i][b] / scale;
    }
    if (!rc)
        rc = odd_svd(product, E, u, s, vt, err);
    if (!rc)
        rc = odd_dgemm(false, false, E, E, E, 1, u, E, vt, E, 0, rotation, E, err);
    odd_free(product);
    odd_free(u);
    odd_free(vt);
    odd_free(s);
    return rc;
}

/* ---- rotating ---- */

/* A rotation R (E, E) of the floats of one column: rows `stride` apart in a greater matrix. */
typedef struct turn {
    size_t E, stride;
    const double *rotation;
    double *scratch; /* (E) */
} turn;

/* v <- v R for `count` vectors, `stride` apart, whose E floats are `step` apart: rows of a table
 * with step 1; with stride 1 the columns of W, W <- R^T W. */
static void rotate(const turn *t, float *v, size_t count, size_t stride, size_t step)
{
    for (size_t i = 0; i < count; i++, v += stride) {
        memset(t->scratch, 0, t->E * sizeof(double));
        for (size_t a = 0; a < t->E; a++)
            for (size_t b = 0; b < t->E; b++)
                t->scratch[b] += (double)v[a * step] * t->rotation[a * t->stride + b];
        for (size_t b = 0; b < t->E; b++)
            v[b * step] = (float)t->scratch[b];
    }
}

/* Column c of the network in the coordinates x R. */
static void rotate_network(odd_network *network, size_t c, const turn *t)
{
    size_t first = network->first[c], at;
    const odd_tensor *layer = &network->tensors[network->dense];
    char name[40];
    rotate(t, odd_network_tensor(network, c), network->config.V[c], t->E, 1);
    rotate(t, odd_network_tensor(network, network->dense) + first, layer->rows, layer->cols, 1);
    snprintf(name, sizeof name, "head.%zu.weight", c);
    if ((at = odd_network_find(network, name)) != ODD_NO_TENSOR) {
        size_t n = network->tensors[at].cols;
        rotate(t, odd_network_tensor(network, at), n, 1, n);
    }
    snprintf(name, sizeof name, "head.%zu.bias", c);
    if ((at = odd_network_find(network, name)) != ODD_NO_TENSOR)
        rotate(t, odd_network_tensor(network, at), 1, t->E, 1);
    if (network->config.objective == ODD_EMBEDDING_MSE) { /* y is compared with x */
        size_t n = network->tensors[network->output].cols;
        rotate(t, odd_network_tensor(network, network->output) + first * n, n, 1, n);
        rotate(t, odd_network_tensor(network, network->output + 1) + first, 1, t->E, 1);
    }
}

/* |W (x - m)|^2 in the coordinates x' = R^T x: S' = R^T S R with S = L L^T, L = W^-1; then W' is
 * the inverse of the Cholesky factor of S'. `q` (X, X) is R for all columns, block by block. */
static int rotate_shape(odd_shape *shape, const double *q, oddrow_error *err)
{
    size_t n = shape->n;
    double *l = odd_alloc(n * n, sizeof(double)), *turned = odd_alloc(n * n, sizeof(double));
    int rc = l && turned ? 0 : odd_no_memory(err);
    for (size_t i = 0; !rc && i < n; i++)
        for (size_t j = 0; j <= i; j++)
            l[i * n + j] = (double)shape->whiten[i * n + j];
    if (!rc && !(rc = odd_lower_inverse(l, n, err)) &&
        !(rc = odd_dgemm(true, false, n, n, n, 1, q, n, l, n, 0, turned, n, err)) &&
        !(rc = odd_dgemm(false, true, n, n, n, 1, turned, n, turned, n, 0, l, n, err)) &&
        !(rc = odd_cholesky(l, n, err)))
        rc = odd_lower_inverse(l, n, err);
    for (size_t i = 0; !rc && i < n * n; i++)
        shape->whiten[i] = (float)l[i];
    odd_free(l);
    odd_free(turned);
    return rc;
}

/* Of variances alone, the rotated ones: var'_b = sum_a R_ab^2 var_a; whiten holds 1 / sd. */
static void rotate_variances(const turn *t, float *whiten)
{
    memset(t->scratch, 0, t->E * sizeof(double));
    for (size_t a = 0; a < t->E; a++)
        for (size_t b = 0; b < t->E; b++)
            t->scratch[b] += t->rotation[a * t->stride + b] * t->rotation[a * t->stride + b] /
                             ((double)whiten[a] * (double)whiten[a]);
    for (size_t b = 0; b < t->E; b++)
        whiten[b] = (float)(1 / sqrt(t->scratch[b]));
}

/* ---- pairs ---- */

/* The values that both tables have: pointers to their vectors, new and old. */
static size_t pair_up(const odd_embedding *new, const odd_embedding *old, const float **from,
                      const float **to)
{
    size_t count = 0;
    for (uint32_t id = 1; id < new->V; id++) {
        odd_span text = odd_vocabulary_text(new->vocabulary, id);
        odd_value_kind kind = odd_value_kind_of(new->vocabulary, id);
        uint32_t other = kind == ODD_VALUE_TEXT
                             ? odd_vocabulary_find(old->vocabulary, text.data, text.size)
                             : odd_value_id(old->vocabulary, kind);
        from[count] = new->vectors + id *new->E;
        to[count] = old->vectors + other * old->E;
        count += other && odd_embedding_norm(from[count], new->E) > 0 &&
                 odd_embedding_norm(to[count], old->E) > 0;
    }
    return count;
}

static double mean_cosine(const float *const *from, const float *const *to, size_t count, size_t E)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += odd_metric_of(ODD_COSINE, from[i], to[i], E);
    return count ? sum / (double)count : NAN;
}

/* One column: its rotation into the block of q, and the network with it. */
static int align_column(odd_model *model, const odd_model *old, size_t c, double *q,
                        odd_alignment *out, oddrow_error *err)
{
    odd_embedding table = odd_embedding_at(model, c), other;
    size_t E = table.E, X = model->network->X, first = model->network->first[c];
    const float **from = odd_alloc(table.V, sizeof *from), **to = odd_alloc(table.V, sizeof *to);
    double *rotation = odd_alloc(E * E + E, sizeof(double));
    int rc = from && to && rotation ? 0 : odd_no_memory(err);
    *out = (odd_alignment){.name = table.name, .E = E, .before = NAN, .after = NAN};
    if (!rc && !odd_embedding_find(old, table.name, &other, NULL))
        out->old_E = other.E;
    if (!rc && out->old_E == E)
        out->shared = pair_up(&table, &other, from, to);
    out->aligned = !rc && out->shared > 0;
    if (out->aligned) {
        out->before = mean_cosine(from, to, out->shared, E);
        rc = odd_procrustes(from, to, out->shared, E, rotation, err);
    }
    if (!rc && out->aligned) {
        rotate_network(model->network, c, &(turn){E, E, rotation, rotation + E * E});
        for (size_t a = 0; a < E; a++)
            memcpy(q + (first + a) * X + first, rotation + a * E, E * sizeof(double));
        out->after = mean_cosine(from, to, out->shared, E); /* the tables turned where they lie */
    }
    odd_free(from);
    odd_free(to);
    odd_free(rotation);
    return rc;
}

/* Prototypes, mean and shape follow x. */
static int rotate_rarity(odd_model *model, const double *q, bool *approximate, oddrow_error *err)
{
    const odd_network *network = model->network;
    odd_verdict *verdict = &model->verdict;
    size_t X = network->X;
    *approximate = false;
    if (!verdict->prototypes || !verdict->shape.whiten || !(verdict->shape.whiten[0] > 0))
        return 0; /* a model that does not score does without */
    *approximate = X > ODD_SHAPE_FULL;
    double *scratch = odd_alloc(X, sizeof(double));
    if (!scratch)
        return odd_no_memory(err);
    for (size_t c = 0; c < model->schema->C; c++) {
        size_t first = network->first[c];
        turn t = {network->config.E[c], X, q + first * X + first, scratch};
        rotate(&t, verdict->prototypes + first, verdict->prototype_count, X, 1);
        rotate(&t, verdict->shape.mean + first, 1, X, 1);
        if (*approximate)
            rotate_variances(&t, verdict->shape.whiten + first);
    }
    odd_free(scratch);
    return *approximate ? 0 : rotate_shape(&verdict->shape, q, err);
}

int odd_align(odd_model *model, const odd_model *old, odd_alignment *out, bool *approximate,
              oddrow_error *err)
{
    size_t X = model->network->X, done = 0;
    double *q = odd_alloc(X * X, sizeof(double)); /* all rotations, block by block */
    int rc = q ? 0 : odd_no_memory(err);
    for (size_t i = 0; !rc && i < X; i++)
        q[i * X + i] = 1;
    for (size_t c = 0; !rc && c < model->schema->C; c++) {
        rc = align_column(model, old, c, q, &out[c], err);
        done += out[c].aligned;
    }
    if (!rc && !done)
        rc = odd_fail(err, ODDROW_ESCHEMA,
                      "nothing to align: no embedding of the same column and width has a value in "
                      "both models");
    if (!rc)
        rc = rotate_rarity(model, q, approximate, err);
    if (!rc)
        rc = odd_model_seal(model, err);
    odd_free(q);
    return rc;
}
