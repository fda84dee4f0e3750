#include "score/rarity.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "math/kernels.h"

/* Vocabularies are folded into tables while all tables stay within this; others are multiplied. */
static const size_t FOLD_BYTES = (size_t)16 << 20;

static double squared_distance(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t j = 0; j < n; j++) {
        double d = (double)a[j] - (double)b[j];
        sum += d * d;
    }
    return sum;
}

struct odd_rarity {
    const odd_verdict *verdict;
    const odd_kernels *kernels;
    size_t near;   /* rows of Q for prototypes, padded to whole vectors */
    size_t stride; /* and those for whitened coordinates, padded */
    float *start;  /* (stride): q_0 */
    float **table; /* (C): (V, stride), or NULL: that slice of x is multiplied, as the projection */
    size_t folded;
    const float **tables; /* (folded) of table, and which column each is */
    size_t *column;
    size_t *slot; /* (C + 1): where a multiplied slice stands in z; [C] is the projection's */
    size_t width; /* of z, a multiple of 16; depth of them are in use */
    size_t depth;
    float *map;        /* (width, stride): Q of the multiplied slices, transposed */
    float *near_slice; /* (prototypes, width): p - mean of the multiplied slices */
    float *z_start;    /* (width): b_p - mean in the projection's slot */
    float *projection; /* (F + M, padded P): W_p^T */
};

/* Wide shapes have no matrix to fold: their coordinates are scaled one by one. */
static bool diagonal(const odd_verdict *verdict)
{
    return verdict->shape.n > ODD_SHAPE_FULL;
}

static size_t slice_width(const odd_network *network, size_t c)
{
    return (c < network->config.C ? network->first[c + 1] : network->X) - network->first[c];
}

/* W[q, j] */
static double whiten_at(const odd_verdict *verdict, size_t q, size_t j)
{
    return diagonal(verdict) || j > q ? 0 : (double)verdict->shape.whiten[q * verdict->shape.n + j];
}

/* table[id]: squared distances of E[id] to the prototypes' slices, then the slice's part of the
 * whitened coordinates, W[:, slice] (E[id] - mean slice). */
static int fold_column(odd_rarity *r, size_t c, oddrow_error *err)
{
    const odd_verdict *verdict = r->verdict;
    const odd_network *network = verdict->network;
    size_t V = network->config.V[c], E = network->config.E[c], X = network->X;
    size_t first = network->first[c];
    const float *table = odd_network_tensor(network, c), *mean = verdict->shape.mean + first;
    r->table[c] = odd_alloc(V * r->stride, sizeof(float));
    if (!r->table[c])
        return odd_no_memory(err);
    for (size_t id = 0; id < V; id++) {
        const float *e = table + id * E;
        float *out = r->table[c] + id * r->stride;
        for (size_t p = 0; p < verdict->prototype_count; p++)
            out[p] = (float)squared_distance(e, verdict->prototypes + p * X + first, E);
        for (size_t q = 0; !diagonal(verdict) && q < X; q++) {
            double sum = 0;
            for (size_t j = 0; j < E; j++)
                sum += whiten_at(verdict, q, first + j) * ((double)e[j] - (double)mean[j]);
            out[r->near + q] = (float)sum;
        }
    }
    r->tables[r->folded] = r->table[c];
    r->column[r->folded++] = c;
    return 0;
}

/* Q, and p - mean, of a multiplied slice. */
static void map_slice(odd_rarity *r, size_t c)
{
    const odd_verdict *verdict = r->verdict;
    size_t X = verdict->network->X, first = verdict->network->first[c];
    for (size_t j = 0; j < slice_width(verdict->network, c); j++) {
        float *row = r->map + (r->slot[c] + j) * r->stride;
        double mean = (double)verdict->shape.mean[first + j];
        for (size_t p = 0; p < verdict->prototype_count; p++) {
            double d = (double)verdict->prototypes[p * X + first + j] - mean;
            row[p] = (float)(-2 * d);
            r->near_slice[p * r->width + r->slot[c] + j] = (float)d;
            r->start[p] += (float)(d * d);
        }
        for (size_t q = 0; !diagonal(verdict) && q < X; q++)
            row[r->near + q] = (float)whiten_at(verdict, q, first + j);
    }
}

static void map_projection(odd_rarity *r)
{
    const odd_network *network = r->verdict->network;
    const odd_network_config *c = &network->config;
    size_t inputs = c->F + c->M, P = slice_width(network, c->C), padded = ODD_PADDED(P);
    if (P == 0)
        return;
    const float *weight = odd_network_tensor(network, network->projection);
    const float *bias = odd_network_tensor(network, network->projection + 1);
    for (size_t j = 0; j < P; j++) {
        r->z_start[r->slot[c->C] + j] = bias[j] - r->verdict->shape.mean[network->first[c->C] + j];
        for (size_t u = 0; u < inputs; u++)
            r->projection[u * padded + j] = weight[j * inputs + u];
    }
}

/* Which columns become tables, and where the slices of the others stand in z. */
static int plan(odd_rarity *r, oddrow_error *err)
{
    const odd_network *network = r->verdict->network;
    size_t C = network->config.C, bytes = 0;
    for (size_t c = 0; c <= C; c++) {
        size_t more = c < C ? network->config.V[c] * r->stride * sizeof(float) : SIZE_MAX;
        if (c < C && bytes + more <= FOLD_BYTES) {
            int rc = fold_column(r, c, err);
            if (rc)
                return rc;
            bytes += more;
        } else {
            r->slot[c] = r->width;
            r->depth = r->width + slice_width(network, c);
            r->width += ODD_PADDED(slice_width(network, c));
        }
    }
    return 0;
}

static int fold(odd_rarity *r, oddrow_error *err)
{
    const odd_network *network = r->verdict->network;
    const odd_network_config *c = &network->config;
    r->near = ODD_PADDED(r->verdict->prototype_count);
    r->stride = r->near + (diagonal(r->verdict) ? 0 : ODD_PADDED(network->X));
    r->start = odd_alloc(r->stride, sizeof(float));
    r->table = odd_alloc(c->C + 1, sizeof(float *));
    r->tables = odd_alloc(c->C + 1, sizeof(float *));
    r->column = odd_alloc(c->C + 1, sizeof(size_t));
    r->slot = odd_alloc(c->C + 1, sizeof(size_t));
    if (!r->start || !r->table || !r->tables || !r->column || !r->slot)
        return odd_no_memory(err);
    int rc = plan(r, err);
    if (rc)
        return rc;
    r->map = odd_alloc(r->width * r->stride + 1, sizeof(float));
    r->near_slice = odd_alloc(r->verdict->prototype_count * r->width + 1, sizeof(float));
    r->z_start = odd_alloc(r->width + 1, sizeof(float));
    r->projection = odd_alloc((c->F + c->M) * ODD_PADDED(c->P) + 1, sizeof(float));
    if (!r->map || !r->near_slice || !r->z_start || !r->projection)
        return odd_no_memory(err);
    for (size_t i = 0; i <= c->C; i++)
        if (i == c->C || !r->table[i])
            map_slice(r, i);
    map_projection(r);
    for (size_t p = r->verdict->prototype_count; p < r->near; p++)
        r->start[p] = 1e30f; /* padding is far away */
    return 0;
}

int odd_rarity_new(const odd_verdict *verdict, odd_rarity **out, oddrow_error *err)
{
    odd_rarity *r = odd_alloc(1, sizeof *r);
    *out = r;
    if (!r)
        return odd_no_memory(err);
    r->verdict = verdict;
    r->kernels = odd_kernels_best();
    int rc = verdict->prototype_count ? fold(r, err) : 0;
    if (rc)
        odd_rarity_free(out);
    return rc;
}

void odd_rarity_free(odd_rarity **rarity)
{
    if (!rarity || !*rarity)
        return;
    odd_rarity *r = *rarity;
    for (size_t c = 0; r->table && c < r->verdict->network->config.C; c++)
        odd_free(r->table[c]);
    odd_free(r->start);
    odd_free(r->table);
    odd_free(r->tables);
    odd_free(r->column);
    odd_free(r->slot);
    odd_free(r->map);
    odd_free(r->near_slice);
    odd_free(r->z_start);
    odd_free(r->projection);
    odd_free(r);
    *rarity = NULL;
}

/* Places of a row's scratch: q, z, and the inputs of the projection. */
size_t odd_rarity_floats(const odd_rarity *rarity)
{
    const odd_network_config *c = &rarity->verdict->network->config;
    return rarity->stride + rarity->width + c->F + c->M;
}

size_t odd_rarity_ids(const odd_rarity *rarity)
{
    return rarity->folded + 1;
}

/* z (B, width): the multiplied slices of x - mean. */
static void fill_z(const odd_rarity *r, const odd_rows *rows, const uint32_t *ids, float *z,
                   float *u)
{
    const odd_network *network = r->verdict->network;
    const odd_network_config *c = &network->config;
    size_t F = c->F, inputs = c->F + c->M, P = slice_width(network, c->C);
    for (size_t i = 0; i < rows->count; i++) {
        memcpy(z + i * r->width, r->z_start, r->width * sizeof *z);
        for (size_t k = 0; k < c->C; k++) {
            if (r->table[k])
                continue;
            const float *e = odd_network_tensor(network, k) + ids[i * c->C + k] * c->E[k];
            const float *mean = r->verdict->shape.mean + network->first[k];
            for (size_t j = 0; j < c->E[k]; j++)
                z[i * r->width + r->slot[k] + j] = e[j] - mean[j];
        }
        for (size_t f = 0; f < F; f++)
            u[i * inputs + f] = rows->values[i * F + f];
        for (size_t m = 0; m < c->M; m++)
            u[i * inputs + F + m] = rows->missing[i * c->M + m];
    }
    if (P)
        r->kernels->multiply(z + r->slot[c->C], r->width, u, inputs, r->projection, ODD_PADDED(P),
                             NULL, true, rows->count, P, inputs);
}

/* The distance itself is summed anew without cancellation: q has lost digits where it is small. */
static void measure_local(const odd_rarity *r, const uint32_t *ids, size_t rows, const float *q,
                          const float *z, uint32_t *nearest, float *local)
{
    size_t C = r->verdict->network->config.C;
    r->kernels->row_argmin(nearest, q, r->stride, rows, r->near);
    for (size_t i = 0; i < rows; i++) {
        size_t p = nearest[i];
        const float *place = r->near_slice + p * r->width;
        float sum = 0;
        for (size_t t = 0; t < r->folded; t++)
            sum += r->tables[t][ids[i * C + r->column[t]] * r->stride + p];
        for (size_t j = 0; j < r->depth; j++)
            sum += (z[i * r->width + j] - place[j]) * (z[i * r->width + j] - place[j]);
        local[i] = sqrtf(sum);
    }
}

/* Wide shapes: every coordinate by itself, those of the tables' columns from the embeddings. */
static void measure_diagonal(const odd_rarity *r, const odd_rows *rows, const float *x,
                             float *shape)
{
    const odd_shape *s = &r->verdict->shape;
    for (size_t i = 0; i < rows->count; i++) {
        float sum = 0;
        for (size_t j = 0; j < s->n; j++) {
            float d = (x[i * s->n + j] - s->mean[j]) * s->whiten[j];
            sum += d * d;
        }
        shape[i] = sum;
    }
}

bool odd_rarity_needs_x(const odd_rarity *rarity)
{
    return diagonal(rarity->verdict);
}

void odd_rarity_measure(const odd_rarity *r, const odd_rows *rows, const float *x, float *floats,
                        uint32_t *id_scratch, float *local, float *shape)
{
    const odd_network *network = r->verdict->network;
    size_t C = network->config.C, B = rows->count;
    float *q = floats, *z = q + B * r->stride, *u = z + B * r->width;
    if (!local && !shape)
        return;
    for (size_t i = 0; i < B; i++)
        for (size_t t = 0; t < r->folded; t++)
            id_scratch[i * r->folded + t] = rows->ids[i * C + r->column[t]];
    r->kernels->gather_add(q, r->stride, r->start, r->tables, r->folded, r->stride, id_scratch,
                           r->folded, B, r->stride);
    fill_z(r, rows, rows->ids, z, u);
    if (r->depth)
        r->kernels->multiply(q, r->stride, z, r->width, r->map, r->stride, NULL, true, B, r->stride,
                             r->depth);
    if (shape && diagonal(r->verdict))
        measure_diagonal(r, rows, x, shape);
    else if (shape)
        r->kernels->row_squares(shape, q + r->near, r->stride, B, network->X);
    if (local)
        measure_local(r, rows->ids, B, q, z, id_scratch, local);
}

void odd_rarity_measure_plain(const odd_verdict *verdict, const float *x, size_t rows, float *local,
                              float *shape)
{
    size_t X = verdict->network->X;
    for (size_t i = 0; local && i < rows; i++) {
        double least = INFINITY;
        for (size_t p = 0; p < verdict->prototype_count; p++) {
            double d = squared_distance(x + i * X, verdict->prototypes + p * X, X);
            least = d < least ? d : least;
        }
        local[i] = (float)sqrt(least);
    }
    if (shape)
        odd_shape_distances(&verdict->shape, x, rows, shape);
}
