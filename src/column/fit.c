/* column/fit.c: options, kinds, and the one pass over the rows. */
#include "column/fit.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "column/cell.h"
#include "column/infer.h"
#include "column/track.h"

#define LEAST_SAMPLE 1000u     /* numbers per column whatever the memory option says */
#define LEAST_TEXT (64u << 10) /* bytes of text likewise */
#define ENTRY_BYTES 64u        /* table, count and place of a tracked text */

static int no_memory(oddrow_error *err)
{
    return odd_fail(err, ODDROW_ENOMEM, "no memory to fit columns");
}

/* Copies the names into the schema and their ids, column + 1, into index. */
static int keep_names(odd_fit *fit, const char *const *names, odd_vocabulary *index,
                      oddrow_error *err)
{
    for (size_t k = 0; k < fit->schema->K; k++) {
        size_t size = strlen(names[k]);
        char *name = odd_schema_keep(fit->schema, names[k], size);
        uint32_t id = odd_vocabulary_add(index, names[k], size + 1, SIZE_MAX, SIZE_MAX);
        if (!name || id == 0 || id == ODD_VOCABULARY_NO_MEMORY)
            return no_memory(err);
        if (id != k + 1)
            return odd_fail(err, ODDROW_ESCHEMA, "column '%s' is there twice", names[k]);
        fit->schema->columns[k].name = name;
        fit->schema->columns[k].kind = ODD_IGNORE;
    }
    return 0;
}

/* Sets the kinds that the options give by name. */
static int set_kinds(odd_fit *fit, const odd_vocabulary *index, oddrow_error *err)
{
    for (size_t kind = 0; kind < ODD_KINDS; kind++)
        for (size_t i = 0; i < fit->options.names[kind].count; i++) {
            const char *name = fit->options.names[kind].names[i];
            if (kind == ODD_CONSTANT)
                return odd_fail(err, ODDROW_EINVAL, "column '%s' cannot be set to constant", name);
            uint32_t id = odd_vocabulary_find(index, name, strlen(name) + 1);
            if (id == 0)
                return odd_fail(err, ODDROW_ESCHEMA, "column '%s', set as %s, is absent", name,
                                odd_kind_name((odd_kind)kind));
            odd_column *c = fit->schema->columns + id - 1;
            if (fit->tracks[id - 1].set && c->kind != (odd_kind)kind)
                return odd_fail(err, ODDROW_ESCHEMA, "column '%s' is set as both %s and %s", name,
                                odd_kind_name(c->kind), odd_kind_name((odd_kind)kind));
            if (kind == ODD_TARGET && i > 0)
                return odd_fail(err, ODDROW_EINVAL, "there can be one target only");
            c->kind = (odd_kind)kind;
            c->why = "set by name";
            fit->tracks[id - 1].set = 1;
        }
    return 0;
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
    odd_fit *fit = odd_alloc(1, sizeof *fit);
    odd_vocabulary *index = odd_vocabulary_new();
    int code = fit && index ? odd_schema_new(K, &fit->schema, err) : no_memory(err);
    if (code == 0) {
        fit->owned = true;
        fit->K = K;
        fit->options = *options;
        fit->tracks = odd_alloc(K + 1, sizeof *fit->tracks);
        code = fit->tracks ? keep_names(fit, names, index, err) : no_memory(err);
    }
    if (code == 0)
        code = set_kinds(fit, index, err);
    odd_vocabulary_free(&index);
    if (code != 0)
        odd_fit_free(&fit);
    else
        memset(fit->options.names, 0, sizeof fit->options.names);
    *out = fit;
    return code;
}

void odd_fit_free(odd_fit **fit)
{
    if (!fit || !*fit)
        return;
    odd_fit *f = *fit;
    for (size_t k = 0; f->tracks && k < f->K; k++) {
        struct track *t = f->tracks + k;
        if (t->state && t->tracking == TRACK_TEXTS) {
            odd_vocabulary_free(&((struct texts *)t->state)->vocabulary);
            odd_free(((struct texts *)t->state)->map);
        } else if (t->state) {
            odd_sample_free(&((struct numbers *)t->state)->sample);
        }
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
            return no_memory(err);
    }
    fit->tracks[k].watched = watch;
    c->kind = !watch        ? ODD_CONSTANT
              : c->constant ? odd_infer_value(cell.data, cell.size)
                            : ODD_CATEGORICAL;
    return 0;
}

/* Whether the target is a class or a number, where nobody has said so. */
static int infer_target(odd_fit *fit, const odd_span *cells, size_t rows, size_t k,
                        oddrow_error *err)
{
    odd_column *c = fit->schema->columns + k;
    char why[ODD_WHY_SIZE];
    odd_kind kind = ODD_CATEGORICAL;
    if (fit->options.target == ODD_TARGET_INFER) {
        int code = odd_infer_kind(c->name, cells, rows, fit->schema->K, k, &kind, why, err);
        if (code != 0)
            return code;
        if (kind == ODD_ID || kind == ODD_TIMESTAMP)
            return odd_fail(
                err, ODDROW_ESCHEMA,
                "column '%s', the target, looks like %s; --task classify or --task regress "
                "takes it for a class or a number",
                c->name, kind == ODD_ID ? "an id" : "a time");
        fit->options.target = kind == ODD_NUMERIC ? ODD_TARGET_NUMBER : ODD_TARGET_CLASS;
        c->why = odd_schema_keep(fit->schema, why, strlen(why));
        if (!c->why)
            return no_memory(err);
    }
    return 0;
}

static int infer_kinds(odd_fit *fit, const odd_span *cells, size_t rows, const uint8_t *changes,
                       oddrow_error *err)
{
    odd_schema *s = fit->schema;
    size_t constants = 0;
    for (size_t k = 0; k < s->K; k++)
        constants += !fit->tracks[k].set && !changes[k];
    for (size_t k = 0; k < s->K; k++) {
        char why[ODD_WHY_SIZE];
        int code;
        if (fit->tracks[k].set) {
            code = s->columns[k].kind == ODD_TARGET ? infer_target(fit, cells, rows, k, err) : 0;
            if (code != 0)
                return code;
            continue;
        }
        if (!changes[k]) {
            code = infer_constant(fit, k, cells[k], constants <= ODD_FIT_WATCHED, err);
        } else {
            code = odd_infer_kind(s->columns[k].name, cells, rows, s->K, k, &s->columns[k].kind,
                                  why, err);
            if (code == 0) {
                s->columns[k].why = odd_schema_keep(s, why, strlen(why));
                code = s->columns[k].why ? 0 : no_memory(err);
            }
        }
        if (code != 0)
            return code;
    }
    return 0;
}

static size_t bounded(size_t x, size_t low, size_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* Lays out the record, doubles first, and opens the statistics. */
static int start_tracking(odd_fit *fit, oddrow_error *err)
{
    const odd_schema *s = fit->schema;
    size_t counts[4] = {0}, half = fit->options.memory / 2, at[4] = {0};
    for (size_t k = 0; k < s->K; k++) {
        odd_kind kind = s->columns[k].kind;
        struct track *t = fit->tracks + k;
        t->tracking = kind == ODD_CATEGORICAL                        ? TRACK_TEXTS
                      : kind == ODD_NUMERIC || kind == ODD_TIMESTAMP ? TRACK_NUMBERS
                      : kind == ODD_CONSTANT                         ? TRACK_CONSTANT
                      : kind != ODD_TARGET                           ? TRACK_NOTHING
                      : fit->options.target == ODD_TARGET_CLASS      ? TRACK_TEXTS
                                                                     : TRACK_NUMBERS;
        counts[t->tracking]++;
    }
    size_t texts = bounded(counts[TRACK_TEXTS], 1, SIZE_MAX);
    size_t numbers = bounded(counts[TRACK_NUMBERS], 1, SIZE_MAX);
    size_t sample = bounded(half / sizeof(double) / numbers, LEAST_SAMPLE, ODD_FIT_SAMPLE);
    fit->max_text = bounded(half / 2 / texts, LEAST_TEXT, ODD_FIT_TEXT);
    fit->max_entries =
        bounded(half / 2 / texts / ENTRY_BYTES, LEAST_TEXT / ENTRY_BYTES, ODD_FIT_DISTINCT);
    at[TRACK_TEXTS] = counts[TRACK_NUMBERS] * sizeof(double);
    at[TRACK_CONSTANT] = at[TRACK_TEXTS] + counts[TRACK_TEXTS] * sizeof(uint32_t);
    fit->record_size = (at[TRACK_CONSTANT] + counts[TRACK_CONSTANT] + 7) / 8 * 8;
    for (size_t k = 0; k < s->K; k++) {
        static const size_t sizes[4] = {[TRACK_TEXTS] = sizeof(uint32_t),
                                        [TRACK_NUMBERS] = sizeof(double),
                                        [TRACK_CONSTANT] = 1};
        struct track *t = fit->tracks + k;
        t->offset = at[t->tracking];
        at[t->tracking] += sizes[t->tracking];
        if (t->tracking == TRACK_TEXTS) {
            struct texts *state = t->state = odd_alloc(1, sizeof *state);
            if (!state || !(state->vocabulary = odd_vocabulary_new()))
                return no_memory(err);
        } else if (t->tracking == TRACK_NUMBERS) {
            struct numbers *state = t->state = odd_alloc(1, sizeof *state);
            if (!state)
                return no_memory(err);
            odd_sample_start(&state->sample, sample, fit->options.seed, k);
        }
    }
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
        return no_memory(err);
    find_changes(cells, rows, fit->schema->K, changes);
    int code = infer_kinds(fit, cells, rows, changes, err);
    odd_free(changes);
    return code == 0 ? start_tracking(fit, err) : code;
}

size_t odd_fit_record_size(const odd_fit *fit)
{
    return fit->record_size;
}

static int take_texts(const odd_fit *fit, struct texts *t, const odd_span *cell, size_t n,
                      char *record, oddrow_error *err)
{
    for (size_t i = 0; i < n; i++, cell += fit->schema->K) {
        uint32_t id = TEXT_MISSING;
        if (odd_cell_missing(*cell)) {
            t->missing++;
        } else {
            id = odd_vocabulary_add(t->vocabulary, cell->data, cell->size, fit->max_entries,
                                    fit->max_text);
            if (id == ODD_VOCABULARY_NO_MEMORY)
                return no_memory(err);
            t->untracked += id == TEXT_UNTRACKED;
        }
        if (record) {
            memcpy(record, &id, sizeof id);
            record += fit->record_size;
        }
    }
    return 0;
}

static int take_numbers(const odd_fit *fit, size_t k, const odd_span *cell, size_t n, char *record,
                        oddrow_error *err)
{
    struct numbers *t = fit->tracks[k].state;
    odd_kind kind = fit->schema->columns[k].kind;
    double good[ODD_TILE];
    size_t count = 0;
    for (size_t i = 0; i < n; i++, cell += fit->schema->K) {
        double *x = good + count;
        odd_number_status status = odd_cell_number(kind, *cell, x);
        uint64_t bits = status == ODD_NUMBER_MISSING ? NUMBER_MISSING : NUMBER_UNPARSED;
        if (status == ODD_NUMBER_OK) {
            memcpy(&bits, x, sizeof bits);
            if (!t->first) {
                t->first = odd_schema_keep(fit->schema, cell->data, cell->size);
                t->first_size = cell->size;
                if (!t->first)
                    return no_memory(err);
            }
            count++;
        } else if (status == ODD_NUMBER_MISSING) {
            t->missing++;
        } else {
            t->unparsed++;
        }
        if (record) {
            memcpy(record, &bits, sizeof bits);
            record += fit->record_size;
        }
    }
    return odd_sample_add(&t->sample, good, count, err);
}

static void take_constants(const odd_fit *fit, size_t k, const odd_span *cell, size_t n,
                           char *record)
{
    odd_column *c = fit->schema->columns + k;
    for (size_t i = 0; i < n; i++, cell += fit->schema->K) {
        odd_flag flag = odd_constant_flag(c, *cell);
        c->differing += flag != ODD_FLAG_NONE;
        if (record) {
            *record = (char)flag;
            record += fit->record_size;
        }
    }
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
            const struct track *t = fit->tracks + k;
            const odd_span *cell = cells + first * s->K + k;
            char *record = records ? (char *)records + first * fit->record_size + t->offset : NULL;
            int code = 0;
            if (t->tracking == TRACK_TEXTS)
                code = take_texts(fit, t->state, cell, n, record, err);
            else if (t->tracking == TRACK_NUMBERS)
                code = take_numbers(fit, k, cell, n, record, err);
            else if (t->tracking == TRACK_CONSTANT)
                take_constants(fit, k, cell, n, record);
            if (code != 0)
                return code;
        }
        fit->schema->rows += n;
    }
    return 0;
}
