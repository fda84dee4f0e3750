/* column/finish.c: from statistics to the schema, and from records to batches under it. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "column/cell.h"
#include "column/fit.h"
#include "column/infer.h"
#include "column/track.h"

/* Keeps a sentence, as printf makes it, as the reason of a column's kind. */
__attribute__((format(printf, 4, 5))) static int say(odd_schema *s, odd_column *c,
                                                     oddrow_error *err, const char *format, ...)
{
    char text[2 * ODD_WHY_SIZE];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    c->why = odd_schema_keep(s, text, strlen(text));
    return c->why ? 0 : odd_fail(err, ODDROW_ENOMEM, "no memory for a sentence");
}

/* All training cells were alike. value NULL: missing. */
static int become_constant(odd_fit *fit, odd_column *c, const char *value, size_t size,
                           oddrow_error *err)
{
    char rows[28];
    odd_infer_grouped(rows, fit->schema->rows);
    c->kind = ODD_CONSTANT;
    c->constant = NULL;
    c->constant_size = 0;
    c->count = value ? fit->schema->rows : 0;
    c->missing = value ? 0 : fit->schema->rows;
    if (value) {
        c->constant = odd_schema_keep(fit->schema, value, size);
        c->constant_size = size;
        if (!c->constant)
            return odd_fail(err, ODDROW_ENOMEM, "no memory for a constant");
    }
    return say(fit->schema, c, err, value ? "one value in all %s rows" : "missing in all %s rows",
               rows);
}

/* A watched column that changed after all. */
static int explain_watched(const odd_fit *fit, odd_column *c, oddrow_error *err)
{
    char rows[28];
    c->constant = NULL;
    c->constant_size = 0;
    return say(fit->schema, c, err, "one value in the first %s rows, others later",
               odd_infer_grouped(rows, fit->infer_rows));
}

static int finish_texts(odd_fit *fit, size_t k, oddrow_error *err)
{
    struct texts *t = fit->tracks[k].state;
    odd_column *c = fit->schema->columns + k;
    odd_vocabulary_options options = {fit->options.min_count, fit->options.max_vocab};
    int code = 0;
    if (t->vocabulary->size == 1 && t->untracked == 0)
        return become_constant(fit, c, NULL, 0, err);
    if (t->vocabulary->size == 2 && t->untracked == 0 && t->missing == 0) {
        odd_span text = odd_vocabulary_text(t->vocabulary, 1);
        return become_constant(fit, c, text.data, text.size, err);
    }
    if (fit->tracks[k].watched)
        code = explain_watched(fit, c, err);
    if (code == 0)
        code = odd_vocabulary_finish(t->vocabulary, &options, t->missing, t->untracked,
                                     &c->vocabulary, &t->map, err);
    if (code == 0 && t->untracked > 0) {
        char tracked[28], untracked[28];
        code = say(fit->schema, c, err,
                   "%s; more than %s distinct texts in all rows, %s cells with later ones are rare",
                   c->why, odd_infer_grouped(tracked, t->vocabulary->distinct),
                   odd_infer_grouped(untracked, t->untracked));
    }
    odd_vocabulary_free(&t->vocabulary);
    if (code != 0)
        return code;
    c->embedding = odd_embedding_width(fit->options.embedding_rule, c->vocabulary->size);
    c->missing = t->missing;
    c->count = fit->schema->rows - t->missing;
    return 0;
}

static int finish_numbers(odd_fit *fit, size_t k, oddrow_error *err)
{
    struct numbers *t = fit->tracks[k].state;
    odd_column *c = fit->schema->columns + k;
    const odd_sample *sample = &t->sample;
    int code = 0;
    if (sample->seen == 0 && t->unparsed == 0)
        return become_constant(fit, c, NULL, 0, err);
    if (sample->seen == 0)
        return odd_fail(err, ODDROW_ESCHEMA, "column '%s': none of its cells is a %s", c->name,
                        c->kind == ODD_NUMERIC ? "number" : "date or time");
    if (sample->seen == fit->schema->rows && sample->minimum == sample->maximum)
        return become_constant(fit, c, t->first, t->first_size, err);
    if (fit->tracks[k].watched)
        code = explain_watched(fit, c, err);
    if (code != 0)
        return code;
    c->count = sample->seen;
    c->missing = t->missing;
    c->unparsed = t->unparsed;
    c->minimum = sample->minimum + 0.0;
    c->maximum = sample->maximum + 0.0;
    code = odd_sample_scaler(
        &t->sample, c->kind == ODD_NUMERIC ? fit->options.scaler : ODD_STANDARD, &c->scaler, err);
    odd_sample_free(&t->sample);
    return code;
}

static int bad_target(const odd_column *c, const char *what, oddrow_error *err)
{
    return odd_fail(err, ODDROW_ESCHEMA, "column '%s', the target, %s", c->name, what);
}

/* A target's classes: none is folded, and a missing cell is none. */
static int finish_classes(odd_fit *fit, size_t k, oddrow_error *err)
{
    static const odd_vocabulary_options all = {1, ODD_VOCABULARY_LIMIT - 1};
    struct texts *t = fit->tracks[k].state;
    odd_column *c = fit->schema->columns + k;
    if (t->vocabulary->size == 1 && t->untracked == 0)
        return bad_target(c, "is missing in all rows", err);
    if (t->vocabulary->size == 2 && t->untracked == 0)
        return bad_target(c, "has one value in all rows", err);
    if (t->untracked > 0 || t->vocabulary->size - 1 > fit->options.max_vocab)
        return odd_fail(err, ODDROW_ESCHEMA,
                        "column '%s', the target, has %zu classes or more, beyond --max-vocab %zu; "
                        "a number is learned with --task regress",
                        c->name, t->vocabulary->size - 1, fit->options.max_vocab);
    int code = odd_vocabulary_finish(t->vocabulary, &all, 0, 0, &c->vocabulary, &t->map, err);
    odd_vocabulary_free(&t->vocabulary);
    c->missing = t->missing;
    c->count = fit->schema->rows - t->missing;
    return code;
}

/* A target's numbers are scaled by mean and standard deviation: an error of a given size in its own
 * units costs the same everywhere. */
static int finish_target_numbers(odd_fit *fit, size_t k, oddrow_error *err)
{
    struct numbers *t = fit->tracks[k].state;
    odd_column *c = fit->schema->columns + k;
    if (t->sample.seen == 0)
        return bad_target(c,
                          t->unparsed ? "is a number in no row; --task classify takes texts"
                                      : "is missing in all rows",
                          err);
    if (t->sample.minimum == t->sample.maximum)
        return bad_target(c, "has one value in all rows", err);
    c->count = t->sample.seen;
    c->missing = t->missing;
    c->unparsed = t->unparsed;
    c->minimum = t->sample.minimum + 0.0;
    c->maximum = t->sample.maximum + 0.0;
    int code = odd_sample_scaler(&t->sample, ODD_STANDARD, &c->scaler, err);
    odd_sample_free(&t->sample);
    return code;
}

static int finish_target(odd_fit *fit, size_t k, oddrow_error *err)
{
    return fit->tracks[k].tracking == TRACK_TEXTS ? finish_classes(fit, k, err)
                                                  : finish_target_numbers(fit, k, err);
}

/* A column that the first block fixed as constant. */
static int finish_constant(odd_fit *fit, odd_column *c, oddrow_error *err)
{
    uint64_t alike = fit->schema->rows - c->differing;
    char rows[28], differing[28];
    c->count = c->constant ? alike : 0;
    c->missing = c->constant ? 0 : alike;
    if (c->differing == 0) { /* no sentence of its own: there may be a million of these */
        c->why = c->constant ? "one value in all rows" : "missing in all rows";
        return 0;
    }
    return say(fit->schema, c, err, "%s in the first %s rows, %s cells differ later",
               c->constant ? "one value" : "missing", odd_infer_grouped(rows, fit->infer_rows),
               odd_infer_grouped(differing, c->differing));
}

int odd_fit_finish(odd_fit *fit, odd_schema **out, oddrow_error *err)
{
    odd_schema *s = fit->schema;
    int code = 0;
    *out = NULL;
    if (!fit->inferred || fit->finished)
        return odd_fail(err, ODDROW_EINVAL, "columns are finished once, after their rows");
    if (s->rows == 0)
        return odd_fail(err, ODDROW_ESCHEMA, "no data rows to learn from");
    for (size_t k = 0; k < s->K && code == 0; k++) {
        int tracking = fit->tracks[k].tracking;
        code = s->columns[k].kind == ODD_TARGET ? finish_target(fit, k, err)
               : tracking == TRACK_TEXTS        ? finish_texts(fit, k, err)
               : tracking == TRACK_NUMBERS      ? finish_numbers(fit, k, err)
               : tracking == TRACK_CONSTANT     ? finish_constant(fit, s->columns + k, err)
                                                : 0;
    }
    if (code == 0)
        code = odd_schema_index(s, err);
    if (code != 0)
        return code;
    fit->finished = true;
    fit->owned = false;
    *out = s;
    return 0;
}

static void translate_texts(const odd_fit *fit, size_t k, const char *record, size_t n,
                            size_t first, odd_rows *b)
{
    const odd_schema *s = fit->schema;
    const struct texts *t = fit->tracks[k].state;
    const odd_column *c = s->columns + k;
    const odd_vocabulary *v = c->vocabulary;
    for (size_t i = first; i < first + n; i++, record += fit->record_size) {
        uint32_t code, id = v->missing_id;
        odd_flag flag = ODD_FLAG_MISSING;
        memcpy(&code, record, sizeof code);
        if (code != TEXT_MISSING) {
            id = t->map[code];
            flag = id == v->rare_id ? ODD_FLAG_UNSEEN : ODD_FLAG_NONE;
        }
        b->ids[i * s->C + c->categorical] = id;
        b->flags[i * s->K + k] = (uint8_t)flag;
    }
}

static void translate_numbers(const odd_fit *fit, size_t k, const char *record, size_t n,
                              size_t first, odd_rows *b)
{
    double x[ODD_TILE];
    uint8_t status[ODD_TILE];
    for (size_t i = 0; i < n; i++, record += fit->record_size) {
        uint64_t bits;
        memcpy(&bits, record, sizeof bits);
        memcpy(x + i, &bits, sizeof bits);
        status[i] = bits == NUMBER_MISSING    ? ODD_NUMBER_MISSING
                    : bits == NUMBER_UNPARSED ? ODD_NUMBER_BAD
                                              : ODD_NUMBER_OK;
    }
    odd_put_numbers(fit->schema, k, x, status, n, first, b);
}

static void translate_targets(const odd_fit *fit, size_t k, const char *record, size_t n,
                              size_t first, odd_rows *b)
{
    const odd_column *c = fit->schema->columns + k;
    for (size_t i = first; i < first + n; i++, record += fit->record_size) {
        b->targets[i] = NAN;
        if (c->vocabulary) {
            const struct texts *t = fit->tracks[k].state;
            uint32_t code;
            memcpy(&code, record, sizeof code);
            if (code != TEXT_MISSING)
                b->targets[i] = (float)(t->map[code] - 1);
        } else {
            uint64_t bits;
            double x;
            memcpy(&bits, record, sizeof bits);
            memcpy(&x, record, sizeof x);
            if (bits != NUMBER_MISSING && bits != NUMBER_UNPARSED)
                b->targets[i] = odd_scaler_apply(&c->scaler, x);
        }
        b->flags[i * fit->schema->K + k] =
            (uint8_t)(isnan(b->targets[i]) ? ODD_FLAG_MISSING : ODD_FLAG_NONE);
    }
}

/* fixed: the record holds the flag; a column that turned out constant later never differed. */
static void translate_constants(const odd_fit *fit, size_t k, const char *record, size_t n,
                                size_t first, bool fixed, odd_rows *b)
{
    const odd_schema *s = fit->schema;
    const odd_column *c = s->columns + k;
    for (size_t i = first; i < first + n; i++, record += fit->record_size) {
        uint8_t flag = fixed ? (uint8_t)*record : ODD_FLAG_NONE;
        b->flags[i * s->K + k] = flag;
        b->differs[i * s->D + c->constant_index] = flag != ODD_FLAG_NONE;
    }
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
    for (size_t first = 0; first < rows; first += tile) {
        size_t n = rows - first < tile ? rows - first : tile;
        for (size_t k = 0; k < s->K; k++) {
            const struct track *t = fit->tracks + k;
            const char *record = (const char *)records + first * fit->record_size + t->offset;
            if (t->tracking == TRACK_NOTHING)
                continue;
            if (s->columns[k].kind == ODD_TARGET)
                translate_targets(fit, k, record, n, first, batch);
            else if (s->columns[k].kind == ODD_CONSTANT)
                translate_constants(fit, k, record, n, first, t->tracking == TRACK_CONSTANT, batch);
            else if (t->tracking == TRACK_TEXTS)
                translate_texts(fit, k, record, n, first, batch);
            else
                translate_numbers(fit, k, record, n, first, batch);
        }
    }
    return 0;
}
