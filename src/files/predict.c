#include "files/predict.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
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
static int add_classes(const odd_vocabulary *classes, odd_bytes *out)
{
    odd_bytes name = {0};
    int rc = 0;
    for (uint32_t id = 1; !rc && id < classes->size; id++) {
        odd_span text = odd_vocabulary_text(classes, id);
        odd_bytes_clear(&name);
        rc = odd_bytes_add(&name, "probability_", 12);
        if (!rc)
            rc = odd_bytes_add(&name, text.data, text.size);
        if (!rc)
            rc = odd_bytes_add(out, ",", 1);
        if (!rc)
            rc = odd_csv_write_field(out, name.data, name.size, ',');
    }
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
    if (odd_format_carried_names(&p->layout, &p->scratch) ||
        odd_bytes_add(&p->scratch, "row,predicted", 13) ||
        (p->target->vocabulary && add_classes(p->target->vocabulary, &p->scratch)) ||
        odd_bytes_add(&p->scratch, "\n", 1))
        return odd_no_memory(err);
    rc = odd_output_write(p->out, p->scratch.data, p->scratch.size, err);
    if (!rc && p->rejects)
        rc = odd_output_write(p->rejects, ODD_CSV_REJECTS_HEADER, strlen(ODD_CSV_REJECTS_HEADER),
                              err);
    return rc;
}

static int add_number(odd_bytes *out, double value)
{
    char text[ODD_NUMBER_SIZE];
    return odd_bytes_add(out, text, odd_number_format(text, value));
}

/* The likeliest class, of equal ones the more frequent, and the probabilities of all. */
static int add_class(const odd_vocabulary *classes, const float *p, odd_bytes *out)
{
    size_t best = 0;
    for (size_t c = 1; c + 1 < classes->size; c++)
        if (p[c] > p[best])
            best = c;
    odd_span text = odd_vocabulary_text(classes, (uint32_t)best + 1);
    int rc = odd_csv_write_field(out, text.data, text.size, ',');
    for (size_t c = 0; !rc && c + 1 < classes->size; c++) {
        rc = odd_bytes_add(out, ",", 1);
        if (!rc)
            rc = add_number(out, (double)p[c]);
    }
    return rc;
}

static int format_block(void *context, const odd_block *block, odd_bytes *out, oddrow_error *err)
{
    const predicting *p = context;
    const odd_vocabulary *classes = p->target->vocabulary;
    const size_t Y = p->model->network->Y;
    int rc = 0;
    for (size_t i = 0; !rc && i < block->rows; i++) {
        const float *outputs = block->outputs + i * Y;
        rc = odd_format_carried(&p->layout, block, i, out);
        if (!rc)
            rc = odd_bytes_print(out, "%" PRIu64 ",", block->row[i]);
        if (!rc)
            rc = classes ? add_class(classes, outputs, out)
                         : add_number(out, odd_scaler_invert(&p->target->scaler, *outputs));
        if (!rc)
            rc = odd_bytes_add(out, "\n", 1);
    }
    return rc ? odd_no_memory(err) : 0;
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
