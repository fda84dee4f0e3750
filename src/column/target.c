/* column/target.c: the column that a supervised model learns to tell, a class or a number. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "column/infer.h"
#include "column/kinds.h"

int odd_target_infer(odd_fit *fit, const odd_span *cells, size_t rows, size_t k, oddrow_error *err)
{
    odd_column *c = fit->schema->columns + k;
    char why[ODD_WHY_SIZE];
    odd_kind kind;
    if (fit->options.task != ODD_TARGET_INFER)
        return 0;
    int rc = odd_infer_kind(c->name, cells, rows, fit->schema->K, k, &kind, why, err);
    if (rc)
        return rc;
    if (kind == ODD_ID || kind == ODD_TIMESTAMP)
        return odd_fail(err, ODDROW_ESCHEMA,
                        "column '%s', the target, looks like %s; set 'task' to classify or "
                        "regress to learn it as a class or a number",
                        c->name, kind == ODD_ID ? "an id" : "a time");
    fit->options.task = kind == ODD_NUMERIC ? ODD_TARGET_NUMBER : ODD_TARGET_CLASS;
    return odd_schema_say(fit->schema, c, err, "%s", why);
}

static int index_column(odd_schema *s, odd_column *c, oddrow_error *err)
{
    const odd_vocabulary *v = c->vocabulary;
    bool classes = v && v->size >= 2 && v->missing_id == 0 && v->rare_id == 0;
    bool number = !v && c->scaler.table && isfinite(c->minimum) && isfinite(c->maximum);
    if (s->target != SIZE_MAX)
        return odd_fail(err, ODDROW_EFORMAT, "column '%s': a second target", c->name);
    if (!classes && !number)
        return odd_fail(err, ODDROW_EFORMAT, "column '%s': a target without classes or a range",
                        c->name);
    s->target = (size_t)(c - s->columns);
    return 0;
}

static int refuse(const odd_column *c, const char *what, oddrow_error *err)
{
    return odd_fail(err, ODDROW_ESCHEMA, "column '%s', the target, %s", c->name, what);
}

/* No class is folded, and a missing cell is none. */
static int finish_classes(odd_fit *fit, size_t k, oddrow_error *err)
{
    static const odd_vocabulary_options all = {1, ODD_VOCABULARY_LIMIT - 1};
    const odd_texts *own = fit->tracks[k].state;
    const odd_column *c = fit->schema->columns + k;
    size_t classes = own->vocabulary->size - 1;
    if (own->untracked > 0 || classes > fit->options.max_vocab)
        return odd_fail(
            err, ODDROW_ESCHEMA,
            "column '%s', the target, has %zu classes or more, more than 'max-vocab' %zu; "
            "to learn a number, set 'task' to regress",
            c->name, classes, fit->options.max_vocab);
    if (classes < 2)
        return refuse(c, classes ? "has one value in all rows" : "is missing in all rows", err);
    return odd_texts_settle(fit, k, &all, 0, err);
}

/* Numbers are scaled by mean and standard deviation: an error of a given size in the target's own
 * units costs the same everywhere. */
static int finish(odd_fit *fit, size_t k, oddrow_error *err)
{
    const odd_numbers *own = fit->tracks[k].state;
    const odd_column *c = fit->schema->columns + k;
    if (fit->tracks[k].tracking == &odd_track_texts)
        return finish_classes(fit, k, err);
    if (own->sample.seen == 0)
        return refuse(c,
                      own->unparsed
                          ? "has no cell that is a number; to learn texts, set 'task' to classify"
                          : "is missing in all rows",
                      err);
    if (own->sample.minimum == own->sample.maximum)
        return refuse(c, "has one value in all rows", err);
    return odd_numbers_settle(fit, k, ODD_STANDARD, err);
}

static void translate(const odd_fit *fit, const odd_tile *t, const char *record)
{
    const odd_schema *s = t->schema;
    const odd_column *c = s->columns + t->k;
    double x[ODD_TILE];
    uint8_t status[ODD_TILE];
    if (!c->vocabulary)
        odd_numbers_recall(fit, t, record, x, status);
    for (size_t i = 0; i < t->n; i++, record += fit->record_size) {
        float target = NAN;
        uint32_t text;
        memcpy(&text, record, sizeof text);
        if (c->vocabulary && text != ODD_TEXT_MISSING)
            target = (float)(((const odd_texts *)fit->tracks[t->k].state)->map[text] - 1);
        else if (!c->vocabulary && status[i] == ODD_NUMBER_OK)
            target = odd_scaler_apply(&c->scaler, x[i]);
        t->rows->targets[t->first + i] = target;
        t->rows->flags[(t->first + i) * s->K + t->k] =
            (uint8_t)(isnan(target) ? ODD_FLAG_MISSING : ODD_FLAG_NONE);
    }
}

static void describe(const odd_column *c, odd_bytes *out)
{
    if (c->vocabulary)
        odd_bytes_print(out, "%zu classes", c->vocabulary->size - 1);
    else
        odd_numbers_describe(c, out);
}

const odd_kind_row odd_kind_target = {.name = "target",
                                      .cell = "number",
                                      .tracking = &odd_track_numbers,
                                      .index = index_column,
                                      .finish = finish,
                                      .translate = translate,
                                      .describe = describe,
                                      .parse = odd_numeric_parse};
