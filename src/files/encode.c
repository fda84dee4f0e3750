/* files/encode.c: rows to vectors, as a NumPy file or as CSV. */
#include "files/encode.h"

#include <string.h>

#include "base/error.h"
#include "base/spell.h"
#include "csv/write.h"
#include "files/stream.h"
#include "tables/npy.h"

typedef struct encoding {
    const char *path; /* of the output */
    odd_vectorizer *vectorizer;
    size_t width;
    bool npy;
} encoding;

static int begin(void *context, const odd_csv_source *source, const odd_encoder *encoder,
                 odd_bytes *out, oddrow_error *err)
{
    const encoding *e = context;
    (void)source;
    (void)encoder;
    (void)err;
    if (e->npy) { /* rows are counted at the end */
        char header[ODD_NPY_HEADER];
        odd_npy_header(header, "<f4", 0, e->width);
        odd_bytes_add(out, header, sizeof header);
        return 0;
    }
    for (size_t i = 0; i < e->width; i++) {
        const char *name = odd_vectorizer_name(e->vectorizer, i);
        if (i)
            odd_bytes_char(out, ',');
        odd_csv_write_field(out, name, strlen(name), ',');
    }
    odd_bytes_char(out, '\n');
    return 0;
}

/* A thread's own is its odd_vectorizer_scratch *. */
static int open_scratch(void *context, void *own, size_t rows, oddrow_error *err)
{
    const encoding *e = context;
    return odd_vectorizer_scratch_new(e->vectorizer, rows, own, err);
}

static void close_scratch(void *context, void *own)
{
    (void)context;
    odd_vectorizer_scratch_free(own);
}

static int encode_block(void *context, void *own, const odd_block *block, odd_bytes *out,
                        oddrow_error *err)
{
    const encoding *e = context;
    odd_vectorizer_scratch *scratch = *(odd_vectorizer_scratch **)own;
    size_t bytes = block->rows->count * e->width * sizeof(float);
    if (!e->npy)
        return odd_vectorizer_csv(scratch, block->rows, out, err);
    if (odd_bytes_reserve(out, bytes))
        return odd_no_memory(err);
    float *vectors = (float *)(void *)(out->data + out->size);
    out->size += bytes;
    return odd_vectorizer_run(scratch, block->rows, vectors, err);
}

/* X.columns.txt beside X.npy. */
static int write_names(const encoding *e, oddrow_error *err)
{
    odd_bytes path = {0}, text = {0};
    odd_bytes_print(&path, "%.*s.columns.txt", (int)(strlen(e->path) - 4), e->path);
    for (size_t i = 0; i < e->width; i++) {
        const char *name = odd_vectorizer_name(e->vectorizer, i);
        odd_spell(name, strlen(name), ODD_AS_LINE, &text);
        odd_bytes_char(&text, '\n');
    }
    int rc = odd_bytes_check(&path, err);
    if (!rc)
        rc = odd_bytes_check(&text, err);
    if (!rc)
        rc = odd_output_whole(path.data, text.data, text.size, err);
    odd_bytes_free(&path);
    odd_bytes_free(&text);
    return rc;
}

static int finish(void *context, uint64_t rows, odd_output *out, oddrow_error *err)
{
    const encoding *e = context;
    char header[ODD_NPY_HEADER];
    if (!e->npy)
        return 0;
    odd_npy_header(header, "<f4", rows, e->width);
    int rc = odd_output_patch(out, 0, header, sizeof header, err);
    return rc ? rc : write_names(e, err);
}

int odd_encode_files(const odd_model *model, const char *const *paths, size_t path_count,
                     const char *out, odd_what what, const odd_score_options *options,
                     odd_encode_summary *summary, oddrow_error *err)
{
    static const odd_sink sink = {.stage = "encode",
                                  .own_size = sizeof(odd_vectorizer_scratch *),
                                  .begin = begin,
                                  .open = open_scratch,
                                  .close = close_scratch,
                                  .block = encode_block,
                                  .end = finish};
    odd_stream_summary stream = {0};
    encoding e = {.path = out, .npy = strlen(out) > 4 && odd_path_ends(out, ".npy")};
    int rc = odd_vectorizer_new(model, what, &e.vectorizer, err);
    if (!rc) {
        e.width = odd_vectorizer_width(e.vectorizer);
        rc = e.width
                 ? odd_stream_run(model, paths, path_count, out, options, &sink, &e, &stream, err)
                 : odd_fail(err, ODDROW_ESCHEMA, "the model has no input columns");
    }
    *summary = (odd_encode_summary){.rows = stream.counts.records,
                                    .encoded = stream.counts.rows,
                                    .rejected = stream.counts.rejected,
                                    .width = e.width,
                                    .seconds = stream.seconds};
    memcpy(summary->notes, stream.notes, sizeof summary->notes);
    odd_vectorizer_free(&e.vectorizer);
    return rc;
}
