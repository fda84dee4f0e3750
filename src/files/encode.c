#include "files/encode.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "csv/ordered.h"
#include "csv/write.h"
#include "model/parts.h"
#include "tables/embedding.h"
#include "tables/npy.h"

enum { BLOCK_ROWS = 256, CHUNK = 64 << 10 };

typedef struct lane {
    odd_vectorizer_lane *rows;
    odd_rows *batch;
} lane;

typedef struct encoding {
    const odd_model *model;
    const odd_encode_options *options;
    odd_vectorizer *rows;
    odd_csv_source *source;
    odd_encoder *encoder;
    odd_pool *pool;
    lane *lanes;
    bool npy;
    odd_output *out, *rejects;
    odd_bytes scratch;
} encoding;

static int encode_chunk(void *context, size_t thread, const odd_csv_chunk *chunk,
                        uint64_t first_row, odd_bytes *out, oddrow_error *err)
{
    encoding *e = context;
    lane *l = &e->lanes[thread];
    size_t bytes = odd_vectorizer_width(e->rows) * sizeof(float);
    int rc = 0;
    (void)first_row;
    for (size_t done = 0; !rc && done < chunk->rows; done += BLOCK_ROWS) {
        size_t left = chunk->rows - done, count = left < BLOCK_ROWS ? left : BLOCK_ROWS;
        odd_encode(e->encoder, chunk->cells + done * chunk->columns, count, l->batch);
        if (!e->npy) {
            rc = odd_vectorizer_csv(l->rows, l->batch, count, out, err);
            continue;
        }
        if (odd_bytes_reserve(out, count * bytes))
            return odd_no_memory(err);
        rc = odd_vectorizer_run(l->rows, l->batch, count, (float *)(void *)(out->data + out->size),
                                err);
        out->size += count * bytes;
    }
    return rc;
}

static int write_chunk(void *context, const odd_bytes *out, const odd_csv_chunk *chunk,
                       uint64_t first_row, oddrow_error *err)
{
    encoding *e = context;
    int rc = odd_output_write(e->out, out->data, out->size, err);
    odd_bytes_clear(&e->scratch);
    if (!rc && e->rejects && odd_csv_write_rejects(&e->scratch, chunk, first_row))
        rc = odd_no_memory(err);
    if (!rc && e->scratch.size)
        rc = odd_output_write(e->rejects, e->scratch.data, e->scratch.size, err);
    return rc;
}

/* ---- the file's frame ---- */

static int write_header(encoding *e, oddrow_error *err)
{
    char header[ODD_NPY_HEADER];
    size_t width = odd_vectorizer_width(e->rows);
    if (e->npy) { /* rows are counted at the end */
        odd_npy_header(header, "<f4", 0, width);
        return odd_output_write(e->out, header, sizeof header, err);
    }
    for (size_t i = 0; i < width; i++) {
        const char *name = odd_vectorizer_name(e->rows, i);
        if ((i && odd_bytes_add(&e->scratch, ",", 1)) ||
            odd_csv_write_field(&e->scratch, name, strlen(name), ','))
            return odd_no_memory(err);
    }
    if (odd_bytes_add(&e->scratch, "\n", 1))
        return odd_no_memory(err);
    return odd_output_write(e->out, e->scratch.data, e->scratch.size, err);
}

/* X.columns.txt beside X.npy. */
static int write_names(encoding *e, const char *path, oddrow_error *err)
{
    odd_output *out = NULL;
    odd_bytes *text = &e->scratch;
    odd_bytes_clear(text);
    if (odd_bytes_print(text, "%.*s.columns.txt", (int)(strlen(path) - 4), path))
        return odd_no_memory(err);
    int rc = odd_output_open(text->data, &out, err);
    odd_bytes_clear(text);
    for (size_t i = 0; !rc && i < odd_vectorizer_width(e->rows); i++) {
        const char *name = odd_vectorizer_name(e->rows, i);
        if (odd_spell(name, strlen(name), ODD_AS_LINE, text) || odd_bytes_add(text, "\n", 1))
            rc = odd_no_memory(err);
    }
    if (!rc)
        rc = odd_output_write(out, text->data, text->size, err);
    return odd_output_finish(&out, rc, err);
}

static int finish(encoding *e, const char *path, uint64_t rows, oddrow_error *err)
{
    char header[ODD_NPY_HEADER];
    int rc = 0;
    if (e->npy) {
        odd_npy_header(header, "<f4", rows, odd_vectorizer_width(e->rows));
        rc = odd_output_patch(e->out, 0, header, sizeof header, err);
        if (!rc)
            rc = write_names(e, path, err);
    }
    if (!rc && e->rejects)
        rc = odd_output_commit(&e->rejects, err);
    return rc ? rc : odd_output_commit(&e->out, err);
}

/* ---- set-up ---- */

static int open_all(encoding *e, const char *const *paths, size_t path_count, const char *out,
                    odd_encode_summary *summary, oddrow_error *err)
{
    odd_csv_options csv = e->options->csv;
    if (!csv.chunk_size)
        csv.chunk_size = CHUNK;
    int rc = odd_vectorizer_new(e->model, e->options->what, &e->rows, err);
    if (!rc)
        rc = odd_csv_open(paths, path_count, &csv, &e->source, err);
    if (!rc && (rc = odd_encoder_new(e->model->schema, odd_csv_names(e->source),
                                     odd_csv_columns(e->source), &e->encoder, err)))
        odd_prefix(err, rc, "%s: ", paths[0]);
    if (!rc)
        rc = odd_pool_new(e->options->threads, &e->pool, err);
    if (!rc)
        rc = odd_output_open(out, &e->out, err);
    if (!rc && e->options->rejects)
        rc = odd_output_open(e->options->rejects, &e->rejects, err);
    if (!rc && e->rejects)
        rc = odd_output_write(e->rejects, ODD_CSV_REJECTS_HEADER, strlen(ODD_CSV_REJECTS_HEADER),
                              err);
    if (rc)
        return rc;
    odd_encoder_note_extra(e->encoder, summary->notes, sizeof summary->notes);
    summary->width = odd_vectorizer_width(e->rows);
    if (summary->width == 0)
        return odd_fail(err, ODDROW_ESCHEMA, "the model has no input columns");
    e->lanes = odd_alloc(odd_pool_threads(e->pool), sizeof *e->lanes);
    if (!e->lanes)
        return odd_no_memory(err);
    for (size_t i = 0; !rc && i < odd_pool_threads(e->pool); i++) {
        rc = odd_vectorizer_lane_new(e->rows, BLOCK_ROWS, &e->lanes[i].rows, err);
        if (!rc)
            rc = odd_rows_new(e->model->schema, BLOCK_ROWS, true, &e->lanes[i].batch, err);
    }
    return rc;
}

static void close_all(encoding *e)
{
    for (size_t i = 0; e->lanes && i < odd_pool_threads(e->pool); i++) {
        odd_vectorizer_lane_free(&e->lanes[i].rows);
        odd_rows_free(&e->lanes[i].batch);
    }
    odd_free(e->lanes);
    odd_output_discard(&e->out);
    odd_output_discard(&e->rejects);
    odd_pool_free(&e->pool);
    odd_encoder_free(&e->encoder);
    odd_csv_close(&e->source);
    odd_vectorizer_free(&e->rows);
    odd_bytes_free(&e->scratch);
}

int odd_encode_files(const odd_model *model, const char *const *paths, size_t path_count,
                     const char *out, const odd_encode_options *options,
                     odd_encode_summary *summary, oddrow_error *err)
{
    encoding e = {.model = model, .options = options};
    size_t size = strlen(out);
    odd_csv_counts counts = {0};
    *summary = (odd_encode_summary){0};
    e.npy = size > 4 && strcmp(out + size - 4, ".npy") == 0;
    int rc = open_all(&e, paths, path_count, out, summary, err);
    if (!rc)
        rc = write_header(&e, err);
    if (!rc) {
        odd_csv_job job = {.chunk = encode_chunk,
                           .write = write_chunk,
                           .context = &e,
                           .stage = "encode",
                           .progress = options->progress,
                           .progress_context = options->progress_context};
        rc = odd_csv_run(e.source, e.pool, &job, &counts, err);
    }
    if (!rc)
        rc = finish(&e, out, counts.rows, err);
    close_all(&e);
    summary->rows = counts.records;
    summary->encoded = counts.rows;
    summary->rejected = counts.rejected;
    summary->seconds = counts.seconds;
    return rc;
}
