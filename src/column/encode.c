/* column/encode.c: batches, and cells into them. */
#include "column/encode.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "column/cell.h"

/* One input column: its place in the schema and in the file. */
struct input {
    size_t column, source;
};

struct odd_encoder {
    const odd_schema *schema;
    size_t width; /* cells per row of the file */
    size_t inputs;
    struct input *input; /* (inputs) */
    size_t *source;      /* (K) */
    size_t extras;
    const char **extra; /* (extras) into names */
    odd_bytes names;
};

/* Finds every schema column among the file's names, and what is left over. */
static int bind(odd_encoder *e, const char *const *names, size_t n, oddrow_error *err)
{
    const odd_schema *s = e->schema;
    odd_vocabulary *known = odd_vocabulary_new();
    size_t *of_name = odd_alloc(n + 1, sizeof *of_name), at = 0;
    uint32_t *repeats = odd_alloc(s->K + 1, sizeof *repeats);
    int code = 0;
    if (!known || !of_name || !repeats)
        goto memory;
    for (size_t k = 0; k < s->K; k++) { /* names are distinct: column k has id k + 1 */
        e->source[k] = SIZE_MAX;
        const char *name = s->columns[k].name;
        if (odd_vocabulary_add(known, name, strlen(name) + 1, SIZE_MAX, SIZE_MAX) != k + 1)
            goto memory;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t id = odd_vocabulary_find(known, names[i], strlen(names[i]) + 1);
        if (id == 0) {
            of_name[e->extras++] = e->names.size;
            if (odd_bytes_add(&e->names, names[i], strlen(names[i]) + 1) != 0)
                goto memory;
        } else if (repeats[id - 1]++ == 0) {
            e->source[id - 1] = i;
        }
    }
    for (size_t k = 0; k < s->K && code == 0; k++) {
        if (!odd_kind_is_input(s->columns[k].kind))
            continue;
        if (repeats[k] != 1)
            code = odd_fail(err, ODDROW_ESCHEMA,
                            repeats[k] == 0 ? "column '%s' of the model is absent"
                                            : "column '%s' of the model is there twice",
                            s->columns[k].name);
        e->input[at++] = (struct input){k, e->source[k]};
    }
    e->inputs = at;
    e->extra = odd_alloc(e->extras + 1, sizeof *e->extra);
    if (!e->extra)
        goto memory;
    for (size_t i = 0; i < e->extras; i++)
        e->extra[i] = e->names.data + of_name[i];
    goto done;
memory:
    code = odd_fail(err, ODDROW_ENOMEM, "no memory to bind %zu columns", n);
done:
    odd_vocabulary_free(&known);
    odd_free(of_name);
    odd_free(repeats);
    return code;
}

int odd_encoder_new(const odd_schema *s, const char *const *names, size_t n, odd_encoder **out,
                    oddrow_error *err)
{
    *out = NULL;
    odd_encoder *e = odd_alloc(1, sizeof *e);
    if (!e)
        return odd_fail(err, ODDROW_ENOMEM, "no memory for an encoder");
    e->schema = s;
    e->width = n;
    e->source = odd_alloc(s->K + 1, sizeof *e->source);
    e->input = odd_alloc(s->K + 1, sizeof *e->input);
    int code = e->source && e->input
                   ? bind(e, names, n, err)
                   : odd_fail(err, ODDROW_ENOMEM, "no memory to bind %zu columns", s->K);
    if (code != 0)
        odd_encoder_free(&e);
    *out = e;
    return code;
}

void odd_encoder_free(odd_encoder **e)
{
    if (!e || !*e)
        return;
    odd_free((*e)->source);
    odd_free((*e)->input);
    odd_free((void *)(*e)->extra);
    odd_bytes_free(&(*e)->names);
    odd_free(*e);
    *e = NULL;
}

odd_flag odd_constant_flag(const odd_column *c, odd_span cell)
{
    double x, y;
    if (c->constant && cell.size > 0 && cell.size == c->constant_size &&
        memcmp(cell.data, c->constant, cell.size) == 0)
        return ODD_FLAG_NONE;
    if (odd_cell_missing(cell))
        return c->constant ? ODD_FLAG_MISSING : ODD_FLAG_NONE;
    if (!c->constant)
        return ODD_FLAG_UNSEEN;
    odd_span own = {c->constant, c->constant_size};
    for (int i = 0; i < 2; i++) {
        odd_kind kind = i == 0 ? ODD_NUMERIC : ODD_TIMESTAMP;
        if (odd_cell_number(kind, own, &x) == ODD_NUMBER_OK &&
            odd_cell_number(kind, cell, &y) == ODD_NUMBER_OK)
            return x == y ? ODD_FLAG_NONE : ODD_FLAG_OUT_OF_RANGE;
    }
    return ODD_FLAG_UNSEEN;
}

void odd_put_numbers(const odd_schema *s, size_t k, double *x, const uint8_t *status, size_t n,
                     size_t first, odd_rows *b)
{
    const odd_column *c = s->columns + k;
    float *value = b->values + first * s->F + c->first_feature;
    uint8_t *missing = b->missing + first * s->M + c->numeric;
    uint8_t *flag = b->flags + first * s->K + k;
    static const uint8_t flags[] = {[ODD_NUMBER_OK] = ODD_FLAG_NONE,
                                    [ODD_NUMBER_MISSING] = ODD_FLAG_MISSING,
                                    [ODD_NUMBER_BAD] = ODD_FLAG_UNPARSED};
    for (size_t i = 0; i < n; i++)
        if (status[i] != ODD_NUMBER_OK)
            x[i] = c->minimum;
    if (c->kind == ODD_NUMERIC)
        odd_scaler_apply_all(&c->scaler, x, n, value, s->F);
    for (size_t i = 0; i < n; i++, value += s->F, missing += s->M, flag += s->K) {
        *missing = status[i] != ODD_NUMBER_OK;
        *flag = x[i] < c->minimum || x[i] > c->maximum ? ODD_FLAG_OUT_OF_RANGE : flags[status[i]];
        if (status[i] != ODD_NUMBER_OK)
            memset(value, 0, c->features * sizeof *value);
        else if (c->kind == ODD_TIMESTAMP)
            odd_timestamp_features(&c->scaler, x[i], value);
    }
}

static void encode_texts(const odd_schema *s, size_t k, const odd_span *cell, size_t stride,
                         size_t n, size_t first, odd_rows *b)
{
    const odd_column *c = s->columns + k;
    const odd_vocabulary *v = c->vocabulary;
    uint32_t *id = b->ids + first * s->C + c->categorical;
    uint8_t *flag = b->flags + first * s->K + k;
    for (size_t i = 0; i < n; i++, cell += stride, id += s->C, flag += s->K) {
        *flag = ODD_FLAG_NONE;
        if (odd_cell_missing(*cell)) {
            *id = v->missing_id;
            *flag = ODD_FLAG_MISSING;
        } else if ((*id = odd_vocabulary_find(v, cell->data, cell->size)) == 0) {
            *id = v->rare_id;
            *flag = ODD_FLAG_UNSEEN;
        }
    }
}

static void encode_numbers(const odd_schema *s, size_t k, const odd_span *cell, size_t stride,
                           size_t n, size_t first, odd_rows *b)
{
    double x[ODD_TILE];
    uint8_t status[ODD_TILE];
    for (size_t i = 0; i < n; i++, cell += stride)
        status[i] = (uint8_t)odd_cell_number(s->columns[k].kind, *cell, x + i);
    odd_put_numbers(s, k, x, status, n, first, b);
}

static void encode_constants(const odd_schema *s, size_t k, const odd_span *cell, size_t stride,
                             size_t n, size_t first, odd_rows *b)
{
    const odd_column *c = s->columns + k;
    for (size_t i = first; i < first + n; i++, cell += stride) {
        odd_flag flag = odd_constant_flag(c, *cell);
        b->flags[i * s->K + k] = (uint8_t)flag;
        b->differs[i * s->D + c->constant_index] = flag != ODD_FLAG_NONE;
    }
}

void odd_encode(const odd_encoder *e, const odd_span *cells, size_t rows, odd_rows *batch)
{
    const odd_schema *s = e->schema;
    assert(rows <= batch->capacity && batch->K == s->K && batch->C == s->C && batch->F == s->F);
    size_t tile = odd_tile_rows(e->width);
    batch->count = rows;
    for (size_t first = 0; first < rows; first += tile) {
        size_t n = rows - first < tile ? rows - first : tile;
        for (size_t i = 0; i < e->inputs; i++) {
            const odd_span *cell = cells + first * e->width + e->input[i].source;
            size_t k = e->input[i].column;
            odd_kind kind = s->columns[k].kind;
            if (kind == ODD_CATEGORICAL)
                encode_texts(s, k, cell, e->width, n, first, batch);
            else if (kind == ODD_CONSTANT)
                encode_constants(s, k, cell, e->width, n, first, batch);
            else
                encode_numbers(s, k, cell, e->width, n, first, batch);
        }
    }
}

size_t odd_encoder_source(const odd_encoder *e, size_t column)
{
    return e->source[column];
}

size_t odd_encoder_extra(const odd_encoder *e)
{
    return e->extras;
}

const char *odd_encoder_extra_name(const odd_encoder *e, size_t i)
{
    return i < e->extras ? e->extra[i] : NULL;
}

void odd_encoder_note_extra(const odd_encoder *e, char *notes, size_t size)
{
    notes[0] = '\0';
    if (!e->extras)
        return;
    size_t used =
        (size_t)snprintf(notes, size, "%zu column%s not in the model and ignored: ", e->extras,
                         e->extras > 1 ? "s are" : " is");
    for (size_t i = 0; i < e->extras && used + 80 < size; i++)
        used += (size_t)snprintf(notes + used, size - used, "%s%.60s", i ? ", " : "", e->extra[i]);
}
