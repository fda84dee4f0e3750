/* Any bytes as a model file: either a model that scores and explains rows, or an error with a
 * message, nothing else. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "csv/source.h"
#include "files/format.h"
#include "model/parts.h"
#include "score/explain.h"
#include "score/scorer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

/* Cells that are something to every kind of column. */
static const char *const texts[] = {"",     "a",     "b",   "red", "5",          "5.0", "-1e6",
                                    "1e99", "x\"y,", "NaN", "1e9", "2024-02-29", "k1",  "\xff"};
enum { TEXTS = sizeof texts / sizeof *texts, ROWS = 5, REASONS = 3, WIDE = 4096 };

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* All rows in one call, plain or masked, then each row's explanation as JSON and CSV. */
static void use(const odd_model *model, const odd_encoder *encoder, const odd_span *cells,
                odd_scratch *scratch, odd_rows *batch)
{
    odd_explainer *explainer = NULL;
    odd_reasons reasons;
    odd_scores scores = odd_scratch_score(scratch, batch, ODD_SCORE_BOTH);
    for (size_t i = 0; i < ROWS; i++)
        must(!(scores.score[i] < 0));
    if (odd_explainer_new(scratch, REASONS, &explainer, NULL) == 0)
        for (size_t i = 0; i < ROWS; i++) {
            must(odd_explain(explainer, encoder, i, cells + i * model->schema->K, &reasons, NULL) ==
                 0);
            for (size_t format = 0; format < 2; format++) {
                odd_layout layout = {
                    .format = (odd_format)format, .explain = REASONS, .schema = model->schema};
                const uint64_t row[ROWS] = {1, 2, 3, 4, 5};
                odd_block block = {
                    .rows = batch, .cells = cells, .columns = model->schema->K, .row = row};
                odd_bytes line = {0};
                odd_format_header(&layout, &line);
                odd_format_row(&layout, &block, &scores, i, true, &reasons, &line);
                must(odd_bytes_check(&line, NULL) == 0);
                odd_bytes_free(&line);
            }
        }
    odd_explainer_free(&explainer);
}

static void predict(const odd_model *model, const odd_rows *batch)
{
    odd_folded *folded = NULL;
    odd_forward *forward = NULL;
    float *outputs = odd_alloc(ROWS * model->network->Y, sizeof *outputs);
    if (outputs && odd_folded_new(model->network, &folded, NULL) == 0 &&
        odd_forward_new(folded, &forward, NULL) == 0)
        odd_forward_run(forward, batch, ODD_NO_COLUMN, &(odd_forward_out){.outputs = outputs});
    odd_forward_free(&forward);
    odd_folded_free(&folded);
    odd_free(outputs);
}

static void score(const odd_model *model)
{
    const odd_schema *schema = model->schema;
    const char **names = odd_alloc(schema->K, sizeof *names);
    odd_span *cells = odd_alloc(ROWS * schema->K, sizeof *cells);
    odd_encoder *encoder = NULL;
    odd_rows *batch = NULL;
    odd_scorer *scorer = NULL;
    for (size_t k = 0; k < schema->K; k++)
        names[k] = schema->columns[k].name;
    for (size_t i = 0; i < ROWS * schema->K; i++) {
        const char *text = texts[(i / schema->K * 7 + i) % TEXTS];
        cells[i] = (odd_span){text, strlen(text)};
    }
    must(odd_encoder_new(schema, names, schema->K, &encoder, NULL) == 0);
    must(odd_rows_new(schema, ROWS, true, &batch, NULL) == 0);
    odd_encode(encoder, cells, ROWS, batch);
    if (odd_model_supervised(model))
        predict(model, batch);
    bool scores = odd_scorer_new(&model->verdict, false, &scorer, NULL) == 0;
    for (size_t masked = 0; scores && masked < (model->verdict.masked.present ? 2 : 1); masked++) {
        odd_scratch *scratch = NULL;
        if (odd_scratch_new(scorer, ROWS, masked == 1, &scratch, NULL) == 0)
            use(model, encoder, cells, scratch, batch);
        odd_scratch_free(&scratch);
    }
    odd_scorer_free(&scorer);
    odd_rows_free(&batch);
    odd_encoder_free(&encoder);
    odd_free(names);
    odd_free(cells);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    odd_model *model = NULL;
    oddrow_error err = {0};
    int code = odd_model_parse(data, size, &model, &err);
    must(code == 0 ? model != NULL : model == NULL && err.code == code && err.message[0] != 0);
    if (code == 0) {
        must(strlen(odd_model_hash(model)) == 16 && odd_model_json(model)[0] == '{');
        if (model->schema->K <= WIDE)
            score(model);
    }
    odd_model_free(&model);
    return 0;
}

/* Three times of four the header alone is changed and its size put right, or nearly every input
 * would fail at the first eight bytes. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    size_t header = 0;
    for (size_t i = 8; i-- > 0 && size >= 8;)
        header = header << 8 | data[i];
    if (size < 8 || header > size - 8 || header == 0 || seed % 4 == 0)
        return LLVMFuzzerMutate(data, size, most);
    size_t rest = size - 8 - header, room = most - size + header;
    uint8_t *copy = malloc(room + rest);
    if (!copy)
        return size;
    memcpy(copy, data + 8, header);
    size_t changed = LLVMFuzzerMutate(copy, header, room);
    memcpy(copy + changed, data + 8 + header, rest);
    memcpy(data + 8, copy, changed + rest);
    for (size_t i = 0; i < 8; i++)
        data[i] = (uint8_t)((uint64_t)changed >> 8 * i);
    free(copy);
    return 8 + changed + rest;
}
