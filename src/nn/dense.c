/* nn/dense.c: the hidden layer y = f(W x + b), f the network's activation. */

#include "base/random.h"
#include "math/matrix.h"
#include "nn/panel.h"
#include "nn/plain.h"

static double gain_of(odd_activation which, double slope)
{
#define ODD_GAIN(id, name, f, gain) which == ODD_##id ? (gain):
    return ODD_ACTIVATION_LIST(ODD_GAIN) 1;
}

static double activate(odd_activation which, double slope, double a)
{
#define ODD_FORMULA(id, name, f, gain) which == ODD_##id ? (f):
    return ODD_ACTIVATION_LIST(ODD_FORMULA) a;
}

static void tensors(const odd_layer *l, odd_network *n)
{
    odd_network_affine(n, l->out, l->in, ODD_NORMAL,
                       gain_of(n->config.activation, (double)n->config.slope), "dense.%zu",
                       l->index);
}

/* The embedding has the sums of the first layer's weights. */
static void sums(const odd_layer *l, odd_plan *p)
{
    if (l->index == 0)
        odd_plan_sum(p, l->tensor + 1, 0, l->out, 0);
    else
        odd_plan_affine(p, l->tensor, l->out, l->in);
}

/* y, and in training the derivative f'(W x + b) */
static void memory(const odd_layer *l, odd_panel *p, odd_carver *c)
{
    p->y[l->index] = odd_carve(c, l->out * N, sizeof(float));
    p->own[l->id] = p->plan->B > 0 ? odd_carve(c, l->out * N, sizeof(float)) : NULL;
}

/* Multiplies y, and the derivative, by 0 or 1 / (1 - dropout). A hash serves four units, 16 bits
 * each. */
static void drop(const odd_layer *l, odd_panel *p)
{
    const odd_panel_input *in = p->in;
    const uint32_t bound = (uint32_t)(in->dropout * 65536 + 0.5);
    const float keep = (float)(1 / (1 - bound / 65536.0));
    const uint64_t seed = in->seed ^ 0x64726F706F757400u; /* apart from the masks' draws */
    float *y = p->y[l->index], *d = p->own[l->id];
    for (size_t r = 0; r < p->rows; r++)
        for (size_t j = 0; j < l->out; j += 4) {
            uint64_t place = (uint64_t)(in->first_row + r) << 32 | l->index << 20 | j / 4;
            uint64_t draw = odd_random_hash(seed, in->number, place);
            for (size_t i = j; i < l->out && i < j + 4; i++, draw >>= 16) {
                float factor = (draw & 0xFFFF) < bound ? 0 : keep;
                y[i * N + r] *= factor;
                d[i * N + r] *= factor;
            }
        }
}

static void forward(const odd_layer *l, odd_panel *p)
{
    float *y = p->y[l->index];
    if (l->index == 0)
        odd_embedding_product(p, y);
    else
        p->k->multiply(y, N, odd_layer_tensor(l, p->n, 0), l->in, p->y[l->index - 1], N,
                       odd_layer_tensor(l, p->n, 1), false, l->out, p->padded, l->in);
    p->k->activate(p->n->config.activation, p->n->config.slope, y, p->own[l->id], l->out * N);
    if (p->in->dropout > 0)
        drop(l, p);
}

/* dpre = dy f',  dx = W^T dpre */
static void backward(const odd_layer *l, odd_panel *p)
{
    float *dy = p->dy;
    p->k->mul(dy, dy, p->own[l->id], l->out * N);
    if (l->index == 0) {
        p->k->row_add(p->sums + p->plan->sums[p->plan->first_sum[l->id]].at, dy, N, l->out, N);
        odd_embedding_product_backward(p, dy);
    } else {
        p->k->transpose(p->y_rows, ODD_PADDED(l->in), p->y[l->index - 1], N, l->in, N);
        odd_panel_weights(p, l, 0, dy, p->y_rows, ODD_PADDED(l->in));
        p->k->multiply_transposed(p->dx, N, odd_layer_tensor(l, p->n, 0), l->in, dy, N, NULL, false,
                                  l->in, N, l->out);
    }
    p->dy = p->dx;
    p->dx = dy;
}

static void plain(const odd_layer *l, odd_plain *s)
{
    const odd_network_config *c = &s->network->config;
    double *y = s->next;
    odd_plain_product(s, l, y, s->h);
    for (size_t j = 0; j < l->out; j++)
        y[j] = activate(c->activation, (double)c->slope, y[j]) * (s->keep ? *s->keep++ : 1);
    s->h = y;
    s->next += l->out;
}

static int vectors(const odd_layer *l, const odd_network *n, const float *x, size_t B, float *y,
                   oddrow_error *err)
{
    const float *bias = odd_layer_tensor(l, n, 1);
    int rc = odd_sgemm(false, true, B, l->out, l->in, 1, x, l->in, odd_layer_tensor(l, n, 0), l->in,
                       0, y, l->out, err);
    for (size_t r = 0; r < B; r++)
        for (size_t j = 0; j < l->out; j++)
            y[r * l->out + j] += bias[j];
    odd_kernels_best()->activate(n->config.activation, n->config.slope, y, NULL,
                                 ODD_PADDED(B * l->out));
    return rc;
}

const odd_layer_ops odd_dense_layer = {tensors, NULL,     sums,  memory,
                                       forward, backward, plain, vectors};
