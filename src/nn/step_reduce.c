/* nn/step_reduce.c: gradients of the parameters from what the shards left. */
#include "nn/step_reduce.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { N = ODD_PANEL, BLOCK = 8192, ENTRIES = 256 };

static float *gradient_of(const odd_reduction *r, size_t tensor)
{
    return r->gradient + r->network->tensors[tensor].offset;
}

/* Adam over floats [from, to) of a tensor */
static void update(odd_reduction *r, size_t tensor, size_t from, size_t to)
{
    const odd_tensor *t = r->network->tensors + tensor;
    const size_t at = t->offset + from;
    odd_adam adam = r->adam;

    if (tensor < r->C && r->frozen && r->frozen[tensor])
        return; /* embedding.<i> is tensor i */
    adam.shrink = t->decay ? (float)(1 - r->rate * r->weight_decay) : 1.0f;
    r->fold->kernels->adam(r->network->parameters + at, r->moment1 + at, r->moment2 + at,
                           r->gradient + at, &adam, to - from);
}

static void update_whole(odd_reduction *r, size_t tensor)
{
    const odd_tensor *t = r->network->tensors + tensor;
    update(r, tensor, 0, t->rows * t->cols);
}

/* The last task to write into layer 1's weights updates them. */
static void finish_layer1(odd_reduction *r)
{
    if (atomic_fetch_sub_explicit(&r->waiting, 1, memory_order_acq_rel) == 1)
        update_whole(r, r->network->dense);
}

/* out (rows, cols) packed = in (rows, cols) of padded stride */
static void unpad(float *out, size_t out_stride, const float *in, size_t rows, size_t cols)
{
    for (size_t i = 0; i < rows; i++)
        memcpy(out + i * out_stride, in + i * ODD_PADDED(cols), cols * sizeof *out);
}

/* A folded column, from dT (V, H_1) = sum over rows of the gradient before layer 1's activation and
 * dG (V, H), dg (V) = sums of the lanes. With T = E S^T, S = W_1[:, slice], G = E W, g = E b +
 * beta: dE = dT S + dG W^T + dg b^T     dS = dT^T E     dW = E^T dG     db = E^T dg     dbeta = dg
 */
static void reduce_folded(odd_reduction *r, const odd_fold *f, size_t i, float *scratch)
{
    const odd_network *n = r->network;
    const odd_kernels *k = f->kernels;
    const odd_fold_column *c = f->columns + i;
    const size_t V = n->config.V[i], E = n->config.E[i], H = n->H, H1 = n->config.widths[0],
                 head = n->head + 3 * i, wide = ODD_PADDED(E);
    const float *table = odd_network_tensor(n, i),
                *slice = odd_network_tensor(n, n->dense) + n->first[i],
                *bias = odd_network_tensor(n, head + 1);
    float *dT = scratch, *dG = dT + V * f->table_stride, *dg = dG + V * f->head_stride,
          *out = dg + ODD_PADDED(V) + 16;

    memset(dT, 0, V * f->table_stride * sizeof *dT);
    for (size_t s = 0; s < r->shards; s++)
        k->scatter_add(dT, f->table_stride, r->shard[s].layer1, f->table_stride,
                       r->shard[s].ids + i, r->C, N, f->table_stride);
    k->sum(dG, r->sums + r->layout.head + c->row * f->head_stride, r->layout.size, r->lanes,
           V * f->head_stride);
    k->sum(dg, r->sums + r->layout.head_bias + c->row, r->layout.size, r->lanes, V);

    k->multiply(out, wide, dT, f->table_stride, slice, n->X, NULL, false, V, E, H1);
    k->multiply(out, wide, dG, f->head_stride, c->head, wide, NULL, true, V, E, H);
    k->multiply(out, wide, dg, 1, bias, 0, NULL, true, V, E, 1);
    unpad(gradient_of(r, i), E, out, V, E);
    k->multiply_transposed(out, wide, dT, f->table_stride, table, E, NULL, false, H1, E, V);
    unpad(gradient_of(r, n->dense) + n->first[i], n->X, out, H1, E);
    k->multiply_transposed(out, f->head_stride, table, E, dG, f->head_stride, NULL, false, E, H, V);
    unpad(gradient_of(r, head), H, out, E, H);
    k->multiply_transposed(out, 16, table, E, dg, 1, NULL, false, E, 1, V);
    for (size_t e = 0; e < E; e++)
        gradient_of(r, head + 1)[e] = out[e * 16];
    memcpy(gradient_of(r, head + 2), dg, V * sizeof *dg);

    update_whole(r, i);
    for (size_t t = head; t < head + 3; t++)
        update_whole(r, t);
    finish_layer1(r);
}

/* Entries [from, to) of a direct column: dE[id] += dx over rows, and with heads
 * dE += dlogits query^T, dbeta += sums of dlogits, over the shards in order. */
static void reduce_direct(odd_reduction *r, const odd_task *task, float *scratch)
{
    const odd_network *n = r->network;
    const odd_kernels *k = r->fold->kernels;
    const size_t i = task->index, E = n->config.E[i], wide = ODD_PADDED(E), slot = r->slot[i],
                 entries = task->to - task->from;
    const bool heads = n->config.objective == ODD_ROW;

    memset(scratch, 0, entries * wide * sizeof *scratch);
    if (heads)
        memset(gradient_of(r, n->head + 3 * i + 2) + task->from, 0, entries * sizeof *scratch);
    for (size_t s = 0; s < r->shards; s++) {
        const odd_shard_rows *shard = r->shard + s;
        for (size_t row = 0; row < N; row++) {
            const size_t id = shard->ids[row * r->C + i];
            if (id >= task->from && id < task->to)
                k->add(scratch + (id - task->from) * wide, scratch + (id - task->from) * wide,
                       shard->x + row * r->x_stride + slot, E);
        }
        if (!heads)
            continue;
        const float *dlogits = shard->logits + (r->fold->columns[i].logits + task->from) * N;
        k->multiply(scratch, wide, dlogits, N, shard->query + slot, r->x_stride, NULL, true,
                    entries, E, N);
        k->row_add(gradient_of(r, n->head + 3 * i + 2) + task->from, dlogits, N, entries, N);
    }
    unpad(gradient_of(r, i) + task->from * E, E, scratch, entries, E);
    update(r, i, task->from * E, task->to * E);
    if (heads)
        update(r, n->head + 3 * i + 2, task->from, task->to);
}

static void reduce_block(odd_reduction *r, const odd_task *task)
{
    const odd_tensor *t = r->network->tensors + task->tensor;
    const odd_kernels *k = r->fold->kernels;
    float *out = gradient_of(r, task->tensor) + task->column;
    const float *in = r->sums + task->lane;

    if (task->stride == 1) /* a bias */
        k->sum(out + task->from, in + task->from, r->layout.size, r->lanes, task->to - task->from);
    else
        for (size_t i = task->from; i < task->to; i++)
            k->sum(out + i * t->cols, in + i * task->stride, r->layout.size, r->lanes, task->cols);
    if (task->tensor == r->network->dense && r->shared > 0)
        finish_layer1(r);
    else
        update(r, task->tensor, task->from * t->cols, task->to * t->cols);
}

void odd_reduction_task(void *reduction, size_t index, size_t thread)
{
    odd_reduction *r = reduction;
    const odd_task *task = r->tasks + index;
    float *scratch = r->scratch + thread * r->scratch_size;

    switch (task->kind) {
    case ODD_TASK_FOLDED:
        reduce_folded(r, r->folds[thread % r->fold_count], task->index, scratch);
        break;
    case ODD_TASK_DIRECT:
        reduce_direct(r, task, scratch);
        break;
    case ODD_TASK_BLOCK:
        reduce_block(r, task);
        break;
    }
}

/* Adds a task, or with tasks NULL counts it. */
static void plan(odd_reduction *r, odd_task task)
{
    if (r->tasks)
        r->tasks[r->task_count] = task;
    r->task_count++;
}

/* A matrix in tasks of about BLOCK floats. */
static void plan_rows(odd_reduction *r, size_t tensor, size_t column, size_t cols, size_t lane,
                      size_t stride)
{
    const size_t rows = r->network->tensors[tensor].rows;
    size_t step = BLOCK / cols > 0 ? BLOCK / cols : 1;

    for (size_t from = 0; from < rows; from += step) {
        size_t to = from + step < rows ? from + step : rows;
        plan(r, (odd_task){.kind = ODD_TASK_BLOCK,
                           .from = from,
                           .to = to,
                           .tensor = tensor,
                           .column = column,
                           .cols = cols,
                           .lane = lane,
                           .stride = stride,
                           .cost = (double)((to - from) * cols)});
    }
}

static void plan_matrix(odd_reduction *r, size_t tensor, size_t column, size_t cols, size_t lane)
{
    plan_rows(r, tensor, column, cols, lane, ODD_PADDED(cols));
}

static void plan_bias(odd_reduction *r, size_t tensor, size_t lane)
{
    plan_rows(r, tensor, 0, 1, lane, 1);
}

static void plan_dense(odd_reduction *r)
{
    const odd_network *n = r->network;
    const odd_network_config *c = &n->config;
    const odd_lane_layout *y = &r->layout;
    const size_t before = r->task_count;

    for (size_t i = 0; i < r->fold->run_count; i++)
        plan_matrix(r, n->dense, r->fold->runs[i].first, r->fold->runs[i].width, y->run[i]);
    r->shared = r->fold->folded > 0 || r->fold->run_count > 1
                    ? r->fold->folded + r->task_count - before
                    : 0;
    for (size_t l = 0; l < c->layers; l++) {
        if (l > 0)
            plan_matrix(r, n->dense + 2 * l, 0, c->widths[l - 1], y->dense[l]);
        plan_bias(r, n->dense + 2 * l + 1, y->dense_bias[l]);
    }
    if (c->P > 0) {
        plan_matrix(r, n->projection, 0, c->F + c->M, y->projection);
        plan_bias(r, n->projection + 1, y->projection_bias);
    }
}

static void plan_heads(odd_reduction *r)
{
    const odd_network *n = r->network;
    const odd_network_config *c = &n->config;
    const odd_lane_layout *y = &r->layout;

    for (size_t i = 0; i < c->C && r->fold->direct_logits; i++)
        if (!r->fold->columns[i].folded) {
            plan_matrix(r, n->head + 3 * i, 0, n->H, y->direct[i]);
            plan_bias(r, n->head + 3 * i + 1, y->direct_bias[i]);
        }
    if (n->numeric != ODD_NO_TENSOR) {
        plan_matrix(r, n->numeric, 0, n->H, y->head + r->fold->rows * r->fold->head_stride);
        plan_bias(r, n->numeric + 1, y->head_bias + r->fold->rows);
    }
    if (n->output != ODD_NO_TENSOR) {
        plan_matrix(r, n->output, 0, n->H, y->output);
        plan_bias(r, n->output + 1, y->output_bias);
    }
}

static void plan_columns(odd_reduction *r)
{
    const odd_network *n = r->network;

    for (size_t i = 0; i < n->config.C; i++) {
        const size_t V = n->config.V[i], E = n->config.E[i], wide = ODD_PADDED(E);
        size_t need = (V < ENTRIES ? V : ENTRIES) * wide;
        if (r->fold->columns[i].folded) {
            const size_t stride = r->fold->table_stride, head = r->fold->head_stride;
            size_t out = V * wide;
            out = n->config.widths[0] * wide > out ? n->config.widths[0] * wide : out;
            out = E * head > out ? E * head : out;
            out = E * 16 > out ? E * 16 : out;
            need = V * stride + V * head + ODD_PADDED(V) + 16 + out;
            plan(r, (odd_task){.kind = ODD_TASK_FOLDED,
                               .index = i,
                               .cost = (double)V * (double)(wide * 8 + stride) + 20000});
        } else
            for (size_t from = 0; from < V; from += ENTRIES)
                plan(r, (odd_task){.kind = ODD_TASK_DIRECT,
                                   .index = i,
                                   .from = from,
                                   .to = from + ENTRIES < V ? from + ENTRIES : V,
                                   .cost = (double)ENTRIES * (double)wide * 16});
        r->scratch_size = need + 16 > r->scratch_size ? need + 16 : r->scratch_size;
    }
}

static int compare(const void *a, const void *b)
{
    const odd_task *x = a, *y = b;
    return (x->cost < y->cost) - (x->cost > y->cost);
}

bool odd_reduction_plan(odd_reduction *r, size_t threads)
{
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) {
            r->tasks = odd_alloc(r->task_count, sizeof *r->tasks);
            if (r->tasks == NULL)
                return false;
        }
        r->task_count = 0;
        plan_columns(r);
        plan_dense(r);
        plan_heads(r);
    }
    qsort(r->tasks, r->task_count, sizeof *r->tasks, compare);
    r->scratch_size = ODD_PADDED(r->scratch_size);
    r->scratch = odd_alloc(threads * r->scratch_size + 16, sizeof *r->scratch);
    return r->scratch != NULL;
}

void odd_reduction_free(odd_reduction *r)
{
    if (!r)
        return;
    odd_lane_layout_free(&r->layout);
    odd_free(r->tasks);
    odd_free(r->scratch);
}
