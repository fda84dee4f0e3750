/* nn/numeric.c: the head of the numeric columns, y = W h + b (F): a column's loss is the mean over
 * its features of (y_f - value_f)^2, 0 where the cell is missing. */
#include <string.h>

#include "nn/panel.h"
#include "nn/plain.h"

static void memory(const odd_layer *l, odd_panel *p, odd_carver *c)
{
    p->target = odd_carve(c, l->out * N, sizeof *p->target);
    p->there = odd_carve(c, p->n->config.M * N, sizeof *p->there);
}

/* W and b below the folded heads */
void odd_numeric_fill(const odd_plan *p)
{
    const odd_layer *l = p->network->layers + p->network->top + 1;
    for (size_t f = 0; f < l->out; f++)
        memcpy(p->head + (p->rows + f) * p->head_stride,
               odd_layer_tensor(l, p->network, 0) + f * l->in, l->in * sizeof(float));
    memcpy(p->bias + p->rows, odd_layer_tensor(l, p->network, 1), l->out * sizeof(float));
}

static void load(odd_panel *p)
{
    const size_t F = p->n->config.F, M = p->n->config.M;
    const odd_rows *rows = &p->in->rows;
    for (size_t f = 0; f < F; f++)
        for (size_t r = 0; r < p->padded; r++)
            p->target[f * N + r] = r < p->rows ? rows->values[r * F + f] : 0;
    for (size_t m = 0; m < M; m++)
        for (size_t r = 0; r < p->padded; r++)
            p->there[m * N + r] = r < p->rows && !(rows->missing && rows->missing[r * M + m]);
}

/* The tied heads' product has made y. */
static void forward(const odd_layer *l, odd_panel *p)
{
    float *losses = p->losses + p->n->config.C * N;
    load(p);
    memset(losses, 0, p->n->config.M * N * sizeof *losses);
    for (size_t f = 0; f < l->out; f++) {
        const size_t m = p->n->column_of[f];
        const float *there = p->there + m * N, *target = p->target + f * N,
                    *y = p->logits + (p->plan->rows + f) * N,
                    share = 1.0f / (float)p->n->features[m];
        float *loss = losses + m * N;
        for (size_t r = 0; r < p->padded; r++) {
            float e = y[r] - target[r];
            loss[r] += there[r] > 0 ? e * e * share : 0;
        }
        for (size_t r = 0; p->plan->B > 0 && r < p->rows; r++)
            odd_tally_add(&p->tally, y[r], target[r], there[r]);
    }
}

/* dy = scale there 2 (y - target) / features, in place, for the tied heads' product */
static void backward(const odd_layer *l, odd_panel *p)
{
    float *dy = p->logits + p->plan->rows * N;
    for (size_t f = 0; f < l->out; f++) {
        const size_t m = p->n->column_of[f];
        const float *there = p->there + m * N, *target = p->target + f * N,
                    share = 2.0f / (float)p->n->features[m];
        float *y = dy + f * N;
        for (size_t r = 0; r < N; r++)
            y[r] = there[r] > 0 ? p->scale[r] * share * (y[r] - target[r]) : 0;
    }
    odd_panel_weights(p, l, 0, dy, p->y_rows, p->plan->head_stride);
}

static void plain(const odd_layer *l, odd_plain *s)
{
    const odd_network *n = s->network;
    double *losses = s->losses + n->config.C;
    odd_plain_product(s, l, s->numbers, s->h);
    memset(losses, 0, n->config.M * sizeof *losses);
    for (size_t f = 0; f < l->out; f++) {
        const size_t m = n->column_of[f];
        const double e = s->numbers[f] - s->values[f];
        losses[m] += s->missing[m] ? 0 : e * e / (double)n->features[m];
    }
}

const odd_layer_ops odd_numeric_layer = {NULL,    "numeric", NULL,  memory,
                                         forward, backward,  plain, NULL};
