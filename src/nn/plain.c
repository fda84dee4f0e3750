/* nn/plain.c: the network in plain loops over doubles, a row at a time. */
#include "nn/plain.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "nn/plan.h"

static void carve(void *plain, odd_carver *c)
{
    odd_plain *s = plain;
    const odd_network *n = s->network;
    const odd_network_config *k = &n->config;
    size_t hidden = 0, V = 0, scratch = 1;
    for (size_t l = 0; l < k->layers; l++)
        hidden += k->widths[l];
    for (size_t i = 0; i < k->C; V += k->V[i++])
        scratch = k->E[i] > scratch ? k->E[i] : scratch;
    s->w = odd_carve(c, n->count, sizeof *s->w);
    s->ids = odd_carve(c, k->C, sizeof *s->ids);
    s->input_ids = odd_carve(c, k->C, sizeof *s->input_ids);
    s->values = odd_carve(c, k->F, sizeof *s->values);
    s->u = odd_carve(c, k->F + k->M, sizeof *s->u);
    s->missing = odd_carve(c, k->M, sizeof *s->missing);
    s->x = odd_carve(c, n->X, sizeof *s->x);
    s->hidden = odd_carve(c, hidden, sizeof *s->hidden);
    s->losses = odd_carve(c, n->losses, sizeof *s->losses);
    s->probabilities = odd_carve(c, V, sizeof *s->probabilities);
    s->numbers = odd_carve(c, k->F, sizeof *s->numbers);
    s->outputs = odd_carve(c, n->Y, sizeof *s->outputs);
    s->scratch = odd_carve(c, scratch, sizeof *s->scratch);
}

int odd_plain_new(const odd_network *n, odd_plain **out, oddrow_error *err)
{
    odd_plain *s = odd_alloc(1, sizeof *s);
    if (!s)
        return odd_no_memory(err);
    s->network = n;
    s->memory = odd_carve_all(carve, s);
    if (!s->memory) {
        odd_plain_free(&s);
        return odd_no_memory(err);
    }
    for (size_t i = 0; i < n->count; i++)
        s->w[i] = (double)n->parameters[i];
    *out = s;
    return 0;
}

void odd_plain_free(odd_plain **s)
{
    if (!s || !*s)
        return;
    odd_free((*s)->memory);
    odd_free(*s);
    *s = NULL;
}

void odd_plain_load(odd_plain *s, const odd_rows *rows, size_t r, int masked_column)
{
    const odd_network_config *c = &s->network->config;
    const size_t C = c->C, F = c->F, M = c->M,
                 masked = masked_column == ODD_OWN_COLUMN  ? r
                          : masked_column == ODD_NO_COLUMN ? SIZE_MAX
                                                           : (size_t)masked_column;
    for (size_t i = 0; i < C; i++) {
        const uint32_t id = rows->ids[r * C + i];
        s->ids[i] = id < c->V[i] ? id : 0;
        s->input_ids[i] = masked == i ? 0 : s->ids[i];
    }
    for (size_t m = 0; m < M; m++) {
        s->missing[m] = rows->missing && rows->missing[r * M + m];
        s->u[F + m] = masked == C + m || s->missing[m];
    }
    for (size_t f = 0; f < F; f++) {
        s->values[f] = (double)rows->values[r * F + f];
        s->u[f] = masked == C + s->network->column_of[f] ? 0 : s->values[f];
    }
    s->target = rows->targets ? (double)rows->targets[r] : 0;
}

void odd_plain_affine(double *y, const double *w, const double *b, const double *x, size_t out,
                      size_t in)
{
    for (size_t i = 0; i < out; i++) {
        y[i] = b[i];
        for (size_t j = 0; j < in; j++)
            y[i] += w[i * in + j] * x[j];
    }
}

void odd_plain_product(const odd_plain *s, const odd_layer *l, double *y, const double *x)
{
    odd_plain_affine(y, odd_plain_tensor(s, l, 0), odd_plain_tensor(s, l, 1), x, l->out, l->in);
}

double odd_plain_entropy(double *l, size_t V, size_t id)
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

double odd_plain_run(odd_plain *s)
{
    const odd_network *n = s->network;
    s->loss = 0;
    s->h = s->x;
    s->next = s->hidden;
    for (size_t i = 0; i < n->layer_count; i++)
        n->layers[i].ops->plain(n->layers + i, s);
    for (size_t j = 0; j < n->losses && n->heads; j++)
        s->loss += s->losses[j] / (double)n->losses;
    return s->loss;
}
