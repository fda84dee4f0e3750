/* files/predict.c: predictions of a model with a target, as CSV. */
#include "files/predict.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "csv/write.h"
#include "files/format.h"
#include "files/stream.h"

typedef struct predicting {
    const odd_model *model;
    const odd_score_options *options;
    const odd_column *target;
    odd_layout layout;
    odd_output *out, *rejects;
    odd_bytes scratch; /* of the chunk call, one at a time */
} predicting;

/* "probability_CLASS" of all classes, a comma in front of each. */
static int add_classes(const odd_vocabulary *classes, odd_bytes *out, oddrow_error *err)
{
    odd_bytes name = {0};
    for (uint32_t id = 1; id < classes->size && !name.failed; id++) {
        odd_bytes_clear(&name);
        odd_bytes_text(&name, "probability_");
        odd_bytes_span(&name, odd_vocabulary_text(classes, id));
        odd_bytes_char(out, ',');
        odd_csv_write_field(out, name.data, name.size, ',');
    }
    int rc = odd_bytes_check(&name, err);
    odd_bytes_free(&name);
    return rc;
}

static int begin(void *context, const odd_csv_source *source, const odd_encoder *encoder,
                 oddrow_error *err)
{
    predicting *p = context;
    int rc = odd_layout_new(p->model, p->options, source, encoder, &p->layout, err);
    if (rc)
        return rc;
    odd_format_carried_names(&p->layout, &p->scratch);
    odd_bytes_text(&p->scratch, "row,predicted");
    if (p->target->vocabulary)
        rc = add_classes(p->target->vocabulary, &p->scratch, err);
    odd_bytes_char(&p->scratch, '\n');
    if (!rc)
        rc = odd_bytes_check(&p->scratch, err);
    if (!rc)
        rc = odd_output_write(p->out, p->scratch.data, p->scratch.size, err);
    if (!rc && p->rejects)
        rc = odd_output_write(p->rejects, ODD_CSV_REJECTS_HEADER, strlen(ODD_CSV_REJECTS_HEADER),
                              err);
    return rc;
}

/* The likeliest class, of equal ones the more frequent, and the probabilities of all. */
static void add_class(const odd_vocabulary *classes, const float *p, odd_bytes *out)
{
    size_t best = 0;
    for (size_t c = 1; c + 1 < classes->size; c++)
        if (p[c] > p[best])
            best = c;
    odd_span text = odd_vocabulary_text(classes, (uint32_t)best + 1);
    odd_csv_write_field(out, text.data, text.size, ',');
    for (size_t c = 0; c + 1 < classes->size; c++) {
        odd_bytes_char(out, ',');
        odd_bytes_number(out, (double)p[c]);
    }
}

static int format_block(void *context, const odd_block *block, odd_bytes *out, oddrow_error *err)
{
    const predicting *p = context;
    const odd_vocabulary *classes = p->target->vocabulary;
    const size_t Y = p->model->network->Y;
    for (size_t i = 0; i < block->rows; i++) {
        const float *outputs = block->outputs + i * Y;
        odd_format_carried(&p->layout, block, i, out);
        odd_bytes_whole(out, block->row[i]);
        odd_bytes_char(out, ',');
        if (classes)
            add_class(classes, outputs, out);
        else
            odd_bytes_number(out, odd_scaler_invert(&p->target->scaler, *outputs));
        odd_bytes_char(out, '\n');
    }
    return odd_bytes_check(out, err);
}

static int write_chunk(void *context, const odd_bytes *out, const odd_csv_chunk *chunk,
                       uint64_t first_row, oddrow_error *err)
{
    predicting *p = context;
    int rc = odd_output_write(p->out, out->data, out->size, err);
    odd_bytes_clear(&p->scratch);
    if (!rc && p->rejects && odd_csv_write_rejects(&p->scratch, chunk, first_row))
        rc = odd_no_memory(err);
    if (!rc && p->scratch.size)
        rc = odd_output_write(p->rejects, p->scratch.data, p->scratch.size, err);
    return rc;
}

int odd_predict_files(const odd_model *model, const char *const *paths, size_t path_count,
                      const char *out, const odd_score_options *options, odd_score_summary *summary,
                      oddrow_error *err)
{
    predicting p = {.model = model, .options = options};
    const odd_sink sink = {begin, format_block, write_chunk, &p, true};
    int rc = odd_model_want_target(model, err);
    if (rc)
        return rc;
    p.target = &model->schema->columns[model->schema->target];
    rc = odd_output_open(out, &p.out, err);
    if (!rc && options->rejects)
        rc = odd_output_open(options->rejects, &p.rejects, err);
    if (!rc)
        rc = odd_stream_run(model, paths, path_count, options, &sink, summary, err);
    rc = odd_output_finish(&p.rejects, rc, err);
    rc = odd_output_finish(&p.out, rc, err);
    odd_layout_free(&p.layout);
    odd_bytes_free(&p.scratch);
    return rc;
}
