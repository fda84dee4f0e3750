/* wire/rows.c: rows under way, and those that name their columns. */
#include "wire/codec.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

odd_span *odd_row_begin(odd_decoder *d)
{
    size_t K = d->schema->K, used = d->good * K;
    d->too_many = d->row_count - d->first >= ODD_ROWS_MAX;
    if (d->too_many)
        return NULL;
    if (odd_grow(&d->rows, &d->row_capacity, d->row_count + 1, sizeof *d->rows, NULL) ||
        odd_grow(&d->cells, &d->cell_capacity, used + K, sizeof *d->cells, NULL))
        return NULL;
    return d->cells + used;
}

void odd_row_add(odd_decoder *d, odd_reject reject, const char *reason, odd_span text, odd_span id)
{
    assert(d->row_count < d->row_capacity);
    odd_row row = {.reject = reject, .reason = reason, .text = text, .id = id};
    if (reject == ODD_REJECT_NONE)
        row.good = d->good++;
    d->rows[d->row_count++] = row;
}

bool odd_object_begin(odd_decoder *d, odd_object *o)
{
    *o = (odd_object){.cells = odd_row_begin(d), .column = ODD_UNKNOWN_NAME};
    d->objects++;
    return o->cells != NULL;
}

/* The column of a name. Names mostly come in the order of the object before. */
static size_t find(odd_decoder *d, const odd_object *o, const char *name, size_t size)
{
    size_t at = o->position, column = ODD_UNKNOWN_NAME;
    if (at < 2 * d->schema->K)
        column = d->guess[at];
    if (column != ODD_UNKNOWN_NAME && d->name_size[column] == size &&
        memcmp(d->schema->columns[column].name, name, size) == 0)
        return column;
    uint32_t id = odd_vocabulary_find(d->names, name, size);
    column = id ? id - 1 : ODD_UNKNOWN_NAME;
    if (at < 2 * d->schema->K)
        d->guess[at] = column;
    return column;
}

void odd_object_name(odd_decoder *d, odd_object *o, const char *name, size_t size)
{
    o->column = find(d, o, name, size);
    o->position++;
    o->is_id = size == 3 && memcmp(name, "_id", 3) == 0;
    if (o->column != ODD_UNKNOWN_NAME) {
        if (d->seen[o->column] == d->objects)
            odd_object_problem(d, o, ODD_PROBLEM_TWICE);
        else
            o->found++;
        d->seen[o->column] = d->objects;
    }
    if (o->is_id && o->has_id)
        odd_object_reject(o, ODD_REJECT_COLUMNS, "_id is there twice");
    o->has_id |= o->is_id;
}

/* Whether training saw this very text, blanks at its ends included. */
static bool known(const odd_column *c, const char *text, size_t size)
{
    if (c->constant)
        return c->constant_size == size && memcmp(c->constant, text, size) == 0;
    return odd_kind_is_category(c->kind) && odd_vocabulary_find(c->vocabulary, text, size) != 0;
}

void odd_object_cell(odd_decoder *d, odd_object *o, const char *text, size_t size, bool trim)
{
    if (o->column == ODD_UNKNOWN_NAME)
        return;
    odd_span cell = {text, size}, trimmed = trim ? odd_trimmed(cell) : cell;
    if (trimmed.size < size && !known(d->schema->columns + o->column, text, size))
        cell = trimmed;
    o->cells[o->column] = cell;
}

void odd_object_reject(odd_object *o, odd_reject reject, const char *reason)
{
    if (o->reject != ODD_REJECT_NONE)
        return;
    o->reject = reject;
    o->reason = reason;
}

void odd_object_problem(odd_decoder *d, odd_object *o, odd_problem problem)
{
    static const odd_reject rejects[ODD_PROBLEMS] = {
        [ODD_PROBLEM_ABSENT] = ODD_REJECT_COLUMNS, [ODD_PROBLEM_TWICE] = ODD_REJECT_COLUMNS,
        [ODD_PROBLEM_NESTED] = ODD_REJECT_DEPTH,   [ODD_PROBLEM_TYPE] = ODD_REJECT_TYPE,
        [ODD_PROBLEM_UTF8] = ODD_REJECT_UTF8,
    };
    size_t at = d->reason_at[o->column * ODD_PROBLEMS + problem];
    odd_object_reject(o, rejects[problem], d->reasons.data + at);
}

void odd_object_end(odd_decoder *d, odd_object *o, odd_span text)
{
    size_t K = d->schema->K;
    for (size_t k = 0; k < K && o->found < K && o->reject == ODD_REJECT_NONE; k++) {
        if (d->seen[k] == d->objects)
            continue;
        o->column = k;
        o->cells[k] = (odd_span){"", 0};
        if (odd_kind_is_input(d->schema->columns[k].kind))
            odd_object_problem(d, o, ODD_PROBLEM_ABSENT);
    }
    odd_row_add(d, o->reject, o->reason, text, o->id);
}

const char *odd_reason_text(odd_decoder *d, const char *format, ...)
{
    char text[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return odd_arena_copy(&d->texts, text, strlen(text));
}

int odd_refuse(odd_decoded *out, odd_reject reject, const char *reason)
{
    if (!reason)
        return ODDROW_ENOMEM;
    out->reject = reject;
    out->reason = reason;
    return 0;
}
