/* column/schema.c: the schema's life, its texts, and the check that all of it hangs together. */
#include "column/schema.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define TEXT_BLOCK 65536

/* Texts live in a list of blocks, so that a million names cost no million allocations. */
struct odd_schema_text {
    struct odd_schema_text *before;
    size_t used, capacity;
    char data[];
};

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
    if (s)
        s->columns = odd_alloc(K > 0 ? K : 1, sizeof *s->columns);
    if (!s || !s->columns) {
        odd_free(s);
        return odd_fail(err, ODDROW_ENOMEM, "no memory for a schema of %zu columns", K);
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
    for (struct odd_schema_text *t = (*s)->text, *before; t; t = before) {
        before = t->before;
        odd_free(t);
    }
    odd_free((*s)->columns);
    odd_free(*s);
    *s = NULL;
}

char *odd_schema_keep(odd_schema *s, const char *data, size_t size)
{
    struct odd_schema_text *t = s->text;
    if (!t || t->capacity - t->used <= size) {
        if (size > SIZE_MAX / 2)
            return NULL;
        size_t capacity = size < TEXT_BLOCK / 4 ? TEXT_BLOCK : size + 1;
        t = odd_alloc(1, sizeof *t + capacity);
        if (!t)
            return NULL;
        t->capacity = capacity;
        t->before = s->text;
        s->text = t;
    }
    char *copy = t->data + t->used;
    if (size > 0)
        memcpy(copy, data, size);
    copy[size] = '\0';
    t->used += size + 1;
    return copy;
}

static int index_categorical(odd_schema *s, odd_column *c, oddrow_error *err)
{
    const odd_vocabulary *v = c->vocabulary;
    if (!v || v->size < 2)
        return odd_fail(err, ODDROW_EFORMAT, "column '%s': categorical without a vocabulary",
                        c->name);
    if (c->embedding < 1 || c->embedding > ODD_EMBEDDING_LIMIT)
        return odd_fail(err, ODDROW_EFORMAT, "column '%s': embedding width %zu is outside 1 to %u",
                        c->name, c->embedding, ODD_EMBEDDING_LIMIT);
    c->categorical = s->C++;
    return 0;
}

static int index_number(odd_schema *s, odd_column *c, oddrow_error *err)
{
    if (!c->scaler.table)
        return odd_fail(err, ODDROW_EFORMAT, "column '%s': %s without a scaler", c->name,
                        odd_kind_name(c->kind));
    if (!isfinite(c->minimum) || !isfinite(c->maximum) || c->minimum > c->maximum)
        return odd_fail(err, ODDROW_EFORMAT, "column '%s': no range from %g to %g", c->name,
                        c->minimum, c->maximum);
    c->features = odd_kind_features(c->kind);
    c->first_feature = s->F;
    s->F += c->features;
    c->numeric = s->M++;
    c->missing_loss = -log(((double)c->missing + (double)c->unparsed + 1) / ((double)s->rows + 2));
    return 0;
}

static int index_target(odd_schema *s, odd_column *c, oddrow_error *err)
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

static int index_column(odd_schema *s, odd_column *c, oddrow_error *err)
{
    if ((size_t)c->kind >= ODD_KINDS)
        return odd_fail(err, ODDROW_EFORMAT, "column '%s': no kind %d", c->name, (int)c->kind);
    if (c->count > s->rows || c->missing > s->rows - c->count ||
        c->unparsed > s->rows - c->count - c->missing || c->differing > s->rows)
        return odd_fail(err, ODDROW_EFORMAT, "column '%s': more cells than %llu rows", c->name,
                        (unsigned long long)s->rows);
    c->features = 0;
    if (c->kind == ODD_CATEGORICAL)
        return index_categorical(s, c, err);
    if (odd_kind_is_number(c->kind))
        return index_number(s, c, err);
    if (c->kind == ODD_TARGET)
        return index_target(s, c, err);
    if (c->kind == ODD_CONSTANT) {
        if (c->constant && (c->constant_size == 0 || strlen(c->constant) != c->constant_size))
            return odd_fail(err, ODDROW_EFORMAT, "column '%s': its constant is empty or torn",
                            c->name);
        c->constant_index = s->D++;
        c->differs_loss = -log(((double)c->differing + 1) / ((double)s->rows + 1));
    }
    return 0;
}

/* Every column has a name of its own; with their NUL no name is empty text. */
static int check_names(const odd_schema *s, oddrow_error *err)
{
    odd_vocabulary *names = odd_vocabulary_new();
    int code = names ? 0 : odd_fail(err, ODDROW_ENOMEM, "no memory for column names");
    for (size_t k = 0; k < s->K && code == 0; k++) {
        const char *name = s->columns[k].name;
        if (!name) {
            code = odd_fail(err, ODDROW_EFORMAT, "column %zu has no name", k + 1);
            break;
        }
        uint32_t id = odd_vocabulary_add(names, name, strlen(name) + 1, SIZE_MAX, SIZE_MAX);
        if (id == ODD_VOCABULARY_NO_MEMORY || id == 0)
            code = odd_fail(err, ODDROW_ENOMEM, "no memory for column names");
        else if (names->counts[id] > 1)
            code = odd_fail(err, ODDROW_EFORMAT, "column '%s' is there twice", name);
    }
    odd_vocabulary_free(&names);
    return code;
}

int odd_schema_index(odd_schema *s, oddrow_error *err)
{
    int code = check_names(s, err);
    s->C = s->F = s->M = s->D = 0;
    s->target = SIZE_MAX;
    for (size_t k = 0; k < s->K && code == 0; k++)
        code = index_column(s, s->columns + k, err);
    for (size_t k = 0; k < s->K && code == 0; k++) {
        odd_column *c = s->columns + k;
        c->loss = odd_kind_is_category(c->kind) ? c->categorical
                  : odd_kind_is_number(c->kind) ? s->C + c->numeric
                                                : SIZE_MAX;
    }
    return code;
}
