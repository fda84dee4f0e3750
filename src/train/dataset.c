/* train/dataset.c: cells to provisional records in one pass, then records to encoded rows. */
#include "train/dataset.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "csv/ordered.h"
#include "tables/saved.h"

enum { INFER_ROWS = 20000, TRANSLATE_ROWS = 4096, SPLIT_STREAM = 0x5eed, SAMPLE_STREAM = 0x5a3b };

size_t odd_rows_size(const odd_schema *schema)
{
    size_t size = schema->C * sizeof(uint32_t) + schema->F * sizeof(float) + schema->M +
                  (schema->target != SIZE_MAX ? sizeof(float) : 0);
    return size ? size : 1;
}

/* Copies row `at` to a record, or where `pack` is false from one. */
static void copy_row(const odd_rows *rows, size_t at, char *record, bool pack)
{
    const struct {
        void *cells;
        size_t size;
    } parts[] = {{rows->ids + at * rows->C, rows->C * sizeof *rows->ids},
                 {rows->values + at * rows->F, rows->F * sizeof *rows->values},
                 {rows->missing + at * rows->M, rows->M},
                 {rows->targets ? rows->targets + at : NULL, sizeof *rows->targets}};
    for (size_t i = 0; i < 4; record += parts[i++].size)
        if (parts[i].cells)
            memcpy(pack ? record : parts[i].cells, pack ? parts[i].cells : record, parts[i].size);
}

int odd_dataset_load(odd_store *store, uint64_t first, size_t count, void *scratch, odd_rows *rows,
                     size_t at, const uint32_t *order, oddrow_error *err)
{
    size_t size = store->record_size;
    int rc = odd_store_read(store, first, count, scratch, err);
    for (size_t i = 0; !rc && i < count; i++)
        copy_row(rows, at + (order ? order[i] : i), (char *)scratch + i * size, false);
    return rc;
}

int odd_dataset_sample(odd_store *store, const odd_schema *schema, size_t limit, uint64_t seed,
                       odd_rows **out, oddrow_error *err)
{
    uint64_t rows = store->rows;
    size_t count = rows < limit ? (size_t)rows : limit;
    char *record = odd_alloc(1, store->record_size);
    int rc = odd_rows_new(schema, count, false, out, err);
    if (!rc && !record)
        rc = odd_no_memory(err);
    for (size_t i = 0; !rc && i < count; i++) {
        /* one row of each of `count` equal stretches */
        uint64_t first = (uint64_t)((__uint128_t)i * rows / count);
        uint64_t next = (uint64_t)((__uint128_t)(i + 1) * rows / count);
        uint64_t row = first + odd_random_hash(seed, SAMPLE_STREAM, i) % (next - first);
        rc = odd_dataset_load(store, row, 1, record, *out, i, NULL, err);
    }
    if (*out)
        (*out)->count = count;
    odd_free(record);
    return rc;
}

/* ---- the one pass over the files ---- */

typedef struct reader {
    const odd_train_options *options;
    odd_csv_source *source;
    odd_fit *fit;
    odd_span *first; /* cells of the first rows, copied, until the kinds are known */
    odd_bytes text;  /* their bytes; first[i].data holds offsets until they stop moving */
    size_t first_rows, first_capacity;
    bool inferred;
    odd_store *records; /* provisional ones */
    char *scratch;      /* scratch_rows of them */
    size_t scratch_rows;
} reader;

static int fit_rows(reader *r, const odd_span *cells, size_t rows, oddrow_error *err)
{
    size_t columns = odd_csv_columns(r->source);
    int rc = 0;
    for (size_t done = 0; !rc && done < rows;) {
        size_t count = rows - done < r->scratch_rows ? rows - done : r->scratch_rows;
        rc = odd_fit_rows(r->fit, cells + done * columns, count, r->scratch, err);
        if (!rc)
            rc = odd_store_add(r->records, r->scratch, count, err);
        done += count;
    }
    return rc;
}

/* The kinds of the columns, from the rows held back for it; then those rows go their way. */
static int infer(reader *r, oddrow_error *err)
{
    size_t cells = r->first_rows * odd_csv_columns(r->source);
    for (size_t i = 0; i < cells; i++)
        r->first[i].data = (r->text.data ? r->text.data : "") + (uintptr_t)r->first[i].data;
    int rc = odd_fit_infer(r->fit, r->first, r->first_rows, err);
    if (rc)
        return rc;
    r->inferred = true;
    size_t size = odd_fit_record_size(r->fit);
    r->scratch_rows = size < (1 << 20) ? ((size_t)1 << 20) / (size + 1) + 1 : 1;
    r->scratch = odd_alloc(r->scratch_rows, size + 1);
    if (!r->scratch)
        return odd_no_memory(err);
    rc = odd_store_new(size, r->options->memory / 4, &r->records, err);
    if (!rc)
        rc = fit_rows(r, r->first, r->first_rows, err);
    odd_free(r->first);
    r->first = NULL;
    odd_bytes_free(&r->text);
    return rc;
}

/* Copies the cells of a chunk to the rows that the kinds will be inferred from. */
static int hold_back(reader *r, const odd_csv_chunk *chunk, size_t rows, oddrow_error *err)
{
    size_t before = r->first_rows * chunk->columns, more = rows * chunk->columns;
    if (odd_grow(&r->first, &r->first_capacity, before + more, sizeof *r->first, err))
        return ODDROW_ENOMEM;
    for (size_t i = 0; i < more; i++) {
        odd_span cell = chunk->cells[i];
        r->first[before + i] = (odd_span){(const char *)(uintptr_t)r->text.size, cell.size};
        odd_bytes_span(&r->text, cell);
    }
    r->first_rows += rows;
    return odd_bytes_check(&r->text, err);
}

/* A chunk in the order of the files. */
static int take_chunk(void *context, const odd_bytes *out, const odd_csv_chunk *chunk,
                      uint64_t first_row, oddrow_error *err)
{
    reader *r = context;
    size_t used = 0, left = INFER_ROWS - r->first_rows, limit = r->options->memory / 16;
    int rc = 0;
    (void)out;
    (void)first_row;
    if (!r->inferred) {
        used = chunk->rows < left ? chunk->rows : left;
        rc = hold_back(r, chunk, used, err);
        if (!rc && (r->first_rows == INFER_ROWS || r->text.size > limit))
            rc = infer(r, err);
    }
    if (!rc && r->inferred && used < chunk->rows)
        rc = fit_rows(r, chunk->cells + used * chunk->columns, chunk->rows - used, err);
    return rc;
}

/* ---- provisional records -> encoded rows, training or held out ---- */

static int translate(reader *r, odd_dataset *out, odd_rows *batch, char *record, oddrow_error *err)
{
    const odd_train_options *o = r->options;
    uint64_t limit = (uint64_t)(o->validation * 0x1p53); /* of a hash, for the rows held out */
    int rc = 0;
    for (uint64_t first = 0; !rc && first < r->records->rows; first += batch->capacity) {
        uint64_t left = r->records->rows - first;
        size_t count = left < batch->capacity ? (size_t)left : batch->capacity;
        rc = odd_store_read(r->records, first, count, r->scratch, err);
        if (!rc)
            rc = odd_fit_translate(r->fit, r->scratch, count, batch, err);
        for (size_t i = 0; !rc && i < count; i++) {
            if (batch->targets && isnan(batch->targets[i])) {
                out->unlabelled++;
                continue;
            }
            if (out->schema->C + out->schema->M > 0)
                copy_row(batch, i, record, true);
            else /* the first constant becomes a category, see odd_schema_need_input */
                *(uint32_t *)(void *)record = batch->D && batch->differs[i * batch->D] ? 0 : 1;
            out->hash = odd_hash(record, out->train->record_size, out->hash);
            bool held = odd_random_hash(o->seed, SPLIT_STREAM, first + i) >> 11 < limit;
            rc = odd_store_add(held ? out->held : out->train, record, 1, err);
        }
    }
    return rc;
}

/* Very small files: neither side may be empty. The rows then serve as both. */
static int fill_empty_side(odd_dataset *out, char *record, oddrow_error *err)
{
    odd_store *empty = out->train->rows ? out->held : out->train;
    odd_store *full = empty == out->train ? out->held : out->train;
    int rc = 0;
    for (uint64_t i = 0; !rc && empty->rows == i && i < full->rows; i++) {
        rc = odd_store_read(full, i, 1, record, err);
        if (!rc)
            rc = odd_store_add(empty, record, 1, err);
    }
    return rc;
}

static int encode_all(reader *r, odd_dataset *out, oddrow_error *err)
{
    const odd_schema *s = out->schema;
    bool inputs = s->C + s->M > 0;
    size_t size = inputs ? odd_rows_size(s) : sizeof(uint32_t); /* see translate */
    size_t memory = r->options->memory / 4, rows = ((size_t)4 << 20) / (size + s->K + 1) + 1;
    odd_rows *batch = NULL;
    if (s->target != SIZE_MAX && !inputs)
        return odd_fail(err, ODDROW_ESCHEMA, "nothing to learn from: no column is an input");
    rows = rows < r->scratch_rows ? rows : r->scratch_rows;
    char *record = odd_alloc(size, 1);
    int rc = record ? 0 : odd_no_memory(err);
    if (!rc &&
        !(rc = odd_rows_new(s, rows < TRANSLATE_ROWS ? rows : TRANSLATE_ROWS, true, &batch, err)) &&
        !(rc = odd_store_new(size, memory, &out->train, err)) &&
        !(rc = odd_store_new(size, memory / 4, &out->held, err)) &&
        !(rc = translate(r, out, batch, record, err)) && !(rc = fill_empty_side(out, record, err)))
        rc = odd_schema_need_input(out->schema, err);
    odd_rows_free(&batch);
    odd_free(record);
    return rc;
}

/* Lines for a person: what was guessed with a warning, what did not parse. */
static int note_columns(odd_dataset *out, oddrow_error *err)
{
    if (out->unlabelled)
        odd_bytes_print(&out->notes, "%" PRIu64 " rows have no target and were left out\n",
                        out->unlabelled);
    for (size_t k = 0; k < out->schema->K; k++) {
        const odd_column *column = &out->schema->columns[k];
        if (column->unparsed && odd_kind_is_input(column->kind))
            odd_bytes_print(&out->notes,
                            "column %.60s: %" PRIu64 " cells are no %s and count as missing\n",
                            column->name, column->unparsed, odd_kind_cell(column->kind));
        if (column->kind == ODD_ID && column->why && strstr(column->why, "distinct"))
            odd_bytes_print(&out->notes,
                            "column %.60s looks like an id and is no input (%.120s); to make it "
                            "one, list it under 'categorical'\n",
                            column->name, column->why);
    }
    return odd_bytes_check(&out->notes, err);
}

/* All rows into the fit and its records. */
static int read_rows(reader *r, const char *const *paths, size_t path_count, odd_pool *pool,
                     odd_csv_counts *counts, oddrow_error *err)
{
    const odd_train_options *o = r->options;
    odd_csv_job job = {.write = take_chunk,
                       .context = r,
                       .stage = "read",
                       .progress = o->progress,
                       .progress_context = o->progress_context};
    odd_fit_options fit = o->columns;
    fit.seed = o->seed;
    int rc = odd_csv_open(paths, path_count, &o->csv, &r->source, err);
    if (!rc)
        rc = odd_prefix(
            err,
            odd_fit_new(odd_csv_names(r->source), odd_csv_columns(r->source), &fit, &r->fit, err),
            "%s: ", paths[0]);
    if (!rc)
        rc = odd_csv_run(r->source, pool, &job, counts, err);
    if (!rc && counts->rows == 0)
        rc = odd_fail(err, ODDROW_EFORMAT, "%s: no rows to learn from, %" PRIu64 " rejected",
                      paths[0], counts->rejected);
    return rc || r->inferred ? rc : infer(r, err);
}

int odd_dataset_read(const char *const *paths, size_t path_count, const odd_train_options *options,
                     odd_pool *pool, odd_dataset *out, oddrow_error *err)
{
    reader r = {.options = options};
    odd_csv_counts counts = {0};
    *out = (odd_dataset){0};
    int rc = read_rows(&r, paths, path_count, pool, &counts, err);
    if (!rc)
        rc = odd_prefix(err, odd_fit_finish(r.fit, &out->schema, err), "%s: ", paths[0]);
    if (!rc && !(rc = odd_saved_widths(&options->columns.embedding_widths, out->schema, err)) &&
        !(rc = encode_all(&r, out, err)))
        rc = note_columns(out, err);
    out->rows = counts.rows;
    out->rejected = counts.rejected;
    odd_free(r.first);
    odd_free(r.scratch);
    odd_bytes_free(&r.text);
    odd_store_free(&r.records);
    odd_fit_free(&r.fit);
    odd_csv_close(&r.source);
    if (rc)
        odd_dataset_free(out);
    return rc;
}

void odd_dataset_free(odd_dataset *dataset)
{
    if (!dataset)
        return;
    odd_schema_free(&dataset->schema);
    odd_store_free(&dataset->train);
    odd_store_free(&dataset->held);
    odd_bytes_free(&dataset->notes);
}
