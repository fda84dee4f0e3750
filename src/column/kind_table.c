/* column/kind_table.c: the table of kinds, and what walks it: traits, the places of columns. */
#include "column/kind.h"

#include <string.h>

#include "base/error.h"
#include "column/kinds.h"

static const odd_kind_row id_row = {.name = "id", .cell = "text"},
                          label = {.name = "label", .cell = "text"},
                          ignore = {.name = "ignore", .cell = "text"};

static const odd_kind_row *const rows[ODD_KINDS] = {
    [ODD_CATEGORICAL] = &odd_kind_categorical,
    [ODD_NUMERIC] = &odd_kind_numeric,
    [ODD_TIMESTAMP] = &odd_kind_timestamp,
    [ODD_CONSTANT] = &odd_kind_constant,
    [ODD_ID] = &id_row,
    [ODD_LABEL] = &label,
    [ODD_IGNORE] = &ignore,
    [ODD_TARGET] = &odd_kind_target,
};
static const char *const flags[ODD_FLAGS] = {"", "missing", "unseen", "unparsed", "out-of-range"};

const odd_kind_row *odd_kind_row_of(odd_kind kind)
{
    static const odd_kind_row none = {.name = "?", .cell = "?"};
    return (size_t)kind < ODD_KINDS ? rows[kind] : &none;
}

const char *odd_kind_name(odd_kind kind)
{
    return odd_kind_row_of(kind)->name;
}

bool odd_kind_parse(const char *name, odd_kind *kind)
{
    for (size_t i = 0; i < ODD_KINDS; i++)
        if (strcmp(name, rows[i]->name) == 0) {
            *kind = (odd_kind)i;
            return true;
        }
    return false;
}

bool odd_kind_is_input(odd_kind kind)
{
    return odd_kind_row_of(kind)->encode;
}

bool odd_kind_is_category(odd_kind kind)
{
    return odd_kind_row_of(kind)->category;
}

bool odd_kind_is_number(odd_kind kind)
{
    return odd_kind_row_of(kind)->features > 0;
}

bool odd_kind_is_carried(odd_kind kind)
{
    return (size_t)kind < ODD_KINDS && !odd_kind_is_input(kind);
}

bool odd_kind_is_read(odd_kind kind)
{
    return odd_kind_row_of(kind)->tracking;
}

bool odd_kind_moves_on(odd_kind kind)
{
    return odd_kind_row_of(kind)->moves_on;
}

const char *odd_kind_cell(odd_kind kind)
{
    return odd_kind_row_of(kind)->cell;
}

const char *odd_flag_name(odd_flag flag)
{
    return (size_t)flag < ODD_FLAGS ? flags[flag] : "?";
}

void odd_column_describe(const odd_column *c, odd_bytes *out)
{
    const odd_kind_row *row = odd_kind_row_of(c->kind);
    if (row->describe)
        row->describe(c, out);
}

void odd_column_expected(const odd_column *c, const odd_expected *of, odd_bytes *out)
{
    const odd_kind_row *row = odd_kind_row_of(c->kind);
    if (row->expected)
        row->expected(c, of, out);
}

/* ---- a schema of all kinds ---- */

static int index_column(odd_schema *s, odd_column *c, oddrow_error *err)
{
    const odd_kind_row *row = odd_kind_row_of(c->kind);
    if ((size_t)c->kind >= ODD_KINDS)
        return odd_fail(err, ODDROW_EFORMAT, "column '%s': no kind %d", c->name, (int)c->kind);
    if (c->count > s->rows || c->missing > s->rows - c->count ||
        c->unparsed > s->rows - c->count - c->missing || c->differing > s->rows)
        return odd_fail(err, ODDROW_EFORMAT, "column '%s': more cells than %llu rows", c->name,
                        (unsigned long long)s->rows);
    c->features = 0;
    c->constant_index = SIZE_MAX;
    return row->index ? row->index(s, c, err) : 0;
}

int odd_schema_index(odd_schema *s, oddrow_error *err)
{
    odd_vocabulary *names;
    int rc = odd_schema_names(s, ODDROW_EFORMAT, &names, err);
    odd_vocabulary_free(&names);
    s->C = s->F = s->M = s->D = 0;
    s->target = SIZE_MAX;
    for (size_t k = 0; k < s->K && rc == 0; k++)
        rc = index_column(s, s->columns + k, err);
    for (size_t k = 0; k < s->K && rc == 0; k++) {
        odd_column *c = s->columns + k;
        const odd_kind_row *row = odd_kind_row_of(c->kind);
        c->loss = row->category ? c->categorical : row->features ? s->C + c->numeric : SIZE_MAX;
    }
    return rc;
}
