/* nn/forward.c: inference over panels of 64 rows, or row by row on the plain path. */
#include "nn/forward.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "nn/panel.h"
#include "nn/plain.h"

struct odd_forward {
    const odd_network *network;
    odd_panel *panel; /* folded path; NULL on the plain one */
    odd_plain *plain;
};

int odd_folded_new(const odd_network *network, odd_folded **out, oddrow_error *err)
{
    int rc = odd_plan_new(network, 0, out, err);
    if (rc == 0)
        odd_folded_update(*out);
    return rc;
}

void odd_folded_update(odd_folded *f)
{
    for (size_t i = 0; i < f->tasks; i++)
        odd_plan_task(f, i, 0);
}

void odd_folded_free(odd_folded **f)
{
    odd_plan_free(f);
}

/* With the tables, or NULL: on the plain path. */
static int new_forward(const odd_network *network, const odd_folded *folded, odd_forward **out,
                       oddrow_error *err)
{
    odd_forward *f = odd_alloc(1, sizeof *f);
    if (!f)
        return odd_no_memory(err);
    f->network = network;
    int rc =
        folded ? odd_panel_new(folded, &f->panel, err) : odd_plain_new(network, &f->plain, err);
    if (rc)
        odd_forward_free(&f);
    else
        *out = f;
    return rc;
}

int odd_forward_new(const odd_folded *folded, odd_forward **out, oddrow_error *err)
{
    return new_forward(folded->network, folded, out, err);
}

int odd_forward_new_plain(const odd_network *network, odd_forward **out, oddrow_error *err)
{
    return new_forward(network, NULL, out, err);
}

void odd_forward_free(odd_forward **f)
{
    if (!f || !*f)
        return;
    odd_panel_free(&(*f)->panel);
    odd_plain_free(&(*f)->plain);
    odd_free(*f);
    *f = NULL;
}

/* ---- rows ---- */

/* Row r of out (rows, n) */
static void put(float *out, size_t r, const double *from, size_t n)
{
    for (size_t j = 0; j < n && out; j++)
        out[r * n + j] = (float)from[j];
}

static void run_plain(odd_plain *s, const odd_rows *rows, int masked_column,
                      const odd_forward_out *out)
{
    const odd_network *n = s->network;
    const double *hidden = s->hidden;
    for (size_t l = 0; l < out->layer; l++)
        hidden += n->config.widths[l];
    for (size_t r = 0; r < rows->count; r++) {
        odd_plain_load(s, rows, r, masked_column);
        odd_plain_run(s);
        put(out->row_losses, r, &s->loss, 1);
        put(out->column_losses, r, s->losses, n->losses);
        put(out->x, r, s->x, n->X);
        put(out->hidden, r, hidden, n->config.widths[out->layer]);
        put(out->outputs, r, s->outputs, n->Y);
    }
}

/* Row-major (rows, width) from a panel (width, N), rows `first` on */
static void copy_out(const odd_panel *p, float *out, size_t first, const float *from, size_t width)
{
    if (out)
        p->plan->kernels->transpose(out + first * width, width, from, N, width, p->rows);
}

static void run_panel(odd_panel *p, const odd_panel_input *in, const odd_forward_out *out)
{
    const odd_network *n = p->plan->network;
    const bool losses = out->row_losses || out->column_losses || out->outputs;
    odd_panel_forward(p, in, losses ? n->layer_count : out->hidden ? n->top : n->hidden);
    if (out->x)
        odd_embedding_x(p, out->x + in->first_row * n->X);
    if (out->row_losses)
        memcpy(out->row_losses + in->first_row, p->row_losses, p->rows * sizeof(float));
    copy_out(p, out->column_losses, in->first_row, p->losses, n->losses);
    copy_out(p, out->hidden, in->first_row, p->y[out->layer], n->config.widths[out->layer]);
    copy_out(p, out->outputs, in->first_row, p->out, n->Y);
}

/* The panel of rows from `first` on */
static odd_panel_input input_of(const odd_rows *rows, size_t first, int masked_column)
{
    const size_t left = rows->count - first;
    return (odd_panel_input){.rows = odd_rows_slice(rows, first, left < N ? left : N),
                             .first_row = first,
                             .masked_column = masked_column};
}

void odd_forward_run(odd_forward *f, const odd_rows *rows, int masked_column,
                     const odd_forward_out *out)
{
    assert(out->layer < f->network->config.layers);
    assert(!odd_objective_supervised(f->network->config.objective) || !out->column_losses);
    if (f->plain)
        run_plain(f->plain, rows, masked_column, out);
    for (size_t r = 0; r < rows->count && f->panel; r += N) {
        const odd_panel_input in = input_of(rows, r, masked_column);
        run_panel(f->panel, &in, out);
    }
}

/* ---- vectors ---- */

size_t odd_forward_vectors_scratch(const odd_network *n, size_t rows)
{
    return 2 * ODD_PADDED(rows * n->widest);
}

int odd_forward_vectors(odd_forward *f, const odd_rows *rows, size_t layer, float *scratch,
                        float *out, oddrow_error *err)
{
    const odd_network *n = f->network;
    float *x = scratch, *y = x + ODD_PADDED(rows->count * n->widest);
    int rc = 0;
    assert(scratch);
    odd_forward_run(f, rows, ODD_NO_COLUMN, &(odd_forward_out){.x = x});
    for (size_t i = n->hidden; i < n->top && n->layers[i].index <= layer && rc == 0; i++) {
        float *swap = x;
        rc = n->layers[i].ops->vectors(n->layers + i, n, x, rows->count, y, err);
        x = y;
        y = swap;
    }
    memcpy(out, x, rows->count * n->config.widths[layer] * sizeof *out);
    return rc;
}

/* ---- expectations ---- */

/* From the logits (V, N) of column i: exp(logit - id's logit) * P(id) is a probability, and
 * P(id) = exp(-loss). */
static void expect_column(odd_panel *p, size_t i, const odd_forward_expected *out)
{
    const size_t V = p->n->config.V[i], C = p->n->config.C;
    const float *logits = odd_tied_logits(p, i);
    for (size_t r = 0; r < p->rows; r++) {
        const size_t at = (p->in->first_row + r) * C + i;
        float probability[16] = {0}; /* of which one is used */
        size_t best = V > 1;
        for (size_t v = best; v < V; v++)
            best = logits[v * N + r] > logits[best * N + r] ? v : best;
        probability[0] =
            -p->losses[i * N + r] + (logits[best * N + r] - logits[p->ids[r * C + i] * N + r]);
        p->k->exp(probability, 16);
        out->likely[at] = (uint32_t)best;
        out->probability[at] = probability[0] > 1 ? 1 : probability[0];
    }
}

void odd_forward_expect(odd_forward *f, const odd_rows *rows, const float *h,
                        const odd_forward_expected *out)
{
    const odd_network_config *c = &f->network->config;
    odd_panel *p = f->panel;
    assert(p);
    for (size_t r = 0; r < rows->count && f->network->heads; r += N) {
        const odd_panel_input in = input_of(rows, r, ODD_NO_COLUMN);
        odd_panel_expect(p, &in, h + r * f->network->H);
        for (size_t i = 0; i < c->C; i++)
            expect_column(p, i, out);
        copy_out(p, out->reconstructed, r, p->logits + p->plan->rows * N, c->F);
    }
}
