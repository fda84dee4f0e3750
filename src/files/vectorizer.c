/* files/vectorizer.c: the vectors of rows and the names of their numbers. */
#include "files/vectorizer.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "math/kernels.h"
#include "model/parts.h"
#include "nn/forward.h"
#include "tables/embedding.h"

/* Embeddings are written as text once for each value, unless that takes more numbers than this. */
enum { MOST_TEXTS = 1 << 20 };

/* What one column puts into a design matrix. */
typedef struct piece {
    const odd_column *column;
    odd_embedding embedding; /* categorical */
    size_t width;
    bool flag;      /* a missing flag behind the numbers */
    odd_bytes text; /* categorical: all vectors as text, a comma behind each number … */
    size_t *ends;   /* … and where each ends (V); NULL: made when needed */
} piece;

struct odd_vectorizer {
    const odd_model *model;
    odd_what what;
    size_t width;
    size_t layer;    /* that code or hidden is */
    odd_bytes names; /* NUL-terminated, one after another */
    size_t *name_at; /* (width) */
    piece *pieces;   /* input: one an input column that is not constant */
    size_t piece_count;
    odd_folded *folded; /* all but input: for x */
};

struct odd_vectorizer_scratch {
    const odd_vectorizer *vectorizer;
    odd_forward *forward; /* all but input */
    float *layers;        /* scratch of odd_forward_vectors */
    float *vectors;       /* (capacity, width), for CSV */
};

/* ---- names ---- */

/* One more name: NAME, or NAME[INDEX], or NAME[WORD]. */
static void add_name(odd_vectorizer *r, size_t *at, const char *name, const char *word,
                     size_t index)
{
    r->name_at[(*at)++] = r->names.size;
    odd_spell(name, strlen(name), ODD_AS_IS, &r->names);
    if (word)
        odd_bytes_print(&r->names, "[%s]", word);
    else if (index != SIZE_MAX)
        odd_bytes_print(&r->names, "[%zu]", index);
    odd_bytes_char(&r->names, '\0');
}

static int name_all(odd_vectorizer *r, oddrow_error *err)
{
    static const char *const names[] = {"input", "code", "hidden", "x"};
    size_t at = 0;
    r->name_at = odd_alloc(r->width + 1, sizeof *r->name_at);
    if (!r->name_at)
        return odd_no_memory(err);
    for (size_t i = 0; i < r->piece_count; i++) {
        const piece *p = &r->pieces[i];
        bool single = p->column->features == 1;
        for (size_t j = 0; j < p->width - p->flag; j++)
            add_name(r, &at, p->column->name, NULL, single ? SIZE_MAX : j);
        if (p->flag)
            add_name(r, &at, p->column->name, "missing", 0);
    }
    while (at < r->width)
        add_name(r, &at, names[r->what], NULL, at);
    return odd_bytes_check(&r->names, err);
}

/* ---- set-up ---- */

/* Numbers, a comma behind each. */
static void add_numbers(odd_bytes *out, const float *numbers, size_t count)
{
    if (odd_bytes_reserve(out, count * (ODD_NUMBER_SIZE + 1)))
        return;
    for (size_t j = 0; j < count; j++) {
        out->size += odd_number_format(out->data + out->size, (double)numbers[j]);
        out->data[out->size++] = ',';
    }
}

static int add_texts(piece *p, oddrow_error *err)
{
    const odd_embedding *e = &p->embedding;
    if (e->V * e->E > MOST_TEXTS)
        return 0;
    p->ends = odd_alloc(e->V, sizeof *p->ends);
    if (!p->ends)
        return odd_no_memory(err);
    for (size_t id = 0; id < e->V; id++) {
        add_numbers(&p->text, e->vectors + id * e->E, e->E);
        p->ends[id] = p->text.size;
    }
    return odd_bytes_check(&p->text, err);
}

static int add_pieces(odd_vectorizer *r, oddrow_error *err)
{
    const odd_schema *schema = r->model->schema;
    r->pieces = odd_alloc(schema->K + 1, sizeof *r->pieces);
    if (!r->pieces)
        return odd_no_memory(err);
    int rc = 0;
    for (size_t k = 0; k < schema->K && !rc; k++) {
        const odd_column *c = &schema->columns[k];
        piece *p = &r->pieces[r->piece_count];
        if (odd_kind_is_category(c->kind)) {
            p->embedding = odd_embedding_at(r->model, c->categorical);
            p->width = p->embedding.E;
            rc = add_texts(p, err);
        } else if (odd_kind_is_number(c->kind)) {
            p->flag = c->missing + c->unparsed > 0;
            p->width = c->features + p->flag;
        } else {
            continue;
        }
        p->column = c;
        r->width += p->width;
        r->piece_count++;
    }
    return rc;
}

static void choose_layer(odd_vectorizer *r)
{
    const odd_network_config *config = &r->model->network->config;
    r->width = r->model->network->X;
    if (r->what == ODD_ENCODE_X)
        return;
    size_t narrowest = 0;
    for (size_t l = 1; l < config->layers; l++)
        if (config->widths[l] < config->widths[narrowest])
            narrowest = l;
    r->layer = r->what == ODD_ENCODE_CODE ? narrowest : config->layers - 1;
    r->width = config->widths[r->layer];
}

int odd_vectorizer_new(const odd_model *model, odd_what what, odd_vectorizer **out,
                       oddrow_error *err)
{
    int rc = 0;
    odd_vectorizer *r = *out = odd_alloc(1, sizeof *r);
    if (!r)
        return odd_no_memory(err);
    r->model = model;
    r->what = what;
    if (what == ODD_ENCODE_INPUT) {
        rc = add_pieces(r, err);
    } else {
        choose_layer(r);
        rc = odd_folded_new(model->network, &r->folded, err);
    }
    if (!rc)
        rc = name_all(r, err);
    if (rc)
        odd_vectorizer_free(out);
    return rc;
}

void odd_vectorizer_free(odd_vectorizer **rows)
{
    if (!rows || !*rows)
        return;
    odd_vectorizer *r = *rows;
    for (size_t i = 0; i < r->piece_count; i++) {
        odd_bytes_free(&r->pieces[i].text);
        odd_free(r->pieces[i].ends);
    }
    odd_free(r->pieces);
    odd_bytes_free(&r->names);
    odd_free(r->name_at);
    odd_folded_free(&r->folded);
    odd_free(r);
    *rows = NULL;
}

size_t odd_vectorizer_width(const odd_vectorizer *rows)
{
    return rows->width;
}

const char *odd_vectorizer_name(const odd_vectorizer *rows, size_t i)
{
    return rows->names.data + rows->name_at[i];
}

int odd_vectorizer_scratch_new(const odd_vectorizer *vectorizer, size_t capacity,
                               odd_vectorizer_scratch **out, oddrow_error *err)
{
    odd_vectorizer_scratch *s = *out = odd_alloc(1, sizeof *s);
    if (!s)
        return odd_no_memory(err);
    s->vectorizer = vectorizer;
    capacity = ODD_PADDED(capacity);
    s->vectors = odd_alloc(capacity * vectorizer->width, sizeof(float));
    int rc = s->vectors ? 0 : odd_no_memory(err);
    if (!rc && vectorizer->folded) {
        s->layers = odd_alloc(odd_forward_vectors_scratch(vectorizer->model->network, capacity),
                              sizeof(float));
        rc = s->layers ? odd_forward_new(vectorizer->folded, &s->forward, err) : odd_no_memory(err);
    }
    if (rc)
        odd_vectorizer_scratch_free(out);
    return rc;
}

void odd_vectorizer_scratch_free(odd_vectorizer_scratch **scratch)
{
    if (!scratch || !*scratch)
        return;
    odd_forward_free(&(*scratch)->forward);
    odd_free((*scratch)->layers);
    odd_free((*scratch)->vectors);
    odd_free(*scratch);
    *scratch = NULL;
}

/* ---- vectors ---- */

static uint32_t id_of(const odd_rows *rows, const piece *p, size_t row)
{
    uint32_t id = rows->ids[row * rows->C + p->column->categorical];
    return id < p->embedding.V ? id : 0;
}

static void put_input(const odd_vectorizer *r, const odd_rows *rows, float *out)
{
    for (size_t i = 0; i < r->piece_count; i++) {
        const piece *p = &r->pieces[i];
        const odd_column *c = p->column;
        bool category = odd_kind_is_category(c->kind);
        size_t n = p->width - p->flag;
        for (size_t row = 0; row < rows->count; row++) {
            const float *from = category ? p->embedding.vectors + id_of(rows, p, row) * n
                                         : rows->values + row * rows->F + c->first_feature;
            memcpy(out + row * r->width, from, n * sizeof(float));
            if (p->flag)
                out[row * r->width + n] = (float)rows->missing[row * rows->M + c->numeric];
        }
        out += p->width;
    }
}

int odd_vectorizer_run(odd_vectorizer_scratch *s, const odd_rows *rows, float *out,
                       oddrow_error *err)
{
    const odd_vectorizer *r = s->vectorizer;
    if (r->what == ODD_ENCODE_INPUT) {
        put_input(r, rows, out);
        return 0;
    }
    if (r->what != ODD_ENCODE_X)
        return odd_forward_vectors(s->forward, rows, r->layer, s->layers, out, err);
    odd_forward_run(s->forward, rows, ODD_NO_COLUMN, &(odd_forward_out){.x = out});
    return 0;
}

/* ---- CSV ---- */

static void add_piece(const piece *p, const odd_rows *rows, size_t row, odd_bytes *out)
{
    const odd_column *c = p->column;
    if (odd_kind_is_category(c->kind)) {
        uint32_t id = id_of(rows, p, row);
        size_t start = p->ends && id ? p->ends[id - 1] : 0;
        if (p->ends)
            odd_bytes_add(out, p->text.data + start, p->ends[id] - start);
        else
            add_numbers(out, p->embedding.vectors + id * p->width, p->width);
        return;
    }
    add_numbers(out, rows->values + row * rows->F + c->first_feature, c->features);
    if (p->flag)
        odd_bytes_add(out, rows->missing[row * rows->M + c->numeric] ? "1," : "0,", 2);
}

int odd_vectorizer_csv(odd_vectorizer_scratch *s, const odd_rows *rows, odd_bytes *out,
                       oddrow_error *err)
{
    const odd_vectorizer *r = s->vectorizer;
    int rc = r->what == ODD_ENCODE_INPUT ? 0 : odd_vectorizer_run(s, rows, s->vectors, err);
    for (size_t row = 0; !rc && row < rows->count && !out->failed; row++) {
        for (size_t i = 0; i < r->piece_count; i++)
            add_piece(&r->pieces[i], rows, row, out);
        if (r->what != ODD_ENCODE_INPUT)
            add_numbers(out, s->vectors + row * r->width, r->width);
        if (!out->failed)
            out->data[out->size - 1] = '\n'; /* in the last comma's place; width is at least 1 */
    }
    return rc ? rc : odd_bytes_check(out, err);
}
