/* nn/plan.c: a plan's memory, its sums, and the tasks that fill its tables. */
#include "nn/plan.h"

#include "base/error.h"
#include "base/memory.h"

void *odd_carve(odd_carver *c, size_t count, size_t size)
{
    char *at = c->memory ? c->memory + c->used : NULL;
    c->used += (count * size + 63) / 64 * 64;
    return at;
}

void *odd_carve_all(void (*carve)(void *owner, odd_carver *c), void *owner)
{
    odd_carver carver = {0};
    carve(owner, &carver);
    void *memory = odd_alloc(carver.used + 64, 1);
    carver = (odd_carver){memory, 0};
    if (memory)
        carve(owner, &carver);
    return memory;
}

static void carve_arrays(void *plan, odd_carver *c)
{
    odd_plan *p = plan;
    const size_t C = p->network->config.C;
    p->columns = odd_carve(c, C, sizeof *p->columns);
    p->order = odd_carve(c, C, sizeof *p->order);
    p->tables = odd_carve(c, C, sizeof *p->tables);
    p->runs = odd_carve(c, C + 1, sizeof *p->runs);
    p->first_sum = odd_carve(c, p->network->layer_count, sizeof *p->first_sum);
}

static void carve_tables(void *plan, odd_carver *c)
{
    odd_plan *p = plan;
    const odd_network *n = p->network;
    p->table = odd_carve(c, p->rows * p->table_stride, sizeof *p->table);
    p->head = odd_carve(c, p->heads * p->head_stride, sizeof *p->head);
    p->bias = odd_carve(c, p->heads, sizeof *p->bias);
    for (size_t i = 0; i < p->folded; i++) {
        odd_fold *f = p->columns + p->order[i];
        const size_t E = n->config.E[p->order[i]], V = n->config.V[p->order[i]];
        f->slice = odd_carve(c, E * p->table_stride, sizeof *f->slice);
        f->head = odd_carve(c, n->H * ODD_PADDED(E), sizeof *f->head);
        f->scratch = odd_carve(c, V * 16, sizeof *f->scratch);
        if (c->memory) /* not while sizes are counted */
            p->tables[i] = p->table + f->row * p->table_stride;
    }
}

void odd_plan_sum(odd_plan *p, size_t tensor, size_t column, size_t rows, size_t cols)
{
    const size_t stride = cols > 0 ? ODD_PADDED(cols) : 1;
    if (odd_grow(&p->sums, &p->sum_capacity, p->sum_count + 1, sizeof *p->sums, NULL))
        p->failed = true;
    else
        p->sums[p->sum_count++] = (odd_sum){tensor, column, rows, cols, stride, 0};
}

void odd_plan_affine(odd_plan *p, size_t tensor, size_t out, size_t in)
{
    odd_plan_sum(p, tensor, 0, out, in);
    odd_plan_sum(p, tensor + 1, 0, out, 0);
}

/* The layers' sums, and their places in a lane: matrices first, then vectors. */
static void list_sums(odd_plan *p)
{
    const odd_network *n = p->network;
    for (size_t i = 0; i < n->layer_count; i++) {
        const odd_layer *l = n->layers + i;
        p->first_sum[i] = p->sum_count;
        if (l->ops->sums)
            l->ops->sums(l, p);
        else
            odd_plan_affine(p, l->tensor, l->out, l->in);
    }
    for (int vectors = 0; vectors < 2; vectors++) {
        p->biases = p->lane;
        for (size_t i = 0; i < p->sum_count; i++) {
            odd_sum *s = p->sums + i;
            if ((s->cols == 0) != vectors)
                continue;
            s->at = p->lane;
            p->lane += ODD_PADDED(s->rows * s->stride);
        }
    }
    p->lane += 16;
}

int odd_plan_new(const odd_network *n, size_t B, odd_plan **out, oddrow_error *err)
{
    odd_plan *p = odd_alloc(1, sizeof *p);
    if (!p)
        return odd_no_memory(err);
    p->network = n;
    p->kernels = odd_kernels_best();
    p->B = B;
    p->table_stride = ODD_PADDED(n->config.widths[0]);
    p->head_stride = ODD_PADDED(n->H);
    p->arrays = odd_carve_all(carve_arrays, p);
    if (p->arrays) {
        odd_embedding_fold(p);
        if (B > 0)
            list_sums(p);
        p->memory = odd_carve_all(carve_tables, p);
    }
    if (!p->memory || p->failed) {
        odd_plan_free(&p);
        return odd_no_memory(err);
    }
    *out = p;
    return 0;
}

void odd_plan_free(odd_plan **plan)
{
    odd_plan *p = plan ? *plan : NULL;
    if (!p)
        return;
    odd_free(p->arrays);
    odd_free(p->sums);
    odd_free(p->memory);
    odd_free(p);
    *plan = NULL;
}

void odd_plan_task(void *plan, size_t index, size_t thread)
{
    const odd_plan *p = plan;
    (void)thread;
    if (index == p->folded) {
        odd_numeric_fill(p);
        return;
    }
    odd_embedding_fill(p, p->order[index]);
    odd_tied_fill(p, p->order[index]);
}
