/* column/constant.c: columns with one value in all training rows, of which only differences count.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "column/cell.h"
#include "column/kinds.h"
#include "column/timestamp.h"

static odd_number_status read_time(odd_span cell, double *x)
{
    return odd_timestamp_parse(cell.data, cell.size, x);
}

odd_flag odd_constant_flag(const odd_column *c, odd_span cell)
{
    static odd_number_status (*const read[])(odd_span, double *) = {odd_cell_number, read_time};
    double x, y;
    if (c->constant && cell.size > 0 && cell.size == c->constant_size &&
        memcmp(cell.data, c->constant, cell.size) == 0)
        return ODD_FLAG_NONE;
    if (odd_cell_missing(cell))
        return c->constant ? ODD_FLAG_MISSING : ODD_FLAG_NONE;
    if (!c->constant)
        return ODD_FLAG_UNSEEN;
    for (size_t i = 0; i < 2; i++)
        if (read[i]((odd_span){c->constant, c->constant_size}, &x) == ODD_NUMBER_OK &&
            read[i](cell, &y) == ODD_NUMBER_OK)
            return x == y ? ODD_FLAG_NONE : ODD_FLAG_OUT_OF_RANGE;
    return ODD_FLAG_UNSEEN;
}

/* ---- columns that turn out constant, or not ---- */

int odd_become_constant(odd_fit *fit, size_t k, odd_span value, oddrow_error *err)
{
    odd_column *c = fit->schema->columns + k;
    char rows[ODD_NUMBER_SIZE];
    c->kind = ODD_CONSTANT;
    c->constant = value.data ? odd_schema_keep(fit->schema, value.data, value.size) : NULL;
    c->constant_size = value.size;
    c->count = value.data ? fit->schema->rows : 0;
    c->missing = value.data ? 0 : fit->schema->rows;
    if (value.data && !c->constant)
        return odd_no_memory(err);
    return odd_schema_say(fit->schema, c, err,
                          value.data ? "one value in all %s rows" : "missing in all %s rows",
                          odd_grouped(fit->schema->rows, rows));
}

int odd_explain_watched(const odd_fit *fit, size_t k, oddrow_error *err)
{
    odd_column *c = fit->schema->columns + k;
    char rows[ODD_NUMBER_SIZE];
    if (!fit->tracks[k].watched)
        return 0;
    c->constant = NULL;
    c->constant_size = 0;
    return odd_schema_say(fit->schema, c, err, "one value in the first %s rows, others later",
                          odd_grouped(fit->infer_rows, rows));
}

int odd_schema_need_input(odd_schema *s, oddrow_error *err)
{
    size_t k = 0;
    while (k < s->K && s->columns[k].kind != ODD_CONSTANT)
        k++;
    if (s->C + s->M > 0 || k == s->K)
        return 0;
    odd_column *c = s->columns + k;
    odd_span text = {c->constant, c->constant_size};
    uint64_t count = s->rows - c->differing;
    int rc = odd_vocabulary_new_from(&text, &count, 1, c->constant ? 0 : 1, 0, &c->vocabulary, err);
    if (rc)
        return rc;
    c->kind = ODD_CATEGORICAL;
    c->embedding = odd_embedding_width(ODD_EMBEDDING_HALF, c->vocabulary->size);
    c->constant = NULL;
    c->constant_size = 0;
    c->differing = 0;
    return odd_schema_index(s, err);
}

/* ---- columns that the first block fixed as constant; a record is the flag ---- */

static int take(odd_fit *fit, const odd_tile *t, char *record, oddrow_error *err)
{
    odd_column *c = fit->schema->columns + t->k;
    const odd_span *cell = t->cells;
    (void)err;
    for (size_t i = 0; i < t->n; i++, cell += t->stride) {
        odd_flag flag = odd_constant_flag(c, *cell);
        c->differing += flag != ODD_FLAG_NONE;
        if (record) {
            *record = (char)flag;
            record += fit->record_size;
        }
    }
    return 0;
}

const odd_tracking odd_track_constants = {.size = 1, .take = take};

static int finish(odd_fit *fit, size_t k, oddrow_error *err)
{
    odd_column *c = fit->schema->columns + k;
    uint64_t alike = fit->schema->rows - c->differing;
    char rows[ODD_NUMBER_SIZE], differing[ODD_NUMBER_SIZE];
    c->count = c->constant ? alike : 0;
    c->missing = c->constant ? 0 : alike;
    if (c->differing == 0) { /* no sentence of its own: there may be a million of these */
        c->why = c->constant ? "one value in all rows" : "missing in all rows";
        return 0;
    }
    return odd_schema_say(fit->schema, c, err, "%s in the first %s rows, %s cells differ later",
                          c->constant ? "one value" : "missing", odd_grouped(fit->infer_rows, rows),
                          odd_grouped(c->differing, differing));
}

/* ---- the kind ---- */

static int index_column(odd_schema *s, odd_column *c, oddrow_error *err)
{
    if (c->constant && (c->constant_size == 0 || strlen(c->constant) != c->constant_size))
        return odd_fail(err, ODDROW_EFORMAT, "column '%s': its constant is empty or torn", c->name);
    c->constant_index = s->D++;
    c->differs_loss = -log(((double)c->differing + 1) / ((double)s->rows + 1));
    return 0;
}

static void put(const odd_tile *t, size_t row, odd_flag flag)
{
    const odd_schema *s = t->schema;
    t->rows->flags[row * s->K + t->k] = (uint8_t)flag;
    t->rows->differs[row * s->D + s->columns[t->k].constant_index] = flag != ODD_FLAG_NONE;
}

/* A column that turned out constant only later never differed. */
static void translate(const odd_fit *fit, const odd_tile *t, const char *record)
{
    bool fixed = fit->tracks[t->k].tracking == &odd_track_constants;
    for (size_t i = 0; i < t->n; i++, record += fit->record_size)
        put(t, t->first + i, fixed ? (odd_flag)*record : ODD_FLAG_NONE);
}

static void encode(const odd_tile *t)
{
    for (size_t i = 0; i < t->n; i++)
        put(t, t->first + i, odd_constant_flag(t->schema->columns + t->k, t->cells[i * t->stride]));
}

static void describe(const odd_column *c, odd_bytes *out)
{
    odd_bytes_print(out, "always %.40s", c->constant ? c->constant : "missing");
}

static void expected(const odd_column *c, const odd_expected *of, odd_bytes *out)
{
    (void)of;
    odd_bytes_add(out, c->constant, c->constant_size);
}

const odd_kind_row odd_kind_constant = {.name = "constant",
                                        .cell = "text",
                                        .tracking = &odd_track_constants,
                                        .index = index_column,
                                        .finish = finish,
                                        .translate = translate,
                                        .encode = encode,
                                        .describe = describe,
                                        .expected = expected};
