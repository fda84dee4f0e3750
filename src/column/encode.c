/* column/encode.c: finds the columns of a schema in a file, and encodes their cells. */
#include "column/encode.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "column/kinds.h"

struct odd_encoder {
    const odd_schema *schema;
    size_t width;   /* cells per row of the file */
    size_t *source; /* (K) */
    size_t inputs;
    size_t *input; /* (inputs) their columns */
    size_t extras;
    odd_bytes extra; /* (extras) names that the schema does not know, each with its NUL */
};

/* Finds every schema column among the file's names, and what is left over. */
static int bind(odd_encoder *e, const char *const *names, size_t n, oddrow_error *err)
{
    const odd_schema *s = e->schema;
    odd_vocabulary *known;
    int rc = odd_schema_names(s, ODDROW_EFORMAT, &known, err);
    for (size_t k = 0; k < s->K; k++)
        e->source[k] = SIZE_MAX;
    for (size_t i = 0; i < n && rc == 0; i++) {
        uint32_t id = odd_vocabulary_find(known, names[i], strlen(names[i]) + 1);
        if (id == 0) {
            e->extras++;
            odd_bytes_add(&e->extra, names[i], strlen(names[i]) + 1);
        } else if (e->source[id - 1] == SIZE_MAX) {
            e->source[id - 1] = i;
        } else if (odd_kind_is_input(s->columns[id - 1].kind)) {
            rc = odd_fail(err, ODDROW_ESCHEMA, "column '%s' of the model is there twice", names[i]);
        }
    }
    for (size_t k = 0; k < s->K && rc == 0; k++) {
        if (!odd_kind_is_input(s->columns[k].kind))
            continue;
        e->input[e->inputs++] = k;
        if (e->source[k] == SIZE_MAX)
            rc = odd_fail(err, ODDROW_ESCHEMA, "column '%s' of the model is absent",
                          s->columns[k].name);
    }
    odd_vocabulary_free(&known);
    return rc ? rc : odd_bytes_check(&e->extra, err);
}

int odd_encoder_new(const odd_schema *s, const char *const *names, size_t n, odd_encoder **out,
                    oddrow_error *err)
{
    odd_encoder *e = *out = odd_alloc(1, sizeof *e);
    if (!e)
        return odd_no_memory(err);
    e->schema = s;
    e->width = n;
    e->source = odd_alloc(s->K + 1, sizeof *e->source);
    e->input = odd_alloc(s->K + 1, sizeof *e->input);
    int rc = e->source && e->input ? bind(e, names, n, err) : odd_no_memory(err);
    if (rc)
        odd_encoder_free(out);
    return rc;
}

void odd_encoder_free(odd_encoder **e)
{
    if (!e || !*e)
        return;
    odd_free((*e)->source);
    odd_free((*e)->input);
    odd_bytes_free(&(*e)->extra);
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
            size_t k = e->input[i];
            odd_tile t = {.schema = s,
                          .k = k,
                          .n = rows - first < tile ? rows - first : tile,
                          .cells = cells + first * e->width + e->source[k],
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

void odd_encoder_note_extra(const odd_encoder *e, char *notes, size_t size)
{
    notes[0] = '\0';
    if (!e->extras)
        return;
    size_t used =
        (size_t)snprintf(notes, size, "%zu column%s not in the model and ignored: ", e->extras,
                         e->extras > 1 ? "s are" : " is");
    const char *name = e->extra.data;
    for (size_t i = 0; i < e->extras && used + 80 < size; i++, name += strlen(name) + 1)
        used += (size_t)snprintf(notes + used, size - used, "%s%.60s", i ? ", " : "", name);
}
