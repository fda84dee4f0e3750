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
    double *w, *scratch, *x, *losses, *probabilities, *numbers, *outputs;
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

    if (f == NULL)
        goto memory;
    f->network = network;
    for (size_t i = 0; i < c->C; i++)
        f->V += c->V[i];
    f->w = odd_alloc(network->count, sizeof *f->w);
    f->scratch = odd_alloc(odd_plain_scratch(network), sizeof *f->scratch);
    f->x = odd_alloc(network->X, sizeof *f->x);
    f->losses = odd_alloc(network->losses, sizeof *f->losses);
    f->outputs = odd_alloc(network->Y, sizeof *f->outputs);
    f->probabilities = odd_alloc(f->V, sizeof *f->probabilities);
    f->numbers = odd_alloc(c->F, sizeof *f->numbers);
    f->ids = odd_alloc(c->C, sizeof *f->ids);
    f->input_ids = odd_alloc(c->C, sizeof *f->input_ids);
    f->u = odd_alloc(c->F + c->M, sizeof *f->u);
    if (!f->w || !f->scratch || !f->x || !f->losses || !f->probabilities || !f->numbers ||
        !f->outputs || !f->ids || !f->input_ids || !f->u)
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
    odd_free((*f)->outputs);
    odd_free((*f)->ids);
    odd_free((*f)->input_ids);
    odd_free((*f)->u);
    odd_free(*f);
    *f = NULL;
}

/* One row on the plain path; results stay in f. */
static double run_plain(odd_forward *f, const odd_panel_input *in)
{
    const odd_network_config *c = &f->network->config;
    odd_plain_row row = {.ids = f->ids,
                         .input_ids = f->input_ids,
                         .values = in->values,
                         .u = f->u,
                         .missing = in->missing,
                         .x = f->x,
                         .losses = f->losses,
                         .probabilities = f->probabilities,
                         .numbers = f->numbers,
                         .outputs = f->outputs,
                         .target = in->targets ? (double)in->targets[0] : 0};

    assert((in->ids || !c->C) && (in->values || !c->F));
    for (size_t i = 0; i < c->C; i++) {
        f->ids[i] = f->input_ids[i] = in->ids[i] < c->V[i] ? in->ids[i] : 0;
        if (in->masked_column == (int)i)
            f->input_ids[i] = 0;
    }
    for (size_t m = 0; m < c->M; m++)
        f->u[c->F + m] = in->masked_column == (int)(c->C + m) || (in->missing && in->missing[m]);
    for (size_t j = 0; j < c->F; j++) {
        bool hidden = in->masked_column == (int)(c->C + f->network->column_of[j]);
        f->u[j] = hidden ? 0 : in->values[j];
    }
    return odd_plain_run(f->network, f->w, &row, f->scratch);
}

static void block_plain(odd_forward *f, const odd_panel_input *in, float *column_losses,
                        float *row_losses, float *x)
{
    const odd_network *n = f->network;
    const size_t columns = n->config.C + n->config.M;

    for (size_t r = 0; r < in->rows; r++) {
        odd_panel_input one = *in;
        one.ids = in->ids ? in->ids + r * n->config.C : NULL;
        one.values = in->values ? in->values + r * n->config.F : NULL;
        one.missing = in->missing ? in->missing + r * n->config.M : NULL;
        double loss = run_plain(f, &one);
        if (row_losses)
            row_losses[r] = (float)loss;
        for (size_t j = 0; j < columns && column_losses; j++)
            column_losses[r * columns + j] = (float)f->losses[j];
        for (size_t j = 0; j < n->X && x; j++)
            x[r * n->X + j] = (float)f->x[j];
    }
}

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

static void block_folded(odd_forward *f, const odd_panel_input *in, float *column_losses,
                         float *row_losses, float *x)
{
    odd_panel *p = f->panel;
    const size_t columns = f->network->config.C + f->network->config.M;

    odd_panel_load(p, in);
    if (x)
        copy_x(p, x);
    if (!column_losses && !row_losses)
        return;
    odd_panel_forward(p, in);
    if (row_losses)
        memcpy(row_losses, p->row_losses, in->rows * sizeof *row_losses);
    if (column_losses)
        p->fold->kernels->transpose(column_losses, columns, p->losses, N, columns, in->rows);
}

void odd_forward_run(odd_forward *f, const uint32_t *ids, const float *values,
                     const uint8_t *missing, size_t rows, int masked_column, float *column_losses,
                     float *row_losses, float *x)
{
    const odd_network *n = f->network;
    const size_t C = n->config.C, F = n->config.F, M = n->config.M;

    assert(!odd_objective_supervised(n->config.objective) || (!column_losses && !row_losses));
    for (size_t r = 0; r < rows; r += N) {
        const odd_panel_input in = {.ids = ids ? ids + r * C : NULL,
                                    .values = values ? values + r * F : NULL,
                                    .missing = missing ? missing + r * M : NULL,
                                    .rows = rows - r < N ? rows - r : N,
                                    .masked_column = masked_column};
        (f->panel ? block_folded
                  : block_plain)(f, &in, column_losses ? column_losses + r * (C + M) : NULL,
                                 row_losses ? row_losses + r : NULL, x ? x + r * n->X : NULL);
    }
}

static void predict_plain(odd_forward *f, const odd_panel_input *in, float *losses, float *outputs)
{
    const odd_network *n = f->network;

    for (size_t r = 0; r < in->rows; r++) {
        odd_panel_input one = *in;
        one.ids = in->ids ? in->ids + r * n->config.C : NULL;
        one.values = in->values ? in->values + r * n->config.F : NULL;
        one.missing = in->missing ? in->missing + r * n->config.M : NULL;
        one.targets = in->targets ? in->targets + r : NULL;
        double loss = run_plain(f, &one);
        if (losses)
            losses[r] = (float)loss;
        for (size_t j = 0; j < n->Y && outputs; j++)
            outputs[r * n->Y + j] = (float)f->outputs[j];
    }
}

void odd_forward_predict(odd_forward *f, const uint32_t *ids, const float *values,
                         const uint8_t *missing, const float *targets, size_t rows, float *losses,
                         float *outputs)
{
    const odd_network *n = f->network;
    const size_t C = n->config.C, F = n->config.F, M = n->config.M, Y = n->Y;

    assert(odd_objective_supervised(n->config.objective));
    for (size_t r = 0; r < rows; r += N) {
        const odd_panel_input in = {.ids = ids ? ids + r * C : NULL,
                                    .values = values ? values + r * F : NULL,
                                    .missing = missing ? missing + r * M : NULL,
                                    .targets = targets ? targets + r : NULL,
                                    .rows = rows - r < N ? rows - r : N,
                                    .masked_column = ODD_NO_COLUMN};
        if (!f->panel) {
            predict_plain(f, &in, losses ? losses + r : NULL, outputs ? outputs + r * Y : NULL);
            continue;
        }
        odd_panel_load(f->panel, &in);
        odd_panel_forward(f->panel, &in);
        if (losses)
            memcpy(losses + r, f->panel->losses, in.rows * sizeof *losses);
        if (outputs)
            f->panel->fold->kernels->transpose(outputs + r * Y, Y, f->panel->out, N, Y, in.rows);
    }
}

/* Fills likely, probability and observed of a column from its V probabilities or, on the folded
 * path, logits of row 0: exp(logit - id's logit) * P(id) is a probability, P(id) = exp(-loss). */
static void explain_column(odd_forward *f, odd_forward_expected *out, size_t i, const float *logits,
                           const double *probabilities)
{
    const size_t V = f->network->config.V[i];
    const uint32_t id = f->panel ? f->panel->ids[i] : f->ids[i];
    float p[N] = {0}, observed, probability;
    size_t best = V > 1;

    assert(logits || probabilities);
    for (size_t v = best; v < V; v++)
        if (logits ? logits[v * N] > logits[best * N] : probabilities[v] > probabilities[best])
            best = v;
    if (logits) {
        p[0] = -f->panel->losses[i * N];
        p[1] = p[0] + (logits[best * N] - logits[id * N]);
        f->panel->fold->kernels->exp(p, 16);
        observed = p[0];
        probability = p[1];
    } else {
        observed = (float)probabilities[id];
        probability = (float)probabilities[best];
    }
    if (out->likely)
        out->likely[i] = (uint32_t)best;
    if (out->probability)
        out->probability[i] = probability > 1 ? 1 : probability;
    if (out->observed)
        out->observed[i] = observed > 1 ? 1 : observed;
}

void odd_forward_explain(odd_forward *f, const uint32_t *ids, const float *values,
                         const uint8_t *missing, int masked_column, odd_forward_expected *out)
{
    const odd_network_config *c = &f->network->config;
    const bool heads = c->objective == ODD_ROW;
    const odd_panel_input in = {.ids = ids,
                                .values = values,
                                .missing = missing,
                                .rows = 1,
                                .masked_column = masked_column};
    const double *probabilities = f->probabilities;

    (f->panel ? block_folded : block_plain)(f, &in, out->column_losses, (float[1]){0}, NULL);
    for (size_t i = 0; i < c->C; i++) {
        if (!heads) {
            if (out->likely)
                out->likely[i] = 0;
            if (out->probability)
                out->probability[i] = 0;
            if (out->observed)
                out->observed[i] = 0;
        } else if (f->panel) {
            explain_column(f, out, i, odd_panel_logits(f->panel, i), NULL);
        } else {
            explain_column(f, out, i, NULL, probabilities);
            probabilities += c->V[i];
        }
    }
    for (size_t j = 0; j < c->F && out->reconstructed; j++) {
        if (!heads)
            out->reconstructed[j] = 0;
        else if (f->panel)
            out->reconstructed[j] = f->panel->logits[(f->panel->fold->rows + j) * N];
        else
            out->reconstructed[j] = (float)f->numbers[j];
    }
}
