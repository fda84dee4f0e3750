#include "score/calibrate.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/sort.h"
#include "score/isolation.h"
#include "score/margins.h"
#include "score/prototypes.h"
#include "score/scorer.h"
#include "score/shape.h"

enum { BLOCK = 512, TRIM_ROUNDS = 3, MASKED_LOSSES = 256, MASKED_CELLS = 1 << 20 };

static const double TAIL_QUANTILE = 0.98;
static const double LOSS_FLOOR = 0.02; /* nats or squared units; keeps easy columns from shouting */

/* The score: what each measure's nats weigh, and what they must exceed to count. Where training
 * rows may be odd the network has learned them by heart and prototypes sit on them, so only the
 * shape of the whole and the forest count; docs/decisions.md has the figures. */
static void set_weights(odd_verdict *verdict, double contamination)
{
    if (contamination > 0) {
        verdict->weight[ODD_MEASURE_SHAPE] = 1;
        verdict->weight[ODD_MEASURE_FOREST] = 1;
        /* nats of the share that may be odd, with room: held-out rows within it prove nothing */
        verdict->hinge[ODD_MEASURE_FOREST] = (float)-log(2 * contamination);
        return;
    }
    verdict->weight[ODD_MEASURE_RECONSTRUCTION] = 1;
    verdict->weight[ODD_MEASURE_LOCAL] = 1;
    verdict->weight[ODD_MEASURE_SHAPE] = 2;
    verdict->weight[ODD_MEASURE_MARGINS] = 2;
    verdict->hinge[ODD_MEASURE_MARGINS] = 1.5f;
}

/* ---- all rows through a scorer, in parallel ---- */

typedef struct sweep {
    odd_lane **lanes; /* one a thread */
    const odd_rows *rows;
    size_t count, L, X;
    bool masked;
    odd_measured out; /* for all rows */
} sweep;

static void sweep_block(void *context, size_t index, size_t thread)
{
    sweep *s = context;
    const odd_rows *r = s->rows;
    size_t first = index * BLOCK, count = s->count - first < BLOCK ? s->count - first : BLOCK;
    odd_rows view = odd_rows_slice(r, first, count);
    odd_measured out = {
        .losses = s->out.losses ? s->out.losses + first * s->L : NULL,
        .loss = s->out.loss ? s->out.loss + first : NULL,
        .x = s->out.x ? s->out.x + first * s->X : NULL,
    };
    for (size_t m = 0; m < ODD_MEASURES; m++)
        out.measure[m] = s->out.measure[m] ? s->out.measure[m] + first : NULL;
    odd_lane_measure(s->lanes[thread], &view, s->masked, &out);
}

static int measure_all(const odd_verdict *verdict, const odd_rows *rows, size_t count, bool masked,
                       const odd_measured *out, odd_pool *pool, oddrow_error *err)
{
    size_t threads = odd_pool_threads(pool);
    sweep s = {.rows = rows,
               .count = count,
               .L = odd_schema_losses(verdict->schema),
               .X = verdict->network->X,
               .masked = masked,
               .out = *out};
    odd_scorer *scorer = NULL;
    s.lanes = odd_alloc(threads, sizeof(odd_lane *));
    int rc = s.lanes ? odd_scorer_new(verdict, false, &scorer, err) : odd_no_memory(err);
    for (size_t i = 0; !rc && i < threads; i++) {
        rc = odd_lane_new(scorer, BLOCK, &s.lanes[i], err);
        if (!rc && masked)
            rc = odd_lane_allow_masked(s.lanes[i], err);
    }
    if (!rc)
        odd_pool_run(pool, (count + BLOCK - 1) / BLOCK, sweep_block, &s);
    for (size_t i = 0; s.lanes && i < threads; i++)
        odd_lane_free(&s.lanes[i]);
    odd_free(s.lanes);
    odd_scorer_free(&scorer);
    return rc;
}

/* ---- rarity: prototypes, shape, margins ---- */

static int fit_margins(odd_verdict *verdict, const odd_rows *rest, oddrow_error *err)
{
    const odd_schema *schema = verdict->schema;
    float *z = odd_alloc(rest->count + 1, sizeof(float));
    int rc = z ? 0 : odd_no_memory(err);
    for (size_t k = 0; !rc && k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        if (column->features != 1)
            continue;
        size_t count = 0, m = column->numeric;
        float *nats = odd_alloc(ODD_MARGIN_GRID, sizeof(float));
        verdict->value_margin[m] = nats;
        if (!nats) {
            rc = odd_no_memory(err);
            break;
        }
        for (size_t i = 0; i < rest->count; i++)
            if (!rest->missing[i * schema->M + m])
                z[count++] = rest->values[i * schema->F + column->first_feature];
        odd_margin_values(z, count, nats);
    }
    odd_free(z);
    return rc ? rc : odd_verdict_id_margins(verdict, err);
}

static int fit_rarity(odd_verdict *verdict, const odd_rows *rest, const float *x,
                      const odd_calibrate_options *options, odd_pool *pool, oddrow_error *err)
{
    size_t X = verdict->network->X, n = rest->count;
    size_t prototypes = n < ODD_PROTOTYPES ? n : ODD_PROTOTYPES;
    int rc = odd_shape_fit(&verdict->shape, x, n, 2 * options->contamination, TRIM_ROUNDS, err);
    if (!rc)
        rc = odd_verdict_prototypes(verdict, prototypes, err);
    if (!rc && n == prototypes)
        memcpy(verdict->prototypes, x, n * X * sizeof *x);
    else if (!rc)
        rc = odd_prototypes_fit(x, n, X, prototypes, options->seed, pool, verdict->prototypes, err);
    if (!rc && verdict->weight[ODD_MEASURE_FOREST] > 0)
        rc = odd_isolation_fit(verdict->schema, rest, options->seed, &verdict->forest, err);
    return rc ? rc : fit_margins(verdict, rest, err);
}

/* ---- calibrations ---- */

/* One over the usual size of each column's loss, from losses (count, L). */
static void weigh_losses(odd_calibration *calibration, const float *losses, size_t count, size_t L)
{
    for (size_t at = 0; at < L; at++) {
        double sum = 0;
        for (size_t i = 0; i < count; i++)
            sum += (double)losses[i * L + at];
        calibration->loss_weight[at] = (float)(1 / (sum / (double)count + LOSS_FLOOR));
    }
}

/* Held-out measures, and what is made of them; all (count) but losses (count, L). */
typedef struct held_out {
    size_t count;
    odd_measured measured;
    float *reconstruction, *rarity, *score;
    float *block; /* owns them all */
} held_out;

static int held_out_new(held_out *h, size_t count, size_t L, oddrow_error *err)
{
    *h = (held_out){.count = count};
    h->block = odd_alloc(count * (L + ODD_MEASURES + 4), sizeof(float));
    if (!h->block)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory for %zu held-out rows", count);
    float *at = h->block;
    h->measured.losses = at;
    at += count * L;
    h->measured.loss = at;
    h->reconstruction = at + count;
    h->rarity = at + 2 * count;
    h->score = at + 3 * count;
    for (size_t m = 0; m < ODD_MEASURES; m++)
        h->measured.measure[m] = at + (4 + m) * count;
    return 0;
}

/* A tail of scores, whose greatest share `contamination` is not of normal rows. */
static int fit_clean(odd_tail *tail, float *values, size_t count, double contamination,
                     oddrow_error *err)
{
    odd_sort_floats(values, count);
    size_t kept = count - (size_t)(contamination * (double)count);
    return odd_tail_fit(tail, values, kept, TAIL_QUANTILE, err);
}

static int fit_column_tails(odd_calibration *calibration, const held_out *h, size_t L,
                            oddrow_error *err)
{
    float *values = odd_alloc(h->count, sizeof(float));
    int rc = values ? 0 : odd_no_memory(err);
    for (size_t at = 0; !rc && at < L; at++) {
        for (size_t i = 0; i < h->count; i++)
            values[i] = h->measured.losses[i * L + at];
        rc = odd_tail_fit(&calibration->columns[at], values, h->count, TAIL_QUANTILE, err);
    }
    odd_free(values);
    return rc;
}

static int fit_tails(const odd_verdict *verdict, odd_calibration *calibration, held_out *h,
                     double contamination, oddrow_error *err)
{
    int rc = fit_column_tails(calibration, h, odd_schema_losses(verdict->schema), err);
    for (size_t m = 0; !rc && m < ODD_MEASURES; m++) {
        /* score and rarity are free until the nats are known: sort a copy */
        memcpy(h->score, h->measured.measure[m], h->count * sizeof(float));
        rc = odd_tail_fit(&calibration->measures[m], h->score, h->count, TAIL_QUANTILE, err);
    }
    for (size_t i = 0; !rc && i < h->count; i++) {
        float nats[ODD_MEASURES];
        for (size_t m = 0; m < ODD_MEASURES; m++)
            nats[m] =
                odd_measure_nats(verdict, calibration, (odd_measure)m, h->measured.measure[m][i]);
        h->reconstruction[i] = nats[ODD_MEASURE_RECONSTRUCTION];
        h->rarity[i] =
            nats[ODD_MEASURE_LOCAL] +
            (nats[ODD_MEASURE_SHAPE] + nats[ODD_MEASURE_MARGINS] + nats[ODD_MEASURE_FOREST]);
        h->score[i] = h->reconstruction[i] + h->rarity[i];
    }
    if (!rc)
        rc = fit_clean(&calibration->loss, h->measured.loss, h->count, contamination, err);
    if (!rc)
        rc = fit_clean(&calibration->reconstruction, h->reconstruction, h->count, contamination,
                       err);
    if (!rc)
        rc = fit_clean(&calibration->rarity, h->rarity, h->count, contamination, err);
    if (!rc)
        rc = fit_clean(&calibration->score, h->score, h->count, contamination, err);
    return rc;
}

/* `losses` (rest_count, L): column losses of training rows, masked or not. */
static int calibrate(odd_verdict *verdict, odd_calibration *calibration, bool masked,
                     const float *losses, size_t rest_count, const odd_rows *held,
                     size_t held_count, double contamination, odd_pool *pool, oddrow_error *err)
{
    size_t L = odd_schema_losses(verdict->schema);
    held_out h = {0};
    int rc = odd_calibration_new(calibration, L, err);
    if (!rc)
        weigh_losses(calibration, losses, rest_count, L);
    if (!rc)
        rc = held_out_new(&h, held_count, L, err);
    if (!rc)
        rc = measure_all(verdict, held, held_count, masked, &h.measured, pool, err);
    if (!rc)
        rc = fit_tails(verdict, calibration, &h, contamination, err);
    odd_free(h.block);
    return rc;
}

int odd_calibrate(odd_verdict *verdict, const odd_rows *rest, const odd_rows *held,
                  const odd_calibrate_options *options, odd_pool *pool, oddrow_error *err)
{
    size_t L = odd_schema_losses(verdict->schema), X = verdict->network->X;
    float *losses = odd_alloc(rest->count * L, sizeof(float));
    float *x = odd_alloc(rest->count * X, sizeof(float));
    odd_measured out = {.losses = losses, .x = x};
    int rc =
        losses && x ? 0 : odd_fail(err, ODDROW_ENOMEM, "out of memory for %zu rows", rest->count);
    set_weights(verdict, options->contamination);
    verdict->alerts = options->alerts;
    if (!rc)
        rc = measure_all(verdict, rest, rest->count, false, &out, pool, err);
    if (!rc)
        rc = fit_rarity(verdict, rest, x, options, pool, err);
    odd_free(x);
    if (!rc)
        rc = calibrate(verdict, &verdict->plain, false, losses, rest->count, held, held->count,
                       options->contamination, pool, err);
    /* as many passes as columns: on fewer rows, and not for very wide files */
    size_t limit = MASKED_CELLS / L;
    size_t few = rest->count < limit ? rest->count : limit;
    size_t few_held = held->count < limit ? held->count : limit;
    if (!rc && L <= MASKED_LOSSES) {
        out = (odd_measured){.losses = losses};
        rc = measure_all(verdict, rest, few, true, &out, pool, err);
        if (!rc)
            rc = calibrate(verdict, &verdict->masked, true, losses, few, held, few_held,
                           options->contamination, pool, err);
    }
    odd_free(losses);
    return rc;
}
