/* nn/output.c: the layer y = W_o h + b_o (Y) of the objectives without heads, and their losses. */
#include <string.h>

#include "nn/panel.h"
#include "nn/plain.h"

/* ---- embedding-mse: means of (y - x)^2 over slices of x, a constant; the row's over all of x ----
 */

static void mse_loss(odd_panel *p)
{
    const size_t C = p->n->config.C, X = p->n->X, *first = p->n->first;
    memset(p->row_losses, 0, N * sizeof(float));
    for (size_t i = 0; i <= C && first[i] < X; i++) { /* slice C: the projection's */
        const size_t end = i < C ? first[i + 1] : X;
        const float share = 1.0f / (float)(end - first[i]);
        float *losses = p->losses + i * N;
        memset(losses, 0, N * sizeof(float));
        for (size_t j = first[i]; j < end; j++)
            for (size_t r = 0; r < p->padded; r++) {
                float e = p->out[j * N + r] - p->x[j * N + r];
                losses[r] += e * e;
            }
        for (size_t r = 0; r < p->padded; r++) {
            p->row_losses[r] += losses[r] * (1.0f / (float)X);
            losses[r] *= share;
        }
    }
    for (size_t m = 1; m < p->n->config.M; m++)
        memcpy(p->losses + (C + m) * N, p->losses + C * N, N * sizeof(float));
    for (size_t j = 0; j < X && p->plan->B > 0; j++)
        for (size_t r = 0; r < p->rows; r++)
            odd_tally_add(&p->tally, p->out[j * N + r], p->x[j * N + r], 1);
}

/* scale 2 (y - x) / X */
static void mse_gradient(odd_panel *p)
{
    const float share = 2.0f / (float)p->n->X;
    for (size_t j = 0; j < p->n->X; j++)
        for (size_t r = 0; r < N; r++)
            p->out[j * N + r] = p->scale[r] * share * (p->out[j * N + r] - p->x[j * N + r]);
}

static void mse_plain(odd_plain *s)
{
    const size_t C = s->network->config.C, X = s->network->X, *first = s->network->first;
    const double *target = s->target_x ? s->target_x : s->x;
    s->loss = 0;
    for (size_t i = 0; i <= C && first[i] < X; i++) {
        const size_t end = i < C ? first[i + 1] : X, count = i < C ? 1 : s->network->config.M;
        double slice = 0;
        for (size_t j = first[i]; j < end; j++)
            slice += (s->outputs[j] - target[j]) * (s->outputs[j] - target[j]);
        s->loss += slice / (double)X;
        for (size_t m = 0; m < count; m++)
            s->losses[i + m] = slice / (double)(end - first[i]);
    }
}

/* ---- classify: -ln softmax(y)[t]; y becomes the probabilities ---- */

static void classify_loss(odd_panel *p)
{
    p->k->softmax(p->losses, p->out, N, p->classes, 1, p->n->Y, p->padded);
    memcpy(p->row_losses, p->losses, N * sizeof *p->losses);
}

/* scale (p - [t]) */
static void classify_gradient(odd_panel *p)
{
    p->k->softmax_backward(p->out, N, p->scale, p->classes, 1, p->n->Y, N);
}

static void classify_plain(odd_plain *s)
{
    const double t = s->target, Y = (double)s->network->Y;
    s->loss = s->losses[0] =
        odd_plain_entropy(s->outputs, s->network->Y, t > 0 && t < Y ? (size_t)t : 0);
}

/* ---- regress: (y - t)^2 ---- */

static void regress_loss(odd_panel *p)
{
    for (size_t r = 0; r < p->padded; r++) {
        float e = p->out[r] - p->targets[r];
        p->losses[r] = e * e;
    }
    memcpy(p->row_losses, p->losses, N * sizeof *p->losses);
}

/* scale 2 (y - t) */
static void regress_gradient(odd_panel *p)
{
    for (size_t r = 0; r < N; r++)
        p->out[r] = p->scale[r] * 2.0f * (p->out[r] - p->targets[r]);
}

static void regress_plain(odd_plain *s)
{
    const double e = s->outputs[0] - s->target;
    s->loss = s->losses[0] = e * e;
}

/* ---- the layer ---- */

static const struct {
    void (*loss)(odd_panel *p);     /* losses and row_losses from out */
    void (*gradient)(odd_panel *p); /* out becomes its gradient */
    void (*plain)(odd_plain *s);
} objectives[ODD_OBJECTIVES] = {
    [ODD_EMBEDDING_MSE] = {mse_loss, mse_gradient, mse_plain},
    [ODD_CLASSIFY] = {classify_loss, classify_gradient, classify_plain},
    [ODD_REGRESS] = {regress_loss, regress_gradient, regress_plain},
};

static void memory(const odd_layer *l, odd_panel *p, odd_carver *c)
{
    p->out = odd_carve(c, l->out * N, sizeof *p->out);
    p->targets = odd_carve(c, N, sizeof *p->targets);
    p->classes = odd_carve(c, N, sizeof *p->classes);
}

static void forward(const odd_layer *l, odd_panel *p)
{
    const float *targets = p->in->rows.targets;
    for (size_t r = 0; r < p->padded; r++) {
        const float t = targets && r < p->rows ? targets[r] : 0;
        p->targets[r] = t;
        p->classes[r] = t > 0 && t < (float)l->out ? (uint32_t)t : 0; /* no class: the first */
    }
    p->k->multiply(p->out, N, odd_layer_tensor(l, p->n, 0), l->in, p->h, N,
                   odd_layer_tensor(l, p->n, 1), false, l->out, p->padded, l->in);
    objectives[p->n->config.objective].loss(p);
}

static void backward(const odd_layer *l, odd_panel *p)
{
    objectives[p->n->config.objective].gradient(p);
    odd_panel_weights(p, l, 0, p->out, p->y_rows, p->plan->head_stride);
    p->k->multiply_transposed(p->dy, N, odd_layer_tensor(l, p->n, 0), l->in, p->out, N, NULL, false,
                              l->in, N, l->out);
}

static void plain(const odd_layer *l, odd_plain *s)
{
    odd_plain_product(s, l, s->outputs, s->h);
    objectives[s->network->config.objective].plain(s);
}

const odd_layer_ops odd_output_layer = {NULL,    "output", NULL,  memory,
                                        forward, backward, plain, NULL};
