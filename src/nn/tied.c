/* nn/tied.c: the heads of the categorical columns: logits_i = E_i (W_i h + b_i) + beta_i, tied to
 * the embedding tables, with the column's loss -ln softmax(logits_i)[id_i].
 *
 * Folded, logits_i = G_i h + g_i (nn/plan.h); one product makes these and the numbers of the
 * numeric head, whose rows lie below.
 */
#include <string.h>

#include "nn/panel.h"
#include "nn/plain.h"
#include "nn/reduce.h"

/* W_i; b_i and beta_i follow */
static size_t head_of(const odd_network *n, size_t i)
{
    return n->layers[n->top].tensor + 3 * i;
}

static void tensors(const odd_layer *l, odd_network *n)
{
    const odd_network_config *c = &n->config;
    (void)l;
    for (size_t i = 0; i < c->C; i++) {
        odd_network_affine(n, c->E[i], n->H, ODD_UNIFORM, 1, "head.%zu", i);
        odd_network_add(n, (odd_tensor){.rows = c->V[i], .cols = 1}, "head.%zu.logit_bias", i);
    }
}

/* dG and dg of the folded columns; then dW_i and db_i of each direct column */
static void sums(const odd_layer *l, odd_plan *p)
{
    const odd_network *n = p->network;
    (void)l;
    odd_plan_sum(p, ODD_NO_TENSOR, 0, p->rows, n->H);
    odd_plan_sum(p, ODD_NO_TENSOR, 0, p->rows, 0);
    for (size_t i = 0; i < n->config.C; i++)
        if (!p->columns[i].folded)
            odd_plan_affine(p, head_of(n, i), n->config.E[i], n->H);
}

static void memory(const odd_layer *l, odd_panel *p, odd_carver *c)
{
    const odd_plan *f = p->plan;
    (void)l;
    p->query = odd_carve(c, f->direct_logits ? p->n->X * N : 0, sizeof *p->query);
    p->logits = odd_carve(c, f->heads * N, sizeof *p->logits);
    if (f->B == 0)
        p->direct_logits = odd_carve(c, f->direct_most * N, sizeof *p->direct_logits);
}

/* G_i and g_i. Padding columns of G hold nothing of use. */
void odd_tied_fill(const odd_plan *p, size_t i)
{
    const odd_network *n = p->network;
    const odd_kernels *k = p->kernels;
    const odd_fold *f = p->columns + i;
    const size_t V = n->config.V[i], E = n->config.E[i], H = n->H, head = head_of(n, i);
    const float *table = odd_network_tensor(n, i), *weight = odd_network_tensor(n, head);
    k->transpose(f->head, ODD_PADDED(E), weight, H, E, H);
    k->multiply(p->head + f->row * p->head_stride, p->head_stride, table, E, weight, H, NULL, false,
                V, H, E);
    k->multiply(f->scratch, 16, table, E, odd_network_tensor(n, head + 1), 1,
                odd_network_tensor(n, head + 2), false, V, 1, E);
    for (size_t v = 0; v < V; v++)
        p->bias[f->row + v] = f->scratch[v * 16];
}

/* Of a direct column: query = W_i h + b_i (E, N), logits = E_i query + beta_i (V, N) */
float *odd_tied_logits(odd_panel *p, size_t i)
{
    const odd_fold *f = p->plan->columns + i;
    const size_t E = p->n->config.E[i], V = p->n->config.V[i], head = head_of(p->n, i);
    if (f->folded)
        return p->logits + f->row * N;
    float *query = p->query + p->n->first[i] * N;
    float *logits = p->shard ? p->shard->logits + f->logits * N : p->direct_logits;
    p->k->multiply(query, N, odd_network_tensor(p->n, head), p->n->H, p->h, N,
                   odd_network_tensor(p->n, head + 1), false, E, p->padded, p->n->H);
    p->k->multiply(logits, N, odd_network_tensor(p->n, i), E, query, N,
                   odd_network_tensor(p->n, head + 2), false, V, p->padded, E);
    return logits;
}

static void forward(const odd_layer *l, odd_panel *p)
{
    const odd_plan *f = p->plan;
    const size_t C = p->n->config.C, *V = p->n->config.V;
    (void)l;
    p->k->multiply(p->logits, N, f->head, f->head_stride, p->h, N, f->bias, false, f->heads,
                   p->padded, p->n->H);
    for (size_t i = 0; i < C; i++) {
        float *logits = odd_tied_logits(p, i);
        if (f->B > 0)
            p->k->softmax(p->losses + i * N, logits, N, p->ids + i, C, V[i], N);
        else
            p->k->softmax_loss(p->losses + i * N, logits, N, p->ids + i, C, V[i], p->padded);
    }
}

/* dquery = E^T dlogits, dh += W^T dquery, dW += dquery h^T. dE = dlogits query^T and dbeta need the
 * whole batch: dlogits and query are kept. `sum` is dW's. */
static void direct_backward(const odd_layer *l, odd_panel *p, size_t i, size_t sum)
{
    const odd_plan *f = p->plan;
    const size_t E = p->n->config.E[i], V = p->n->config.V[i], H = p->n->H;
    const float *dlogits = p->shard->logits + f->columns[i].logits * N;
    float *dquery = p->dx;
    p->k->transpose(p->shard->query + f->columns[i].slot, f->x_stride,
                    p->query + p->n->first[i] * N, N, E, N);
    p->k->multiply_transposed(dquery, N, odd_network_tensor(p->n, i), E, dlogits, N, NULL, false, E,
                              N, V);
    odd_panel_weights(p, l, sum, dquery, p->y_rows, f->head_stride);
    p->k->multiply_transposed(p->dy, N, odd_network_tensor(p->n, head_of(p->n, i)), H, dquery, N,
                              NULL, true, H, N, E);
}

/* dh, the numeric head's part included: its gradients lie below those of the logits. */
static void backward(const odd_layer *l, odd_panel *p)
{
    const odd_plan *f = p->plan;
    const size_t C = p->n->config.C, H = p->n->H, *V = p->n->config.V;
    size_t sum = 0;
    for (size_t i = 0; i < C; i++) {
        float *logits = f->columns[i].folded ? p->logits + f->columns[i].row * N
                                             : p->shard->logits + f->columns[i].logits * N;
        p->k->softmax_backward(logits, N, p->scale, p->ids + i, C, V[i], N);
    }
    p->k->multiply_transposed(p->dy, N, f->head, f->head_stride, p->logits, N, NULL, false, H, N,
                              f->heads);
    if (f->rows > 0)
        odd_panel_weights(p, l, 0, p->logits, p->y_rows, f->head_stride);
    for (size_t i = 0; i < C; i++)
        if (!f->columns[i].folded)
            direct_backward(l, p, i, sum += 2);
}

static void plain(const odd_layer *l, odd_plain *s)
{
    const odd_network_config *c = &s->network->config;
    double *logits = s->probabilities, *query = s->scratch;
    for (size_t i = 0; i < c->C; logits += c->V[i++]) {
        odd_plain_affine(query, odd_plain_tensor(s, l, 3 * i), odd_plain_tensor(s, l, 3 * i + 1),
                         s->h, c->E[i], s->network->H);
        odd_plain_affine(logits, odd_plain_tensor(s, s->network->layers, i),
                         odd_plain_tensor(s, l, 3 * i + 2), query, c->V[i], c->E[i]);
        s->losses[i] = odd_plain_entropy(logits, c->V[i], s->ids[i]);
    }
}

const odd_layer_ops odd_tied_layer = {tensors, NULL, sums, memory, forward, backward, plain, NULL};

/* ---- gradients over the whole batch ---- */

/* Floats of scratch for odd_tied_reduce_folded. */
size_t odd_tied_scratch(const odd_plan *p, size_t i)
{
    const size_t V = p->network->config.V[i], E = p->network->config.E[i],
                 wide = p->head_stride > 16 ? p->head_stride : 16;
    return V * p->head_stride + ODD_PADDED(V) + 16 + E * wide;
}

/* From dG (V, H) and dg (V), sums of the lanes: with G = E W, g = E b + beta
 * dE += dG W^T + dg b^T,  dW = E^T dG,  db = E^T dg,  dbeta = dg.  dE (V, padded E) */
void odd_tied_reduce_folded(odd_reduction *r, const odd_plan *p, size_t i, float *dE,
                            float *scratch)
{
    const odd_network *n = p->network;
    const odd_kernels *k = p->kernels;
    const odd_fold *f = p->columns + i;
    const odd_sum *sum = p->sums + p->first_sum[n->top];
    const size_t V = n->config.V[i], E = n->config.E[i], H = n->H, head = head_of(n, i),
                 wide = ODD_PADDED(E), stride = p->head_stride;
    const float *table = odd_network_tensor(n, i), *bias = odd_network_tensor(n, head + 1);
    float *dG = scratch, *dg = dG + V * stride, *out = dg + ODD_PADDED(V) + 16;
    k->sum(dG, r->sums + sum[0].at + f->row * stride, p->lane, r->lanes, V * stride);
    k->sum(dg, r->sums + sum[1].at + f->row, p->lane, r->lanes, V);
    k->multiply(dE, wide, dG, stride, f->head, wide, NULL, true, V, E, H);
    k->multiply(dE, wide, dg, 1, bias, 0, NULL, true, V, E, 1);
    k->multiply_transposed(out, stride, table, E, dG, stride, NULL, false, E, H, V);
    odd_reduce_put(r, head, 0, 0, E, out, H);
    k->multiply_transposed(out, 16, table, E, dg, 1, NULL, false, E, 1, V);
    odd_reduce_put(r, head + 1, 0, 0, E, out, 1);
    memcpy(odd_reduce_gradient(r, head + 2), dg, V * sizeof *dg);
    odd_reduce_update(r, head, 0, E * H);
    odd_reduce_update(r, head + 1, 0, E);
    odd_reduce_update(r, head + 2, 0, V);
}

/* The part of shard s in entries of a direct column: dE += dlogits query^T, dbeta += sums of
 * dlogits. */
void odd_tied_reduce_direct(odd_reduction *r, const odd_plan *p, const odd_task *task, size_t s,
                            float *dE)
{
    const odd_shard *shard = r->shard + s;
    const odd_fold *f = p->columns + task->index;
    const size_t E = p->network->config.E[task->index], entries = task->to - task->from;
    const float *dlogits = shard->logits + (f->logits + task->from) * N;
    float *dbeta = odd_reduce_gradient(r, head_of(p->network, task->index) + 2) + task->from;
    if (s == 0)
        memset(dbeta, 0, entries * sizeof *dbeta);
    p->kernels->multiply(dE, ODD_PADDED(E), dlogits, N, shard->query + f->slot, p->x_stride, NULL,
                         true, entries, E, N);
    p->kernels->row_add(dbeta, dlogits, N, entries, N);
}

void odd_tied_update_direct(odd_reduction *r, const odd_plan *p, const odd_task *task)
{
    odd_reduce_update(r, head_of(p->network, task->index) + 2, task->from, task->to);
}
