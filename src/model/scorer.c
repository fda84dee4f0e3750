#include "model/scorer.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "math/kernels.h"
#include "math/matrix.h"
#include "model/forest.h"
#include "model/margins.h"

/* Vocabularies are folded into tables of squared distances to the prototypes while the tables stay
 * within this many bytes; the others are multiplied out. */
static const size_t FOLD_BYTES = (size_t)16 << 20;

struct odd_scorer {
    const odd_model *model;
    const odd_kernels *kernels;
    odd_folded *folded; /* NULL on the plain path */
    size_t stride;      /* prototypes, padded to whole vectors */
    float **near;       /* (C) each (V, stride): |E[id] - p slice|^2, or NULL: multiplied out */
    size_t folded_count;
    const float **near_tables; /* (folded_count) of near, and which column each is */
    size_t *near_column;
    float *near_start; /* (stride): what does not depend on the row */
};

struct odd_lane {
    const odd_scorer *scorer;
    odd_forward *forward;
    size_t rows;
    float *losses;   /* (B, L) */
    float *masked;   /* (B, L) of one masked column; made when first needed */
    float *loss;     /* (B) */
    float *x;        /* (B, X) */
    float *centred;  /* (B, X) */
    float *whitened; /* the same */
    float *near;     /* (B, stride) */
    uint32_t *ids;   /* (B, folded_count) */
    float *measure[ODD_MEASURES];
    odd_lane_seconds seconds;
};

/* ---- the shared tables ---- */

static double slice_distance(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        sum += ((double)a[j] - b[j]) * ((double)a[j] - b[j]);
    return sum;
}

/* (V, stride) squared distances between a column's embeddings and the prototypes' slices. */
static int fold_column(odd_scorer *s, size_t c, oddrow_error *err)
{
    const odd_network *network = s->model->network;
    size_t V = network->config.V[c], E = network->config.E[c], X = network->X;
    const float *table = odd_network_tensor(network, c);
    s->near[c] = odd_alloc(V * s->stride, sizeof(float));
    if (!s->near[c])
        return odd_fail(err, ODDROW_ENOMEM, "out of memory");
    for (size_t id = 0; id < V; id++)
        for (size_t p = 0; p < s->model->prototype_count; p++)
            s->near[c][id * s->stride + p] = (float)slice_distance(
                table + id * E, s->model->prototypes + p * X + network->first[c], E);
    s->near_tables[s->folded_count] = s->near[c];
    s->near_column[s->folded_count++] = c;
    return 0;
}

/* |p slice|^2 of the slices that are multiplied out; padding is far away. */
static void start_distances(odd_scorer *s)
{
    const odd_network *network = s->model->network;
    for (size_t p = 0; p < s->stride; p++) {
        const float *row = s->model->prototypes + p * network->X;
        double sum = p < s->model->prototype_count ? 0 : 1e30;
        for (size_t c = 0; c <= network->config.C && p < s->model->prototype_count; c++) {
            size_t end = c < network->config.C ? network->first[c + 1] : network->X;
            bool folded = c < network->config.C && s->near[c];
            for (size_t j = network->first[c]; !folded && j < end; j++)
                sum += (double)row[j] * row[j];
        }
        s->near_start[p] = (float)sum;
    }
}

static int fold_distances(odd_scorer *s, oddrow_error *err)
{
    const odd_network *network = s->model->network;
    size_t C = network->config.C, bytes = 0;
    s->stride = ODD_PADDED(s->model->prototype_count);
    s->near = odd_alloc(C + 1, sizeof(float *));
    s->near_tables = odd_alloc(C + 1, sizeof(float *));
    s->near_column = odd_alloc(C + 1, sizeof(size_t));
    s->near_start = odd_alloc(s->stride + 1, sizeof(float));
    if (!s->near || !s->near_tables || !s->near_column || !s->near_start)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory");
    for (size_t c = 0; c < C; c++) {
        size_t more = network->config.V[c] * s->stride * sizeof(float);
        int rc = bytes + more <= FOLD_BYTES ? fold_column(s, c, err) : 0;
        if (rc)
            return rc;
        bytes += s->near[c] ? more : 0;
    }
    start_distances(s);
    return 0;
}

int odd_scorer_new(const odd_model *model, bool plain, odd_scorer **out, oddrow_error *err)
{
    odd_scorer *s = odd_alloc(1, sizeof *s);
    *out = s;
    if (!s)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory");
    s->model = model;
    s->kernels = plain ? odd_kernels_set(0) : odd_kernels_best();
    int rc = plain ? 0 : odd_folded_new(model->network, &s->folded, err);
    if (!rc)
        rc = fold_distances(s, err);
    if (rc)
        odd_scorer_free(out);
    return rc;
}

void odd_scorer_free(odd_scorer **scorer)
{
    if (!scorer || !*scorer)
        return;
    odd_scorer *s = *scorer;
    for (size_t c = 0; s->near && c < s->model->network->config.C; c++)
        odd_free(s->near[c]);
    odd_free(s->near);
    odd_free(s->near_tables);
    odd_free(s->near_column);
    odd_free(s->near_start);
    odd_folded_free(&s->folded);
    odd_free(s);
    *scorer = NULL;
}

const odd_model *odd_scorer_model(const odd_scorer *scorer)
{
    return scorer->model;
}

/* ---- a thread's scratch ---- */

int odd_lane_new(const odd_scorer *scorer, size_t rows, odd_lane **out, oddrow_error *err)
{
    const odd_network *network = scorer->model->network;
    size_t L = odd_model_losses(scorer->model), X = network->X;
    odd_lane *lane = odd_alloc(1, sizeof *lane);
    *out = lane;
    if (!lane)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory");
    lane->scorer = scorer;
    lane->rows = rows;
    lane->losses = odd_alloc(rows * L, sizeof(float));
    lane->loss = odd_alloc(rows, sizeof(float));
    lane->x = odd_alloc(rows * X, sizeof(float));
    lane->centred = odd_alloc(rows * X, sizeof(float));
    lane->whitened = odd_alloc(rows * X, sizeof(float));
    lane->near = odd_alloc(rows * scorer->stride + 1, sizeof(float));
    lane->ids = odd_alloc(rows * scorer->folded_count + 1, sizeof(uint32_t));
    bool made = lane->losses && lane->loss && lane->x && lane->centred && lane->whitened &&
                lane->near && lane->ids;
    for (size_t i = 0; i < ODD_MEASURES; i++) {
        lane->measure[i] = odd_alloc(rows, sizeof(float));
        made = made && lane->measure[i];
    }
    int rc = made ? 0 : odd_fail(err, ODDROW_ENOMEM, "out of memory");
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
    odd_free((*lane)->masked);
    odd_free((*lane)->loss);
    odd_free((*lane)->x);
    odd_free((*lane)->centred);
    odd_free((*lane)->whitened);
    odd_free((*lane)->near);
    odd_free((*lane)->ids);
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

odd_view odd_view_of(const odd_batch *batch)
{
    return (odd_view){batch->rows, batch->ids, batch->values, batch->missing, batch->differs};
}

/* ---- losses ---- */

/* Each column's loss with that column hidden at the input. */
static void run_masked(odd_lane *lane, const odd_view *rows)
{
    size_t L = odd_model_losses(lane->scorer->model);
    for (size_t at = 0; at < L; at++) {
        odd_forward_run(lane->forward, rows->ids, rows->values, rows->missing, rows->rows, (int)at,
                        lane->masked, NULL, NULL);
        for (size_t i = 0; i < rows->rows; i++)
            lane->losses[i * L + at] = lane->masked[i * L + at];
    }
}

static void run_network(odd_lane *lane, const odd_view *rows, bool masked)
{
    const odd_model *model = lane->scorer->model;
    const odd_schema *schema = model->schema;
    size_t L = odd_model_losses(model), C = schema->C;
    odd_forward_run(lane->forward, rows->ids, rows->values, rows->missing, rows->rows,
                    ODD_NO_COLUMN, lane->losses, lane->loss, lane->x);
    if (masked)
        run_masked(lane, rows);
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        if (column->kind != ODD_NUMERIC && column->kind != ODD_TIMESTAMP)
            continue;
        for (size_t i = 0; i < rows->rows; i++)
            if (rows->missing[i * schema->M + column->numeric])
                lane->losses[i * L + C + column->numeric] = (float)column->missing_loss;
    }
    if (model->network->config.objective == ODD_EMBEDDING_MSE && !masked)
        return; /* the row's loss is the mean over x, which the network gave */
    for (size_t i = 0; i < rows->rows; i++) {
        float sum = 0;
        for (size_t at = 0; at < L; at++)
            sum += lane->losses[i * L + at];
        lane->loss[i] = sum / (float)L;
    }
}

/* ---- measures ---- */

/* out[i] = |W (centred row i)|^2 */
static void whiten(odd_lane *lane, const odd_shape *shape, size_t rows, float *out)
{
    size_t n = shape->n;
    float *y = lane->whitened;
    if (n > ODD_SHAPE_FULL) {
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < n; j++)
                y[i * n + j] = lane->centred[i * n + j] * shape->whiten[j];
    } else {
        (void)odd_sgemm(false, true, rows, n, n, 1, lane->centred, n, shape->whiten, n, 0, y, n,
                        NULL); /* dimensions were checked when the model was made */
    }
    lane->scorer->kernels->row_squares(out, y, n, rows, n);
}

/* Mean over the columns of each loss over its usual size. */
static void measure_reconstruction(const odd_lane *lane, const odd_calibration *calibration,
                                   size_t rows, float *out)
{
    size_t L = odd_model_losses(lane->scorer->model);
    for (size_t i = 0; i < rows; i++) {
        float sum = 0;
        for (size_t at = 0; at < L; at++)
            sum += lane->losses[i * L + at] * calibration->loss_weight[at];
        out[i] = sum / (float)L;
    }
}

static void measure_forest(const odd_lane *lane, const odd_view *rows, float *out)
{
    const odd_model *model = lane->scorer->model;
    size_t C = model->schema->C, F = model->schema->F;
    for (size_t i = 0; i < rows->rows; i++)
        out[i] = model->forest
                     ? odd_forest_score(model->forest, C, rows->ids + i * C, rows->values + i * F)
                     : 0;
}

static void measure_shape(odd_lane *lane, size_t rows, float *out)
{
    const odd_shape *shape = &lane->scorer->model->shape;
    size_t X = shape->n;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < X; j++)
            lane->centred[i * X + j] = lane->x[i * X + j] - shape->mean[j];
    whiten(lane, shape, rows, out);
}

/* near[i, p] = |x_i - p|^2 less what is the same for all p. */
static void near_distances(odd_lane *lane, const odd_view *rows)
{
    const odd_scorer *s = lane->scorer;
    const odd_network *network = s->model->network;
    size_t C = network->config.C, X = network->X, T = s->folded_count;
    for (size_t i = 0; i < rows->rows; i++)
        for (size_t t = 0; t < T; t++) {
            size_t c = s->near_column[t];
            uint32_t id = rows->ids[i * C + c];
            lane->ids[i * T + t] = id < network->config.V[c] ? id : 0;
        }
    s->kernels->gather_add(lane->near, s->stride, s->near_start, s->near_tables, T, s->stride,
                           lane->ids, T, rows->rows, s->stride);
    for (size_t c = 0; c <= C; c++) {
        size_t first = network->first[c], end = c < C ? network->first[c + 1] : X;
        if (end > first && (c == C || !s->near[c]))
            (void)odd_sgemm(false, true, rows->rows, s->model->prototype_count, end - first, -2,
                            lane->x + first, X, s->model->prototypes + first, X, 1, lane->near,
                            s->stride, NULL);
    }
}

/* The nearest prototype by the folded distances, then its distance from the definition. */
static void measure_local(odd_lane *lane, const odd_view *rows, float *out)
{
    const odd_scorer *s = lane->scorer;
    size_t X = s->model->network->X, stride = s->stride;
    near_distances(lane, rows);
    for (size_t i = 0; i < rows->rows; i++) {
        const float *near = lane->near + i * stride, *x = lane->x + i * X;
        float least, sum = 0;
        size_t p = 0;
        s->kernels->row_min(&least, near, stride, 1, s->model->prototype_count);
        while (p + 1 < s->model->prototype_count && near[p] != least)
            p++;
        const float *prototype = s->model->prototypes + p * X;
        for (size_t j = 0; j < X; j++)
            sum += (x[j] - prototype[j]) * (x[j] - prototype[j]);
        out[i] = sqrtf(sum);
    }
}

static void measure_margins(const odd_lane *lane, const odd_view *rows, float *out)
{
    const odd_model *model = lane->scorer->model;
    const odd_schema *schema = model->schema;
    const size_t *V = model->network->config.V;
    for (size_t i = 0; i < rows->rows; i++)
        out[i] = 0;
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        if (column->kind == ODD_CATEGORICAL) {
            size_t c = column->categorical;
            const float *nats = model->id_margin[c];
            for (size_t i = 0; i < rows->rows; i++) {
                uint32_t id = rows->ids[i * schema->C + c];
                out[i] += nats[id < V[c] ? id : 0];
            }
        } else if (column->kind == ODD_NUMERIC || column->kind == ODD_TIMESTAMP) {
            size_t m = column->numeric;
            float absent = (float)column->missing_loss - ODD_MARGIN_HINGE;
            const float *nats = model->value_margin[m];
            for (size_t i = 0; i < rows->rows; i++) {
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
static void add_differing(const odd_lane *lane, const odd_view *rows, float *out)
{
    const odd_schema *schema = lane->scorer->model->schema;
    for (size_t i = 0; schema->D && rows->differs && i < rows->rows; i++) {
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

void odd_lane_measure(odd_lane *lane, const odd_view *rows, bool masked, odd_measured *out)
{
    const odd_model *model = lane->scorer->model;
    const odd_calibration *calibration = masked ? &model->masked : &model->plain;
    size_t L = odd_model_losses(model), X = model->network->X;
    double start = odd_clock();
    assert(!masked || lane->masked);
    run_network(lane, rows, masked);
    double networked = odd_clock();
    lane->seconds.network += networked - start;
    if (out->losses)
        memcpy(out->losses, lane->losses, rows->rows * L * sizeof(float));
    if (out->loss)
        memcpy(out->loss, lane->loss, rows->rows * sizeof(float));
    if (out->x)
        memcpy(out->x, lane->x, rows->rows * X * sizeof(float));
    if (out->measure[ODD_MEASURE_RECONSTRUCTION])
        measure_reconstruction(lane, calibration, rows->rows,
                               out->measure[ODD_MEASURE_RECONSTRUCTION]);
    if (out->measure[ODD_MEASURE_LOCAL])
        measure_local(lane, rows, out->measure[ODD_MEASURE_LOCAL]);
    if (out->measure[ODD_MEASURE_SHAPE])
        measure_shape(lane, rows->rows, out->measure[ODD_MEASURE_SHAPE]);
    if (out->measure[ODD_MEASURE_MARGINS]) {
        measure_margins(lane, rows, out->measure[ODD_MEASURE_MARGINS]);
        add_differing(lane, rows, out->measure[ODD_MEASURE_MARGINS]);
    }
    if (out->measure[ODD_MEASURE_FOREST])
        measure_forest(lane, rows, out->measure[ODD_MEASURE_FOREST]);
    lane->seconds.rarity += odd_clock() - networked;
}

/* ---- nats ---- */

float odd_measure_nats(const odd_model *model, const odd_calibration *calibration,
                       odd_measure measure, float value)
{
    float nats = odd_tail_surprise(&calibration->measures[measure], value) - model->hinge[measure];
    return nats > 0 ? model->weight[measure] * nats : 0;
}

/* What each measure adds to the scores of all rows. */
static void add_nats(const odd_lane *lane, const odd_calibration *calibration, odd_measure measure,
                     size_t rows, float *out)
{
    const odd_model *model = lane->scorer->model;
    if (model->weight[measure] > 0)
        for (size_t i = 0; i < rows; i++)
            out[i] += odd_measure_nats(model, calibration, measure, lane->measure[measure][i]);
}

void odd_lane_score(odd_lane *lane, const odd_view *rows, bool masked, odd_scores *out)
{
    const odd_model *model = lane->scorer->model;
    const odd_calibration *calibration = masked ? &model->masked : &model->plain;
    odd_measured measured = {.loss = out->loss};
    size_t size = rows->rows * sizeof(float);
    for (size_t m = 0; m < ODD_MEASURES; m++)
        if (model->weight[m] > 0)
            measured.measure[m] = lane->measure[m];
    odd_lane_measure(lane, rows, masked, &measured);
    double start = odd_clock();
    memset(out->reconstruction, 0, size);
    memset(out->local, 0, size);
    memset(out->global, 0, size);
    add_nats(lane, calibration, ODD_MEASURE_RECONSTRUCTION, rows->rows, out->reconstruction);
    add_nats(lane, calibration, ODD_MEASURE_LOCAL, rows->rows, out->local);
    add_nats(lane, calibration, ODD_MEASURE_SHAPE, rows->rows, out->global);
    add_nats(lane, calibration, ODD_MEASURE_MARGINS, rows->rows, out->global);
    add_nats(lane, calibration, ODD_MEASURE_FOREST, rows->rows, out->global);
    for (size_t i = 0; i < rows->rows; i++)
        out->score[i] = out->reconstruction[i] + out->local[i] + out->global[i];
    lane->seconds.calibration += odd_clock() - start;
}

int odd_lane_allow_masked(odd_lane *lane, oddrow_error *err)
{
    size_t L = odd_model_losses(lane->scorer->model);
    if (!lane->masked)
        lane->masked = odd_alloc(lane->rows * L, sizeof(float));
    return lane->masked ? 0 : odd_fail(err, ODDROW_ENOMEM, "out of memory");
}

void odd_lane_surprise(odd_lane *lane, const odd_view *row, bool masked, float *surprise,
                       odd_forward_expected *expected)
{
    const odd_model *model = lane->scorer->model;
    const odd_schema *schema = model->schema;
    const odd_calibration *calibration = masked ? &model->masked : &model->plain;
    run_network(lane, row, masked);
    odd_forward_explain(lane->forward, row->ids, row->values, row->missing, ODD_NO_COLUMN,
                        expected);
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        size_t at =
            column->kind == ODD_CATEGORICAL ? column->categorical : schema->C + column->numeric;
        surprise[k] = 0;
        if (column->kind <= ODD_TIMESTAMP)
            surprise[k] = odd_tail_surprise(&calibration->columns[at], lane->losses[at]);
        else if (column->kind == ODD_CONSTANT && row->differs &&
                 row->differs[column->constant_index])
            surprise[k] = (float)column->differs_loss;
    }
}
