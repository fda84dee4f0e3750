/* score/calibrate.c: the measures fitted to training rows, their tails to held-out rows. */
#include "score/calibrate.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/sort.h"
#include "score/scorer.h"

enum { BLOCK = 512, MASKED_LOSSES = 256, MASKED_CELLS = 1 << 20 };

static const double TAIL_QUANTILE = 0.98;

/* ---- all rows through a scorer, in parallel ---- */

typedef struct sweep {
    odd_scratch **scratch; /* one a thread */
    const odd_rows *rows;
    size_t L, X;
    odd_measured out; /* for all rows */
} sweep;

static void sweep_block(void *context, size_t index, size_t thread)
{
    const sweep *s = context;
    size_t first = index * BLOCK, left = s->rows->count - first;
    odd_rows view = odd_rows_slice(s->rows, first, left < BLOCK ? left : BLOCK);
    odd_measured out = {
        .losses = s->out.losses ? s->out.losses + first * s->L : NULL,
        .loss = s->out.loss ? s->out.loss + first : NULL,
        .x = s->out.x ? s->out.x + first * s->X : NULL,
    };
    for (size_t m = 0; m < ODD_MEASURES; m++)
        out.measure[m] = s->out.measure[m] ? s->out.measure[m] + first : NULL;
    odd_scratch_measure(s->scratch[thread], &view, &out);
}

static int measure_all(const odd_verdict *verdict, const odd_rows *rows, bool masked,
                       const odd_measured *out, odd_pool *pool, oddrow_error *err)
{
    size_t threads = odd_pool_threads(pool);
    sweep s = {.rows = rows,
               .L = odd_schema_losses(verdict->schema),
               .X = verdict->network->X,
               .out = *out};
    odd_scorer *scorer = NULL;
    s.scratch = odd_alloc(threads, sizeof(odd_scratch *));
    int rc = s.scratch ? odd_scorer_new(verdict, false, &scorer, err) : odd_no_memory(err);
    for (size_t i = 0; !rc && i < threads; i++)
        rc = odd_scratch_new(scorer, BLOCK, masked, &s.scratch[i], err);
    if (!rc)
        odd_pool_run(pool, (rows->count + BLOCK - 1) / BLOCK, sweep_block, &s);
    for (size_t i = 0; s.scratch && i < threads; i++)
        odd_scratch_free(&s.scratch[i]);
    odd_free(s.scratch);
    odd_scorer_free(&scorer);
    return rc;
}

/* ---- tails ---- */

/* Held-out measures, and what is made of them; all (count) but losses (count, L). */
typedef struct held_out {
    size_t count;
    odd_measured measured;
    float *part[ODD_PARTS], *score;
    float *numbers; /* owns them all */
} held_out;

static int held_out_new(held_out *h, size_t count, size_t L, oddrow_error *err)
{
    float *at = odd_alloc(count * (L + ODD_MEASURES + ODD_PARTS + 2), sizeof(float));
    *h = (held_out){.count = count, .numbers = at};
    if (!at)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory for %zu held-out rows", count);
    h->measured.losses = at;
    h->measured.loss = at += count * L;
    h->score = at += count;
    for (size_t p = 0; p < ODD_PARTS; p++)
        h->part[p] = at += count;
    for (size_t m = 0; m < ODD_MEASURES; m++)
        h->measured.measure[m] = at += count;
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

/* Fits sort what they are given: columns and measures are copied first. */
static int fit_tails(const odd_verdict *verdict, odd_calibration *c, held_out *h,
                     double contamination, oddrow_error *err)
{
    size_t L = odd_schema_losses(verdict->schema), n = h->count;
    float *copy = h->score, *reconstruction = h->part[ODD_PART_RECONSTRUCTION],
          *rarity = h->part[ODD_PART_LOCAL];
    int rc = 0;
    for (size_t at = 0; !rc && at < L; at++) {
        for (size_t i = 0; i < n; i++)
            copy[i] = h->measured.losses[i * L + at];
        rc = odd_tail_fit(&c->columns[at], copy, n, TAIL_QUANTILE, err);
    }
    for (size_t m = 0; !rc && m < ODD_MEASURES; m++) {
        memcpy(copy, h->measured.measure[m], n * sizeof(float));
        rc = odd_tail_fit(&c->measures[m], copy, n, TAIL_QUANTILE, err);
    }
    if (rc)
        return rc;
    odd_measures_add_up(verdict, c, h->measured.measure, n, h->part);
    for (size_t i = 0; i < n; i++) {
        rarity[i] += h->part[ODD_PART_GLOBAL][i];
        h->score[i] = reconstruction[i] + rarity[i];
    }
    rc = fit_clean(&c->loss, h->measured.loss, n, contamination, err);
    if (!rc)
        rc = fit_clean(&c->reconstruction, reconstruction, n, contamination, err);
    if (!rc)
        rc = fit_clean(&c->rarity, rarity, n, contamination, err);
    return rc ? rc : fit_clean(&c->score, h->score, n, contamination, err);
}

/* One calibration: `fitting` has the column losses of training rows, masked or not. */
static int calibrate(odd_verdict *verdict, bool masked, const odd_fitting *fitting,
                     const odd_rows *held, oddrow_error *err)
{
    odd_calibration *calibration = masked ? &verdict->masked : &verdict->unmasked;
    size_t L = odd_schema_losses(verdict->schema);
    held_out h = {0};
    int rc = odd_calibration_new(calibration, L, err);
    for (size_t m = 0; !rc && m < ODD_MEASURES; m++)
        if (odd_measures[m]->fit_losses)
            odd_measures[m]->fit_losses(calibration, fitting, L);
    if (!rc)
        rc = held_out_new(&h, held->count, L, err);
    if (!rc)
        rc = measure_all(verdict, held, masked, &h.measured, fitting->pool, err);
    if (!rc)
        rc = fit_tails(verdict, calibration, &h, fitting->contamination, err);
    odd_free(h.numbers);
    return rc;
}

/* ---- all of it ---- */

/* What each measure weighs, and what its nats must exceed to count. A network that was trained on
 * odd rows restores them, and prototypes lie among them: then only the shape of the whole and the
 * forest count; docs/decisions.md has the figures. */
static void weigh(odd_verdict *verdict, bool contaminated)
{
    for (size_t m = 0; m < ODD_MEASURES; m++) {
        verdict->weight[m] =
            contaminated ? odd_measures[m]->contaminated_weight : odd_measures[m]->weight;
        verdict->hinge[m] = contaminated ? 0 : odd_measures[m]->hinge;
    }
}

static odd_rows first_rows(const odd_rows *rows, size_t most)
{
    return odd_rows_slice(rows, 0, rows->count < most ? rows->count : most);
}

/* Losses masked: a pass for each column, so on fewer rows, and not for very wide files. */
static int calibrate_masked(odd_verdict *verdict, odd_fitting fitting, const odd_rows *held,
                            float *losses, oddrow_error *err)
{
    size_t L = odd_schema_losses(verdict->schema);
    if (L > MASKED_LOSSES)
        return 0;
    odd_rows few = first_rows(fitting.rows, MASKED_CELLS / L),
             few_held = first_rows(held, MASKED_CELLS / L);
    fitting.rows = &few;
    int rc = measure_all(verdict, &few, true, &(odd_measured){.losses = losses}, fitting.pool, err);
    return rc ? rc : calibrate(verdict, true, &fitting, &few_held, err);
}

int odd_calibrate(odd_verdict *verdict, const odd_rows *rest, const odd_rows *held,
                  const odd_calibrate_options *options, odd_pool *pool, oddrow_error *err)
{
    size_t L = odd_schema_losses(verdict->schema), X = verdict->network->X;
    float *losses = odd_alloc(rest->count * L, sizeof(float));
    float *x = odd_alloc(rest->count * X, sizeof(float));
    odd_fitting fitting = {.rows = rest,
                           .losses = losses,
                           .x = x,
                           .contamination = options->contamination,
                           .seed = options->seed,
                           .pool = pool};
    int rc =
        losses && x ? 0 : odd_fail(err, ODDROW_ENOMEM, "out of memory for %zu rows", rest->count);
    weigh(verdict, options->contamination > 0);
    verdict->alerts = options->alerts;
    if (!rc)
        rc =
            measure_all(verdict, rest, false, &(odd_measured){.losses = losses, .x = x}, pool, err);
    for (size_t m = 0; !rc && m < ODD_MEASURES; m++)
        if (odd_measures[m]->fit)
            rc = odd_measures[m]->fit(verdict, &fitting, err);
    odd_free(x);
    fitting.x = NULL;
    if (!rc)
        rc = calibrate(verdict, false, &fitting, held, err);
    if (!rc)
        rc = calibrate_masked(verdict, fitting, held, losses, err);
    odd_free(losses);
    return rc;
}
