/* nn/step.c: a training step: fold, shards forward and backward, reduction with Adam. */
#include "nn/step.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "nn/forward.h"
#include "nn/step_reduce.h"

enum { N = ODD_PANEL, LANES = 32, PRIVATE_FOLD = 1 << 20 };

/* What a shard reports, all over its own rows. */
typedef struct shard_sums {
    double *columns; /* (losses) */
    double weighted, squared, percent;
    size_t measured;
} shard_sums;

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
    odd_panel **panels;    /* one a thread */
    odd_shard_rows *shard; /* (shards) */
    shard_sums *sums;      /* (shards) */
    float *scale;          /* (shards, 64) weight of a row in the loss */
    double *column_sums;   /* (losses) */
    uint64_t count;        /* Adam's updates */
    /* the batch at hand */
    const odd_rows *rows;
    const float *weights;
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
    } shares[] = {{"dropout", o->dropout},
                  {"mask", o->mask},
                  {"beta1", o->beta1},
                  {"beta2", o->beta2},
                  {"weight decay", o->weight_decay}};

    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        if (!(shares[i].value >= 0 && shares[i].value < 1))
            return odd_fail(err, ODDROW_EINVAL, "%s %g is not in [0, 1)", shares[i].name,
                            shares[i].value);
    if (!(o->epsilon > 0 && o->epsilon < 1))
        return odd_fail(err, ODDROW_EINVAL, "epsilon %g is not in (0, 1)", o->epsilon);
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

    s->memory = odd_alloc(s->shards * (layer1 + x + query + logits + N) + lanes * lane +
                              3 * ODD_PADDED(n->count) + 16,
                          sizeof *s->memory);
    s->shard = odd_alloc(s->shards, sizeof *s->shard);
    s->sums = odd_alloc(s->shards, sizeof *s->sums);
    s->doubles = odd_alloc((s->shards + 1) * s->columns, sizeof *s->doubles);
    if (!s->memory || !s->shard || !s->sums || !s->doubles)
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
    s->reduction.sums = s->scale + s->shards * N;
    s->reduction.gradient = s->reduction.sums + lanes * lane;
    s->reduction.moment1 = s->reduction.gradient + ODD_PADDED(n->count);
    s->reduction.moment2 = s->reduction.moment1 + ODD_PADDED(n->count);
    s->reduction.layout.size = lane;
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
    s->panels = odd_alloc(threads, sizeof(odd_panel *));
    for (size_t i = 0; s->panels && i < threads; i++)
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
    return odd_reduction_plan(r, threads);
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
    for (size_t i = 0; s->panels && i < odd_pool_threads(s->pool); i++)
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
    const size_t first = shard * N, left = s->rows->count - first;

    return (odd_panel_input){.rows = odd_rows_slice(s->rows, first, left < N ? left : N),
                             .first_row = first,
                             .masked_column = ODD_NO_COLUMN,
                             .mask = s->options.mask,
                             .dropout = s->options.dropout,
                             .seed = s->seed,
                             .number = s->number};
}

static void forward_shard(odd_step *s, odd_panel *p, size_t shard)
{
    const odd_panel_input in = input_of(s, shard);
    shard_sums *sums = s->sums + shard;

    p->direct_logits = s->shard[shard].logits;
    odd_panel_load(p, &in);
    odd_panel_forward(p, &in);
    for (size_t j = 0; j < s->columns; j++)
        sums->columns[j] = sum_double(p->losses + j * N, in.rows.count);
    sums->squared = p->squared;
    sums->percent = p->percent;
    sums->measured = p->measured;
}

static void backward_shard(odd_step *s, odd_panel *p, size_t shard, size_t lane, bool start)
{
    const float *scale = s->scale + shard * N;

    s->sums[shard].weighted = 0;
    for (size_t r = 0; r < p->rows; r++)
        if (scale[r] > 0)
            s->sums[shard].weighted += (double)scale[r] * (double)p->row_losses[r];
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
    odd_panel *p = s->panels[thread];

    p->fold = fold_of(s, thread);
    if (lane >= s->reduction.lanes)
        return; /* here to fill the tables that the reduction will need */
    for (size_t i = lane; i < s->batch_shards; i += s->reduction.lanes) {
        forward_shard(s, p, i);
        backward_shard(s, p, i, lane, i == lane);
    }
}

/* scale[r] = weight / sum of weights, 0 past the last row; false when they sum to nothing. */
static bool weigh_rows(odd_step *s)
{
    double total = 0;

    for (size_t r = 0; r < s->batch_shards * N; r++)
        s->scale[r] = r >= s->rows->count ? 0.0f : s->weights ? s->weights[r] : 1.0f;
    for (size_t r = 0; r < s->rows->count; r++)
        total += (double)s->scale[r];
    if (!(total > 0) || !isfinite(total))
        return false;
    for (size_t r = 0; r < s->rows->count; r++)
        s->scale[r] = (float)((double)s->scale[r] / total);
    return true;
}

static int collect(odd_step *s, odd_step_result *result, oddrow_error *err)
{
    odd_step_result sum = {.column_sums = s->column_sums};
    size_t measured = 0;

    memset(s->column_sums, 0, s->columns * sizeof *s->column_sums);
    for (size_t i = 0; i < s->batch_shards; i++) {
        for (size_t j = 0; j < s->columns; j++)
            s->column_sums[j] += s->sums[i].columns[j];
        sum.loss += s->sums[i].weighted;
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

int odd_step_run(odd_step *s, const odd_rows *rows, const float *weights, double rate,
                 uint64_t seed, uint64_t number, odd_step_result *result, oddrow_error *err)
{
    odd_reduction *r = &s->reduction;
    int rc;

    if (rows->count == 0 || rows->count > s->capacity)
        return odd_fail(err, ODDROW_EINVAL, "a batch of %zu rows; the step holds %zu", rows->count,
                        s->capacity);
    s->rows = rows;
    s->weights = weights;
    s->seed = seed;
    s->number = number;
    s->batch_shards = r->shards = (rows->count + N - 1) / N;
    r->lanes = s->batch_shards < LANES ? s->batch_shards : LANES;
    s->runs++;
    if (!weigh_rows(s))
        return odd_fail(err, ODDROW_EINVAL, "the weights of the batch's rows sum to nothing");
    if (s->fold_count == 1)
        odd_pool_run(s->pool, odd_fold_tasks(s->fold), odd_fold_task, s->fold);
    odd_pool_run(s->pool, r->lanes > s->fold_count ? r->lanes : s->fold_count, lane_task, s);
    rc = collect(s, result, err);
    if (rc)
        return rc;
    start_update(s, rate);
    atomic_store_explicit(&r->waiting, r->shared, memory_order_relaxed);
    odd_pool_run(s->pool, r->task_count, odd_reduction_task, r);
    return 0;
}

const float *odd_step_gradients(const odd_step *step)
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
