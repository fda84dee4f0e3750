/* score/slices.c: tables of what categories add to the sums, and the map of all other slices. */
#include "score/slices.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "math/kernels.h"

/* Vocabularies are folded into tables while all tables stay within this; others are multiplied. */
static const size_t FOLD_BYTES = (size_t)16 << 20;

/* ---- the shared tables ---- */

static size_t slice_width(const odd_network *network, size_t c)
{
    return (c < network->config.C ? network->first[c + 1] : network->X) - network->first[c];
}

static const odd_slice_sums *sums_of(const odd_verdict *verdict, size_t m)
{
    const odd_slice_sums *sums = odd_measures[m]->sums;
    return verdict->prototype_count && sums && sums->width(verdict) ? sums : NULL;
}

/* table[id]: what E[id] adds. */
static int fold_column(odd_slices *s, size_t c, oddrow_error *err)
{
    const odd_network *network = s->verdict->network;
    size_t V = network->config.V[c], E = network->config.E[c];
    float *table = odd_alloc(V * s->stride, sizeof(float));
    if (!table)
        return odd_no_memory(err);
    s->table[s->folded] = table;
    s->column[s->folded++] = c;
    for (size_t m = 0; m < ODD_MEASURES; m++) {
        const odd_slice_sums *sums = sums_of(s->verdict, m);
        for (size_t id = 0; sums && id < V; id++)
            sums->of_category(s->verdict, network->first[c],
                              odd_network_tensor(network, c) + id * E, E,
                              table + id * s->stride + s->at[m]);
    }
    return 0;
}

/* Which columns become tables, and which places of x are multiplied. */
static int plan(odd_slices *s, oddrow_error *err)
{
    const odd_network *network = s->verdict->network;
    size_t C = network->config.C, bytes = 0;
    for (size_t c = 0; c <= C; c++) {
        size_t more = c < C ? network->config.V[c] * s->stride * sizeof(float) : SIZE_MAX;
        if (c < C && bytes + more <= FOLD_BYTES) {
            int rc = fold_column(s, c, err);
            if (rc)
                return rc;
            bytes += more;
        } else {
            for (size_t j = 0; j < slice_width(network, c); j++)
                s->place[s->depth++] = network->first[c] + j;
        }
    }
    size_t P = slice_width(network, C); /* the product writes whole vectors */
    s->width = s->depth - P + ODD_PADDED(P);
    return 0;
}

static void fill_map(odd_slices *s)
{
    for (size_t m = 0; m < ODD_MEASURES; m++) {
        const odd_slice_sums *sums = sums_of(s->verdict, m);
        float *start = s->start + s->at[m];
        if (!sums)
            continue;
        for (size_t i = 0; i < s->depth; i++)
            sums->of_place(s->verdict, s->place[i], s->map + i * s->stride + s->at[m], start);
        for (size_t i = sums->width(s->verdict); i < ODD_PADDED(sums->width(s->verdict)); i++)
            start[i] = 1e30f;
    }
}

static void fill_projection(odd_slices *s)
{
    const odd_network *network = s->verdict->network;
    const odd_network_config *c = &network->config;
    size_t inputs = c->F + c->M, P = slice_width(network, c->C), padded = ODD_PADDED(P);
    if (P == 0)
        return;
    const float *weight = odd_network_tensor(network, network->projection);
    const float *bias = odd_network_tensor(network, network->projection + 1);
    for (size_t j = 0; j < P; j++) {
        s->z_start[s->depth - P + j] = bias[j] - s->verdict->shape.mean[network->first[c->C] + j];
        for (size_t u = 0; u < inputs; u++)
            s->projection[u * padded + j] = weight[j * inputs + u];
    }
}

static int fold(odd_slices *s, oddrow_error *err)
{
    const odd_network *network = s->verdict->network;
    const odd_network_config *c = &network->config;
    s->start = odd_alloc(s->stride, sizeof(float));
    s->table = odd_alloc(c->C, sizeof *s->table);
    s->column = odd_alloc(c->C, sizeof *s->column);
    s->place = odd_alloc(network->X, sizeof *s->place);
    int rc = s->start && s->table && s->column && s->place ? plan(s, err) : odd_no_memory(err);
    if (rc)
        return rc;
    s->map = odd_alloc(s->depth * s->stride, sizeof(float));
    s->z_start = odd_alloc(s->width, sizeof(float));
    s->projection = odd_alloc((c->F + c->M) * ODD_PADDED(c->P), sizeof(float));
    if (!s->map || !s->z_start || !s->projection)
        return odd_no_memory(err);
    fill_map(s);
    fill_projection(s);
    return 0;
}

int odd_slices_new(const odd_verdict *verdict, odd_slices **out, oddrow_error *err)
{
    odd_slices *s = *out = odd_alloc(1, sizeof *s);
    if (!s)
        return odd_no_memory(err);
    s->verdict = verdict;
    for (size_t m = 0; m < ODD_MEASURES; m++) {
        const odd_slice_sums *sums = sums_of(verdict, m);
        s->at[m] = s->stride;
        s->stride += sums ? ODD_PADDED(sums->width(verdict)) : 0;
    }
    int rc = s->stride ? fold(s, err) : 0;
    if (rc)
        odd_slices_free(out);
    return rc;
}

void odd_slices_free(odd_slices **slices)
{
    if (!slices || !*slices)
        return;
    odd_slices *s = *slices;
    for (size_t t = 0; t < s->folded; t++)
        odd_free((float *)s->table[t]);
    odd_free(s->start);
    odd_free(s->table);
    odd_free(s->column);
    odd_free(s->place);
    odd_free(s->map);
    odd_free(s->z_start);
    odd_free(s->projection);
    odd_free(s);
    *slices = NULL;
}

/* ---- the sums of rows ---- */

int odd_sums_new(const odd_slices *s, size_t rows, odd_sums *out, oddrow_error *err)
{
    const odd_network_config *c = &s->verdict->network->config;
    *out = (odd_sums){.slices = s};
    out->q = odd_alloc(rows * s->stride, sizeof(float));
    out->z = odd_alloc(rows * s->width, sizeof(float));
    out->u = odd_alloc(rows * (c->F + c->M), sizeof(float));
    out->ids = odd_alloc(rows * s->folded, sizeof(uint32_t));
    return out->q && out->z && out->u && out->ids ? 0 : odd_no_memory(err);
}

void odd_sums_free(odd_sums *sums)
{
    if (!sums)
        return;
    odd_free(sums->q);
    odd_free(sums->z);
    odd_free(sums->u);
    odd_free(sums->ids);
    *sums = (odd_sums){0};
}

/* z: embeddings as they are, the projection as a product. */
static void fill_z(odd_sums *sums, const odd_rows *rows, const odd_kernels *kernels)
{
    const odd_slices *s = sums->slices;
    const odd_network *network = s->verdict->network;
    const odd_network_config *c = &network->config;
    size_t F = c->F, inputs = c->F + c->M, P = slice_width(network, c->C);
    for (size_t i = 0; i < rows->count; i++) {
        float *z = sums->z + i * s->width, *u = sums->u + i * inputs;
        memcpy(z, s->z_start, s->width * sizeof *z);
        for (size_t k = 0, t = 0, at = 0; k < c->C; k++) {
            if (t < s->folded && s->column[t] == k) {
                t++;
                continue;
            }
            const float *e = odd_network_tensor(network, k) + rows->ids[i * c->C + k] * c->E[k];
            const float *mean = s->verdict->shape.mean + network->first[k];
            for (size_t j = 0; j < c->E[k]; j++)
                z[at++] = e[j] - mean[j];
        }
        for (size_t f = 0; f < F; f++)
            u[f] = rows->values[i * F + f];
        for (size_t m = 0; m < c->M; m++)
            u[F + m] = rows->missing[i * c->M + m];
    }
    if (P)
        kernels->multiply(sums->z + s->depth - P, s->width, sums->u, inputs, s->projection,
                          ODD_PADDED(P), NULL, true, rows->count, P, inputs);
}

void odd_sums_run(odd_sums *sums, const odd_rows *rows)
{
    const odd_slices *s = sums->slices;
    const odd_kernels *kernels = odd_kernels_best();
    size_t C = s->verdict->network->config.C, B = rows->count;
    for (size_t i = 0; i < B; i++)
        for (size_t t = 0; t < s->folded; t++)
            sums->ids[i * s->folded + t] = rows->ids[i * C + s->column[t]];
    kernels->gather_add(sums->q, s->stride, s->start, s->table, s->folded, s->stride, sums->ids,
                        s->folded, B, s->stride);
    if (s->depth == 0)
        return;
    fill_z(sums, rows, kernels);
    kernels->multiply(sums->q, s->stride, sums->z, s->width, s->map, s->stride, NULL, true, B,
                      s->stride, s->depth);
}
