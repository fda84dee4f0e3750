#include "score/scorer.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "score/forest.h"
#include "score/margins.h"
#include "score/rarity.h"

struct odd_scorer {
    const odd_verdict *verdict;
    odd_folded *folded; /* the network's tables; NULL on the plain path */
    odd_rarity *rarity;
};

struct odd_lane {
    const odd_scorer *scorer;
    odd_forward *forward;
    size_t rows;
    float *losses;        /* (B, L) of the latest rows */
    float *h;             /* (B, H) of the latest rows, no column masked */
    float *loss;          /* (B) */
    float *x;             /* (B, X) */
    float *rarity;        /* (B, odd_rarity_floats) */
    uint32_t *rarity_ids; /* (B, odd_rarity_ids) */
    /* made by odd_lane_allow_masked */
    float *masked;              /* (B, L) of one masked column */
    odd_rows *copies;           /* (L) of a row; the i-th has column i masked */
    float *copies_h;            /* (L, H) */
    odd_forward_expected guess; /* (L, C) and (L, F) */
    float *measure[ODD_MEASURES];
    odd_lane_seconds seconds;
};

/* ---- the shared tables ---- */

int odd_scorer_new(const odd_verdict *verdict, bool plain, odd_scorer **out, oddrow_error *err)
{
    odd_scorer *s = odd_alloc(1, sizeof *s);
    *out = s;
    if (!s)
        return odd_no_memory(err);
    s->verdict = verdict;
    int rc = odd_verdict_wanted(verdict, err);
    if (!rc)
        rc = plain ? 0 : odd_folded_new(verdict->network, &s->folded, err);
    if (!rc)
        rc = odd_rarity_new(verdict, &s->rarity, err);
    if (rc)
        odd_scorer_free(out);
    return rc;
}

void odd_scorer_free(odd_scorer **scorer)
{
    if (!scorer || !*scorer)
        return;
    odd_scorer *s = *scorer;
    odd_rarity_free(&s->rarity);
    odd_folded_free(&s->folded);
    odd_free(s);
    *scorer = NULL;
}

const odd_verdict *odd_scorer_verdict(const odd_scorer *scorer)
{
    return scorer->verdict;
}

/* ---- a thread's scratch ---- */

int odd_lane_new(const odd_scorer *scorer, size_t rows, odd_lane **out, oddrow_error *err)
{
    const odd_network *network = scorer->verdict->network;
    size_t L = odd_schema_losses(scorer->verdict->schema);
    odd_lane *lane = odd_alloc(1, sizeof *lane);
    *out = lane;
    if (!lane)
        return odd_no_memory(err);
    lane->scorer = scorer;
    lane->rows = rows;
    lane->losses = odd_alloc(rows * L, sizeof(float));
    lane->loss = odd_alloc(rows, sizeof(float));
    lane->h = odd_alloc(rows * network->H, sizeof(float));
    lane->x = odd_alloc(rows * network->X, sizeof(float));
    lane->rarity = odd_alloc(rows * odd_rarity_floats(scorer->rarity), sizeof(float));
    lane->rarity_ids = odd_alloc(rows * odd_rarity_ids(scorer->rarity) + 1, sizeof(uint32_t));
    bool made =
        lane->losses && lane->loss && lane->h && lane->x && lane->rarity && lane->rarity_ids;
    for (size_t i = 0; i < ODD_MEASURES; i++) {
        lane->measure[i] = odd_alloc(rows, sizeof(float));
        made = made && lane->measure[i];
    }
    int rc = made ? 0 : odd_no_memory(err);
    if (!rc)
        rc = scorer->folded ? odd_forward_new(scorer->folded, &lane->forward, err)
                            : odd_forward_new_plain(network, &lane->forward, err);
    if (rc)
        odd_lane_free(out);
    return rc;
}

void odd_lane_free(odd_lane **lane)
{
    if (!lane || !*lane)
        return;
    odd_free((*lane)->losses);
    odd_free((*lane)->h);
    odd_free((*lane)->masked);
    odd_rows_free(&(*lane)->copies);
    odd_free((*lane)->copies_h);
    odd_free((*lane)->guess.likely);
    odd_free((*lane)->guess.probability);
    odd_free((*lane)->guess.reconstructed);
    odd_free((*lane)->loss);
    odd_free((*lane)->x);
    odd_free((*lane)->rarity);
    odd_free((*lane)->rarity_ids);
    for (size_t i = 0; i < ODD_MEASURES; i++)
        odd_free((*lane)->measure[i]);
    odd_forward_free(&(*lane)->forward);
    odd_free(*lane);
    *lane = NULL;
}

odd_lane_seconds odd_lane_time(const odd_lane *lane)
{
    return lane->seconds;
}

/* ---- losses ---- */

/* Each column's loss with that column hidden at the input. */
static void run_masked(odd_lane *lane, const odd_rows *rows)
{
    size_t L = odd_schema_losses(lane->scorer->verdict->schema);
    for (size_t at = 0; at < L; at++) {
        odd_forward_run(lane->forward, rows, (int)at,
                        &(odd_forward_out){.column_losses = lane->masked});
        for (size_t i = 0; i < rows->count; i++)
            lane->losses[i * L + at] = lane->masked[i * L + at];
    }
}

static void run_network(odd_lane *lane, const odd_rows *rows, bool masked, bool with_x)
{
    const odd_verdict *verdict = lane->scorer->verdict;
    const odd_schema *schema = verdict->schema;
    size_t L = odd_schema_losses(verdict->schema);
    odd_forward_run(lane->forward, rows, ODD_NO_COLUMN,
                    &(odd_forward_out){.column_losses = lane->losses,
                                       .row_losses = lane->loss,
                                       .x = with_x ? lane->x : NULL,
                                       .hidden = lane->h,
                                       .layer = verdict->network->config.layers - 1});
    if (masked)
        run_masked(lane, rows);
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        if (!odd_kind_is_number(column->kind))
            continue;
        for (size_t i = 0; i < rows->count; i++)
            if (rows->missing[i * schema->M + column->numeric])
                lane->losses[i * L + column->loss] = (float)column->missing_loss;
    }
    if (verdict->network->config.objective == ODD_EMBEDDING_MSE && !masked)
        return; /* the row's loss is the mean over x, which the network gave */
    for (size_t i = 0; i < rows->count; i++)
        lane->loss[i] = 0;
    for (size_t at = 0; at < L; at++)
        for (size_t i = 0; i < rows->count; i++)
            lane->loss[i] += lane->losses[i * L + at] / (float)L;
}

/* ---- measures ---- */

/* Mean over the columns of each loss over its usual size. */
static void measure_reconstruction(const odd_lane *lane, const odd_calibration *calibration,
                                   size_t rows, float *out)
{
    size_t L = odd_schema_losses(lane->scorer->verdict->schema);
    for (size_t i = 0; i < rows; i++)
        out[i] = 0;
    for (size_t at = 0; at < L; at++) {
        float weight = calibration->loss_weight[at] / (float)L;
        for (size_t i = 0; i < rows; i++)
            out[i] += lane->losses[i * L + at] * weight;
    }
}

static void measure_forest(const odd_lane *lane, const odd_rows *rows, float *out)
{
    const odd_verdict *verdict = lane->scorer->verdict;
    size_t C = verdict->schema->C, F = verdict->schema->F;
    for (size_t i = 0; i < rows->count; i++)
        out[i] = verdict->forest
                     ? odd_forest_score(verdict->forest, C, rows->ids + i * C, rows->values + i * F)
                     : 0;
}

static void measure_margins(const odd_lane *lane, const odd_rows *rows, float *out)
{
    const odd_verdict *verdict = lane->scorer->verdict;
    const odd_schema *schema = verdict->schema;
    const size_t *V = verdict->network->config.V;
    for (size_t i = 0; i < rows->count; i++)
        out[i] = 0;
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        if (odd_kind_is_category(column->kind)) {
            size_t c = column->categorical;
            const float *nats = verdict->id_margin[c];
            for (size_t i = 0; i < rows->count; i++) {
                uint32_t id = rows->ids[i * schema->C + c];
                out[i] += nats[id < V[c] ? id : 0];
            }
        } else if (odd_kind_is_number(column->kind)) {
            size_t m = column->numeric;
            float absent = (float)column->missing_loss - ODD_MARGIN_HINGE;
            const float *nats = verdict->value_margin[m];
            for (size_t i = 0; i < rows->count; i++) {
                if (rows->missing[i * schema->M + m])
                    out[i] += absent > 0 ? absent : 0;
                else if (nats)
                    out[i] +=
                        odd_margin_at(nats, rows->values[i * schema->F + column->first_feature]);
            }
        }
    }
}

/* Cells that differ in columns that were constant. */
static void add_differing(const odd_lane *lane, const odd_rows *rows, float *out)
{
    const odd_schema *schema = lane->scorer->verdict->schema;
    for (size_t i = 0; schema->D && rows->differs && i < rows->count; i++) {
        const uint8_t *row = rows->differs + i * schema->D;
        if (!memchr(row, 1, schema->D))
            continue;
        for (size_t k = 0; k < schema->K; k++) {
            const odd_column *column = &schema->columns[k];
            float nats = (float)column->differs_loss - ODD_MARGIN_HINGE;
            if (column->kind == ODD_CONSTANT && row[column->constant_index] && nats > 0)
                out[i] += nats;
        }
    }
}

void odd_lane_measure(odd_lane *lane, const odd_rows *rows, bool masked, odd_measured *out)
{
    const odd_verdict *verdict = lane->scorer->verdict;
    const odd_calibration *calibration = masked ? &verdict->masked : &verdict->plain;
    size_t L = odd_schema_losses(verdict->schema), X = verdict->network->X;
    double start = odd_clock();
    assert(!masked || lane->masked);
    bool plain = !lane->scorer->folded;
    run_network(lane, rows, masked, plain || out->x || odd_rarity_needs_x(lane->scorer->rarity));
    double networked = odd_clock();
    lane->seconds.network += networked - start;
    if (out->losses)
        memcpy(out->losses, lane->losses, rows->count * L * sizeof(float));
    if (out->loss)
        memcpy(out->loss, lane->loss, rows->count * sizeof(float));
    if (out->x)
        memcpy(out->x, lane->x, rows->count * X * sizeof(float));
    if (out->measure[ODD_MEASURE_RECONSTRUCTION])
        measure_reconstruction(lane, calibration, rows->count,
                               out->measure[ODD_MEASURE_RECONSTRUCTION]);
    if (!plain)
        odd_rarity_measure(lane->scorer->rarity, rows, lane->x, lane->rarity, lane->rarity_ids,
                           out->measure[ODD_MEASURE_LOCAL], out->measure[ODD_MEASURE_SHAPE]);
    else
        odd_rarity_measure_plain(verdict, lane->x, rows->count, out->measure[ODD_MEASURE_LOCAL],
                                 out->measure[ODD_MEASURE_SHAPE]);
    if (out->measure[ODD_MEASURE_MARGINS]) {
        measure_margins(lane, rows, out->measure[ODD_MEASURE_MARGINS]);
        add_differing(lane, rows, out->measure[ODD_MEASURE_MARGINS]);
    }
    if (out->measure[ODD_MEASURE_FOREST])
        measure_forest(lane, rows, out->measure[ODD_MEASURE_FOREST]);
    lane->seconds.rarity += odd_clock() - networked;
}

/* ---- nats ---- */

float odd_measure_nats(const odd_verdict *verdict, const odd_calibration *calibration,
                       odd_measure measure, float value)
{
    float nats =
        odd_tail_surprise(&calibration->measures[measure], value) - verdict->hinge[measure];
    return nats > 0 ? verdict->weight[measure] * nats : 0;
}

/* What each measure adds to the scores of all rows. */
static void add_nats(odd_lane *lane, const odd_calibration *calibration, odd_measure measure,
                     size_t rows, float *out)
{
    const odd_verdict *verdict = lane->scorer->verdict;
    float *nats = lane->measure[measure], weight = verdict->weight[measure];
    if (!(weight > 0))
        return;
    odd_tail_surprise_all(&calibration->measures[measure], nats, rows, nats);
    for (size_t i = 0; i < rows; i++) {
        float above = nats[i] - verdict->hinge[measure];
        out[i] += above > 0 ? weight * above : 0;
    }
}

void odd_lane_score(odd_lane *lane, const odd_rows *rows, bool masked, odd_scores *out)
{
    const odd_verdict *verdict = lane->scorer->verdict;
    const odd_calibration *calibration = masked ? &verdict->masked : &verdict->plain;
    odd_measured measured = {.loss = out->loss};
    size_t size = rows->count * sizeof(float);
    for (size_t m = 0; m < ODD_MEASURES; m++)
        if (verdict->weight[m] > 0)
            measured.measure[m] = lane->measure[m];
    odd_lane_measure(lane, rows, masked, &measured);
    double start = odd_clock();
    memset(out->reconstruction, 0, size);
    memset(out->local, 0, size);
    memset(out->global, 0, size);
    add_nats(lane, calibration, ODD_MEASURE_RECONSTRUCTION, rows->count, out->reconstruction);
    add_nats(lane, calibration, ODD_MEASURE_LOCAL, rows->count, out->local);
    add_nats(lane, calibration, ODD_MEASURE_SHAPE, rows->count, out->global);
    add_nats(lane, calibration, ODD_MEASURE_MARGINS, rows->count, out->global);
    add_nats(lane, calibration, ODD_MEASURE_FOREST, rows->count, out->global);
    for (size_t i = 0; i < rows->count; i++)
        out->score[i] = out->reconstruction[i] + out->local[i] + out->global[i];
    lane->seconds.calibration += odd_clock() - start;
}

int odd_lane_allow_masked(odd_lane *lane, oddrow_error *err)
{
    const odd_schema *schema = lane->scorer->verdict->schema;
    size_t L = odd_schema_losses(schema), H = lane->scorer->verdict->network->H;
    if (lane->copies)
        return 0;
    lane->masked = odd_alloc(lane->rows * L, sizeof(float));
    lane->copies_h = odd_alloc(L * H, sizeof(float));
    lane->guess.likely = odd_alloc(L * schema->C, sizeof(uint32_t));
    lane->guess.probability = odd_alloc(L * schema->C, sizeof(float));
    lane->guess.reconstructed = odd_alloc(L * schema->F, sizeof(float));
    if (!lane->masked || !lane->copies_h || !lane->guess.likely || !lane->guess.probability ||
        !lane->guess.reconstructed)
        return odd_no_memory(err);
    return odd_rows_new(schema, L, false, &lane->copies, err);
}

/* What is expected of each column where it cannot be seen: one pass, the row once a column. */
static void expect_masked(odd_lane *lane, const odd_rows *row, odd_forward_expected *out)
{
    const odd_schema *schema = lane->scorer->verdict->schema;
    const odd_forward_expected *guess = &lane->guess;
    odd_rows *copies = lane->copies;
    copies->count = odd_schema_losses(schema);
    for (size_t i = 0; i < copies->count; i++) {
        memcpy(copies->ids + i * schema->C, row->ids, schema->C * sizeof *row->ids);
        memcpy(copies->values + i * schema->F, row->values, schema->F * sizeof *row->values);
        memcpy(copies->missing + i * schema->M, row->missing, schema->M);
    }
    odd_forward_run(lane->forward, copies, ODD_OWN_COLUMN,
                    &(odd_forward_out){.hidden = lane->copies_h,
                                       .layer = lane->scorer->verdict->network->config.layers - 1});
    odd_forward_expect(lane->forward, copies, lane->copies_h, &lane->guess);
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        bool text = odd_kind_is_category(column->kind);
        size_t c = column->categorical, f = column->first_feature, at = column->loss;
        if (at == SIZE_MAX)
            continue;
        if (text && out->likely)
            out->likely[c] = guess->likely[at * schema->C + c];
        if (text && out->probability)
            out->probability[c] = guess->probability[at * schema->C + c];
        if (!text && out->reconstructed)
            memcpy(out->reconstructed + f, guess->reconstructed + at * schema->F + f,
                   column->features * sizeof(float));
    }
}

void odd_lane_surprise(odd_lane *lane, const odd_rows *rows, size_t row, bool masked,
                       float *surprise, odd_forward_expected *expected)
{
    const odd_verdict *verdict = lane->scorer->verdict;
    const odd_schema *schema = verdict->schema;
    const odd_calibration *calibration = masked ? &verdict->masked : &verdict->plain;
    const odd_rows one = odd_rows_slice(rows, row, 1);
    const float *losses = lane->losses + row * odd_schema_losses(schema);
    if (masked)
        expect_masked(lane, &one, expected);
    else
        odd_forward_expect(lane->forward, &one, lane->h + row * verdict->network->H, expected);
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        size_t at = column->loss;
        surprise[k] = 0;
        if (at != SIZE_MAX)
            surprise[k] = odd_tail_surprise(&calibration->columns[at], losses[at]);
        else if (column->kind == ODD_CONSTANT && one.differs && one.differs[column->constant_index])
            surprise[k] = (float)column->differs_loss;
    }
}
