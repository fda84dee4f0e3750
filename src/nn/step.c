/* nn/step.c: a training step: tables filled, shards forward and backward, reduction with Adam. */
#include "nn/step.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "nn/reduce.h"

enum { LANES = 32, PRIVATE_TABLES = 1 << 20 };

/* What a shard reports, all over its own rows. */
typedef struct shard_report {
    double weighted; /* sum of the row losses by their weights */
    odd_tally tally;
} shard_report;

struct odd_step {
    odd_network *network;
    odd_pool *pool;
    odd_step_options options;
    size_t capacity, shards, losses;
    odd_reduction reduction; /* with the plans: one a thread where filling is quick, else one */
    uint64_t runs;
    odd_panel **panels;    /* one a thread */
    shard_report *reports; /* (shards) */
    float *scale;          /* (shards, N) weight of a row in the loss */
    double *columns;       /* (shards, losses) sums of the column losses over a shard's rows */
    double *column_sums;   /* (losses) over all rows */
    uint64_t count;        /* Adam's updates */
    /* the batch at hand */
    const odd_rows *rows;
    const float *weights;
    uint64_t seed, number;
    void *memory;
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

static void carve(void *step, odd_carver *c)
{
    odd_step *s = step;
    odd_reduction *r = &s->reduction;
    const size_t lanes = s->shards < LANES ? s->shards : LANES, count = s->network->count;
    r->shard = odd_carve(c, s->shards, sizeof *r->shard);
    s->reports = odd_carve(c, s->shards, sizeof *s->reports);
    s->columns = odd_carve(c, s->shards * s->losses, sizeof *s->columns);
    s->column_sums = odd_carve(c, s->losses, sizeof *s->column_sums);
    s->scale = odd_carve(c, s->shards * N, sizeof *s->scale);
    r->sums = odd_carve(c, lanes * r->plan->lane, sizeof *r->sums);
    r->gradient = odd_carve(c, count, sizeof *r->gradient);
    r->moment1 = odd_carve(c, count, sizeof *r->moment1);
    r->moment2 = odd_carve(c, count, sizeof *r->moment2);
    for (size_t i = 0; i < s->shards; i++) {
        odd_shard shard;
        odd_shard_carve(r->plan, &shard, c);
        if (r->shard) /* not while sizes are counted */
            r->shard[i] = shard;
    }
}

/* Everything but the options. Where filling the tables takes less than passing them between cores,
 * each thread fills its own. */
static int build(odd_step *s, oddrow_error *err)
{
    const size_t threads = odd_pool_threads(s->pool);
    odd_reduction *r = &s->reduction;
    int rc = 0;
    r->network = s->network;
    r->weight_decay = s->options.weight_decay;
    r->frozen = s->options.frozen;
    r->plans = odd_alloc(threads, sizeof(odd_plan *));
    s->panels = odd_alloc(threads, sizeof(odd_panel *));
    if (!r->plans || !s->panels)
        return odd_no_memory(err);
    for (size_t i = 0; i < threads && rc == 0; i++) {
        if (i == 0 || r->plan->cost <= PRIVATE_TABLES)
            rc = odd_plan_new(s->network, s->capacity, r->plans + r->plan_count++, err);
        r->plan = r->plans[0];
        if (rc == 0)
            rc = odd_panel_new(r->plans[i % r->plan_count], s->panels + i, err);
    }
    if (rc)
        return rc;
    s->memory = odd_carve_all(carve, s);
    if (!s->memory || !odd_reduction_plan(r, threads))
        return odd_fail(err, ODDROW_ENOMEM, "out of memory for a training step of %zu rows",
                        s->capacity);
    return 0;
}

int odd_step_new(odd_network *network, size_t capacity, odd_pool *pool,
                 const odd_step_options *options, odd_step **out, oddrow_error *err)
{
    const odd_step_options defaults = ODD_STEP_OPTIONS;
    odd_step *s = NULL;
    int rc = check_options(options ? options : &defaults, err);
    if (rc)
        return rc;
    if (capacity == 0 || capacity > (size_t)1 << 24)
        return odd_fail(err, ODDROW_EINVAL, "a batch of %zu rows", capacity);
    s = odd_alloc(1, sizeof *s);
    if (!s)
        return odd_no_memory(err);
    s->network = network;
    s->pool = pool;
    s->options = options ? *options : defaults;
    s->capacity = capacity;
    s->shards = (capacity + N - 1) / N;
    s->losses = network->losses;
    rc = build(s, err);
    if (rc)
        odd_step_free(&s);
    else
        *out = s;
    return rc;
}

void odd_step_free(odd_step **step)
{
    odd_step *s = step ? *step : NULL;
    if (!s)
        return;
    for (size_t i = 0; s->panels && i < odd_pool_threads(s->pool); i++)
        odd_panel_free(s->panels + i);
    for (size_t i = 0; s->reduction.plans && i < s->reduction.plan_count; i++)
        odd_plan_free(s->reduction.plans + i);
    odd_reduction_free(&s->reduction);
    odd_free(s->reduction.plans);
    odd_free(s->panels);
    odd_free(s->memory);
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

static void run_shard(odd_step *s, odd_panel *p, size_t shard, size_t lane, bool start)
{
    const size_t first = shard * N, left = s->rows->count - first;
    const float *scale = s->scale + first;
    const odd_panel_input in = {.rows = odd_rows_slice(s->rows, first, left < N ? left : N),
                                .first_row = first,
                                .masked_column = ODD_NO_COLUMN,
                                .mask = s->options.mask,
                                .dropout = s->options.dropout,
                                .seed = s->seed,
                                .number = s->number};
    shard_report *report = s->reports + shard;
    p->shard = s->reduction.shard + shard;
    odd_panel_forward(p, &in, s->network->layer_count);
    for (size_t j = 0; j < s->losses; j++)
        s->columns[shard * s->losses + j] = sum_double(p->losses + j * N, p->rows);
    report->tally = p->tally;
    report->weighted = 0;
    for (size_t r = 0; r < p->rows; r++)
        if (scale[r] > 0)
            report->weighted += (double)scale[r] * (double)p->row_losses[r];
    odd_panel_backward(p, scale, s->reduction.sums + lane * s->reduction.plan->lane, start);
}

/* Lane i takes the shards i, i + lanes, i + 2 lanes, ... in that order: which depends on the batch
 * alone. Tasks past the lanes only fill the tables that the reduction will need. */
static void lane_task(void *context, size_t lane, size_t thread)
{
    odd_step *s = context;
    const odd_reduction *r = &s->reduction;
    odd_plan *plan = r->plans[thread % r->plan_count];
    if (r->plan_count > 1 && plan->filled != s->runs) {
        for (size_t i = 0; i < plan->tasks; i++)
            odd_plan_task(plan, i, thread);
        plan->filled = s->runs;
    }
    for (size_t i = lane; lane < r->lanes && i < r->shards; i += r->lanes)
        run_shard(s, s->panels[thread], i, lane, i == lane);
}

/* scale[r] = weight / sum of weights, 0 past the last row; false when they sum to nothing. */
static bool weigh_rows(odd_step *s)
{
    double total = 0;
    for (size_t r = 0; r < s->reduction.shards * N; r++)
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
    const size_t C = s->network->config.C;
    size_t count = 0;
    memset(s->column_sums, 0, s->losses * sizeof *s->column_sums);
    for (size_t i = 0; i < s->reduction.shards; i++) {
        for (size_t j = 0; j < s->losses; j++)
            s->column_sums[j] += s->columns[i * s->losses + j];
        sum.loss += s->reports[i].weighted;
        sum.mse += s->reports[i].tally.squared;
        sum.mape += s->reports[i].tally.percent;
        count += s->reports[i].tally.count;
    }
    sum.mse = count ? sum.mse / (double)count : 0;
    sum.mape = count ? 100 * sum.mape / (double)count : 0;
    if (result)
        *result = sum;
    for (size_t j = 0; j < s->losses; j++)
        if (!isfinite(s->column_sums[j]))
            return odd_fail(err, ODDROW_ENUMERIC, "the loss of %s column %zu is %g",
                            j < C ? "categorical" : "numeric", j < C ? j : j - C,
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
    r->shards = (rows->count + N - 1) / N;
    r->lanes = r->shards < LANES ? r->shards : LANES;
    s->runs++;
    if (!weigh_rows(s))
        return odd_fail(err, ODDROW_EINVAL, "the weights of the batch's rows sum to nothing");
    if (r->plan_count == 1)
        odd_pool_run(s->pool, r->plan->tasks, odd_plan_task, r->plans[0]);
    odd_pool_run(s->pool, r->lanes > r->plan_count ? r->lanes : r->plan_count, lane_task, s);
    rc = collect(s, result, err);
    if (rc)
        return rc;
    start_update(s, rate);
    atomic_store_explicit(&r->waiting, r->shared, memory_order_relaxed);
    odd_pool_run(s->pool, r->task_count, odd_reduction_task, r);
    return 0;
}

odd_step_state odd_step_state_of(odd_step *step)
{
    const odd_reduction *r = &step->reduction;
    return (odd_step_state){r->gradient, r->moment1, r->moment2, &step->count};
}
