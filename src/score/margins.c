/* score/margins.c: the measure of single cells: how rare each is by itself, and their sum. */
#include "score/margins.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/sort.h"

/* The margin of a share. */
static float margin_of(double p)
{
    double nats = -log(p) - (double)ODD_MARGIN_HINGE;
    return nats > 0 ? (float)nats : 0;
}

void odd_margin_ids(const odd_vocabulary *v, uint64_t rows, float *nats)
{
    double n = (double)rows;
    nats[0] = margin_of(1 / (n + 1));
    /* entries stand by falling count: walk from the rarest up, groups of equal count together */
    double below = 0;
    for (size_t end = v->size; end > 1;) {
        size_t first = end - 1;
        double group = (double)v->counts[first];
        while (first > 1 && v->counts[first - 1] == v->counts[end - 1])
            group += (double)v->counts[--first];
        below += group;
        for (size_t id = first; id < end; id++)
            nats[id] = margin_of((below + 1) / (n + 1));
        end = first;
    }
}

void odd_margin_values(float *z, size_t count, float *nats)
{
    const double step = 1.0 / ODD_MARGIN_STEPS, n = (double)count;
    size_t low = 0, high = 0; /* values < at - step, values <= at + step */
    odd_sort_floats(z, count);
    for (size_t i = 0; i < ODD_MARGIN_GRID; i++) {
        double at = -ODD_MARGIN_REACH + (double)i * step;
        while (low < count && z[low] < at - step)
            low++;
        while (high < count && z[high] <= at + step)
            high++;
        double left = ((double)high + 1) / (n + 2), right = (n - (double)low + 1) / (n + 2);
        double p = 2 * (left < right ? left : right);
        nats[i] = margin_of(p < 1 ? p : 1);
    }
}

/* Room for numbers; categories need no more than their counts, which are there. */
static int room(odd_verdict *verdict, oddrow_error *err)
{
    const odd_schema *schema = verdict->schema;
    verdict->id_margin = odd_alloc(schema->C + 1, sizeof(float *));
    verdict->value_margin = odd_alloc(schema->M + 1, sizeof(float *));
    bool made = verdict->id_margin && verdict->value_margin;
    for (size_t k = 0; made && k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        if (odd_kind_is_category(column->kind)) {
            float *nats = odd_alloc(column->vocabulary->size, sizeof(float));
            verdict->id_margin[column->categorical] = nats;
            made = nats != NULL;
            if (made)
                odd_margin_ids(column->vocabulary, schema->rows, nats);
        } else if (column->features == 1) {
            verdict->value_margin[column->numeric] = odd_alloc(ODD_MARGIN_GRID, sizeof(float));
            made = verdict->value_margin[column->numeric] != NULL;
        }
    }
    return made ? 0 : odd_no_memory(err);
}

static void release(odd_verdict *verdict)
{
    for (size_t i = 0; verdict->id_margin && i < verdict->schema->C; i++)
        odd_free(verdict->id_margin[i]);
    for (size_t i = 0; verdict->value_margin && i < verdict->schema->M; i++)
        odd_free(verdict->value_margin[i]);
    odd_free(verdict->id_margin);
    odd_free(verdict->value_margin);
}

static int fit(odd_verdict *verdict, const odd_fitting *fitting, oddrow_error *err)
{
    const odd_schema *schema = verdict->schema;
    const odd_rows *rows = fitting->rows;
    float *z = odd_alloc(rows->count + 1, sizeof(float));
    if (!z)
        return odd_no_memory(err);
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        size_t count = 0, m = column->numeric;
        if (column->features != 1)
            continue;
        for (size_t i = 0; i < rows->count; i++)
            if (!rows->missing[i * schema->M + m])
                z[count++] = rows->values[i * schema->F + column->first_feature];
        odd_margin_values(z, count, verdict->value_margin[m]);
    }
    odd_free(z);
    return 0;
}

/* ---- apply ---- */

/* Adds the nats of one column's cells to out (B). */
static void add_category(const odd_pass *pass, const odd_column *column, float *out)
{
    const odd_rows *rows = pass->rows;
    size_t c = column->categorical, V = column->vocabulary->size;
    const float *nats = pass->verdict->id_margin[c];
    for (size_t i = 0; i < rows->count; i++) {
        uint32_t id = rows->ids[i * rows->C + c];
        out[i] += nats[id < V ? id : 0];
    }
}

static void add_number(const odd_pass *pass, const odd_column *column, float *out)
{
    const odd_rows *rows = pass->rows;
    size_t m = column->numeric;
    float absent = (float)column->missing_loss - ODD_MARGIN_HINGE;
    const float *nats = pass->verdict->value_margin[m];
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->missing[i * rows->M + m])
            out[i] += absent > 0 ? absent : 0;
        else if (nats)
            out[i] += odd_margin_at(nats, rows->values[i * rows->F + column->first_feature]);
    }
}

/* Cells that differ in columns that were constant. */
static void add_differing(const odd_pass *pass, float *out)
{
    const odd_schema *schema = pass->verdict->schema;
    const odd_rows *rows = pass->rows;
    for (size_t i = 0; schema->D && rows->differs && i < rows->count; i++) {
        const uint8_t *row = rows->differs + i * schema->D;
        if (!memchr(row, 1, schema->D))
            continue;
        for (size_t k = 0; k < schema->K; k++) {
            const odd_column *column = &schema->columns[k];
            float nats = (float)column->differs_loss - ODD_MARGIN_HINGE;
            if (column->constant_index != SIZE_MAX && row[column->constant_index] && nats > 0)
                out[i] += nats;
        }
    }
}

static void apply(const odd_pass *pass, float *out)
{
    const odd_schema *schema = pass->verdict->schema;
    memset(out, 0, pass->rows->count * sizeof *out);
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        if (odd_kind_is_category(column->kind))
            add_category(pass, column, out);
        else if (odd_kind_is_number(column->kind))
            add_number(pass, column, out);
    }
    add_differing(pass, out);
}

const odd_measure odd_measure_margins = {
    .name = "margins",
    .part = ODD_PART_GLOBAL,
    .weight = 2,
    .hinge = 1.5f,
    .room = room,
    .free = release,
    .fit = fit,
    .apply = apply,
};
