#include "train/dataset.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "tables/saved.h"

enum { INFER_ROWS = 20000, TRANSLATE_ROWS = 4096, SPLIT_STREAM = 0x5eed, SAMPLE_STREAM = 0x5a3b };

size_t odd_rows_size(const odd_schema *schema)
{
    size_t size = schema->C * sizeof(uint32_t) + schema->F * sizeof(float) + schema->M +
                  (schema->target != SIZE_MAX ? sizeof(float) : 0);
    return size ? size : 1;
}

static void unpack(const char *record, odd_rows *rows, size_t at)
{
    size_t ids = rows->C * sizeof *rows->ids, values = rows->F * sizeof *rows->values;
    memcpy(rows->ids + at * rows->C, record, ids);
    memcpy(rows->values + at * rows->F, record + ids, values);
    memcpy(rows->missing + at * rows->M, record + ids + values, rows->M);
    if (rows->targets)
        memcpy(rows->targets + at, record + ids + values + rows->M, sizeof *rows->targets);
}

/* A file without inputs: its first constant column will be one, see make_input. Id 1 is its value.
 */
static void pack_constant(const odd_rows *batch, size_t row, char *record)
{
    uint32_t id = batch->D && batch->differs[row * batch->D] ? 0 : 1;
    memcpy(record, &id, sizeof id);
}

static void pack(const odd_rows *batch, const odd_schema *schema, size_t row, char *record)
{
    if (schema->C + schema->M == 0) {
        pack_constant(batch, row, record);
        return;
    }
    size_t ids = schema->C * sizeof *batch->ids, values = schema->F * sizeof *batch->values;
    memcpy(record, batch->ids + row * schema->C, ids);
    memcpy(record + ids, batch->values + row * schema->F, values);
    memcpy(record + ids + values, batch->missing + row * schema->M, schema->M);
    if (schema->target != SIZE_MAX)
        memcpy(record + ids + values + schema->M, batch->targets + row, sizeof *batch->targets);
}

int odd_dataset_load(odd_table *table, uint64_t first, size_t count, void *scratch, odd_rows *rows,
                     size_t at, const uint32_t *order, oddrow_error *err)
{
    size_t size = odd_table_record_size(table);
    int rc = odd_table_read(table, first, count, scratch, err);
    for (size_t i = 0; !rc && i < count; i++)
        unpack((const char *)scratch + i * size, rows, at + (order ? order[i] : i));
    return rc;
}

int odd_dataset_sample(odd_table *table, const odd_schema *schema, size_t limit, uint64_t seed,
                       odd_rows **out, oddrow_error *err)
{
    uint64_t rows = odd_table_rows(table);
    size_t count = rows < limit ? (size_t)rows : limit;
    char *record = odd_alloc(1, odd_table_record_size(table));
    int rc = odd_rows_new(schema, count, false, out, err);
    if (!rc && !record)
        rc = odd_no_memory(err);
    for (size_t i = 0; !rc && i < count; i++) {
        /* one row of each of `count` equal stretches */
        uint64_t first = (uint64_t)((__uint128_t)i * rows / count);
        uint64_t next = (uint64_t)((__uint128_t)(i + 1) * rows / count);
        uint64_t row = first + odd_random_hash(seed, SAMPLE_STREAM, i) % (next - first);
        rc = odd_dataset_load(table, row, 1, record, *out, i, NULL, err);
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
    odd_pool *pool;
    odd_csv_chunk *chunks; /* one a thread, split in parallel */
    oddrow_error *errors;  /* one a chunk */
    int *results;
    size_t chunk_count;
    odd_fit *fit;
    odd_span *first; /* cells of the first rows, copied, until the kinds are known */
    odd_bytes text;  /* their bytes; first[i].data holds offsets until they stop moving */
    size_t first_rows, first_capacity;
    bool inferred;
    odd_table *records; /* provisional ones */
    char *scratch;
    size_t scratch_rows;
    uint64_t rows, rejected;
    double started, told;
} reader;

static void tell(reader *r, bool last)
{
    double now = odd_clock();
    uint64_t total = odd_csv_bytes_total(r->source);
    if (!r->options->progress || (!last && now - r->told < 0.2))
        return;
    r->told = now;
    odd_progress progress = {
        .stage = "read",
        .rows = r->rows,
        .fraction = last    ? 1
                    : total ? (double)odd_csv_bytes_read(r->source) / (double)total
                            : -1,
        .rows_per_second = now > r->started ? (double)r->rows / (now - r->started) : 0,
        .loss = NAN,
        .validation_loss = NAN,
    };
    r->options->progress(r->options->progress_context, &progress);
}

static int fit_rows(reader *r, const odd_span *cells, size_t rows, oddrow_error *err)
{
    size_t columns = odd_csv_columns(r->source);
    int rc = 0;
    for (size_t done = 0; !rc && done < rows;) {
        size_t count = rows - done < r->scratch_rows ? rows - done : r->scratch_rows;
        rc = odd_fit_rows(r->fit, cells + done * columns, count, r->scratch, err);
        if (!rc)
            rc = odd_table_add(r->records, r->scratch, count, err);
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
    rc = odd_table_new(size, r->options->memory / 4, &r->records, err);
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
    size_t columns = chunk->columns, wanted = (r->first_rows + rows) * columns;
    if (odd_grow(&r->first, &r->first_capacity, wanted, sizeof *r->first, err))
        return ODDROW_ENOMEM;
    for (size_t i = 0; i < rows * columns; i++) {
        const odd_span *cell = &chunk->cells[i];
        r->first[r->first_rows * columns + i] =
            (odd_span){(const char *)(uintptr_t)r->text.size, cell->size};
        if (odd_bytes_add(&r->text, cell->data, cell->size))
            return odd_no_memory(err);
    }
    r->first_rows += rows;
    return 0;
}

static int take_chunk(reader *r, const odd_csv_chunk *chunk, oddrow_error *err)
{
    size_t used = 0;
    int rc = 0;
    size_t limit = r->options->memory / 16; /* of text held back */
    r->rows += chunk->rows;
    r->rejected += chunk->reject_count;
    if (!r->inferred) {
        used = chunk->rows;
        if (used > INFER_ROWS - r->first_rows)
            used = INFER_ROWS - r->first_rows;
        rc = hold_back(r, chunk, used, err);
        if (!rc && (r->first_rows == INFER_ROWS || r->text.size > limit))
            rc = infer(r, err);
    }
    if (!rc && r->inferred && used < chunk->rows)
        rc = fit_rows(r, chunk->cells + used * chunk->columns, chunk->rows - used, err);
    tell(r, false);
    return rc;
}

static void split_one(void *context, size_t index, size_t thread)
{
    reader *r = context;
    (void)thread;
    r->results[index] = odd_csv_split(r->source, &r->chunks[index], &r->errors[index]);
}

static int read_rows(reader *r, oddrow_error *err)
{
    int more = 1;
    while (more > 0) {
        size_t count = 0;
        while (count < r->chunk_count &&
               (more = odd_csv_next(r->source, &r->chunks[count], err)) > 0)
            count++;
        if (more < 0)
            return more;
        odd_pool_run(r->pool, count, split_one, r);
        for (size_t i = 0; i < count; i++) {
            if (r->results[i] < 0) {
                if (err)
                    *err = r->errors[i];
                return r->results[i];
            }
            int rc = take_chunk(r, &r->chunks[i], err);
            if (rc)
                return rc;
        }
    }
    int rc = r->inferred || r->rows == 0 ? 0 : infer(r, err);
    tell(r, true);
    return rc;
}

/* ---- provisional records -> encoded rows, training or held out ---- */

static bool held_out(uint64_t seed, uint64_t row, double share)
{
    uint64_t limit = (uint64_t)(share * 0x1p53);
    return odd_random_hash(seed, SPLIT_STREAM, row) >> 11 < limit;
}

static int translate(reader *r, odd_dataset *out, odd_rows *batch, char *record, oddrow_error *err)
{
    size_t size = odd_fit_record_size(r->fit), encoded = odd_table_record_size(out->train);
    uint64_t rows = odd_table_rows(r->records);
    char *scratch = odd_alloc(batch->capacity, size + 1);
    int rc = scratch ? 0 : odd_no_memory(err);
    for (uint64_t first = 0; !rc && first < rows; first += batch->capacity) {
        size_t count = rows - first < batch->capacity ? (size_t)(rows - first) : batch->capacity;
        rc = odd_table_read(r->records, first, count, scratch, err);
        if (!rc)
            rc = odd_fit_translate(r->fit, scratch, count, batch, err);
        for (size_t i = 0; !rc && i < count; i++) {
            if (out->schema->target != SIZE_MAX && isnan(batch->targets[i])) {
                out->unlabelled++;
                continue;
            }
            pack(batch, out->schema, i, record);
            out->hash = odd_hash(record, encoded, out->hash);
            bool held = held_out(r->options->seed, first + i, r->options->validation);
            rc = odd_table_add(held ? out->held : out->train, record, 1, err);
        }
    }
    odd_free(scratch);
    return rc;
}

/* Where every column is constant the first becomes a category of one value, so that there is
 * something to learn and rows that differ have something to differ from. */
static int make_input(odd_schema *schema, oddrow_error *err)
{
    size_t k = 0;
    while (k < schema->K && schema->columns[k].kind != ODD_CONSTANT)
        k++;
    if (schema->C + schema->M > 0 || k == schema->K)
        return 0;
    odd_column *column = &schema->columns[k];
    odd_span text = {column->constant, column->constant_size};
    uint64_t count = schema->rows - column->differing;
    int rc = odd_vocabulary_new_from(&text, &count, 1, column->constant ? 0 : 1, 0,
                                     &column->vocabulary, err);
    if (rc)
        return rc;
    column->kind = ODD_CATEGORICAL;
    column->embedding = odd_embedding_width(ODD_EMBEDDING_HALF, column->vocabulary->size);
    column->constant = NULL;
    column->constant_size = 0;
    column->differing = 0;
    return odd_schema_index(schema, err);
}

/* Very small files: neither side may be empty. The rows then serve as both. */
static int fill_empty_side(odd_dataset *out, char *record, oddrow_error *err)
{
    odd_table *empty = odd_table_rows(out->train) == 0 ? out->train : out->held;
    odd_table *full = empty == out->train ? out->held : out->train;
    int rc = 0;
    if (odd_table_rows(empty) > 0)
        return 0;
    for (uint64_t i = 0; !rc && i < odd_table_rows(full); i++) {
        rc = odd_table_read(full, i, 1, record, err);
        if (!rc)
            rc = odd_table_add(empty, record, 1, err);
    }
    return rc;
}

static int encode_all(reader *r, odd_dataset *out, oddrow_error *err)
{
    odd_rows *batch = NULL;
    char *record = NULL;
    size_t encoded = odd_rows_size(out->schema), memory = r->options->memory / 4;
    if (out->schema->target != SIZE_MAX && out->schema->C + out->schema->M == 0)
        return odd_fail(err, ODDROW_ESCHEMA, "nothing to learn from: no column is an input");
    if (out->schema->C + out->schema->M == 0)
        encoded = sizeof(uint32_t); /* see pack */
    size_t rows = ((size_t)4 << 20) / (encoded + out->schema->K + 1) + 1;
    int rc =
        odd_rows_new(out->schema, rows < TRANSLATE_ROWS ? rows : TRANSLATE_ROWS, true, &batch, err);
    if (rc)
        goto done;
    record = odd_alloc(encoded, 1);
    rc = record ? 0 : odd_no_memory(err);
    if (!rc)
        rc = odd_table_new(encoded, memory, &out->train, err);
    if (!rc)
        rc = odd_table_new(encoded, memory / 4, &out->held, err);
    if (!rc)
        rc = translate(r, out, batch, record, err);
    if (!rc)
        rc = fill_empty_side(out, record, err);
    if (!rc)
        rc = make_input(out->schema, err);
done:
    odd_rows_free(&batch);
    odd_free(record);
    return rc;
}

/* Lines for a person: what was guessed with a warning, what did not parse. */
static void note_columns(odd_dataset *out)
{
    size_t used = 0;
    if (out->unlabelled)
        used = (size_t)snprintf(out->notes, sizeof out->notes,
                                "%" PRIu64 " rows have no target and were left out\n",
                                out->unlabelled);
    for (size_t k = 0; k < out->schema->K && used + 320 < sizeof out->notes; k++) {
        const odd_column *column = &out->schema->columns[k];
        if (column->unparsed && odd_kind_is_input(column->kind))
            used +=
                (size_t)snprintf(out->notes + used, sizeof out->notes - used,
                                 "column %.60s: %" PRIu64 " cells are no %s and count as missing\n",
                                 column->name, column->unparsed, odd_kind_cell(column->kind));
        if (column->kind == ODD_ID && column->why && strstr(column->why, "distinct"))
            used +=
                (size_t)snprintf(out->notes + used, sizeof out->notes - used,
                                 "column %.60s is taken for an id (%.120s); --categorical makes "
                                 "it an input\n",
                                 column->name, column->why);
    }
}

static int start(reader *r, const char *const *paths, size_t path_count, oddrow_error *err)
{
    int rc = odd_csv_open(paths, path_count, &r->options->csv, &r->source, err);
    if (rc)
        return rc;
    size_t columns = odd_csv_columns(r->source);
    const char **names = odd_alloc(columns, sizeof *names);
    odd_fit_options fit = r->options->columns;
    fit.seed = r->options->seed;
    r->chunk_count = odd_pool_threads(r->pool);
    r->chunks = odd_alloc(r->chunk_count, sizeof *r->chunks);
    r->errors = odd_alloc(r->chunk_count, sizeof *r->errors);
    r->results = odd_alloc(r->chunk_count, sizeof *r->results);
    if (!names || !r->chunks || !r->errors || !r->results)
        rc = odd_no_memory(err);
    for (size_t i = 0; !rc && i < columns; i++)
        names[i] = odd_csv_name(r->source, i);
    if (!rc)
        rc = odd_prefix(err, odd_fit_new(names, columns, &fit, &r->fit, err), "%s: ", paths[0]);
    odd_free(names);
    return rc;
}

static void stop(reader *r)
{
    for (size_t i = 0; r->chunks && i < r->chunk_count; i++)
        odd_csv_chunk_free(&r->chunks[i]);
    odd_free(r->chunks);
    odd_free(r->errors);
    odd_free(r->results);
    odd_free(r->first);
    odd_free(r->scratch);
    odd_bytes_free(&r->text);
    odd_table_free(&r->records);
    odd_fit_free(&r->fit);
    odd_csv_close(&r->source);
}

int odd_dataset_read(const char *const *paths, size_t path_count, const odd_train_options *options,
                     odd_pool *pool, odd_dataset *out, oddrow_error *err)
{
    reader r = {.options = options, .pool = pool, .started = odd_clock()};
    *out = (odd_dataset){0};
    int rc = start(&r, paths, path_count, err);
    if (!rc)
        rc = read_rows(&r, err);
    if (!rc && r.rows == 0)
        rc = odd_fail(err, ODDROW_EFORMAT, "%s: no rows to learn from, %" PRIu64 " rejected",
                      paths[0], r.rejected);
    if (!rc)
        rc = odd_prefix(err, odd_fit_finish(r.fit, &out->schema, err), "%s: ", paths[0]);
    if (!rc)
        rc = odd_saved_widths(&options->columns.embedding_widths, out->schema, err);
    if (!rc)
        rc = encode_all(&r, out, err);
    out->rows = r.rows;
    out->rejected = r.rejected;
    if (!rc)
        note_columns(out);
    stop(&r);
    if (rc)
        odd_dataset_free(out);
    return rc;
}

void odd_dataset_free(odd_dataset *dataset)
{
    if (!dataset)
        return;
    odd_schema_free(&dataset->schema);
    odd_table_free(&dataset->train);
    odd_table_free(&dataset->held);
}
