/* column/fit.c: options, kinds, the one pass over the rows, and what comes of it. */
#include "column/fit.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "column/cell.h"
#include "column/infer.h"
#include "column/kinds.h"

#define LEAST_SAMPLE 1000u     /* numbers per column whatever the memory option says */
#define LEAST_TEXT (64u << 10) /* bytes of text likewise */
#define ENTRY_BYTES 64u        /* table, count and place of a tracked text */

static int set_kind(odd_fit *fit, const odd_vocabulary *index, odd_kind kind, const char *name,
                    oddrow_error *err)
{
    if (kind == ODD_CONSTANT)
        return odd_fail(err, ODDROW_EINVAL, "column '%s' cannot be set to constant", name);
    uint32_t id = odd_vocabulary_find(index, name, strlen(name) + 1);
    if (id == 0)
        return odd_fail(err, ODDROW_ESCHEMA, "column '%s', set as %s, is absent", name,
                        odd_kind_name(kind));
    odd_column *c = fit->schema->columns + id - 1;
    if (fit->tracks[id - 1].set && c->kind != kind)
        return odd_fail(err, ODDROW_ESCHEMA, "column '%s' is set as both %s and %s", name,
                        odd_kind_name(c->kind), odd_kind_name(kind));
    c->kind = kind;
    c->why = "set by name";
    fit->tracks[id - 1].set = 1;
    return 0;
}

/* Sets the kinds that the options give by name. */
static int set_kinds(odd_fit *fit, const odd_vocabulary *index, oddrow_error *err)
{
    int rc = 0;
    for (size_t kind = 0; kind < ODD_KINDS; kind++)
        for (size_t i = 0; !rc && i < fit->options.names[kind].count; i++)
            rc = set_kind(fit, index, (odd_kind)kind, fit->options.names[kind].items[i], err);
    if (!rc && fit->options.target)
        rc = set_kind(fit, index, ODD_TARGET, fit->options.target, err);
    return rc;
}

int odd_fit_new(const char *const *names, size_t K, const odd_fit_options *options, odd_fit **out,
                oddrow_error *err)
{
    static const odd_fit_options defaults = ODD_FIT_OPTIONS_INIT;
    *out = NULL;
    if (!options)
        options = &defaults;
    if (options->max_vocab < 1 || options->max_vocab >= ODD_VOCABULARY_LIMIT)
        return odd_fail(err, ODDROW_EINVAL, "max_vocab %zu is outside 1 to %u", options->max_vocab,
                        ODD_VOCABULARY_LIMIT - 1);
    if ((size_t)options->scaler >= ODD_SCALERS || options->embedding_rule > ODD_EMBEDDING_POWER)
        return odd_fail(err, ODDROW_EINVAL, "no such scaler or embedding rule");
    odd_fit *fit = *out = odd_alloc(1, sizeof *fit);
    odd_vocabulary *index = NULL;
    int rc = fit ? odd_schema_new(K, &fit->schema, err) : odd_no_memory(err);
    if (rc == 0) {
        fit->owned = true;
        fit->K = K;
        fit->options = *options;
        fit->tracks = odd_alloc(K + 1, sizeof *fit->tracks);
        rc = fit->tracks ? 0 : odd_no_memory(err);
    }
    for (size_t k = 0; k < K && rc == 0; k++) {
        fit->schema->columns[k].name = odd_schema_keep(fit->schema, names[k], strlen(names[k]));
        fit->schema->columns[k].kind = ODD_IGNORE;
        if (!fit->schema->columns[k].name)
            rc = odd_no_memory(err);
    }
    if (rc == 0)
        rc = odd_schema_names(fit->schema, ODDROW_ESCHEMA, &index, err);
    if (rc == 0)
        rc = set_kinds(fit, index, err);
    odd_vocabulary_free(&index);
    if (rc) {
        odd_fit_free(out);
        return rc;
    }
    memset(fit->options.names, 0, sizeof fit->options.names);
    fit->options.target = NULL;
    return 0;
}

void odd_fit_free(odd_fit **fit)
{
    if (!fit || !*fit)
        return;
    odd_fit *f = *fit;
    for (size_t k = 0; f->tracks && k < f->K; k++) {
        odd_track *t = f->tracks + k;
        if (t->state && t->tracking->stop)
            t->tracking->stop(t->state);
        odd_free(t->state);
    }
    odd_free(f->tracks);
    if (f->owned)
        odd_schema_free(&f->schema);
    odd_free(f);
    *fit = NULL;
}

/* Marks in changes (K) the columns with two different cells; row by row, for very wide files. */
static void find_changes(const odd_span *cells, size_t rows, size_t K, uint8_t *changes)
{
    for (size_t i = 1; i < rows; i++)
        for (size_t k = 0; k < K; k++) {
            const odd_span *a = cells + k, *b = cells + i * K + k;
            if (!changes[k] &&
                (a->size != b->size || (a->size > 0 && memcmp(a->data, b->data, a->size) != 0)))
                changes[k] = !odd_cell_missing(*a) || !odd_cell_missing(*b);
        }
}

/* A column with one value in the first block: watched or fixed. */
static int infer_constant(odd_fit *fit, size_t k, odd_span cell, bool watch, oddrow_error *err)
{
    odd_column *c = fit->schema->columns + k;
    if (!odd_cell_missing(cell)) {
        c->constant = odd_schema_keep(fit->schema, cell.data, cell.size);
        c->constant_size = cell.size;
        if (!c->constant)
            return odd_no_memory(err);
    }
    fit->tracks[k].watched = watch;
    c->kind = !watch        ? ODD_CONSTANT
              : c->constant ? odd_infer_value(cell.data, cell.size)
                            : ODD_CATEGORICAL;
    return 0;
}

static int infer_kinds(odd_fit *fit, const odd_span *cells, size_t rows, const uint8_t *changes,
                       oddrow_error *err)
{
    odd_schema *s = fit->schema;
    size_t constants = 0;
    int rc = 0;
    for (size_t k = 0; k < s->K; k++)
        constants += !fit->tracks[k].set && !changes[k];
    for (size_t k = 0; k < s->K && rc == 0; k++) {
        odd_column *c = s->columns + k;
        char why[ODD_WHY_SIZE];
        if (fit->tracks[k].set) {
            rc = c->kind == ODD_TARGET ? odd_target_infer(fit, cells, rows, k, err) : 0;
        } else if (!changes[k]) {
            rc = infer_constant(fit, k, cells[k], constants <= ODD_FIT_WATCHED, err);
        } else {
            rc = odd_infer_kind(c->name, cells, rows, s->K, k, &c->kind, why, err);
            if (rc == 0)
                rc = odd_schema_say(s, c, err, "%s", why);
        }
    }
    return rc;
}

static size_t bounded(size_t x, size_t low, size_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* Shares the memory out, lays out the record, wide members first, and opens the statistics. */
static int start_tracking(odd_fit *fit, oddrow_error *err)
{
    static const size_t sizes[] = {8, 4, 1};
    const odd_schema *s = fit->schema;
    size_t texts = 0, numbers = 0, half = fit->options.memory / 2;
    for (size_t k = 0; k < s->K; k++) {
        odd_kind kind = s->columns[k].kind;
        odd_track *t = fit->tracks + k;
        t->tracking = kind == ODD_TARGET && fit->options.task == ODD_TARGET_CLASS
                          ? &odd_track_texts
                          : odd_kind_row_of(kind)->tracking;
        texts += t->tracking == &odd_track_texts;
        numbers += t->tracking == &odd_track_numbers;
    }
    texts = bounded(texts, 1, SIZE_MAX);
    numbers = bounded(numbers, 1, SIZE_MAX);
    fit->max_sample = bounded(half / sizeof(double) / numbers, LEAST_SAMPLE, ODD_FIT_SAMPLE);
    fit->max_text = bounded(half / 2 / texts, LEAST_TEXT, ODD_FIT_TEXT);
    fit->max_entries =
        bounded(half / 2 / texts / ENTRY_BYTES, LEAST_TEXT / ENTRY_BYTES, ODD_FIT_DISTINCT);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t k = 0; k < s->K; k++) {
            odd_track *t = fit->tracks + k;
            if (!t->tracking || t->tracking->size != sizes[i])
                continue;
            t->offset = fit->record_size;
            fit->record_size += sizes[i];
            int rc = t->tracking->start ? t->tracking->start(fit, k, err) : 0;
            if (rc)
                return rc;
        }
    fit->record_size = (fit->record_size + 7) / 8 * 8;
    return 0;
}

int odd_fit_infer(odd_fit *fit, const odd_span *cells, size_t rows, oddrow_error *err)
{
    if (fit->inferred)
        return odd_fail(err, ODDROW_EINVAL, "column kinds are inferred once");
    if (rows == 0)
        return odd_fail(err, ODDROW_ESCHEMA, "no data rows to learn from");
    fit->inferred = true;
    fit->infer_rows = rows;
    uint8_t *changes = odd_alloc(fit->schema->K + 1, sizeof *changes);
    if (!changes)
        return odd_no_memory(err);
    find_changes(cells, rows, fit->schema->K, changes);
    int rc = infer_kinds(fit, cells, rows, changes, err);
    odd_free(changes);
    return rc == 0 ? start_tracking(fit, err) : rc;
}

size_t odd_fit_record_size(const odd_fit *fit)
{
    return fit->record_size;
}

int odd_fit_rows(odd_fit *fit, const odd_span *cells, size_t rows, void *records, oddrow_error *err)
{
    const odd_schema *s = fit->schema;
    size_t tile = odd_tile_rows(s->K);
    if (!fit->inferred || fit->finished)
        return odd_fail(err, ODDROW_EINVAL, "rows come after odd_fit_infer, before odd_fit_finish");
    for (size_t first = 0; first < rows; first += tile) {
        size_t n = rows - first < tile ? rows - first : tile;
        for (size_t k = 0; k < s->K; k++) {
            const odd_track *own = fit->tracks + k;
            if (!own->tracking)
                continue;
            odd_tile t = {s, k, n, cells + first * s->K + k, s->K, NULL, 0};
            char *record =
                records ? (char *)records + first * fit->record_size + own->offset : NULL;
            int rc = own->tracking->take(fit, &t, record, err);
            if (rc)
                return rc;
        }
        fit->schema->rows += n;
    }
    return 0;
}

int odd_fit_finish(odd_fit *fit, odd_schema **out, oddrow_error *err)
{
    odd_schema *s = fit->schema;
    int rc = 0;
    *out = NULL;
    if (!fit->inferred || fit->finished)
        return odd_fail(err, ODDROW_EINVAL, "columns are finished once, after their rows");
    if (s->rows == 0)
        return odd_fail(err, ODDROW_ESCHEMA, "no data rows to learn from");
    for (size_t k = 0; k < s->K && rc == 0; k++)
        if (fit->tracks[k].tracking)
            rc = odd_kind_row_of(s->columns[k].kind)->finish(fit, k, err);
    if (rc == 0)
        rc = odd_schema_index(s, err);
    if (rc)
        return rc;
    fit->finished = true;
    fit->owned = false;
    *out = s;
    return 0;
}

int odd_fit_translate(const odd_fit *fit, const void *records, size_t rows, odd_rows *batch,
                      oddrow_error *err)
{
    const odd_schema *s = fit->schema;
    if (!fit->finished)
        return odd_fail(err, ODDROW_EINVAL, "records are translated after odd_fit_finish");
    if (rows > batch->capacity || batch->K != s->K || batch->C != s->C || batch->F != s->F)
        return odd_fail(err, ODDROW_EINVAL, "%zu rows do not fit the batch of %zu", rows,
                        batch->capacity);
    size_t tile = odd_tile_rows(s->K);
    batch->count = rows;
    for (size_t first = 0; first < rows; first += tile)
        for (size_t k = 0; k < s->K; k++) {
            odd_tile t = {.schema = s,
                          .k = k,
                          .n = rows - first < tile ? rows - first : tile,
                          .rows = batch,
                          .first = first};
            const char *record = (const char *)records + first * fit->record_size;
            if (fit->tracks[k].tracking)
                odd_kind_row_of(s->columns[k].kind)
                    ->translate(fit, &t, record + fit->tracks[k].offset);
        }
    return 0;
}
