/* nn/fold.c: folds layer 1 and the tied heads into the embedding tables. */
#include "nn/fold.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* Multiplications with and without folding, over a step of B rows (forward and backward are three
 * products each), or a row of inference when B is 0. */
static bool pays(const odd_network *n, size_t i, size_t B)
{
    const double V = (double)n->config.V[i], E = (double)n->config.E[i], H = (double)n->H,
                 H1 = (double)n->config.widths[0], rows = (double)B;
    const double folded = 3 * V * E * (H1 + H) + 3 * rows * V * H,
                 direct = 3 * rows * (E * H1 + E * H + V * E);

    if (n->config.objective != ODD_ROW)
        return false;
    if (B == 0)
        return V * H <= 1.5 * (E * H1 + E * H + V * E);
    return folded <= 1.5 * direct; /* one large product runs faster than three small ones */
}

static void choose_columns(odd_fold *f, size_t B)
{
    const odd_network *n = f->network;
    const bool heads = n->config.objective == ODD_ROW;

    for (size_t i = 0; i < n->config.C; i++) {
        odd_fold_column *c = f->columns + i;
        c->folded = pays(n, i, B);
        if (c->folded) {
            c->row = f->rows;
            c->order = f->folded;
            f->order[f->folded++] = i;
            f->rows += n->config.V[i];
        } else {
            c->logits = f->direct_logits;
            if (heads)
                f->direct_logits += n->config.V[i];
            if (heads && n->config.V[i] > f->direct_most)
                f->direct_most = n->config.V[i];
        }
    }
    f->heads = heads ? f->rows + n->config.F : 0;
    for (size_t i = 0; i <= n->config.C; i++) { /* the last is the projection */
        size_t width = i < n->config.C ? n->config.E[i] : n->config.P;
        odd_run *last = f->run_count ? f->runs + f->run_count - 1 : NULL;
        if (width == 0 || (i < n->config.C && f->columns[i].folded))
            continue;
        if (last && last->first + last->width == n->first[i])
            last->width += width;
        else
            f->runs[f->run_count++] = (odd_run){n->first[i], width};
    }
}

/* Hands out `count` floats, in whole cache lines; with memory NULL only counts them. */
static float *carve(float *memory, size_t *used, size_t count)
{
    float *at = memory ? memory + *used : NULL;
    *used += ODD_PADDED(count);
    return at;
}

static size_t carve_all(odd_fold *f)
{
    const odd_network_config *c = &f->network->config;
    size_t used = 0;

    f->table = carve(f->memory, &used, f->rows * f->table_stride);
    f->head = carve(f->memory, &used, f->heads * f->head_stride);
    f->bias = carve(f->memory, &used, f->heads);
    for (size_t i = 0; i < c->C; i++) {
        odd_fold_column *column = f->columns + i;
        if (!column->folded)
            continue;
        column->slice = carve(f->memory, &used, c->E[i] * f->table_stride);
        column->head = carve(f->memory, &used, f->network->H * ODD_PADDED(c->E[i]));
        column->scratch = carve(f->memory, &used, c->V[i] * 16);
        if (f->memory) /* not while sizes are counted */
            f->tables[column->order] = f->table + column->row * f->table_stride;
    }
    return used + 16;
}

int odd_fold_new(const odd_network *n, size_t B, odd_fold **out, oddrow_error *err)
{
    static const odd_curve curves[ODD_ACTIVATIONS] = {
        [ODD_LEAKY_RELU] = ODD_CURVE_LEAKY, [ODD_RELU] = ODD_CURVE_LEAKY,
        [ODD_ELU] = ODD_CURVE_ELU,          [ODD_GELU] = ODD_CURVE_GELU,
        [ODD_SILU] = ODD_CURVE_SILU,        [ODD_TANH] = ODD_CURVE_TANH,
        [ODD_LINEAR] = ODD_CURVE_LINEAR};
    const size_t C = n->config.C;
    odd_fold *f = odd_alloc(1, sizeof *f);

    if (f == NULL)
        goto memory;
    f->network = n;
    f->kernels = odd_kernels_best();
    f->curve = curves[n->config.activation];
    f->slope = n->config.activation == ODD_RELU ? 0.0f : n->config.slope;
    f->table_stride = ODD_PADDED(n->config.widths[0]);
    f->head_stride = ODD_PADDED(n->H);
    f->columns = odd_alloc(C, sizeof *f->columns);
    f->order = odd_alloc(C, sizeof *f->order);
    f->tables = odd_alloc(C, sizeof *f->tables);
    f->runs = odd_alloc(C + 1, sizeof *f->runs);
    if (!f->columns || !f->order || !f->tables || !f->runs)
        goto memory;
    choose_columns(f, B);
    f->memory = odd_alloc(carve_all(f), sizeof *f->memory);
    if (f->memory == NULL)
        goto memory;
    carve_all(f);
    *out = f;
    return 0;
memory:
    odd_fold_free(&f);
    return odd_fail(err, ODDROW_ENOMEM, "out of memory for the folded tables");
}

void odd_fold_free(odd_fold **f)
{
    if (f == NULL || *f == NULL)
        return;
    odd_free((*f)->columns);
    odd_free((*f)->order);
    odd_free((*f)->tables);
    odd_free((*f)->runs);
    odd_free((*f)->memory);
    odd_free(*f);
    *f = NULL;
}

double odd_fold_cost(const odd_fold *f)
{
    const odd_network_config *c = &f->network->config;
    double cost = 0;

    for (size_t i = 0; i < c->C; i++)
        if (f->columns[i].folded)
            cost += (double)c->V[i] * (double)c->E[i] * (double)(c->widths[0] + f->network->H);
    return cost;
}

size_t odd_fold_tasks(const odd_fold *f)
{
    return f->folded + (f->heads > f->rows);
}

/* T_i, G_i and g_i of one column. Padding columns of G hold nothing of use. */
static void fold_column(const odd_fold *f, size_t i)
{
    const odd_network *n = f->network;
    const odd_kernels *k = f->kernels;
    const odd_fold_column *c = f->columns + i;
    const size_t V = n->config.V[i], E = n->config.E[i], H1 = n->config.widths[0], H = n->H;
    const float *table = odd_network_tensor(n, i),
                *dense = odd_network_tensor(n, n->dense) + n->first[i],
                *weight = odd_network_tensor(n, n->head + 3 * i),
                *bias = odd_network_tensor(n, n->head + 3 * i + 1),
                *logit_bias = odd_network_tensor(n, n->head + 3 * i + 2);

    k->transpose(c->slice, f->table_stride, dense, n->X, H1, E);
    k->transpose(c->head, ODD_PADDED(E), weight, H, E, H);
    k->multiply(f->table + c->row * f->table_stride, f->table_stride, table, E, c->slice,
                f->table_stride, NULL, false, V, H1, E);
    k->multiply(f->head + c->row * f->head_stride, f->head_stride, table, E, weight, H, NULL, false,
                V, H, E);
    k->multiply(c->scratch, 16, table, E, bias, 1, logit_bias, false, V, 1, E);
    for (size_t v = 0; v < V; v++)
        f->bias[c->row + v] = c->scratch[v * 16];
}

void odd_fold_task(void *fold, size_t index, size_t thread)
{
    const odd_fold *f = fold;
    const odd_network *n = f->network;
    const size_t H = n->H;

    (void)thread;
    if (index < f->folded) {
        fold_column(f, f->order[index]);
        return;
    }
    for (size_t j = 0; j < n->config.F; j++)
        memcpy(f->head + (f->rows + j) * f->head_stride, odd_network_tensor(n, n->numeric) + j * H,
               H * sizeof(float));
    memcpy(f->bias + f->rows, odd_network_tensor(n, n->numeric + 1), n->config.F * sizeof(float));
}
