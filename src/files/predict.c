/* files/predict.c: rows to lines of what a supervised model makes of them. */
#include "files/predict.h"

#include "base/error.h"
#include "base/memory.h"
#include "csv/write.h"
#include "nn/forward.h"

typedef struct predicting {
    const odd_model *model;
    const odd_column *target;
    odd_folded *folded;
    odd_layout layout;
} predicting;

/* A thread's own. */
typedef struct own {
    odd_forward *forward;
    float *outputs; /* (B, Y) */
} own;

static int begin(void *context, const odd_csv_source *source, const odd_encoder *encoder,
                 odd_bytes *out, oddrow_error *err)
{
    predicting *p = context;
    const odd_vocabulary *classes = p->target->vocabulary;
    odd_bytes name = {0};
    int rc = odd_layout_new(p->model->schema, source, encoder, &p->layout, err);
    if (rc)
        return rc;
    odd_format_carried_names(&p->layout, out);
    odd_bytes_text(out, "row,predicted");
    for (uint32_t id = 1; classes && id < classes->size; id++) {
        odd_bytes_clear(&name);
        odd_bytes_text(&name, "probability_");
        odd_bytes_span(&name, odd_vocabulary_text(classes, id));
        odd_bytes_char(out, ',');
        rc = odd_bytes_check(&name, err);
        if (rc)
            break;
        odd_csv_write_field(out, name.data, name.size, ',');
    }
    odd_bytes_char(out, '\n');
    odd_bytes_free(&name);
    return rc;
}

static int open_own(void *context, void *thread, size_t rows, oddrow_error *err)
{
    const predicting *p = context;
    own *o = thread;
    o->outputs = odd_alloc(rows * p->model->network->Y, sizeof(float));
    return o->outputs ? odd_forward_new(p->folded, &o->forward, err) : odd_no_memory(err);
}

static void close_own(void *context, void *thread)
{
    own *o = thread;
    (void)context;
    odd_forward_free(&o->forward);
    odd_free(o->outputs);
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

static int format_block(void *context, void *thread, const odd_block *block, odd_bytes *out,
                        oddrow_error *err)
{
    const predicting *p = context;
    const own *o = thread;
    (void)err;
    odd_forward_run(o->forward, block->rows, ODD_NO_COLUMN,
                    &(odd_forward_out){.outputs = o->outputs});
    for (size_t i = 0; i < block->rows->count; i++) {
        const float *outputs = o->outputs + i * p->model->network->Y;
        odd_format_carried(&p->layout, block, i, out);
        odd_bytes_whole(out, block->row[i]);
        odd_bytes_char(out, ',');
        if (p->target->vocabulary)
            add_class(p->target->vocabulary, outputs, out);
        else
            odd_bytes_number(out, odd_scaler_invert(&p->target->scaler, *outputs));
        odd_bytes_char(out, '\n');
    }
    return 0;
}

int odd_predict_files(const odd_model *model, const char *const *paths, size_t path_count,
                      const char *out, const odd_score_options *options, odd_score_summary *summary,
                      oddrow_error *err)
{
    static const odd_sink sink = {.stage = "predict",
                                  .own_size = sizeof(own),
                                  .begin = begin,
                                  .open = open_own,
                                  .close = close_own,
                                  .block = format_block};
    odd_stream_summary stream = {0};
    predicting p = {.model = model};
    *summary = (odd_score_summary){0};
    int rc = odd_model_want_target(model, err);
    if (!rc)
        rc = odd_folded_new(model->network, &p.folded, err);
    if (rc)
        return rc;
    p.target = &model->schema->columns[model->schema->target];
    rc = odd_stream_run(model, paths, path_count, out, options, &sink, &p, &stream, err);
    odd_score_count(&stream, summary);
    odd_folded_free(&p.folded);
    odd_layout_free(&p.layout);
    return rc;
}
