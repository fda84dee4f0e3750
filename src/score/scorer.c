/* score/scorer.c: rows through the network, the measures and their tails. */
#include "score/scorer.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "math/kernels.h"
#include "score/slices.h"

struct odd_scorer {
    const odd_verdict *verdict;
    odd_folded *folded; /* the network's tables; NULL on the plain path, as the next */
    odd_slices *slices;
};

struct odd_scratch {
    const odd_scorer *scorer;
    bool masked;
    odd_sums sums;
    odd_rows rows;         /* the latest, borrowed */
    odd_pass pass;         /* what measures see of all this; owns forward */
    float *numbers;        /* owns all below */
    float *losses, *h, *x; /* (B, L), (B, H), (B, X) */
    float *masked_losses;  /* (B, L), of a pass with one column masked; NULL unless masked */
    float *loss, *score, *survival, *measure[ODD_MEASURES], *part[ODD_PARTS]; /* (B) each */
    double *p_value;                                                          /* (B) */
    odd_seconds seconds;
};

/* ---- the shared tables ---- */

int odd_scorer_new(const odd_verdict *verdict, bool plain, odd_scorer **out, oddrow_error *err)
{
    odd_scorer *s = *out = odd_alloc(1, sizeof *s);
    if (!s)
        return odd_no_memory(err);
    s->verdict = verdict;
    int rc = odd_verdict_wanted(verdict, false, err);
    if (!rc && !plain)
        rc = odd_folded_new(verdict->network, &s->folded, err);
    if (!rc && !plain)
        rc = odd_slices_new(verdict, &s->slices, err);
    if (rc)
        odd_scorer_free(out);
    return rc;
}

void odd_scorer_free(odd_scorer **scorer)
{
    if (!scorer || !*scorer)
        return;
    odd_slices_free(&(*scorer)->slices);
    odd_folded_free(&(*scorer)->folded);
    odd_free(*scorer);
    *scorer = NULL;
}

/* ---- a thread's scratch ---- */

/* One allocation for all arrays of n rows. */
static int carve(odd_scratch *s, size_t n, oddrow_error *err)
{
    const odd_network *network = s->scorer->verdict->network;
    size_t L = odd_schema_losses(s->scorer->verdict->schema), H = network->H, X = network->X;
    size_t width = (s->masked ? 2 : 1) * L + H + X + 3 + ODD_MEASURES + ODD_PARTS;
    float *at = s->numbers = odd_alloc(n * width, sizeof(float));
    s->p_value = odd_alloc(n, sizeof(double));
    if (!at || !s->p_value)
        return odd_no_memory(err);
    s->loss = at;
    s->score = at += n;
    s->survival = at += n;
    for (size_t m = 0; m < ODD_MEASURES; m++)
        s->measure[m] = at += n;
    for (size_t p = 0; p < ODD_PARTS; p++)
        s->part[p] = at += n;
    s->losses = at += n;
    s->h = at += n * L;
    s->x = at += n * H;
    if (s->masked)
        s->masked_losses = at + n * X;
    return 0;
}

int odd_scratch_new(const odd_scorer *scorer, size_t rows, bool masked, odd_scratch **out,
                    oddrow_error *err)
{
    odd_scratch *s = *out = odd_alloc(1, sizeof *s);
    if (!s)
        return odd_no_memory(err);
    s->scorer = scorer;
    s->masked = masked;
    int rc = carve(s, ODD_PADDED(rows), err);
    s->pass = (odd_pass){.verdict = scorer->verdict,
                         .calibration = odd_verdict_calibration(scorer->verdict, masked),
                         .rows = &s->rows,
                         .losses = s->losses,
                         .h = s->h,
                         .x = s->x,
                         .sums = &s->sums};
    if (!rc)
        rc = scorer->folded
                 ? odd_forward_new(scorer->folded, &s->pass.forward, err)
                 : odd_forward_new_plain(scorer->verdict->network, &s->pass.forward, err);
    if (!rc && scorer->slices)
        rc = odd_sums_new(scorer->slices, rows, &s->sums, err);
    if (rc)
        odd_scratch_free(out);
    return rc;
}

void odd_scratch_free(odd_scratch **scratch)
{
    if (!scratch || !*scratch)
        return;
    odd_forward_free(&(*scratch)->pass.forward);
    odd_sums_free(&(*scratch)->sums);
    odd_free((*scratch)->numbers);
    odd_free((*scratch)->p_value);
    odd_free(*scratch);
    *scratch = NULL;
}

odd_seconds odd_scratch_time(const odd_scratch *scratch)
{
    return scratch->seconds;
}

const odd_pass *odd_scratch_pass(const odd_scratch *scratch)
{
    return &scratch->pass;
}

/* ---- losses ---- */

/* Each column's loss with that column masked. */
static void run_masked(odd_scratch *s, size_t L)
{
    for (size_t at = 0; at < L; at++) {
        odd_forward_run(s->pass.forward, &s->rows, (int)at,
                        &(odd_forward_out){.column_losses = s->masked_losses});
        for (size_t i = 0; i < s->rows.count; i++)
            s->losses[i * L + at] = s->masked_losses[i * L + at];
    }
}

static void run_network(odd_scratch *s, bool with_x)
{
    const odd_verdict *verdict = s->scorer->verdict;
    const odd_schema *schema = verdict->schema;
    size_t L = odd_schema_losses(schema), B = s->rows.count;
    odd_forward_run(s->pass.forward, &s->rows, ODD_NO_COLUMN,
                    &(odd_forward_out){.column_losses = s->losses,
                                       .row_losses = s->loss,
                                       .x = with_x ? s->x : NULL,
                                       .hidden = s->h,
                                       .layer = verdict->network->config.layers - 1});
    if (s->masked)
        run_masked(s, L);
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        for (size_t i = 0; odd_kind_is_number(column->kind) && i < B; i++)
            if (s->rows.missing[i * schema->M + column->numeric])
                s->losses[i * L + column->loss] = (float)column->missing_loss;
    }
    if (!verdict->network->heads && !s->masked)
        return; /* the row's loss is the mean over x, which the network gave */
    memset(s->loss, 0, B * sizeof(float));
    for (size_t at = 0; at < L; at++)
        for (size_t i = 0; i < B; i++)
            s->loss[i] += s->losses[i * L + at] / (float)L;
}

/* ---- measures ---- */

static void copy(float *to, const float *from, size_t count)
{
    if (to)
        memcpy(to, from, count * sizeof(float));
}

void odd_scratch_measure(odd_scratch *s, const odd_rows *rows, const odd_measured *out)
{
    const odd_verdict *verdict = s->scorer->verdict;
    size_t L = odd_schema_losses(verdict->schema), X = verdict->network->X;
    double start = odd_clock();
    bool plain = !s->scorer->folded, with_x = plain || out->x, with_sums = false;
    for (size_t m = 0; m < ODD_MEASURES; m++) {
        const odd_measure *measure = odd_measures[m];
        with_x |= out->measure[m] && measure->reads_x && measure->reads_x(verdict);
        with_sums |= out->measure[m] && measure->sums && !plain;
    }
    s->rows = *rows;
    run_network(s, with_x);
    copy(out->losses, s->losses, rows->count * L);
    copy(out->loss, s->loss, rows->count);
    copy(out->x, s->x, rows->count * X);
    double networked = odd_clock();
    s->seconds.network += networked - start;
    if (with_sums)
        odd_sums_run(&s->sums, rows);
    for (size_t m = 0; m < ODD_MEASURES; m++) {
        const odd_measure *measure = odd_measures[m];
        if (out->measure[m])
            (plain && measure->plain ? measure->plain : measure->apply)(&s->pass, out->measure[m]);
    }
    s->seconds.rarity += odd_clock() - networked;
}

/* ---- nats ---- */

void odd_measures_add_up(const odd_verdict *verdict, const odd_calibration *calibration,
                         float *const measure[], size_t rows, float *const part[])
{
    for (size_t p = 0; p < ODD_PARTS; p++)
        memset(part[p], 0, rows * sizeof(float));
    for (size_t m = 0; m < ODD_MEASURES; m++) {
        float *nats = measure[m], *out = part[odd_measures[m]->part], weight = verdict->weight[m];
        if (!(weight > 0))
            continue;
        odd_tail_surprise_all(&calibration->measures[m], nats, rows, nats);
        for (size_t i = 0; i < rows; i++) {
            float above = nats[i] - verdict->hinge[m];
            out[i] += above > 0 ? weight * above : 0;
        }
    }
}

const odd_tail *odd_score_tail(const odd_calibration *calibration, odd_score_kind kind)
{
    switch (kind) {
    case ODD_SCORE_RECONSTRUCTION:
        return &calibration->reconstruction;
    case ODD_SCORE_RARITY:
        return &calibration->rarity;
    case ODD_SCORE_LOSS:
        return &calibration->loss;
    case ODD_SCORE_BOTH:
        break;
    }
    return &calibration->score;
}

/* What the kind calls the score. */
static const float *pick(odd_scratch *s, odd_score_kind kind)
{
    const float *reconstruction = s->part[ODD_PART_RECONSTRUCTION],
                *local = s->part[ODD_PART_LOCAL], *global = s->part[ODD_PART_GLOBAL];
    switch (kind) {
    case ODD_SCORE_RECONSTRUCTION:
        return reconstruction;
    case ODD_SCORE_LOSS:
        return s->loss;
    case ODD_SCORE_RARITY:
        for (size_t i = 0; i < s->rows.count; i++)
            s->score[i] = local[i] + global[i];
        return s->score;
    case ODD_SCORE_BOTH:
        break;
    }
    for (size_t i = 0; i < s->rows.count; i++)
        s->score[i] = reconstruction[i] + local[i] + global[i];
    return s->score;
}

odd_scores odd_scratch_score(odd_scratch *s, const odd_rows *rows, odd_score_kind kind)
{
    const odd_verdict *verdict = s->scorer->verdict;
    odd_measured wanted = {0};
    for (size_t m = 0; m < ODD_MEASURES; m++)
        wanted.measure[m] = verdict->weight[m] > 0 ? s->measure[m] : NULL;
    odd_scratch_measure(s, rows, &wanted);
    double start = odd_clock();
    const odd_calibration *calibration = s->pass.calibration;
    odd_measures_add_up(verdict, calibration, s->measure, rows->count, s->part);
    odd_scores scores = {.loss = s->loss, .score = pick(s, kind), .p_value = s->p_value};
    memcpy(scores.part, s->part, sizeof scores.part);
    odd_tail_surprise_all(odd_score_tail(calibration, kind), scores.score, rows->count,
                          s->survival);
    for (size_t i = 0; i < rows->count; i++)
        s->survival[i] = -s->survival[i];
    odd_kernels_best()->exp(s->survival, ODD_PADDED(rows->count));
    for (size_t i = 0; i < rows->count; i++)
        s->p_value[i] = (double)s->survival[i];
    s->seconds.calibration += odd_clock() - start;
    return scores;
}
