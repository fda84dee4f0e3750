/* nn/projection.c: the layer that projects the numbers: x[slice C] = W_p u + b_p with
 * u = [values | missing]. */
#include "nn/panel.h"
#include "nn/plain.h"

static void memory(const odd_layer *l, odd_panel *p, odd_carver *c)
{
    p->u = odd_carve(c, l->in * N, sizeof *p->u);
    p->u_rows = odd_carve(c, N * ODD_PADDED(l->in), sizeof *p->u_rows);
}

static void load(odd_panel *p)
{
    const size_t C = p->n->config.C, F = p->n->config.F, M = p->n->config.M;
    const odd_rows *rows = &p->in->rows;
    for (size_t f = 0; f < F; f++)
        for (size_t r = 0; r < p->padded; r++)
            p->u[f * N + r] = r < p->rows ? rows->values[r * F + f] : 0;
    for (size_t m = 0; m < M; m++)
        for (size_t r = 0; r < p->padded; r++)
            p->u[(F + m) * N + r] = r < p->rows && rows->missing && rows->missing[r * M + m];
    for (size_t r = 0; r < p->rows && p->masks; r++) {
        const uint8_t *masked = p->masked + r * (C + M) + C;
        for (size_t m = 0; m < M; m++)
            if (masked[m])
                p->u[(F + m) * N + r] = 1;
        for (size_t f = 0; f < F; f++)
            if (masked[p->n->column_of[f]])
                p->u[f * N + r] = 0;
    }
}

static void forward(const odd_layer *l, odd_panel *p)
{
    const size_t first = p->n->first[p->n->config.C];
    load(p);
    p->k->multiply(p->x + first * N, N, odd_layer_tensor(l, p->n, 0), l->in, p->u, N,
                   odd_layer_tensor(l, p->n, 1), false, l->out, p->padded, l->in);
    if (p->plan->B > 0)
        p->k->transpose(p->x_rows + first, ODD_PADDED(p->n->X), p->x + first * N, N, l->out, N);
}

static void backward(const odd_layer *l, odd_panel *p)
{
    p->k->transpose(p->u_rows, ODD_PADDED(l->in), p->u, N, l->in, N);
    odd_panel_weights(p, l, 0, p->dy + p->n->first[p->n->config.C] * N, p->u_rows,
                      ODD_PADDED(l->in));
}

static void plain(const odd_layer *l, odd_plain *s)
{
    odd_plain_product(s, l, s->x + s->network->first[s->network->config.C], s->u);
}

const odd_layer_ops odd_projection_layer = {NULL,    "projection", NULL,  memory,
                                            forward, backward,     plain, NULL};
