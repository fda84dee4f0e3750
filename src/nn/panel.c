/* nn/panel.c: a panel's memory, and the walks over the layers. */
#include "nn/panel.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static void carve(void *panel, odd_carver *c)
{
    odd_panel *p = panel;
    const odd_network *n = p->n;
    for (size_t i = 0; i < n->layer_count; i++)
        if (n->layers[i].ops->memory)
            n->layers[i].ops->memory(n->layers + i, p, c);
    p->losses = odd_carve(c, n->losses * N, sizeof *p->losses);
    p->row_losses = odd_carve(c, N, sizeof *p->row_losses);
    if (p->plan->B > 0) {
        p->dy = odd_carve(c, n->widest * N, sizeof *p->dy);
        p->dx = odd_carve(c, n->widest * N, sizeof *p->dx);
        p->y_rows = odd_carve(c, N * ODD_PADDED(n->widest), sizeof *p->y_rows);
    }
}

int odd_panel_new(const odd_plan *plan, odd_panel **out, oddrow_error *err)
{
    odd_panel *p = odd_alloc(1, sizeof *p);
    if (!p)
        return odd_no_memory(err);
    p->plan = plan;
    p->n = plan->network;
    p->k = plan->kernels;
    p->y = odd_alloc(p->n->config.layers + p->n->layer_count, sizeof *p->y);
    if (p->y) {
        p->own = p->y + p->n->config.layers;
        p->memory = odd_carve_all(carve, p);
    }
    if (!p->y || !p->memory) {
        odd_panel_free(&p);
        return odd_no_memory(err);
    }
    p->h = p->y[p->n->config.layers - 1];
    *out = p;
    return 0;
}

void odd_panel_free(odd_panel **p)
{
    if (!p || !*p)
        return;
    odd_free((*p)->y);
    odd_free((*p)->memory);
    odd_free(*p);
    *p = NULL;
}

void odd_shard_carve(const odd_plan *f, odd_shard *shard, odd_carver *c)
{
    shard->ids = odd_carve(c, N * f->network->config.C, sizeof *shard->ids);
    shard->layer1 = odd_carve(c, f->folded ? N * f->table_stride : 0, sizeof *shard->layer1);
    shard->x = odd_carve(c, N * f->x_stride, sizeof *shard->x);
    shard->query = odd_carve(c, f->direct_logits ? N * f->x_stride : 0, sizeof *shard->query);
    shard->logits = odd_carve(c, f->direct_logits * N, sizeof *shard->logits);
}

/* Layers [first, end); with heads a row's loss is the mean of its columns'. */
static void walk(odd_panel *p, size_t first, size_t end)
{
    const float share = 1.0f / (float)p->n->losses;
    for (size_t i = first; i < end; i++)
        p->n->layers[i].ops->forward(p->n->layers + i, p);
    if (!p->n->heads || end < p->n->layer_count)
        return;
    memset(p->row_losses, 0, N * sizeof *p->row_losses);
    for (size_t j = 0; j < p->n->losses; j++)
        for (size_t r = 0; r < p->padded; r++)
            p->row_losses[r] += p->losses[j * N + r];
    for (size_t r = 0; r < p->padded; r++)
        p->row_losses[r] *= share;
}

void odd_panel_forward(odd_panel *p, const odd_panel_input *in, size_t end)
{
    p->in = in;
    p->rows = in->rows.count;
    p->padded = p->plan->B > 0 ? N : ODD_PADDED(p->rows);
    p->tally = (odd_tally){0};
    walk(p, 0, end);
}

void odd_panel_expect(odd_panel *p, const odd_panel_input *in, const float *h)
{
    odd_panel_forward(p, in, 1); /* the embedding has the ids */
    p->k->transpose(p->h, N, h, p->n->H, p->rows, p->n->H);
    walk(p, p->n->top, p->n->layer_count);
}

void odd_panel_backward(odd_panel *p, const float *scale, float *sums, bool start)
{
    const odd_plan *f = p->plan;
    const float share = p->n->heads ? 1.0f / (float)p->n->losses : 1.0f;
    p->sums = sums;
    p->start = start;
    if (start)
        memset(sums + f->biases, 0, (f->lane - f->biases) * sizeof *sums);
    for (size_t r = 0; r < N; r++)
        p->scale[r] = scale[r] * share;
    p->k->transpose(p->y_rows, f->head_stride, p->h, N, p->n->H, N);
    for (size_t i = p->n->layer_count; i-- > 0;)
        p->n->layers[i].ops->backward(p->n->layers + i, p);
}

void odd_panel_weights(const odd_panel *p, const odd_layer *l, size_t sum, const float *dy,
                       const float *x_rows, size_t stride)
{
    const odd_sum *w = p->plan->sums + p->plan->first_sum[l->id] + sum;
    p->k->multiply(p->sums + w->at, w->stride, dy, N, x_rows, stride, NULL, !p->start, w->rows,
                   w->cols, N);
    p->k->row_add(p->sums + w[1].at, dy, N, w->rows, N);
}
