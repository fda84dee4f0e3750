#include "files/vectorizer.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "math/kernels.h"
#include "math/matrix.h"
#include "model/parts.h"
#include "nn/forward.h"
#include "tables/embedding.h"

/* Embeddings are written as text once for each value, unless that takes more numbers than this. */
enum { MOST_TEXTS = 1 << 20 };

/* What one column puts into a design matrix. */
typedef struct piece {
    const odd_column *column;
    odd_embedding embedding; /* categorical */
    bool flag;               /* a missing flag behind the numbers */
    odd_bytes text;          /* categorical: all vectors as text, a comma behind each number … */
    size_t *ends;            /* … and where each ends (V); NULL: made when needed */
} piece;

struct odd_vectorizer {
    const odd_model *model;
    odd_what what;
    size_t width, layers; /* layers to run: 0 for input and x */
    odd_bytes names;      /* NUL-terminated, one after another */
    size_t *name_at;      /* (width) */
    piece *pieces;        /* input: one an input column that is not constant */
    size_t piece_count;
    odd_folded *folded; /* all but input: for x */
};

struct odd_vectorizer_lane {
    const odd_vectorizer *rows;
    odd_forward *forward;
    size_t capacity;
    float *x, *from, *to; /* (capacity, X), (capacity, widest) twice */
    float *vectors;       /* (capacity, width), for CSV */
};

/* ---- names ---- */

/* One more name: NAME, or NAME[INDEX], or NAME[WORD]. */
static int add_name(odd_vectorizer *r, size_t at, const char *name, const char *word, size_t index,
                    oddrow_error *err)
{
    r->name_at[at] = r->names.size;
    int rc = odd_spell(name, strlen(name), ODD_AS_IS, &r->names);
    if (!rc && word)
        rc = odd_bytes_print(&r->names, "[%s]", word);
    else if (!rc && index != SIZE_MAX)
        rc = odd_bytes_print(&r->names, "[%zu]", index);
    if (!rc)
        rc = odd_bytes_add(&r->names, "", 1);
    return rc ? odd_no_memory(err) : 0;
}

static int name_piece(odd_vectorizer *r, const piece *p, size_t *at, oddrow_error *err)
{
    const odd_column *c = p->column;
    bool single = c->features == 1;
    size_t count = odd_kind_is_category(c->kind) ? p->embedding.E : c->features;
    int rc = 0;
    for (size_t j = 0; j < count && !rc; j++)
        rc = add_name(r, (*at)++, c->name, NULL, single ? SIZE_MAX : j, err);
    if (!rc && p->flag)
        rc = add_name(r, (*at)++, c->name, "missing", SIZE_MAX, err);
    return rc;
}

static int name_all(odd_vectorizer *r, oddrow_error *err)
{
    static const char *const names[] = {"input", "code", "hidden", "x"};
    size_t at = 0;
    int rc = 0;
    r->name_at = odd_alloc(r->width + 1, sizeof *r->name_at);
    if (!r->name_at)
        return odd_no_memory(err);
    for (size_t i = 0; i < r->piece_count && !rc; i++)
        rc = name_piece(r, &r->pieces[i], &at, err);
    for (; at < r->width && !rc; at++)
        rc = add_name(r, at, names[r->what], NULL, at, err);
    return rc;
}

/* ---- set-up ---- */

static int add_texts(piece *p, oddrow_error *err)
{
    const odd_embedding *e = &p->embedding;
    if (e->V * e->E > MOST_TEXTS)
        return 0;
    p->ends = odd_alloc(e->V, sizeof *p->ends);
    if (!p->ends)
        return odd_no_memory(err);
    for (size_t id = 0; id < e->V; id++) {
        for (size_t j = 0; j < e->E; j++) {
            char number[ODD_NUMBER_SIZE + 1];
            size_t size = odd_number_format(number, (double)e->vectors[id * e->E + j]);
            number[size] = ',';
            if (odd_bytes_add(&p->text, number, size + 1))
                return odd_no_memory(err);
        }
        p->ends[id] = p->text.size;
    }
    return 0;
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
            r->width += p->embedding.E;
            rc = add_texts(p, err);
        } else if (odd_kind_is_number(c->kind)) {
            p->flag = c->missing + c->unparsed > 0;
            r->width += c->features + p->flag;
        } else {
            continue;
        }
        p->column = c;
        r->piece_count++;
    }
    return rc;
}

static void choose_layers(odd_vectorizer *r)
{
    const odd_network_config *config = &r->model->network->config;
    r->width = r->model->network->X;
    if (r->what == ODD_ENCODE_X)
        return;
    size_t narrowest = 0;
    for (size_t l = 1; l < config->layers; l++)
        if (config->widths[l] < config->widths[narrowest])
            narrowest = l;
    r->layers = r->what == ODD_ENCODE_CODE ? narrowest + 1 : config->layers;
    r->width = config->widths[r->layers - 1];
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
        choose_layers(r);
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

int odd_vectorizer_lane_new(const odd_vectorizer *rows, size_t capacity, odd_vectorizer_lane **out,
                            oddrow_error *err)
{
    const odd_network *network = rows->model->network;
    size_t widest = 1;
    odd_vectorizer_lane *lane = *out = odd_alloc(1, sizeof *lane);
    if (!lane)
        return odd_no_memory(err);
    lane->rows = rows;
    lane->capacity = ODD_PADDED(capacity);
    lane->vectors = odd_alloc(lane->capacity * rows->width, sizeof(float));
    int rc = lane->vectors ? 0 : odd_no_memory(err);
    if (!rc && rows->folded) {
        for (size_t l = 0; l < rows->layers; l++)
            if (network->config.widths[l] > widest)
                widest = network->config.widths[l];
        lane->x = odd_alloc(lane->capacity * network->X, sizeof(float));
        lane->from = odd_alloc(lane->capacity * widest, sizeof(float));
        lane->to = odd_alloc(lane->capacity * widest, sizeof(float));
        rc = lane->x && lane->from && lane->to ? odd_forward_new(rows->folded, &lane->forward, err)
                                               : odd_no_memory(err);
    }
    if (rc)
        odd_vectorizer_lane_free(out);
    return rc;
}

void odd_vectorizer_lane_free(odd_vectorizer_lane **lane)
{
    if (!lane || !*lane)
        return;
    odd_forward_free(&(*lane)->forward);
    odd_free((*lane)->x);
    odd_free((*lane)->from);
    odd_free((*lane)->to);
    odd_free((*lane)->vectors);
    odd_free(*lane);
    *lane = NULL;
}

/* ---- vectors ---- */

static uint32_t id_of(const odd_rows *batch, const piece *p, size_t row)
{
    uint32_t id = batch->ids[row * batch->C + p->column->categorical];
    return id < p->embedding.V ? id : 0;
}

static void put_input(const odd_vectorizer *r, const odd_rows *batch, size_t count, float *out)
{
    for (size_t i = 0; i < r->piece_count; i++) {
        const piece *p = &r->pieces[i];
        const odd_column *c = p->column;
        bool categorical = odd_kind_is_category(c->kind);
        size_t n = categorical ? p->embedding.E : c->features;
        for (size_t row = 0; row < count; row++) {
            const float *from = categorical ? p->embedding.vectors + id_of(batch, p, row) * n
                                            : batch->values + row * batch->F + c->first_feature;
            memcpy(out + row * r->width, from, n * sizeof(float));
            if (p->flag)
                out[row * r->width + n] = (float)batch->missing[row * batch->M + c->numeric];
        }
        out += n + p->flag;
    }
}

static odd_curve curve_of(odd_activation activation)
{
    switch (activation) {
    case ODD_ELU:
        return ODD_CURVE_ELU;
    case ODD_GELU:
        return ODD_CURVE_GELU;
    case ODD_SILU:
        return ODD_CURVE_SILU;
    case ODD_TANH:
        return ODD_CURVE_TANH;
    case ODD_LINEAR:
        return ODD_CURVE_LINEAR;
    case ODD_LEAKY_RELU:
    case ODD_RELU:
    case ODD_ACTIVATIONS:
        break;
    }
    return ODD_CURVE_LEAKY;
}

/* h_l = f(W_l h_{l-1} + b_l) for the layers asked for, the last into out. */
static int run_layers(odd_vectorizer_lane *lane, size_t count, float *out, oddrow_error *err)
{
    const odd_vectorizer *r = lane->rows;
    const odd_network *network = r->model->network;
    const odd_network_config *config = &network->config;
    float slope = config->activation == ODD_LEAKY_RELU ? config->slope : 0;
    const float *from = lane->x;
    float *to = lane->to, *other = lane->from;
    size_t in = network->X;
    int rc = 0;
    for (size_t l = 0; l < r->layers && !rc; l++) {
        const odd_tensor *weight = &network->tensors[network->dense + 2 * l];
        const float *bias = odd_network_tensor(network, network->dense + 2 * l + 1);
        size_t width = weight->rows;
        rc = odd_sgemm(false, true, count, width, in, 1, from, in,
                       odd_network_tensor(network, network->dense + 2 * l), in, 0, to, width, err);
        for (size_t row = 0; row < count; row++)
            for (size_t j = 0; j < width; j++)
                to[row * width + j] += bias[j];
        odd_kernels_best()->activate(curve_of(config->activation), slope, to, NULL,
                                     ODD_PADDED(count * width));
        from = to;
        to = other;
        other = (float *)from;
        in = width;
    }
    memcpy(out, from, count * r->width * sizeof(float));
    return rc;
}

int odd_vectorizer_run(odd_vectorizer_lane *lane, const odd_rows *batch, size_t count, float *out,
                       oddrow_error *err)
{
    const odd_vectorizer *r = lane->rows;
    if (r->what == ODD_ENCODE_INPUT) {
        put_input(r, batch, count, out);
        return 0;
    }
    odd_rows rows = odd_rows_slice(batch, 0, count);
    odd_forward_run(lane->forward, &rows, ODD_NO_COLUMN,
                    &(odd_forward_out){.x = r->what == ODD_ENCODE_X ? out : lane->x});
    return r->what == ODD_ENCODE_X ? 0 : run_layers(lane, count, out, err);
}

/* ---- CSV ---- */

/* Numbers, a comma behind each. */
static int add_numbers(odd_bytes *out, const float *numbers, size_t count)
{
    if (odd_bytes_reserve(out, count * (ODD_NUMBER_SIZE + 1)))
        return ODDROW_ENOMEM;
    for (size_t j = 0; j < count; j++) {
        out->size += odd_number_format(out->data + out->size, (double)numbers[j]);
        out->data[out->size++] = ',';
    }
    return 0;
}

static int add_piece(const piece *p, const odd_rows *batch, size_t row, odd_bytes *out)
{
    const odd_column *c = p->column;
    if (odd_kind_is_category(c->kind)) {
        uint32_t id = id_of(batch, p, row);
        if (!p->ends)
            return add_numbers(out, p->embedding.vectors + id * p->embedding.E, p->embedding.E);
        size_t start = id ? p->ends[id - 1] : 0;
        return odd_bytes_add(out, p->text.data + start, p->ends[id] - start);
    }
    int rc = add_numbers(out, batch->values + row * batch->F + c->first_feature, c->features);
    if (!rc && p->flag)
        rc = odd_bytes_add(out, batch->missing[row * batch->M + c->numeric] ? "1," : "0,", 2);
    return rc;
}

int odd_vectorizer_csv(odd_vectorizer_lane *lane, const odd_rows *batch, size_t count,
                       odd_bytes *out, oddrow_error *err)
{
    const odd_vectorizer *r = lane->rows;
    int rc = 0;
    if (r->what != ODD_ENCODE_INPUT)
        rc = odd_vectorizer_run(lane, batch, count, lane->vectors, err);
    if (rc)
        return rc;
    for (size_t row = 0; row < count; row++) {
        for (size_t i = 0; i < r->piece_count && !rc; i++)
            rc = add_piece(&r->pieces[i], batch, row, out);
        if (r->what != ODD_ENCODE_INPUT)
            rc = add_numbers(out, lane->vectors + row * r->width, r->width);
        if (rc)
            return odd_no_memory(err);
        out->data[out->size - 1] = '\n'; /* in the last comma's place; width is at least 1 */
    }
    return 0;
}
