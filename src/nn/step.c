/* nn/step.c: a training step: fold, shards forward and backward, reduction with Adam. */
#include "nn/step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "nn/forward.h"
#include "nn/step_reduce.h"

enum { N = ODD_PANEL, LANES = 32, UPDATE = 16384, PRIVATE_FOLD = 1 << 20 };

/* What a shard reports, all over its own rows. */
typedef struct shard_sums {
    double *columns; /* (losses) */
    double rows, weighted, squared, percent;
    size_t measured;
} shard_sums;

typedef struct update_task {
    size_t tensor, from, to;
} update_task;

struct odd_step {
    odd_network *network;
    odd_pool *pool;
    odd_step_options options;
    size_t capacity, shards, columns;
    odd_fold *fold;   /* the first of folds, for what they have in common */
    odd_fold **folds; /* one a thread where filling is quick, else one for all */
    size_t fold_count;
    uint64_t *filled; /* (fold_count, 8) run that each was filled for */
    uint64_t runs;
    odd_reduction reduction;
    odd_panel **panels; /* one a thread, or with trim one a shard */
    size_t panel_count;
    odd_shard_rows *shard; /* (shards) */
    shard_sums *sums;      /* (shards) */
    float *scale;          /* (shards, 64) weight of a row in the loss */
    float *row_losses;     /* (shards, 64), trim */
    uint32_t *order;       /* (capacity), trim */
    double *column_sums;   /* (losses) */
    update_task *updates;
    size_t update_count;
    uint64_t count; /* Adam's updates */
    /* the batch at hand */
    const odd_step_batch *batch;
    uint64_t seed, number;
    size_t batch_shards;
    float *memory;
    double *doubles;
};

static int check_options(const odd_step_options *o, oddrow_error *err)
{
    const struct {
        const char *name;
        double value;
    } shares[] = {{"dropout", o->dropout}, {"mask", o->mask},   {"trim", o->trim},
                  {"beta1", o->beta1},     {"beta2", o->beta2}, {"weight decay", o->weight_decay}};

    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        if (!(shares[i].value >= 0 && shares[i].value < 1))
            return odd_fail(err, ODDROW_EINVAL, "%s %g is not in [0, 1)", shares[i].name,
                            shares[i].value);
    if (!(o->epsilon > 0 && o->epsilon < 1))
        return odd_fail(err, ODDROW_EINVAL, "epsilon %g is not in (0, 1)", o->epsilon);
    if (!(o->clip >= 0))
        return odd_fail(err, ODDROW_EINVAL, "clip %g is negative", o->clip);
    return 0;
}

/* Memory per shard and for the lanes: one block of floats, one of doubles. */
static bool new_shards(odd_step *s)
{
    const odd_network *n = s->network;
    const size_t C = n->config.C, x_stride = s->panels[0]->x_stride,
                 layer1 = s->fold->folded ? N * s->fold->table_stride : 0, x = N * x_stride,
                 logits = s->fold->direct_logits * N, query = logits ? x : 0,
                 lanes = s->shards < LANES ? s->shards : LANES,
                 lane = ODD_PADDED(s->reduction.layout.size);
    float *at;

    s->memory = odd_alloc(s->shards * (layer1 + x + query + logits + 2 * N) + lanes * lane +
                              3 * ODD_PADDED(n->count) + 16,
                          sizeof *s->memory);
    s->shard = odd_alloc(s->shards, sizeof *s->shard);
    s->sums = odd_alloc(s->shards, sizeof *s->sums);
    s->doubles = odd_alloc((s->shards + 1) * s->columns, sizeof *s->doubles);
    s->order = odd_alloc(s->shards * N, sizeof *s->order);
    if (!s->memory || !s->shard || !s->sums || !s->doubles || !s->order)
        return false;
    at = s->memory;
    s->column_sums = s->doubles + s->shards * s->columns;
    for (size_t i = 0; i < s->shards; i++) {
        odd_shard_rows *shard = s->shard + i;
        s->sums[i].columns = s->doubles + i * s->columns;
        shard->ids = odd_alloc(N * C, sizeof *shard->ids);
        if (shard->ids == NULL)
            return false;
        shard->layer1 = at;
        shard->x = shard->layer1 + layer1;
        shard->query = shard->x + x;
        shard->logits = shard->query + query;
        at = shard->logits + logits;
    }
    s->scale = at;
    s->row_losses = s->scale + s->shards * N;
    s->reduction.sums = s->row_losses + s->shards * N;
    s->reduction.gradient = s->reduction.sums + lanes * lane;
    s->reduction.moment1 = s->reduction.gradient + ODD_PADDED(n->count);
    s->reduction.moment2 = s->reduction.moment1 + ODD_PADDED(n->count);
    s->reduction.layout.size = lane;
    return true;
}

static bool plan_updates(odd_step *s)
{
    const odd_network *n = s->network;

    for (int pass = 0; pass < 2; pass++) {
        s->update_count = 0;
        for (size_t i = 0; i < n->tensor_count; i++) {
            const size_t size = n->tensors[i].rows * n->tensors[i].cols;
            for (size_t from = 0; from < size; from += UPDATE, s->update_count++)
                if (s->updates)
                    s->updates[s->update_count] =
                        (update_task){i, from, from + UPDATE < size ? from + UPDATE : size};
        }
        if (pass == 0 && (s->updates = odd_alloc(s->update_count, sizeof *s->updates)) == NULL)
            return false;
    }
    return true;
}

/* Where filling the tables takes less than passing them between cores, each thread fills its own.
 */
static bool new_folds(odd_step *s, size_t threads, oddrow_error *err)
{
    if (odd_fold_new(s->network, s->capacity, &s->fold, err))
        return false;
    s->fold_count = odd_fold_cost(s->fold) <= PRIVATE_FOLD ? threads : 1;
    s->folds = odd_alloc(s->fold_count, sizeof(odd_fold *));
    s->filled = odd_alloc(s->fold_count * 8, sizeof *s->filled);
    if (!s->folds || !s->filled) {
        odd_fold_free(&s->fold);
        return false;
    }
    s->folds[0] = s->fold;
    for (size_t i = 1; i < s->fold_count; i++)
        if (odd_fold_new(s->network, s->capacity, s->folds + i, err))
            return false;
    return true;
}

/* Everything but the options; false when out of memory. */
static bool build(odd_step *s, oddrow_error *err)
{
    const size_t threads = odd_pool_threads(s->pool);
    odd_reduction *r = &s->reduction;

    s->shards = (s->capacity + N - 1) / N;
    s->columns = s->network->losses;
    if (!new_folds(s, threads, err))
        return false;
    s->panel_count = s->options.trim > 0 ? s->shards : threads;
    s->panels = odd_alloc(s->panel_count, sizeof(odd_panel *));
    for (size_t i = 0; s->panels && i < s->panel_count; i++)
        if (odd_panel_new(s->folds[i % s->fold_count], true, s->panels + i, err))
            return false;
    r->network = s->network;
    r->fold = s->fold;
    r->folds = s->folds;
    r->fold_count = s->fold_count;
    r->C = s->network->config.C;
    r->weight_decay = s->options.weight_decay;
    r->frozen = s->options.frozen;
    if (!s->panels || !odd_lane_layout_fill(&r->layout, s->fold) || !new_shards(s))
        return false;
    r->shard = s->shard;
    r->x_stride = s->panels[0]->x_stride;
    r->slot = s->panels[0]->slot;
    return odd_reduction_plan(r, threads) && plan_updates(s);
}

int odd_step_new(odd_network *network, size_t capacity, odd_pool *pool,
                 const odd_step_options *options, odd_step **out, oddrow_error *err)
{
    const odd_step_options defaults = ODD_STEP_OPTIONS;
    odd_step *s = NULL;
    int code = check_options(options ? options : &defaults, err);

    if (code)
        return code;
    if (capacity == 0 || capacity > (size_t)1 << 24)
        return odd_fail(err, ODDROW_EINVAL, "a batch of %zu rows", capacity);
    s = odd_alloc(1, sizeof *s);
    if (s == NULL)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory for a training step");
    s->network = network;
    s->pool = pool;
    s->options = options ? *options : defaults;
    s->capacity = capacity;
    if (!build(s, err)) {
        odd_step_free(&s);
        return odd_fail(err, ODDROW_ENOMEM, "out of memory for a training step of %zu rows",
                        capacity);
    }
    *out = s;
    return 0;
}

void odd_step_free(odd_step **step)
{
    odd_step *s = step ? *step : NULL;

    if (s == NULL)
        return;
    for (size_t i = 0; i < s->panel_count && s->panels; i++)
        odd_panel_free(s->panels + i);
    for (size_t i = 0; i < s->shards && s->shard; i++)
        odd_free(s->shard[i].ids);
    odd_reduction_free(&s->reduction);
    for (size_t i = 0; i < s->fold_count && s->folds; i++)
        odd_fold_free(s->folds + i);
    odd_free(s->folds);
    odd_free(s->filled);
    odd_free(s->panels);
    odd_free(s->shard);
    odd_free(s->sums);
    odd_free(s->order);
    odd_free(s->updates);
    odd_free(s->memory);
    odd_free(s->doubles);
    odd_free(s);
    *step = NULL;
}

/* Sum of n <= 64 floats in double, in a fixed order. */
static double sum_double(const float *x, size_t n)
{
    double sum[4] = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t j = 0; j < 4; j++)
            sum[j] += (double)x[i + j];
    for (; i < n; i++)
        sum[0] += (double)x[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static odd_panel_input input_of(const odd_step *s, size_t shard)
{
    const odd_step_batch *b = s->batch;
    const odd_network_config *c = &s->network->config;
    const size_t first = shard * N;

    return (odd_panel_input){.ids = b->ids ? b->ids + first * c->C : NULL,
                             .values = b->values ? b->values + first * c->F : NULL,
                             .missing = b->missing ? b->missing + first * c->M : NULL,
                             .targets = b->targets ? b->targets + first : NULL,
                             .rows = b->rows - first < N ? b->rows - first : N,
                             .masked_column = ODD_NO_COLUMN,
                             .mask = s->options.mask,
                             .dropout = s->options.dropout,
                             .seed = s->seed,
                             .number = s->number,
                             .first_row = first};
}

static void forward_shard(odd_step *s, odd_panel *p, size_t shard)
{
    const odd_panel_input in = input_of(s, shard);
    shard_sums *sums = s->sums + shard;

    p->direct_logits = s->shard[shard].logits;
    odd_panel_load(p, &in);
    odd_panel_forward(p, &in);
    for (size_t j = 0; j < s->columns; j++)
        sums->columns[j] = sum_double(p->losses + j * N, in.rows);
    sums->rows = sum_double(p->row_losses, in.rows);
    sums->squared = p->squared;
    sums->percent = p->percent;
    sums->measured = p->measured;
    sums->weighted = 0;
    memcpy(s->row_losses + shard * N, p->row_losses, N * sizeof *p->row_losses);
}

static void backward_shard(odd_step *s, odd_panel *p, size_t shard, size_t lane, bool start)
{
    const float *scale = s->scale + shard * N;

    for (size_t r = 0; r < p->rows; r++)
        if (scale[r] > 0)
            s->sums[shard].weighted += (double)scale[r] * (double)s->row_losses[shard * N + r];
    odd_panel_backward(p, scale, &s->reduction.layout,
                       s->reduction.sums + lane * s->reduction.layout.size, start,
                       s->shard + shard);
}

/* The tables that a thread uses, filled for this run. */
static const odd_fold *fold_of(odd_step *s, size_t thread)
{
    odd_fold *f = s->folds[thread % s->fold_count];
    uint64_t *filled = s->filled + thread % s->fold_count * 8;

    if (s->fold_count > 1 && *filled != s->runs) {
        for (size_t i = 0; i < odd_fold_tasks(f); i++)
            odd_fold_task(f, i, thread);
        *filled = s->runs;
    }
    return f;
}

/* Lane i takes the shards i, i + lanes, i + 2 lanes, ... in that order: which depends on the batch
 * alone. */
static void lane_task(void *context, size_t lane, size_t thread)
{
    odd_step *s = context;
    const bool trim = s->options.trim > 0;
    const odd_fold *fold = fold_of(s, thread);

    if (lane >= s->reduction.lanes)
        return; /* here to fill the tables that the reduction will need */
    for (size_t i = lane; i < s->batch_shards; i += s->reduction.lanes) {
        odd_panel *p = s->panels[trim ? i : thread];
        p->fold = fold;
        if (!trim)
            forward_shard(s, p, i);
        backward_shard(s, p, i, lane, i == lane);
    }
}

static void forward_task(void *context, size_t shard, size_t thread)
{
    odd_step *s = context;

    s->panels[shard]->fold = fold_of(s, thread);
    forward_shard(s, s->panels[shard], shard);
}

/* Greatest loss first, not-a-number before all, ties by row. */
static int by_loss(const void *a, const void *b, void *context)
{
    const float *losses = context;
    const uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    const float x = losses[i], y = losses[j];

    if (isnan(x) || isnan(y))
        return isnan(x) && isnan(y) ? (i > j) - (i < j) : isnan(x) ? -1 : 1;
    return x != y ? (x < y) - (x > y) : (i > j) - (i < j);
}

/* scale[r] = weight / sum of weights over the rows kept, 0 elsewhere. *kept is how many. false when
 * the weights sum to nothing. Rows past the batch's last hold 0. */
static bool weigh_rows(odd_step *s, size_t *kept)
{
    const odd_step_batch *b = s->batch;
    const size_t rows = b->rows, drop = (size_t)(s->options.trim * (double)rows);
    double total = 0;

    for (size_t r = 0; r < s->batch_shards * N; r++)
        s->scale[r] = r >= rows ? 0.0f : b->weights ? b->weights[r] : 1.0f;
    if (drop > 0) {
        for (size_t r = 0; r < rows; r++)
            s->order[r] = (uint32_t)r;
        qsort_r(s->order, rows, sizeof *s->order, by_loss, s->row_losses);
        for (size_t i = 0; i < drop; i++)
            s->scale[s->order[i]] = 0;
    }
    *kept = 0;
    for (size_t r = 0; r < rows; r++) {
        total += (double)s->scale[r];
        *kept += s->scale[r] > 0;
    }
    if (!(total > 0) || !isfinite(total))
        return false;
    for (size_t r = 0; r < rows; r++)
        s->scale[r] = (float)((double)s->scale[r] / total);
    return true;
}

static int collect(odd_step *s, size_t kept, odd_step_result *result, oddrow_error *err)
{
    odd_step_result sum = {.kept = kept, .column_sums = s->column_sums};
    size_t measured = 0;

    memset(s->column_sums, 0, s->columns * sizeof *s->column_sums);
    for (size_t i = 0; i < s->batch_shards; i++) {
        for (size_t j = 0; j < s->columns; j++)
            s->column_sums[j] += s->sums[i].columns[j];
        sum.loss += s->sums[i].weighted;
        sum.row_sum += s->sums[i].rows;
        sum.mse += s->sums[i].squared;
        sum.mape += s->sums[i].percent;
        measured += s->sums[i].measured;
    }
    sum.mse = measured ? sum.mse / (double)measured : 0;
    sum.mape = measured ? 100 * sum.mape / (double)measured : 0;
    if (result)
        *result = sum;
    for (size_t j = 0; j < s->columns; j++)
        if (!isfinite(s->column_sums[j]))
            return odd_fail(err, ODDROW_ENUMERIC, "the loss of %s column %zu is %g",
                            j < s->network->config.C ? "categorical" : "numeric",
                            j < s->network->config.C ? j : j - s->network->config.C,
                            s->column_sums[j]);
    if (!isfinite(sum.loss))
        return odd_fail(err, ODDROW_ENUMERIC, "the loss is %g", sum.loss);
    return 0;
}

/* Adam's constants of the next update (Kingma and Ba 2015). */
static void start_update(odd_step *s, double rate)
{
    const odd_step_options *o = &s->options;
    const double t = (double)++s->count;

    s->reduction.rate = rate;
    s->reduction.adam = (odd_adam){.beta1 = (float)o->beta1,
                                   .beta2 = (float)o->beta2,
                                   .epsilon = (float)o->epsilon,
                                   .rate = (float)(rate / (1 - pow(o->beta1, t))),
                                   .root = (float)(1 / sqrt(1 - pow(o->beta2, t)))};
}

static int run(odd_step *s, const odd_step_batch *batch, bool update, double rate, uint64_t seed,
               uint64_t number, odd_step_result *result, oddrow_error *err)
{
    odd_reduction *r = &s->reduction;
    size_t kept = 0;
    int code;

    if (batch->rows == 0 || batch->rows > s->capacity)
        return odd_fail(err, ODDROW_EINVAL, "a batch of %zu rows; the step holds %zu", batch->rows,
                        s->capacity);
    s->batch = batch;
    s->seed = seed;
    s->number = number;
    s->batch_shards = r->shards = (batch->rows + N - 1) / N;
    r->lanes = s->batch_shards < LANES ? s->batch_shards : LANES;
    s->runs++;
    if (s->fold_count == 1)
        odd_pool_run(s->pool, odd_fold_tasks(s->fold), odd_fold_task, s->fold);
    if (s->options.trim > 0)
        odd_pool_run(s->pool, s->batch_shards, forward_task, s);
    if (!weigh_rows(s, &kept))
        return odd_fail(err, ODDROW_EINVAL, "the weights of the batch's rows sum to nothing");
    odd_pool_run(s->pool, r->lanes > s->fold_count ? r->lanes : s->fold_count, lane_task, s);
    code = collect(s, kept, result, err);
    if (code)
        return code;
    r->update = update;
    if (update)
        start_update(s, rate);
    atomic_store_explicit(&r->waiting, r->shared, memory_order_relaxed);
    odd_pool_run(s->pool, r->task_count, odd_reduction_task, r);
    return 0;
}

/* Scales the gradient to the greatest norm allowed; the norm before that. */
static double clip_gradient(odd_step *s)
{
    float *g = s->reduction.gradient;
    double sum[8] = {0}, norm;

    for (size_t i = 0; i < s->network->config.C && s->options.frozen; i++)
        if (s->options.frozen[i]) {
            const odd_tensor *t = s->network->tensors + i;
            memset(g + t->offset, 0, t->rows * t->cols * sizeof *g);
        }
    for (size_t i = 0; i + 8 <= s->network->count; i += 8) /* count is a multiple of 16 */
        for (size_t j = 0; j < 8; j++)
            sum[j] += (double)g[i + j] * (double)g[i + j];
    norm = sqrt(((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7])));
    if (norm > s->options.clip) {
        const float factor = (float)(s->options.clip / norm);
        for (size_t i = 0; i < s->network->count; i++)
            g[i] *= factor;
    }
    return norm;
}

int odd_step_run(odd_step *step, const odd_step_batch *batch, double rate, uint64_t seed,
                 uint64_t number, odd_step_result *result, oddrow_error *err)
{
    const bool clip = step->options.clip > 0;
    int code = run(step, batch, !clip, rate, seed, number, result, err);

    if (code == 0 && clip) {
        double norm = clip_gradient(step);
        if (result)
            result->norm = norm;
        odd_step_apply(step, rate);
    }
    return code;
}

int odd_step_gradient(odd_step *step, const odd_step_batch *batch, uint64_t seed, uint64_t number,
                      odd_step_result *result, oddrow_error *err)
{
    return run(step, batch, false, 0, seed, number, result, err);
}

static void update_chunk(void *context, size_t index, size_t thread)
{
    odd_step *s = context;
    const update_task *u = s->updates + index;
    (void)thread;
    odd_reduction_update(&s->reduction, u->tensor, u->from, u->to);
}

void odd_step_apply(odd_step *step, double rate)
{
    start_update(step, rate);
    odd_pool_run(step->pool, step->update_count, update_chunk, step);
}

float *odd_step_gradients(odd_step *step)
{
    return step->reduction.gradient;
}

float *odd_step_moment1(odd_step *step)
{
    return step->reduction.moment1;
}

float *odd_step_moment2(odd_step *step)
{
    return step->reduction.moment2;
}

uint64_t odd_step_count(const odd_step *step)
{
    return step->count;
}

void odd_step_set_count(odd_step *step, uint64_t count)
{
    step->count = count;
}
