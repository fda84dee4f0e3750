/* column/numeric.c: columns of numbers: what all kinds of numbers do, and the kind of one number.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "column/cell.h"
#include "column/kinds.h"

#define NUMBER_MISSING 0x7ff8000000000001u
#define NUMBER_UNPARSED 0x7ff8000000000002u

/* ---- statistics and records ---- */

static int start(odd_fit *fit, size_t k, oddrow_error *err)
{
    odd_numbers *own = fit->tracks[k].state = odd_alloc(1, sizeof *own);
    if (!own)
        return odd_no_memory(err);
    odd_sample_start(&own->sample, fit->max_sample, fit->options.seed, k);
    return 0;
}

static void stop(void *state)
{
    odd_sample_free(&((odd_numbers *)state)->sample);
}

static int take(odd_fit *fit, const odd_tile *t, char *record, oddrow_error *err)
{
    odd_numbers *own = fit->tracks[t->k].state;
    double x[ODD_TILE];
    uint8_t status[ODD_TILE];
    size_t good = 0;
    odd_kind_row_of(t->schema->columns[t->k].kind)->parse(t, x, status);
    for (size_t i = 0; i < t->n; i++) {
        uint64_t bits = status[i] == ODD_NUMBER_MISSING ? NUMBER_MISSING : NUMBER_UNPARSED;
        own->missing += status[i] == ODD_NUMBER_MISSING;
        own->unparsed += status[i] == ODD_NUMBER_BAD;
        if (status[i] == ODD_NUMBER_OK) {
            const odd_span *cell = t->cells + i * t->stride;
            memcpy(&bits, x + i, sizeof bits);
            if (!own->first) {
                own->first = odd_schema_keep(fit->schema, cell->data, cell->size);
                own->first_size = cell->size;
                if (!own->first)
                    return odd_no_memory(err);
            }
            x[good++] = x[i];
        }
        if (record) {
            memcpy(record, &bits, sizeof bits);
            record += fit->record_size;
        }
    }
    return odd_sample_add(&own->sample, x, good, err);
}

const odd_tracking odd_track_numbers = {sizeof(double), start, take, stop};

void odd_numbers_recall(const odd_fit *fit, const odd_tile *t, const char *record, double *x,
                        uint8_t *status)
{
    for (size_t i = 0; i < t->n; i++, record += fit->record_size) {
        uint64_t bits;
        memcpy(&bits, record, sizeof bits);
        memcpy(x + i, &bits, sizeof bits);
        status[i] = bits == NUMBER_MISSING    ? ODD_NUMBER_MISSING
                    : bits == NUMBER_UNPARSED ? ODD_NUMBER_BAD
                                              : ODD_NUMBER_OK;
    }
}

int odd_numbers_settle(odd_fit *fit, size_t k, odd_scaler_kind scaler, oddrow_error *err)
{
    odd_numbers *own = fit->tracks[k].state;
    odd_column *c = fit->schema->columns + k;
    c->count = own->sample.seen;
    c->missing = own->missing;
    c->unparsed = own->unparsed;
    c->minimum = own->sample.minimum + 0.0;
    c->maximum = own->sample.maximum + 0.0;
    int rc = odd_sample_scaler(&own->sample, scaler, &c->scaler, err);
    odd_sample_free(&own->sample);
    return rc;
}

/* ---- any kind of numbers ---- */

int odd_numbers_index(odd_schema *s, odd_column *c, oddrow_error *err)
{
    if (!c->scaler.table)
        return odd_fail(err, ODDROW_EFORMAT, "column '%s': %s without a scaler", c->name,
                        odd_kind_name(c->kind));
    if (!isfinite(c->minimum) || !isfinite(c->maximum) || c->minimum > c->maximum)
        return odd_fail(err, ODDROW_EFORMAT, "column '%s': no range from %g to %g", c->name,
                        c->minimum, c->maximum);
    c->features = odd_kind_row_of(c->kind)->features;
    c->first_feature = s->F;
    s->F += c->features;
    c->numeric = s->M++;
    c->missing_loss = -log(((double)c->missing + (double)c->unparsed + 1) / ((double)s->rows + 2));
    return 0;
}

int odd_numbers_finish(odd_fit *fit, size_t k, oddrow_error *err)
{
    const odd_numbers *own = fit->tracks[k].state;
    const odd_column *c = fit->schema->columns + k;
    const odd_kind_row *row = odd_kind_row_of(c->kind);
    const odd_sample *sample = &own->sample;
    if (sample->seen == 0 && own->unparsed == 0)
        return odd_become_constant(fit, k, (odd_span){0}, err);
    if (sample->seen == 0)
        return odd_fail(err, ODDROW_ESCHEMA, "column '%s': none of its cells is a %s", c->name,
                        row->cell);
    if (sample->seen == fit->schema->rows && sample->minimum == sample->maximum)
        return odd_become_constant(fit, k, (odd_span){own->first, own->first_size}, err);
    int rc = odd_explain_watched(fit, k, err);
    return rc ? rc
              : odd_numbers_settle(fit, k, row->scaled ? fit->options.scaler : ODD_STANDARD, err);
}

/* x where status is not OK is overwritten. */
static void put(const odd_tile *t, double *x, const uint8_t *status)
{
    const odd_schema *s = t->schema;
    const odd_column *c = s->columns + t->k;
    float *value = t->rows->values + t->first * s->F + c->first_feature;
    uint8_t *missing = t->rows->missing + t->first * s->M + c->numeric;
    uint8_t *flag = t->rows->flags + t->first * s->K + t->k;
    static const uint8_t flags[] = {[ODD_NUMBER_OK] = ODD_FLAG_NONE,
                                    [ODD_NUMBER_MISSING] = ODD_FLAG_MISSING,
                                    [ODD_NUMBER_BAD] = ODD_FLAG_UNPARSED};
    for (size_t i = 0; i < t->n; i++)
        if (status[i] != ODD_NUMBER_OK)
            x[i] = c->minimum;
    odd_kind_row_of(c->kind)->scale(c, x, t->n, value, s->F);
    for (size_t i = 0; i < t->n; i++, value += s->F, missing += s->M, flag += s->K) {
        *missing = status[i] != ODD_NUMBER_OK;
        *flag = x[i] < c->minimum || x[i] > c->maximum ? ODD_FLAG_OUT_OF_RANGE : flags[status[i]];
        if (status[i] != ODD_NUMBER_OK)
            memset(value, 0, c->features * sizeof *value);
    }
}

void odd_numbers_translate(const odd_fit *fit, const odd_tile *t, const char *record)
{
    double x[ODD_TILE];
    uint8_t status[ODD_TILE];
    odd_numbers_recall(fit, t, record, x, status);
    put(t, x, status);
}

void odd_numbers_encode(const odd_tile *t)
{
    double x[ODD_TILE];
    uint8_t status[ODD_TILE];
    odd_kind_row_of(t->schema->columns[t->k].kind)->parse(t, x, status);
    put(t, x, status);
}

void odd_numbers_describe(const odd_column *c, odd_bytes *out)
{
    odd_bytes_print(out, "%.6g to %.6g", c->minimum, c->maximum);
}

void odd_numbers_expected(const odd_column *c, const odd_expected *of, odd_bytes *out)
{
    odd_kind_row_of(c->kind)->print(odd_scaler_invert(&c->scaler, of->values[0]), out);
}

/* ---- one number ---- */

void odd_numeric_parse(const odd_tile *t, double *x, uint8_t *status)
{
    const odd_span *cell = t->cells;
    for (size_t i = 0; i < t->n; i++, cell += t->stride)
        status[i] = (uint8_t)odd_cell_number(*cell, x + i);
}

static void scale(const odd_column *c, const double *x, size_t n, float *z, size_t stride)
{
    odd_scaler_apply_all(&c->scaler, x, n, z, stride);
}

static void print(double x, odd_bytes *out)
{
    odd_bytes_print(out, "%.5g", x);
}

const odd_kind_row odd_kind_numeric = {.name = "numeric",
                                       .cell = "number",
                                       .features = 1,
                                       .scaled = true,
                                       ODD_KIND_OF_NUMBERS,
                                       .describe = odd_numbers_describe,
                                       .parse = odd_numeric_parse,
                                       .scale = scale,
                                       .print = print};
