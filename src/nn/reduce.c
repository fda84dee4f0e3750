/* nn/reduce.c: the lanes' sums added into gradients, Adam, and the tasks that do it. */
#include "nn/reduce.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { BLOCK = 8192 };

float *odd_reduce_gradient(const odd_reduction *r, size_t tensor)
{
    return r->gradient + r->network->tensors[tensor].offset;
}

void odd_reduce_put(odd_reduction *r, size_t tensor, size_t column, size_t from, size_t to,
                    const float *rows, size_t cols)
{
    const size_t stride = r->network->tensors[tensor].cols;
    float *out = odd_reduce_gradient(r, tensor) + from * stride + column;
    for (size_t i = 0; i < to - from; i++)
        memcpy(out + i * stride, rows + i * ODD_PADDED(cols), cols * sizeof *out);
}

void odd_reduce_update(odd_reduction *r, size_t tensor, size_t from, size_t to)
{
    const odd_tensor *t = r->network->tensors + tensor;
    const size_t at = t->offset + from;
    odd_adam adam = r->adam;
    if (tensor < r->network->config.C && r->frozen && r->frozen[tensor])
        return; /* embedding.<i> is tensor i */
    adam.shrink = t->decay ? (float)(1 - r->rate * r->weight_decay) : 1.0f;
    r->plan->kernels->adam(r->network->parameters + at, r->moment1 + at, r->moment2 + at,
                           r->gradient + at, &adam, to - from);
}

/* The last task to write into layer 1's weights updates them. */
void odd_reduce_layer1(odd_reduction *r)
{
    const odd_tensor *t = r->network->tensors + r->network->dense;
    if (atomic_fetch_sub_explicit(&r->waiting, 1, memory_order_acq_rel) == 1)
        odd_reduce_update(r, r->network->dense, 0, t->rows * t->cols);
}

/* Rows [from, to) of a sum over the lanes */
static void reduce_sum(odd_reduction *r, const odd_plan *p, const odd_task *task, float *scratch)
{
    const odd_sum *s = p->sums + task->index;
    const size_t cols = r->network->tensors[s->tensor].cols, from = task->from, to = task->to;
    const float *in = r->sums + s->at;
    float *out = odd_reduce_gradient(r, s->tensor) + s->column;
    (void)scratch;
    if (s->cols == 0)
        p->kernels->sum(out + from, in + from, p->lane, r->lanes, to - from);
    for (size_t i = from; i < to && s->cols > 0; i++)
        p->kernels->sum(out + i * cols, in + i * s->stride, p->lane, r->lanes, s->cols);
    if (s->tensor == r->network->dense && r->shared > 0)
        odd_reduce_layer1(r);
    else
        odd_reduce_update(r, s->tensor, from * cols, to * cols);
}

void odd_reduction_task(void *reduction, size_t index, size_t thread)
{
    odd_reduction *r = reduction;
    r->tasks[index].run(r, r->plans[thread % r->plan_count], r->tasks + index,
                        r->scratch + thread * r->scratch_size);
}

void odd_reduce_add(odd_reduction *r, odd_task task)
{
    if (odd_grow(&r->tasks, &r->task_capacity, r->task_count + 1, sizeof *r->tasks, NULL))
        r->failed = true;
    else
        r->tasks[r->task_count++] = task;
}

void odd_reduce_need(odd_reduction *r, size_t floats)
{
    if (floats + 16 > r->scratch_size)
        r->scratch_size = ODD_PADDED(floats + 16);
}

static int by_cost(const void *a, const void *b)
{
    const odd_task *x = a, *y = b;
    return (x->cost < y->cost) - (x->cost > y->cost);
}

/* Each sum in tasks of about BLOCK floats. */
bool odd_reduction_plan(odd_reduction *r, size_t threads)
{
    const odd_plan *p = r->plan;
    size_t layer1 = 0;
    odd_embedding_tasks(r);
    for (size_t i = 0; i < p->sum_count; i++) {
        const odd_sum *s = p->sums + i;
        const size_t cols = s->cols ? s->cols : 1, step = cols < BLOCK ? BLOCK / cols : 1;
        for (size_t from = 0; from < s->rows && s->tensor != ODD_NO_TENSOR; from += step) {
            const size_t to = from + step < s->rows ? from + step : s->rows;
            odd_reduce_add(r, (odd_task){reduce_sum, i, from, to, (double)((to - from) * cols)});
            layer1 += s->tensor == r->network->dense;
        }
    }
    r->shared = p->folded > 0 || p->run_count > 1 ? p->folded + layer1 : 0;
    if (r->failed)
        return false;
    qsort(r->tasks, r->task_count, sizeof *r->tasks, by_cost);
    r->scratch = odd_alloc(threads * r->scratch_size + 16, sizeof *r->scratch);
    return r->scratch;
}

void odd_reduction_free(odd_reduction *r)
{
    if (!r)
        return;
    odd_free(r->tasks);
    odd_free(r->scratch);
}
