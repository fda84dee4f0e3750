#include "score/explain.h"

#include "base/error.h"
#include "base/memory.h"

struct odd_explainer {
    const odd_verdict *verdict;
    float *surprise; /* (K) */
    odd_forward_expected expected;
    odd_bytes text; /* the expected values' texts */
};

int odd_explainer_new(const odd_verdict *verdict, odd_explainer **out, oddrow_error *err)
{
    const odd_schema *schema = verdict->schema;
    odd_explainer *e = odd_alloc(1, sizeof *e);
    *out = e;
    if (!e)
        return odd_no_memory(err);
    e->verdict = verdict;
    e->surprise = odd_alloc(schema->K, sizeof(float));
    e->expected.likely = odd_alloc(schema->C + 1, sizeof(uint32_t));
    e->expected.probability = odd_alloc(schema->C + 1, sizeof(float));
    e->expected.reconstructed = odd_alloc(schema->F + 1, sizeof(float));
    if (e->surprise && e->expected.likely && e->expected.probability && e->expected.reconstructed)
        return 0;
    odd_explainer_free(out);
    return odd_no_memory(err);
}

void odd_explainer_free(odd_explainer **explainer)
{
    if (!explainer || !*explainer)
        return;
    odd_free((*explainer)->surprise);
    odd_free((*explainer)->expected.likely);
    odd_free((*explainer)->expected.probability);
    odd_free((*explainer)->expected.reconstructed);
    odd_bytes_free(&(*explainer)->text);
    odd_free(*explainer);
    *explainer = NULL;
}

/* Appends what the network expected in a column. embedding-mse expects nothing of a cell itself. */
static void say_expected(odd_explainer *e, size_t k)
{
    const odd_column *c = &e->verdict->schema->columns[k];
    if (c->loss == SIZE_MAX || e->verdict->network->config.objective == ODD_ROW)
        odd_column_expected(c, e->expected.likely[c->categorical],
                            (double)e->expected.probability[c->categorical],
                            e->expected.reconstructed + c->first_feature, &e->text);
}

/* The next most surprising column that is not among the reasons yet. */
static size_t most_surprising(const odd_explainer *e, const odd_reason *reasons, size_t found)
{
    size_t best = SIZE_MAX;
    for (size_t k = 0; k < e->verdict->schema->K; k++) {
        bool taken = !odd_kind_is_input(e->verdict->schema->columns[k].kind);
        for (size_t i = 0; !taken && i < found; i++)
            taken = reasons[i].column == k;
        if (!taken && (best == SIZE_MAX || e->surprise[k] > e->surprise[best]))
            best = k;
    }
    return best;
}

int odd_explain(odd_explainer *e, odd_lane *lane, const odd_encoder *encoder, const odd_rows *batch,
                size_t row, const odd_span *cells, bool masked, odd_reason *reasons, size_t wanted,
                size_t *found, oddrow_error *err)
{
    odd_lane_surprise(lane, batch, row, masked, e->surprise, &e->expected);
    odd_bytes_clear(&e->text);
    *found = 0;
    while (*found < wanted) {
        size_t k = most_surprising(e, reasons, *found);
        if (k == SIZE_MAX)
            break;
        size_t before = e->text.size, source = odd_encoder_source(encoder, k);
        say_expected(e, k);
        reasons[(*found)++] = (odd_reason){
            .column = k,
            .surprise = e->surprise[k],
            .flag = (odd_flag)batch->flags[row * batch->K + k],
            .observed = source == SIZE_MAX ? (odd_span){"", 0} : cells[source],
            .expected = {(const char *)(uintptr_t)before, e->text.size - before},
        };
    }
    if (odd_bytes_check(&e->text, err))
        return ODDROW_ENOMEM;
    for (size_t i = 0; i < *found; i++) /* the texts stand still now */
        reasons[i].expected.data =
            (e->text.data ? e->text.data : "") + (uintptr_t)reasons[i].expected.data;
    return 0;
}
