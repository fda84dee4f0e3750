/* nn/plain.c: the network in plain loops over doubles. */
#include "nn/plain.h"

#include <math.h>
#include <string.h>

/* y (out) = W (out, in) x + b */
static void dense(double *y, const double *w, const double *b, const double *x, size_t out,
                  size_t in)
{
    for (size_t i = 0; i < out; i++) {
        y[i] = b[i];
        for (size_t j = 0; j < in; j++)
            y[i] += w[i * in + j] * x[j];
    }
}

static double activate(const odd_network_config *c, double a)
{
    switch (c->activation) {
    case ODD_LEAKY_RELU:
        return a > 0 ? a : a * (double)c->slope;
    case ODD_RELU:
        return a > 0 ? a : a * 0;
    case ODD_ELU:
        return a > 0 ? a : expm1(a);
    case ODD_GELU:
        return a / 2 * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (a + 0.044715 * a * a * a)));
    case ODD_SILU:
        return a / (1 + exp(-a));
    case ODD_TANH:
        return tanh(a);
    default:
        return a;
    }
}

static const double *tensor(const odd_network *n, const double *w, size_t i)
{
    return w + n->tensors[i].offset;
}

/* ln sum exp(l) - l[id]; l becomes the probabilities */
static double cross_entropy(double *l, size_t V, size_t id)
{
    double most = l[0], sum = 0, target = l[id];

    for (size_t v = 1; v < V; v++)
        most = l[v] > most ? l[v] : most;
    for (size_t v = 0; v < V; v++)
        sum += l[v] = exp(l[v] - most);
    for (size_t v = 0; v < V; v++)
        l[v] /= sum;
    return log(sum) + most - target;
}

size_t odd_plain_scratch(const odd_network *n)
{
    size_t widest = n->X > n->Y ? n->X : n->Y;

    for (size_t l = 0; l < n->config.layers; l++)
        widest = n->config.widths[l] > widest ? n->config.widths[l] : widest;
    for (size_t i = 0; i < n->config.C; i++)
        widest = n->config.V[i] > widest ? n->config.V[i] : widest;
    for (size_t i = 0; i < n->config.F + n->config.M; i++)
        widest = i >= widest ? i + 1 : widest;
    return 3 * widest;
}

static double row_losses(const odd_network *n, const double *w, odd_plain_row *row, const double *h,
                         double *query, double *logits)
{
    const odd_network_config *c = &n->config;
    size_t at = 0;
    double sum = 0;

    for (size_t i = 0; i < c->C; at += c->V[i++]) {
        const size_t head = n->head + 3 * i;
        dense(query, tensor(n, w, head), tensor(n, w, head + 1), h, c->E[i], n->H);
        dense(logits, tensor(n, w, i), tensor(n, w, head + 2), query, c->V[i], c->E[i]);
        row->losses[i] = cross_entropy(logits, c->V[i], row->ids[i]);
        if (row->probabilities)
            memcpy(row->probabilities + at, logits, c->V[i] * sizeof *logits);
    }
    for (size_t m = 0; m < c->M; m++)
        row->losses[c->C + m] = 0;
    if (c->F > 0)
        dense(logits, tensor(n, w, n->numeric), tensor(n, w, n->numeric + 1), h, c->F, n->H);
    for (size_t f = 0; f < c->F; f++) {
        const size_t m = n->column_of[f];
        const double e = logits[f] - (double)row->values[f];
        if (!(row->missing && row->missing[m]))
            row->losses[c->C + m] += e * e / (double)n->features[m];
        if (row->numbers)
            row->numbers[f] = logits[f];
    }
    for (size_t j = 0; j < c->C + c->M; j++)
        sum += row->losses[j];
    return sum / (double)(c->C + c->M);
}

static double embedding_losses(const odd_network *n, const double *w, odd_plain_row *row,
                               const double *h, double *y)
{
    const size_t C = n->config.C;
    const double *target = row->target_x ? row->target_x : row->x;
    double sum = 0;

    dense(y, tensor(n, w, n->output), tensor(n, w, n->output + 1), h, n->X, n->H);
    for (size_t i = 0; i <= C; i++) {
        const size_t end = i < C ? n->first[i + 1] : n->X;
        double slice = 0;
        for (size_t j = n->first[i]; j < end; j++)
            slice += (y[j] - target[j]) * (y[j] - target[j]);
        sum += slice;
        if (i < C)
            row->losses[i] = slice / (double)n->config.E[i];
        for (size_t m = 0; i == C && m < n->config.M; m++)
            row->losses[C + m] = slice / (double)n->config.P;
    }
    return sum / (double)n->X;
}

static double supervised_loss(const odd_network *n, const double *w, odd_plain_row *row,
                              const double *h, double *y)
{
    const size_t Y = n->Y;

    dense(y, tensor(n, w, n->output), tensor(n, w, n->output + 1), h, Y, n->H);
    if (n->config.objective == ODD_REGRESS)
        row->losses[0] = (y[0] - row->target) * (y[0] - row->target);
    else
        row->losses[0] = cross_entropy(
            y, Y, row->target > 0 && row->target < (double)Y ? (size_t)row->target : 0);
    if (row->outputs)
        memcpy(row->outputs, y, Y * sizeof *y);
    return row->losses[0];
}

double odd_plain_run(const odd_network *n, const double *w, odd_plain_row *row, double *scratch)
{
    const odd_network_config *c = &n->config;
    const size_t third = odd_plain_scratch(n) / 3;
    double *h = scratch, *next = scratch + third, *more = scratch + 2 * third;
    const double *keep = row->keep;
    size_t in = n->X, at = 0;

    for (size_t i = 0; i < c->C; i++)
        memcpy(row->x + n->first[i], tensor(n, w, i) + row->input_ids[i] * c->E[i],
               c->E[i] * sizeof *row->x);
    for (size_t j = 0; j < c->F + c->M; j++)
        more[j] = (double)row->u[j];
    if (c->P > 0)
        dense(row->x + n->first[c->C], tensor(n, w, n->projection), tensor(n, w, n->projection + 1),
              more, c->P, c->F + c->M);
    memcpy(h, row->x, n->X * sizeof *h);
    for (size_t l = 0; l < c->layers; l++) {
        double *swap = h;
        dense(next, tensor(n, w, n->dense + 2 * l), tensor(n, w, n->dense + 2 * l + 1), h,
              c->widths[l], in);
        for (size_t j = 0; j < c->widths[l]; j++)
            next[j] = activate(c, next[j]) * (keep ? *keep++ : 1);
        for (size_t j = 0; j < c->widths[l] && row->hidden; j++)
            row->hidden[at++] = next[j];
        in = c->widths[l];
        h = next;
        next = swap;
    }
    return c->objective == ODD_ROW             ? row_losses(n, w, row, h, next, more)
           : c->objective == ODD_EMBEDDING_MSE ? embedding_losses(n, w, row, h, next)
                                               : supervised_loss(n, w, row, h, next);
}

double odd_plain_heads(const odd_network *n, const double *w, odd_plain_row *row, const double *h,
                       double *scratch)
{
    return row_losses(n, w, row, h, scratch, scratch + odd_plain_scratch(n) / 3);
}
