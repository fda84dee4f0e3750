/* column/encode.c: batches, and cells into them. */
#include "column/encode.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "column/kinds.h"

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
    int rc = 0;
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
    for (size_t k = 0; k < s->K && rc == 0; k++) {
        if (!odd_kind_is_input(s->columns[k].kind))
            continue;
        if (repeats[k] != 1)
            rc = odd_fail(err, ODDROW_ESCHEMA,
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
    rc = odd_fail(err, ODDROW_ENOMEM, "no memory to bind %zu columns", n);
done:
    odd_vocabulary_free(&known);
    odd_free(of_name);
    odd_free(repeats);
    return rc;
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
    int rc = e->source && e->input
                 ? bind(e, names, n, err)
                 : odd_fail(err, ODDROW_ENOMEM, "no memory to bind %zu columns", s->K);
    if (rc != 0)
        odd_encoder_free(&e);
    *out = e;
    return rc;
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

void odd_encode(const odd_encoder *e, const odd_span *cells, size_t rows, odd_rows *batch)
{
    const odd_schema *s = e->schema;
    assert(rows <= batch->capacity && batch->K == s->K && batch->C == s->C && batch->F == s->F);
    size_t tile = odd_tile_rows(e->width);
    batch->count = rows;
    for (size_t first = 0; first < rows; first += tile) {
        for (size_t i = 0; i < e->inputs; i++) {
            size_t k = e->input[i].column;
            odd_tile t = {.schema = s,
                          .k = k,
                          .n = rows - first < tile ? rows - first : tile,
                          .cells = cells + first * e->width + e->input[i].source,
                          .stride = e->width,
                          .rows = batch,
                          .first = first};
            odd_kind_row_of(s->columns[k].kind)->encode(&t);
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
