/* score/explain.c: the columns of a row in the order of their surprise, in words. */
#include "score/explain.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

struct odd_explainer {
    const odd_pass *pass;
    size_t wanted;
    odd_reason *reasons; /* (wanted) */
    float *surprise;     /* (K) */
    odd_bytes text;      /* the expected values' texts */
    /* what is expected: of the row, or of (L) copies of it, the i-th of which has column i masked
     */
    odd_forward_expected expected;
    odd_rows *copies; /* NULL unless masked */
    float *h;         /* (L, H) of the copies */
};

int odd_explainer_new(odd_scratch *scratch, size_t wanted, odd_explainer **out, oddrow_error *err)
{
    const odd_pass *pass = odd_scratch_pass(scratch);
    const odd_verdict *verdict = pass->verdict;
    const odd_schema *schema = verdict->schema;
    bool masked = pass->calibration == &verdict->masked;
    size_t L = odd_schema_losses(schema), rows = masked ? L : 1;
    odd_explainer *e = *out = odd_alloc(1, sizeof *e);
    if (!e)
        return odd_no_memory(err);
    e->pass = pass;
    e->wanted = wanted;
    e->reasons = odd_alloc(wanted, sizeof *e->reasons);
    e->surprise = odd_alloc(schema->K, sizeof(float));
    e->expected.likely = odd_alloc(rows * schema->C + 1, sizeof(uint32_t));
    e->expected.probability = odd_alloc(rows * schema->C + 1, sizeof(float));
    e->expected.reconstructed = odd_alloc(rows * schema->F + 1, sizeof(float));
    e->h = odd_alloc(rows * verdict->network->H, sizeof(float));
    int rc = e->reasons && e->surprise && e->expected.likely && e->expected.probability &&
                     e->expected.reconstructed && e->h
                 ? 0
                 : odd_no_memory(err);
    if (!rc && masked)
        rc = odd_rows_new(schema, L, false, &e->copies, err);
    if (rc)
        odd_explainer_free(out);
    return rc;
}

void odd_explainer_free(odd_explainer **explainer)
{
    if (!explainer || !*explainer)
        return;
    odd_explainer *e = *explainer;
    odd_free(e->reasons);
    odd_free(e->surprise);
    odd_bytes_free(&e->text);
    odd_free(e->expected.likely);
    odd_free(e->expected.probability);
    odd_free(e->expected.reconstructed);
    odd_rows_free(&e->copies);
    odd_free(e->h);
    odd_free(e);
    *explainer = NULL;
}

/* ---- one row ---- */

/* What is expected of each column where it cannot be seen: one pass, the row once a column. */
static void expect_masked(odd_explainer *e, const odd_rows *row)
{
    const odd_network *network = e->pass->verdict->network;
    odd_rows *copies = e->copies;
    copies->count = network->losses;
    for (size_t i = 0; i < copies->count; i++) {
        memcpy(copies->ids + i * row->C, row->ids, row->C * sizeof *row->ids);
        memcpy(copies->values + i * row->F, row->values, row->F * sizeof *row->values);
        memcpy(copies->missing + i * row->M, row->missing, row->M);
    }
    odd_forward_run(e->pass->forward, copies, ODD_OWN_COLUMN,
                    &(odd_forward_out){.hidden = e->h, .layer = network->config.layers - 1});
    odd_forward_expect(e->pass->forward, copies, e->h, &e->expected);
}

static void surprise(odd_explainer *e, const odd_rows *row, size_t index)
{
    const odd_pass *pass = e->pass;
    const odd_schema *schema = pass->verdict->schema;
    const float *losses = pass->losses + index * odd_schema_losses(schema);
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        size_t at = column->loss;
        e->surprise[k] = 0;
        if (at != SIZE_MAX)
            e->surprise[k] = odd_tail_surprise(&pass->calibration->columns[at], losses[at]);
        else if (column->constant_index != SIZE_MAX && row->differs &&
                 row->differs[column->constant_index])
            e->surprise[k] = (float)column->differs_loss;
    }
}

/* Appends what the network expected in a column; embedding-mse expects nothing of a cell itself. */
static void say_expected(odd_explainer *e, size_t k)
{
    const odd_verdict *verdict = e->pass->verdict;
    const odd_schema *schema = verdict->schema;
    const odd_column *c = &schema->columns[k];
    size_t row = e->copies && c->loss != SIZE_MAX ? c->loss : 0;
    size_t id = row * schema->C + c->categorical, feature = row * schema->F + c->first_feature;
    const odd_expected of = {e->expected.likely[id], e->expected.probability[id],
                             e->expected.reconstructed + feature};
    if (c->loss == SIZE_MAX || verdict->network->heads)
        odd_column_expected(c, &of, &e->text);
}

/* The next most surprising column that is not among the reasons yet. */
static size_t most_surprising(const odd_explainer *e, size_t found)
{
    const odd_schema *schema = e->pass->verdict->schema;
    size_t best = SIZE_MAX;
    for (size_t k = 0; k < schema->K; k++) {
        bool taken = !odd_kind_is_input(schema->columns[k].kind);
        for (size_t i = 0; !taken && i < found; i++)
            taken = e->reasons[i].column == k;
        if (!taken && (best == SIZE_MAX || e->surprise[k] > e->surprise[best]))
            best = k;
    }
    return best;
}

int odd_explain(odd_explainer *e, const odd_encoder *encoder, size_t row, const odd_span *cells,
                odd_reasons *out, oddrow_error *err)
{
    const odd_pass *pass = e->pass;
    const odd_verdict *verdict = pass->verdict;
    const odd_rows one = odd_rows_slice(pass->rows, row, 1);
    size_t found = 0, k;
    surprise(e, &one, row);
    if (e->copies)
        expect_masked(e, &one);
    else
        odd_forward_expect(e->pass->forward, &one, pass->h + row * verdict->network->H,
                           &e->expected);
    odd_bytes_clear(&e->text);
    while (found < e->wanted && (k = most_surprising(e, found)) != SIZE_MAX) {
        size_t before = e->text.size, source = odd_encoder_source(encoder, k);
        say_expected(e, k);
        e->reasons[found++] = (odd_reason){
            .column = k,
            .surprise = e->surprise[k],
            .flag = (odd_flag)one.flags[k],
            .observed = source == SIZE_MAX ? (odd_span){"", 0} : cells[source],
            .expected = {(const char *)(uintptr_t)before, e->text.size - before},
        };
    }
    for (size_t i = 0; i < found; i++) /* the texts stand still now */
        e->reasons[i].expected.data =
            (e->text.data ? e->text.data : "") + (uintptr_t)e->reasons[i].expected.data;
    *out = (odd_reasons){e->reasons, found};
    return odd_bytes_check(&e->text, err);
}
