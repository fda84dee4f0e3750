/* column/schema.c: the schema's life and its texts. */
#include "column/schema.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define SENTENCE 320

size_t odd_embedding_width(odd_embedding_rule rule, size_t V)
{
    size_t width = V / 2 + V % 2;
    if (rule == ODD_EMBEDDING_POWER)
        width = (size_t)round(1.6 * pow(V > 0 ? (double)(V - 1) : 0, 0.56));
    return width < 2 ? 2 : width > 50 ? 50 : width;
}

int odd_schema_new(size_t K, odd_schema **out, oddrow_error *err)
{
    *out = NULL;
    if (K > ODD_COLUMNS_LIMIT)
        return odd_fail(err, ODDROW_EFORMAT, "%zu columns are beyond %u", K, ODD_COLUMNS_LIMIT);
    odd_schema *s = odd_alloc(1, sizeof *s);
    if (!s || !(s->columns = odd_alloc(K + 1, sizeof *s->columns))) {
        odd_free(s);
        return odd_no_memory(err);
    }
    s->K = K;
    *out = s;
    return 0;
}

void odd_schema_free(odd_schema **s)
{
    if (!s || !*s)
        return;
    for (size_t k = 0; k < (*s)->K; k++) {
        odd_vocabulary_free(&(*s)->columns[k].vocabulary);
        odd_scaler_free(&(*s)->columns[k].scaler);
    }
    odd_arena_free(&(*s)->texts);
    odd_free((*s)->columns);
    odd_free(*s);
    *s = NULL;
}

char *odd_schema_keep(odd_schema *s, const char *data, size_t size)
{
    return odd_arena_copy(&s->texts, data, size);
}

int odd_schema_say(odd_schema *s, odd_column *c, oddrow_error *err, const char *format, ...)
{
    char text[SENTENCE];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    c->why = odd_schema_keep(s, text, strlen(text));
    return c->why ? 0 : odd_no_memory(err);
}

int odd_schema_names(const odd_schema *s, int twice, odd_vocabulary **out, oddrow_error *err)
{
    odd_vocabulary *names = odd_vocabulary_new();
    int rc = names ? 0 : odd_no_memory(err);
    for (size_t k = 0; k < s->K && rc == 0; k++) {
        const char *name = s->columns[k].name;
        if (!name) {
            rc = odd_fail(err, ODDROW_EFORMAT, "column %zu has no name", k + 1);
            break;
        }
        uint32_t id = odd_vocabulary_add(names, name, strlen(name) + 1, SIZE_MAX, SIZE_MAX);
        if (id == ODD_VOCABULARY_NO_MEMORY || id == 0)
            rc = odd_no_memory(err);
        else if (id != k + 1)
            rc = odd_fail(err, twice, "column '%s' is there twice", name);
    }
    if (rc)
        odd_vocabulary_free(&names);
    *out = names;
    return rc;
}

size_t odd_schema_losses(const odd_schema *s)
{
    return s->C + s->M;
}

size_t odd_schema_loss_column(const odd_schema *s, size_t at)
{
    size_t k = 0;
    while (k < s->K && s->columns[k].loss != at)
        k++;
    return k < s->K ? k : SIZE_MAX;
}

size_t odd_schema_outputs(const odd_schema *s)
{
    if (s->target == SIZE_MAX)
        return 0;
    const odd_vocabulary *v = s->columns[s->target].vocabulary;
    return v ? v->size - 1 : 1;
}
