/* nn/panel_backward.c: the backward pass of nn/panel.c, in the opposite order. */
#include <string.h>

#include "base/memory.h"
#include "nn/panel.h"

enum { N = ODD_PANEL };

static size_t take(size_t *used, size_t count)
{
    size_t at = *used;
    *used += ODD_PADDED(count);
    return at;
}

static void lay_out_weights(odd_lane_layout *y, const odd_fold *f)
{
    const odd_network *n = f->network;
    const odd_network_config *c = &n->config;

    for (size_t r = 0; r < f->run_count; r++)
        y->run[r] = take(&y->size, c->widths[0] * ODD_PADDED(f->runs[r].width));
    for (size_t l = 1; l < c->layers; l++)
        y->dense[l] = take(&y->size, c->widths[l] * ODD_PADDED(c->widths[l - 1]));
    y->projection = take(&y->size, c->P * ODD_PADDED(c->F + c->M));
    y->head = take(&y->size, f->heads * f->head_stride);
    for (size_t i = 0; i < c->C && f->direct_logits; i++)
        if (!f->columns[i].folded)
            y->direct[i] = take(&y->size, c->E[i] * f->head_stride);
    if (n->Y > 0)
        y->output = take(&y->size, n->Y * f->head_stride);
}

static void lay_out_biases(odd_lane_layout *y, const odd_fold *f)
{
    const odd_network *n = f->network;
    const odd_network_config *c = &n->config;

    y->biases = y->size;
    for (size_t l = 0; l < c->layers; l++)
        y->dense_bias[l] = take(&y->size, c->widths[l]);
    y->projection_bias = take(&y->size, c->P);
    y->head_bias = take(&y->size, f->heads);
    for (size_t i = 0; i < c->C && f->direct_logits; i++)
        if (!f->columns[i].folded)
            y->direct_bias[i] = take(&y->size, c->E[i]);
    if (n->Y > 0)
        y->output_bias = take(&y->size, n->Y);
    take(&y->size, 16);
}

bool odd_lane_layout_fill(odd_lane_layout *layout, const odd_fold *fold)
{
    const odd_network_config *c = &fold->network->config;

    memset(layout, 0, sizeof *layout);
    layout->run = odd_alloc(fold->run_count, sizeof(size_t));
    layout->dense = odd_alloc(c->layers, sizeof(size_t));
    layout->dense_bias = odd_alloc(c->layers, sizeof(size_t));
    layout->direct = odd_alloc(c->C, sizeof(size_t));
    layout->direct_bias = odd_alloc(c->C, sizeof(size_t));
    if (!layout->run || !layout->dense || !layout->dense_bias || !layout->direct ||
        !layout->direct_bias) {
        odd_lane_layout_free(layout);
        return false;
    }
    lay_out_weights(layout, fold);
    lay_out_biases(layout, fold);
    return true;
}

void odd_lane_layout_free(odd_lane_layout *layout)
{
    if (!layout)
        return;
    odd_free(layout->run);
    odd_free(layout->dense);
    odd_free(layout->dense_bias);
    odd_free(layout->direct);
    odd_free(layout->direct_bias);
    memset(layout, 0, sizeof *layout);
}

/* One backward pass: what its parts share. */
typedef struct pass {
    odd_panel *p;
    const odd_fold *f;
    const odd_network *n;
    const odd_kernels *k;
    const odd_lane_layout *layout;
    float *sums;
    bool start; /* the lane's first shard: weights' sums are overwritten, not added to */
    odd_shard_rows *shard;
} pass;

/* y = W x + b:  dW (out, in) += dy x^T,  db (out) += sum over rows of dy.  x_rows is x^T (N, in).
 */
static void dense_weights(const pass *s, size_t weight, size_t bias, const float *dy,
                          const float *x_rows, size_t x_stride, size_t out, size_t in)
{
    s->k->multiply(s->sums + weight, ODD_PADDED(in), dy, N, x_rows, x_stride, NULL, !s->start, out,
                   in, N);
    s->k->row_add(s->sums + bias, dy, N, out, N);
}

/* dx (in, N) = W^T dy, or added to dx */
static void dense_input(const pass *s, float *dx, const float *weight, size_t stride,
                        const float *dy, size_t out, size_t in, bool add)
{
    s->k->multiply_transposed(dx, N, weight, stride, dy, N, NULL, add, in, N, out);
}

/* Tied head of a direct column i, logits = E query + beta, query = W h + b:
 *     dquery = E^T dlogits, dh += W^T dquery, dW += dquery h^T.
 * dE = dlogits query^T and dbeta need the whole batch: dlogits and query are kept. */
static void direct_head(const pass *s, size_t i, const float *h_rows, float *dh)
{
    odd_panel *p = s->p;
    const size_t E = s->n->config.E[i], V = s->n->config.V[i], head = s->n->head + 3 * i,
                 H = s->n->H;
    const float *dlogits = p->direct_logits + s->f->columns[i].logits * N;
    float *dquery = p->dx;

    s->k->transpose(s->shard->query + p->slot[i], p->x_stride, p->query + s->n->first[i] * N, N, E,
                    N);
    dense_input(s, dquery, odd_network_tensor(s->n, i), E, dlogits, V, E, false);
    dense_weights(s, s->layout->direct[i], s->layout->direct_bias[i], dquery, h_rows,
                  s->f->head_stride, E, H);
    dense_input(s, dh, odd_network_tensor(s->n, head), H, dquery, E, H, true);
}

/* d of the numeric head's outputs: scale * there * 2 (y - target) / features, in place */
static void numeric_outputs(const pass *s, const float *scale)
{
    for (size_t f = 0; f < s->n->config.F; f++) {
        const size_t m = s->n->column_of[f];
        const float *there = s->p->there + m * N, *target = s->p->target + f * N,
                    share = 2.0f / (float)s->n->features[m];
        float *y = s->p->logits + (s->f->rows + f) * N;
        for (size_t r = 0; r < N; r++)
            y[r] = there[r] > 0 ? scale[r] * share * (y[r] - target[r]) : 0;
    }
}

/* Heads of the objective row: dh (H, N) into p->dy */
static void row_objective(const pass *s, const float *row_scale)
{
    odd_panel *p = s->p;
    const odd_fold *f = s->f;
    const size_t C = s->n->config.C, H = s->n->H;
    const float share = 1.0f / (float)(C + s->n->config.M);
    float scale[N];

    for (size_t r = 0; r < N; r++)
        scale[r] = row_scale[r] * share;
    for (size_t i = 0; i < C; i++) {
        float *l = f->columns[i].folded ? p->logits + f->columns[i].row * N
                                        : p->direct_logits + f->columns[i].logits * N;
        s->k->softmax_backward(l, N, scale, p->ids + i, C, s->n->config.V[i], N);
    }
    numeric_outputs(s, scale);
    s->k->transpose(p->y_rows, f->head_stride, p->y[s->n->config.layers - 1], N, H, N);
    dense_input(s, p->dy, f->head, f->head_stride, p->logits, f->heads, H, false);
    if (f->heads)
        dense_weights(s, s->layout->head, s->layout->head_bias, p->logits, p->y_rows,
                      f->head_stride, f->heads, H);
    for (size_t i = 0; i < C; i++)
        if (!f->columns[i].folded)
            direct_head(s, i, p->y_rows, p->dy);
}

/* Gradient of the output, in place. embedding-mse: scale 2 (y - x) / X, x a constant; classify:
 * scale (p - [t]); regress: scale 2 (y - t). */
static void output_gradient(const pass *s, const float *scale)
{
    odd_panel *p = s->p;
    const odd_objective objective = s->n->config.objective;
    const size_t X = s->n->X;
    const float share = 2.0f / (float)X;

    if (objective == ODD_CLASSIFY)
        s->k->softmax_backward(p->out, N, scale, p->classes, 1, s->n->Y, N);
    for (size_t r = 0; r < N && objective == ODD_REGRESS; r++)
        p->out[r] = scale[r] * 2.0f * (p->out[r] - p->targets[r]);
    for (size_t j = 0; j < X && objective == ODD_EMBEDDING_MSE; j++)
        for (size_t r = 0; r < N; r++)
            p->out[j * N + r] = scale[r] * share * (p->out[j * N + r] - p->x[j * N + r]);
}

/* Output layer y = W_o h + b_o: dh (H, N) into p->dy */
static void output_objective(const pass *s, const float *scale)
{
    odd_panel *p = s->p;
    const size_t Y = s->n->Y, H = s->n->H;

    output_gradient(s, scale);
    s->k->transpose(p->y_rows, s->f->head_stride, p->y[s->n->config.layers - 1], N, H, N);
    dense_weights(s, s->layout->output, s->layout->output_bias, p->out, p->y_rows,
                  s->f->head_stride, Y, H);
    dense_input(s, p->dy, odd_network_tensor(s->n, s->n->output), H, p->out, Y, H, false);
}

/* Layer 1's input. Folded columns: the gradient before the activation is kept, for the tables.
 * Direct slices: dW_1[:, run] += dy x^T, dx = W_1[:, run]^T dy, kept row-major; the projection's
 * slice goes on into dW_p += dp u^T, db_p. */
static void layer_input(const pass *s, const float *dy)
{
    odd_panel *p = s->p;
    const odd_network *n = s->n;
    const size_t C = n->config.C, H1 = n->config.widths[0], inputs = n->config.F + n->config.M;
    const float *weight = odd_network_tensor(n, n->dense);

    if (s->f->folded)
        s->k->transpose(s->shard->layer1, s->f->table_stride, dy, N, H1, N);
    for (size_t r = 0; r < s->f->run_count; r++) {
        const odd_run run = s->f->runs[r];
        s->k->multiply(s->sums + s->layout->run[r], ODD_PADDED(run.width), dy, N,
                       p->x_rows + run.first, ODD_PADDED(n->X), NULL, !s->start, H1, run.width, N);
        dense_input(s, p->dx + run.first * N, weight + run.first, n->X, dy, H1, run.width, false);
    }
    for (size_t i = 0; i < C; i++)
        if (!s->f->columns[i].folded)
            s->k->transpose(s->shard->x + p->slot[i], p->x_stride, p->dx + n->first[i] * N, N,
                            n->config.E[i], N);
    if (n->config.P == 0)
        return;
    s->k->transpose(p->u_rows, ODD_PADDED(inputs), p->u, N, inputs, N);
    dense_weights(s, s->layout->projection, s->layout->projection_bias, p->dx + n->first[C] * N,
                  p->u_rows, ODD_PADDED(inputs), n->config.P, inputs);
}

void odd_panel_backward(odd_panel *p, const float *scale, const odd_lane_layout *layout,
                        float *sums, bool start, odd_shard_rows *shard)
{
    const odd_network *n = p->fold->network;
    const size_t *widths = n->config.widths;
    const pass s = {p, p->fold, n, p->fold->kernels, layout, sums, start, shard};

    if (start)
        memset(sums + layout->biases, 0, (layout->size - layout->biases) * sizeof *sums);
    if (n->config.C > 0)
        memcpy(shard->ids, p->input_ids, N * n->config.C * sizeof *shard->ids);
    if (n->config.objective == ODD_ROW)
        row_objective(&s, scale);
    else
        output_objective(&s, scale);
    for (size_t l = n->config.layers; l-- > 0;) { /* h_l = f(W h_{l-1} + b): dpre = dh f' */
        float *dy = p->dy;
        s.k->mul(dy, dy, p->d[l], widths[l] * N);
        if (l == 0) {
            s.k->row_add(sums + layout->dense_bias[0], dy, N, widths[0], N);
            layer_input(&s, dy);
            break;
        }
        s.k->transpose(p->y_rows, ODD_PADDED(widths[l - 1]), p->y[l - 1], N, widths[l - 1], N);
        dense_weights(&s, layout->dense[l], layout->dense_bias[l], dy, p->y_rows,
                      ODD_PADDED(widths[l - 1]), widths[l], widths[l - 1]);
        dense_input(&s, p->dx, odd_network_tensor(n, n->dense + 2 * l), widths[l - 1], dy,
                    widths[l], widths[l - 1], false);
        p->dy = p->dx;
        p->dx = dy;
    }
}
