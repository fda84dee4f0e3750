/* nn/forward.c: inference over panels of 64 rows, or row by row on the plain path. */
#include "nn/forward.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "nn/panel.h"
#include "nn/plain.h"

enum { N = ODD_PANEL };

struct odd_folded {
    odd_fold *fold;
};

struct odd_forward {
    const odd_network *network;
    odd_panel *panel; /* folded path; NULL on the plain one */
    /* plain path: parameters and scratch in double, inputs of one row */
    double *w, *scratch, *x, *losses, *hidden, *outputs, *probabilities, *numbers;
    uint32_t *ids, *input_ids;
    float *u;
    size_t V; /* sum of the vocabularies */
};

int odd_folded_new(const odd_network *network, odd_folded **out, oddrow_error *err)
{
    odd_folded *f = odd_alloc(1, sizeof *f);
    int code;

    if (f == NULL)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory for the folded tables");
    code = odd_fold_new(network, 0, &f->fold, err);
    if (code) {
        odd_free(f);
        return code;
    }
    odd_folded_update(f);
    *out = f;
    return 0;
}

void odd_folded_update(odd_folded *f)
{
    for (size_t i = 0; i < odd_fold_tasks(f->fold); i++)
        odd_fold_task(f->fold, i, 0);
}

const odd_network *odd_folded_network(const odd_folded *f)
{
    return f->fold->network;
}

void odd_folded_free(odd_folded **f)
{
    if (f == NULL || *f == NULL)
        return;
    odd_fold_free(&(*f)->fold);
    odd_free(*f);
    *f = NULL;
}

int odd_forward_new(const odd_folded *folded, odd_forward **out, oddrow_error *err)
{
    odd_forward *f = odd_alloc(1, sizeof *f);
    int code;

    if (f == NULL)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory for a forward pass");
    f->network = folded->fold->network;
    code = odd_panel_new(folded->fold, false, &f->panel, err);
    if (code)
        odd_forward_free(&f);
    else
        *out = f;
    return code;
}

int odd_forward_new_plain(const odd_network *network, odd_forward **out, oddrow_error *err)
{
    const odd_network_config *c = &network->config;
    odd_forward *f = odd_alloc(1, sizeof *f);
    size_t hidden = 0;

    if (f == NULL)
        goto memory;
    f->network = network;
    for (size_t i = 0; i < c->C; i++)
        f->V += c->V[i];
    for (size_t l = 0; l < c->layers; l++)
        hidden += c->widths[l];
    f->w = odd_alloc(network->count, sizeof *f->w);
    f->scratch = odd_alloc(odd_plain_scratch(network), sizeof *f->scratch);
    f->x = odd_alloc(network->X, sizeof *f->x);
    f->losses = odd_alloc(network->losses, sizeof *f->losses);
    f->outputs = odd_alloc(network->Y, sizeof *f->outputs);
    f->probabilities = odd_alloc(f->V, sizeof *f->probabilities);
    f->numbers = odd_alloc(c->F, sizeof *f->numbers);
    f->hidden = odd_alloc(hidden, sizeof *f->hidden);
    f->ids = odd_alloc(c->C, sizeof *f->ids);
    f->input_ids = odd_alloc(c->C, sizeof *f->input_ids);
    f->u = odd_alloc(c->F + c->M, sizeof *f->u);
    if (!f->w || !f->scratch || !f->x || !f->losses || !f->probabilities || !f->numbers ||
        !f->outputs || !f->hidden || !f->ids || !f->input_ids || !f->u)
        goto memory;
    for (size_t i = 0; i < network->count; i++)
        f->w[i] = (double)network->parameters[i];
    *out = f;
    return 0;
memory:
    odd_forward_free(&f);
    return odd_fail(err, ODDROW_ENOMEM, "out of memory for a forward pass");
}

void odd_forward_free(odd_forward **f)
{
    if (f == NULL || *f == NULL)
        return;
    odd_panel_free(&(*f)->panel);
    odd_free((*f)->w);
    odd_free((*f)->scratch);
    odd_free((*f)->x);
    odd_free((*f)->losses);
    odd_free((*f)->probabilities);
    odd_free((*f)->numbers);
    odd_free((*f)->hidden);
    odd_free((*f)->outputs);
    odd_free((*f)->ids);
    odd_free((*f)->input_ids);
    odd_free((*f)->u);
    odd_free(*f);
    *f = NULL;
}

/* ---- the plain path, row by row ---- */

/* The target side of row r; results go to f. */
static odd_plain_row plain_row(odd_forward *f, const odd_rows *rows, size_t r)
{
    const odd_network_config *c = &f->network->config;

    for (size_t i = 0; i < c->C; i++) {
        const uint32_t id = rows->ids[r * c->C + i];
        f->ids[i] = id < c->V[i] ? id : 0;
    }
    return (odd_plain_row){.ids = f->ids,
                           .input_ids = f->input_ids,
                           .values = rows->values + r * c->F,
                           .u = f->u,
                           .missing = rows->missing ? rows->missing + r * c->M : NULL,
                           .x = f->x,
                           .losses = f->losses,
                           .probabilities = f->probabilities,
                           .numbers = f->numbers,
                           .outputs = f->outputs,
                           .hidden = f->hidden,
                           .target = rows->targets ? (double)rows->targets[r] : 0};
}

/* One row; results stay in f. */
static double run_plain(odd_forward *f, const odd_rows *rows, size_t r, int masked)
{
    const odd_network_config *c = &f->network->config;
    odd_plain_row row = plain_row(f, rows, r);

    for (size_t i = 0; i < c->C; i++)
        f->input_ids[i] = masked == (int)i ? 0 : f->ids[i];
    for (size_t m = 0; m < c->M; m++)
        f->u[c->F + m] = masked == (int)(c->C + m) || (row.missing && row.missing[m]);
    for (size_t j = 0; j < c->F; j++)
        f->u[j] = masked == (int)(c->C + f->network->column_of[j]) ? 0 : row.values[j];
    return odd_plain_run(f->network, f->w, &row, f->scratch);
}

/* out (rows, n), row r: from (n) in float */
static void put(float *out, size_t r, const double *from, size_t n)
{
    for (size_t j = 0; j < n && out; j++)
        out[r * n + j] = (float)from[j];
}

static void rows_plain(odd_forward *f, const odd_rows *rows, int masked_column,
                       const odd_forward_out *out)
{
    const odd_network *n = f->network;
    const double *hidden = f->hidden;

    for (size_t l = 0; l < out->layer; l++)
        hidden += n->config.widths[l];
    for (size_t r = 0; r < rows->count; r++) {
        const int masked = masked_column == ODD_OWN_COLUMN ? (int)r : masked_column;
        const double loss = run_plain(f, rows, r, masked);
        put(out->row_losses, r, &loss, 1);
        put(out->column_losses, r, f->losses, n->losses);
        put(out->x, r, f->x, n->X);
        put(out->hidden, r, hidden, n->config.widths[out->layer]);
        put(out->outputs, r, f->outputs, n->Y);
    }
}

/* ---- the folded path, 64 rows at once ---- */

/* x of the panel's rows, row-major: embeddings by id, the projection as loaded */
static void copy_x(const odd_panel *p, float *x)
{
    const odd_network *n = p->fold->network;
    const size_t C = n->config.C;

    for (size_t r = 0; r < p->rows; r++) {
        for (size_t i = 0; i < C; i++)
            memcpy(x + r * n->X + n->first[i],
                   odd_network_tensor(n, i) + p->input_ids[r * C + i] * n->config.E[i],
                   n->config.E[i] * sizeof *x);
        for (size_t j = n->first[C]; j < n->X; j++)
            x[r * n->X + j] = p->x[j * N + r];
    }
}

static void run_panel(odd_forward *f, const odd_panel_input *in, const odd_forward_out *out)
{
    const odd_network *n = f->network;
    const odd_kernels *k = f->panel->fold->kernels;
    odd_panel *p = f->panel;
    const size_t first = in->first_row, count = in->rows.count,
                 width = n->config.widths[out->layer];

    odd_panel_load(p, in);
    if (out->x)
        copy_x(p, out->x + first * n->X);
    if (!out->row_losses && !out->column_losses && !out->hidden && !out->outputs)
        return;
    odd_panel_forward(p, in);
    if (out->row_losses)
        memcpy(out->row_losses + first, p->row_losses, count * sizeof(float));
    if (out->column_losses)
        k->transpose(out->column_losses + first * n->losses, n->losses, p->losses, N, n->losses,
                     count);
    if (out->hidden)
        k->transpose(out->hidden + first * width, width, p->y[out->layer], N, width, count);
    if (out->outputs)
        k->transpose(out->outputs + first * n->Y, n->Y, p->out, N, n->Y, count);
}

void odd_forward_run(odd_forward *f, const odd_rows *rows, int masked_column,
                     const odd_forward_out *out)
{
    assert(out->layer < f->network->config.layers);
    assert(!odd_objective_supervised(f->network->config.objective) || !out->column_losses);
    if (!f->panel) {
        rows_plain(f, rows, masked_column, out);
        return;
    }
    for (size_t r = 0; r < rows->count; r += N) {
        const size_t left = rows->count - r;
        const odd_panel_input in = {.rows = odd_rows_slice(rows, r, left < N ? left : N),
                                    .first_row = r,
                                    .masked_column = masked_column};
        run_panel(f, &in, out);
    }
}

/* ---- expectations ---- */

/* Of column i of row `at` among all, row r of those at hand, from its V probabilities or, on the
 * folded path, logits: exp(logit - id's logit) * P(id) is a probability, P(id) = exp(-loss). */
static void expect_column(odd_forward *f, odd_forward_expected *out, size_t at, size_t r, size_t i,
                          const float *logits, const double *probabilities)
{
    const size_t V = f->network->config.V[i], C = f->network->config.C;
    const uint32_t id = f->panel ? f->panel->ids[r * C + i] : f->ids[i];
    float p[N] = {0}, observed, probability;
    size_t best = V > 1;

    assert(logits || probabilities);
    for (size_t v = best; v < V; v++)
        if (logits ? logits[v * N + r] > logits[best * N + r]
                   : probabilities[v] > probabilities[best])
            best = v;
    if (logits) {
        p[0] = -f->panel->losses[i * N + r];
        p[1] = p[0] + (logits[best * N + r] - logits[id * N + r]);
        f->panel->fold->kernels->exp(p, 16);
        observed = p[0];
        probability = p[1];
    } else {
        observed = (float)probabilities[id];
        probability = (float)probabilities[best];
    }
    if (out->likely)
        out->likely[at * C + i] = (uint32_t)best;
    if (out->probability)
        out->probability[at * C + i] = probability > 1 ? 1 : probability;
    if (out->observed)
        out->observed[at * C + i] = observed > 1 ? 1 : observed;
}

static void expect_plain(odd_forward *f, const odd_rows *rows, const float *h,
                         odd_forward_expected *out)
{
    const odd_network *n = f->network;

    for (size_t r = 0; r < rows->count; r++) {
        odd_plain_row row = plain_row(f, rows, r);
        const double *probabilities = f->probabilities;
        for (size_t j = 0; j < n->H; j++)
            f->hidden[j] = (double)h[r * n->H + j];
        odd_plain_heads(n, f->w, &row, f->hidden, f->scratch);
        for (size_t i = 0; i < n->config.C; probabilities += n->config.V[i++])
            expect_column(f, out, r, r, i, NULL, probabilities);
        put(out->reconstructed, r, f->numbers, n->config.F);
    }
}

static void expect_panel(odd_forward *f, const odd_rows *rows, size_t first, const float *h,
                         odd_forward_expected *out)
{
    odd_panel *p = f->panel;
    const size_t F = f->network->config.F;

    odd_panel_expect(p, rows, h);
    for (size_t i = 0; i < f->network->config.C; i++) {
        const float *logits = odd_panel_logits(p, i);
        for (size_t r = 0; r < rows->count; r++)
            expect_column(f, out, first + r, r, i, logits, NULL);
    }
    if (out->reconstructed)
        p->fold->kernels->transpose(out->reconstructed + first * F, F,
                                    p->logits + p->fold->rows * N, N, F, rows->count);
}

void odd_forward_expect(odd_forward *f, const odd_rows *rows, const float *h,
                        odd_forward_expected *out)
{
    const odd_network_config *c = &f->network->config;

    if (c->objective != ODD_ROW) {
        for (size_t i = 0; i < rows->count * c->C; i++) {
            if (out->likely)
                out->likely[i] = 0;
            if (out->probability)
                out->probability[i] = 0;
            if (out->observed)
                out->observed[i] = 0;
        }
        if (out->reconstructed)
            memset(out->reconstructed, 0, rows->count * c->F * sizeof(float));
        return;
    }
    if (!f->panel) {
        expect_plain(f, rows, h, out);
        return;
    }
    for (size_t r = 0; r < rows->count; r += N) {
        const size_t left = rows->count - r;
        const odd_rows some = odd_rows_slice(rows, r, left < N ? left : N);
        expect_panel(f, &some, r, h + r * f->network->H, out);
    }
}
