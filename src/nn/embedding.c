/* nn/embedding.c: the layer of the embedding tables, x[slice i] = E_i[id_i], with layer 1's product
 * folded into them where that pays. */
#include <string.h>

#include "base/random.h"
#include "nn/panel.h"
#include "nn/plain.h"
#include "nn/reduce.h"

enum { ENTRIES = 256 };

static void tensors(const odd_layer *l, odd_network *n)
{
    const odd_network_config *c = &n->config;
    (void)l;
    for (size_t i = 0; i < c->C; i++) {
        const odd_tensor tensor = {.rows = c->V[i],
                                   .cols = c->E[i],
                                   .start = ODD_NORMAL,
                                   .gain = (double)c->embedding_sd,
                                   .fan = 1};
        odd_network_add(n, tensor, "embedding.%zu", i);
    }
}

static void plain(const odd_layer *l, odd_plain *s)
{
    const odd_network *n = s->network;
    for (size_t i = 0; i < n->config.C; i++)
        memcpy(s->x + n->first[i], odd_plain_tensor(s, l, i) + s->input_ids[i] * n->config.E[i],
               n->config.E[i] * sizeof *s->x);
}

/* ---- folding ---- */

/* Multiplications with and without folding, over a step of B rows (forward and backward are three
 * products each), or a row of inference when B is 0. */
static bool pays(const odd_network *n, size_t i, size_t B)
{
    const double V = (double)n->config.V[i], E = (double)n->config.E[i], H = (double)n->H,
                 H1 = (double)n->config.widths[0], rows = (double)B;
    const double folded = 3 * V * E * (H1 + H) + 3 * rows * V * H,
                 direct = 3 * rows * (E * H1 + E * H + V * E);
    if (!n->heads)
        return false;
    if (B == 0)
        return V * H <= 1.5 * (E * H1 + E * H + V * E);
    return folded <= 1.5 * direct; /* one large product runs faster than three small ones */
}

void odd_embedding_fold(odd_plan *p)
{
    const odd_network *n = p->network;
    for (size_t i = 0; i < n->config.C; i++) {
        odd_fold *f = p->columns + i;
        const size_t V = n->config.V[i];
        f->folded = pays(n, i, p->B);
        if (f->folded) {
            f->row = p->rows;
            p->order[p->folded++] = i;
            p->rows += V;
            p->cost += (double)V * (double)n->config.E[i] * (double)(n->config.widths[0] + n->H);
            continue;
        }
        f->slot = p->x_stride;
        p->x_stride += ODD_PADDED(n->config.E[i]);
        f->logits = p->direct_logits;
        if (n->heads)
            p->direct_logits += V;
        if (n->heads && V > p->direct_most)
            p->direct_most = V;
    }
    p->heads = n->heads ? p->rows + n->config.F : 0;
    p->tasks = p->folded + (p->heads > p->rows);
    for (size_t i = 0; i <= n->config.C; i++) { /* the last is the projection */
        size_t width = i < n->config.C ? n->config.E[i] : n->config.P;
        if (width == 0 || (i < n->config.C && p->columns[i].folded))
            continue;
        if (p->run_count == 0 ||
            p->runs[p->run_count - 1].first + p->runs[p->run_count - 1].width != n->first[i])
            p->runs[p->run_count++] = (odd_run){n->first[i], 0};
        p->runs[p->run_count - 1].width += width;
    }
}

/* T_i */
void odd_embedding_fill(const odd_plan *p, size_t i)
{
    const odd_network *n = p->network;
    const odd_fold *f = p->columns + i;
    const size_t E = n->config.E[i], H1 = n->config.widths[0], stride = p->table_stride;
    p->kernels->transpose(f->slice, stride, odd_network_tensor(n, n->dense) + n->first[i], n->X, H1,
                          E);
    p->kernels->multiply(p->table + f->row * stride, stride, odd_network_tensor(n, i), E, f->slice,
                         stride, NULL, false, n->config.V[i], H1, E);
}

/* ---- forward ---- */

static void memory(const odd_layer *l, odd_panel *p, odd_carver *c)
{
    const size_t C = p->n->config.C, folded = p->plan->folded;
    (void)l;
    p->ids = odd_carve(c, N * C, sizeof *p->ids);
    p->input_ids = odd_carve(c, N * C, sizeof *p->input_ids);
    p->folded_ids = odd_carve(c, N * folded, sizeof *p->folded_ids);
    p->masked = odd_carve(c, N * (C + p->n->config.M), 1);
    p->gathered = odd_carve(c, folded ? N * p->plan->table_stride : 0, sizeof *p->gathered);
    p->x = odd_carve(c, p->n->X * N, sizeof *p->x);
    p->x_rows = odd_carve(c, N * ODD_PADDED(p->n->X), sizeof *p->x_rows);
}

/* Which columns of each row are hidden at the input: with training's mask a draw that depends on
 * nothing but seed, step, row and column (a hash serves four columns, 16 bits each), or the one
 * column that scoring asks for. */
static void mask(odd_panel *p)
{
    const odd_panel_input *in = p->in;
    const size_t columns = p->n->config.C + p->n->config.M;
    const uint32_t bound = (uint32_t)(in->mask * 65536 + 0.5);
    p->masks = in->mask > 0 || in->masked_column != ODD_NO_COLUMN;
    for (size_t r = 0; r < p->rows && p->masks; r++) {
        const size_t row = in->first_row + r;
        const int column = in->masked_column == ODD_OWN_COLUMN ? (int)row : in->masked_column;
        uint8_t *masked = p->masked + r * columns;
        for (size_t j = 0; j < columns; j += 4) {
            uint64_t place = (uint64_t)row << 32 | j / 4;
            uint64_t draw = bound ? odd_random_hash(in->seed, in->number, place) : 0;
            for (size_t i = j; i < columns && i < j + 4; i++, draw >>= 16)
                masked[i] = (draw & 0xFFFF) < bound || column == (int)i;
        }
    }
}

static void load(odd_panel *p)
{
    const odd_network_config *c = &p->n->config;
    const size_t C = c->C, folded = p->plan->folded;
    mask(p);
    for (size_t r = 0; r < p->padded; r++) {
        const uint8_t *masked = p->masked + r * (C + c->M);
        uint32_t *ids = p->ids + r * C, *input = p->input_ids + r * C;
        for (size_t i = 0; i < C; i++) {
            uint32_t id = r < p->rows ? p->in->rows.ids[r * C + i] : 0;
            input[i] = ids[i] = id < c->V[i] ? id : 0;
        }
        for (size_t i = 0; i < C && p->masks && r < p->rows; i++)
            input[i] = masked[i] ? 0 : input[i];
        for (size_t i = 0; i < folded; i++)
            p->folded_ids[r * folded + i] = input[p->plan->order[i]];
    }
}

/* x of direct columns; the folded ones enter odd_embedding_product by their ids. */
static void forward(const odd_layer *l, odd_panel *p)
{
    const size_t C = p->n->config.C, stride = ODD_PADDED(p->n->X);
    load(p);
    for (size_t i = 0; i < C; i++) {
        const float *table = odd_layer_tensor(l, p->n, i);
        const size_t E = p->n->config.E[i], first = p->n->first[i];
        if (p->plan->columns[i].folded)
            continue;
        for (size_t r = 0; r < p->padded; r++)
            memcpy(p->x_rows + r * stride + first, table + p->input_ids[r * C + i] * E,
                   E * sizeof *table);
        p->k->transpose(p->x + first * N, N, p->x_rows + first, stride, p->padded, E);
    }
}

void odd_embedding_x(const odd_panel *p, float *x)
{
    const size_t C = p->n->config.C, *E = p->n->config.E, *first = p->n->first;
    for (size_t r = 0; r < p->rows; r++, x += p->n->X) {
        for (size_t i = 0; i < C; i++)
            memcpy(x + first[i], odd_network_tensor(p->n, i) + p->input_ids[r * C + i] * E[i],
                   E[i] * sizeof *x);
        for (size_t j = first[C]; j < p->n->X; j++)
            x[j] = p->x[j * N + r];
    }
}

/* sum of T_i[id_i] over the folded columns + W_1[:, runs] x + b_1 */
void odd_embedding_product(odd_panel *p, float *y)
{
    const odd_plan *f = p->plan;
    const size_t H1 = p->n->config.widths[0], wide = f->table_stride;
    const float *weight = odd_network_tensor(p->n, p->n->dense),
                *bias = odd_network_tensor(p->n, p->n->dense + 1);
    if (f->folded) {
        p->k->gather_add(p->gathered, wide, bias, f->tables, f->folded, wide, p->folded_ids,
                         f->folded, p->padded, wide);
        p->k->transpose(y, N, p->gathered, wide, p->padded, H1);
    }
    for (size_t r = 0; r < f->run_count; r++)
        p->k->multiply(y, N, weight + f->runs[r].first, p->n->X, p->x + f->runs[r].first * N, N,
                       bias, f->folded > 0 || r > 0, H1, p->padded, f->runs[r].width);
}

/* ---- backward ---- */

static void sums(const odd_layer *l, odd_plan *p)
{
    (void)l;
    for (size_t r = 0; r < p->run_count; r++)
        odd_plan_sum(p, p->network->dense, p->runs[r].first, p->network->config.widths[0],
                     p->runs[r].width);
}

/* Folded columns: dy is kept, for the tables. Direct slices:
 * dW_1[:, run] += dy x^T, dx = W_1[:, run]^T dy */
void odd_embedding_product_backward(odd_panel *p, const float *dy)
{
    const odd_plan *f = p->plan;
    const size_t H1 = p->n->config.widths[0], X = p->n->X;
    const float *weight = odd_network_tensor(p->n, p->n->dense);
    if (f->folded)
        p->k->transpose(p->shard->layer1, f->table_stride, dy, N, H1, N);
    for (size_t r = 0; r < f->run_count; r++) {
        const odd_sum *sum = f->sums + f->first_sum[0] + r;
        const odd_run run = f->runs[r];
        p->k->multiply(p->sums + sum->at, sum->stride, dy, N, p->x_rows + run.first, ODD_PADDED(X),
                       NULL, !p->start, H1, run.width, N);
        p->k->multiply_transposed(p->dx + run.first * N, N, weight + run.first, X, dy, N, NULL,
                                  false, run.width, N, H1);
    }
}

/* What the tables need is kept row-major, for the whole batch. */
static void backward(const odd_layer *l, odd_panel *p)
{
    const odd_plan *f = p->plan;
    (void)l;
    memcpy(p->shard->ids, p->input_ids, N * p->n->config.C * sizeof *p->input_ids);
    for (size_t i = 0; i < p->n->config.C; i++)
        if (!f->columns[i].folded)
            p->k->transpose(p->shard->x + f->columns[i].slot, f->x_stride,
                            p->dy + p->n->first[i] * N, N, p->n->config.E[i], N);
}

const odd_layer_ops odd_embedding_layer = {tensors, NULL,     sums,  memory,
                                           forward, backward, plain, NULL};

/* ---- gradients of the tables, over the whole batch ---- */

/* A folded column, from dT (V, H_1) = sum over rows of dL/d(W_1 x + b_1), and the tied head's part.
 * With T = E S^T, S = W_1[:, slice]:  dE = dT S + ...,  dS = dT^T E */
static void reduce_folded(odd_reduction *r, const odd_plan *p, const odd_task *task, float *scratch)
{
    const odd_network *n = p->network;
    const odd_kernels *k = p->kernels;
    const size_t i = task->index, V = n->config.V[i], E = n->config.E[i], H1 = n->config.widths[0],
                 wide = ODD_PADDED(E), stride = p->table_stride;
    float *dT = scratch, *dE = dT + V * stride, *dS = dE + V * wide, *rest = dS + H1 * wide;
    memset(dT, 0, V * stride * sizeof *dT);
    for (size_t s = 0; s < r->shards; s++)
        k->scatter_add(dT, stride, r->shard[s].layer1, stride, r->shard[s].ids + i, n->config.C, N,
                       stride);
    k->multiply(dE, wide, dT, stride, odd_network_tensor(n, n->dense) + n->first[i], n->X, NULL,
                false, V, E, H1);
    k->multiply_transposed(dS, wide, dT, stride, odd_network_tensor(n, i), E, NULL, false, H1, E,
                           V);
    odd_tied_reduce_folded(r, p, i, dE, rest);
    odd_reduce_put(r, i, 0, 0, V, dE, E);
    odd_reduce_put(r, n->dense, n->first[i], 0, H1, dS, E);
    odd_reduce_update(r, i, 0, V * E);
    odd_reduce_layer1(r);
}

/* Entries [from, to) of a direct column: dE[id] += dx over rows, and the tied head's part, over the
 * shards in order. */
static void reduce_direct(odd_reduction *r, const odd_plan *p, const odd_task *task, float *scratch)
{
    const odd_network *n = p->network;
    const size_t i = task->index, C = n->config.C, E = n->config.E[i], wide = ODD_PADDED(E),
                 slot = p->columns[i].slot;
    memset(scratch, 0, (task->to - task->from) * wide * sizeof *scratch);
    for (size_t s = 0; s < r->shards; s++) {
        const odd_shard *shard = r->shard + s;
        for (size_t row = 0; row < N; row++) {
            const size_t id = shard->ids[row * C + i];
            if (id < task->from || id >= task->to)
                continue;
            float *dE = scratch + (id - task->from) * wide;
            p->kernels->add(dE, dE, shard->x + row * p->x_stride + slot, E);
        }
        if (n->heads)
            odd_tied_reduce_direct(r, p, task, s, scratch);
    }
    odd_reduce_put(r, i, 0, task->from, task->to, scratch, E);
    odd_reduce_update(r, i, task->from * E, task->to * E);
    if (n->heads)
        odd_tied_update_direct(r, p, task);
}

void odd_embedding_tasks(odd_reduction *r)
{
    const odd_plan *p = r->plan;
    for (size_t i = 0; i < p->network->config.C; i++) {
        const size_t V = p->network->config.V[i], wide = ODD_PADDED(p->network->config.E[i]),
                     H1 = p->network->config.widths[0];
        if (p->columns[i].folded) {
            const double cost = (double)V * (double)(wide * 8 + p->table_stride) + 20000;
            odd_reduce_need(r, V * p->table_stride + (V + H1) * wide + odd_tied_scratch(p, i));
            odd_reduce_add(r, (odd_task){reduce_folded, i, 0, V, cost});
            continue;
        }
        odd_reduce_need(r, (V < ENTRIES ? V : ENTRIES) * wide);
        for (size_t from = 0; from < V; from += ENTRIES)
            odd_reduce_add(r, (odd_task){reduce_direct, i, from,
                                         from + ENTRIES < V ? from + ENTRIES : V,
                                         (double)ENTRIES * (double)wide * 16});
    }
}
