/* train/epochs.c: the loop of steps, validation and checkpoints. */
#include "train/epochs.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "train/checkpoint.h"
#include "train/validate.h"
#include "train/window.h"

static const double CHECKPOINT_SECONDS = 1; /* at most one checkpoint in so long */

void odd_history_free(odd_history *history)
{
    if (!history)
        return;
    odd_free(history->epochs);
    *history = (odd_history){0};
}

double odd_one_cycle(double peak, uint64_t step, uint64_t total)
{
    double start = peak / 25, end = start / 1e4;
    double up = 0.1 * (double)total - 1, last = (double)total - 1;
    double at = (double)step < last ? (double)step : last;
    double from = at < up ? start : peak, to = at < up ? peak : end;
    double share = at < up ? at / up : last > up ? (at - up) / (last - up) : 1;
    return to + (from - to) / 2 * (1 + cos(3.14159265358979323846 * share));
}

static uint64_t steps_per_epoch(const odd_train_options *options, uint64_t rows)
{
    return (rows + options->batch_size - 1) / options->batch_size;
}

size_t odd_epochs_planned(const odd_train_options *options, uint64_t rows)
{
    uint64_t steps = steps_per_epoch(options, rows);
    uint64_t least = (options->min_steps + steps - 1) / steps;
    return least > options->epochs ? (size_t)least : options->epochs;
}

typedef struct loop {
    const odd_train_options *options;
    odd_dataset *dataset;
    const odd_rows *held;
    odd_progress_state state;
    odd_window *window;
    odd_validator *validator;
    float *losses; /* of the held-out rows */
    const bool *frozen;
    float *class_weights; /* NULL: all rows weigh the same */
    float *weights;       /* of the rows at hand */
    size_t epochs;        /* planned */
    uint64_t steps;       /* planned */
    uint64_t fingerprint;
    double told, saved;
} loop;

static void tell(loop *l, uint64_t rows, double loss, double rate, double rows_per_second,
                 bool last)
{
    double now = odd_clock();
    const odd_history *history = &l->state.history;
    if (!l->options->progress || (!last && now - l->told < 0.2))
        return;
    l->told = now;
    odd_progress progress = {
        .stage = "train",
        .rows = rows,
        .fraction = (double)l->state.number / (double)l->steps,
        .rows_per_second = rows_per_second,
        .epoch = history->count + (last ? 0 : 1),
        .epochs = l->epochs,
        .loss = loss,
        .validation_loss =
            history->count ? history->epochs[history->count - 1].validation_loss : NAN,
        .learning_rate = rate,
    };
    l->options->progress(l->options->progress_context, &progress);
}

/* A loss that is not finite: say in which epoch, batch and column. */
static int name_column(const loop *l, const odd_step_result *result, size_t batch, int rc,
                       oddrow_error *err)
{
    const odd_schema *schema = l->dataset->schema;
    bool known = rc == ODDROW_ENUMERIC && result->column_sums &&
                 !odd_objective_supervised(l->state.network->config.objective);
    size_t k = 0;
    while (known && k < schema->K &&
           (schema->columns[k].loss == SIZE_MAX ||
            isfinite(result->column_sums[schema->columns[k].loss])))
        k++;
    known = known && k < schema->K;
    return odd_prefix(err, rc, "epoch %zu, batch %zu%s%s: ", l->state.history.count + 1, batch,
                      known ? ", column " : "", known ? schema->columns[k].name : "");
}

/* The weight of each class: rows / (classes * rows of the class), so that their mean over the rows
 * is 1. */
static void weigh_classes(const odd_schema *schema, float *weights)
{
    size_t classes = odd_schema_outputs(schema);
    const uint64_t *counts = schema->columns[schema->target].vocabulary->counts + 1;
    double rows = 0;
    for (size_t c = 0; c < classes; c++)
        rows += (double)counts[c];
    for (size_t c = 0; c < classes; c++)
        weights[c] = counts[c] ? (float)(rows / ((double)classes * (double)counts[c])) : 1.0f;
}

/* The weights of rows by their classes; NULL: all alike. */
static const float *weigh(loop *l, const odd_rows *rows)
{
    for (size_t i = 0; l->class_weights && i < rows->count; i++)
        l->weights[i] = l->class_weights[(size_t)rows->targets[i]];
    return l->weights;
}

/* The mean held-out loss; with weights the weighted one, which is what training lowers. */
static double validate(loop *l)
{
    const float *weights = weigh(l, l->held);
    double sum = 0, total = 0;
    odd_validator_run(l->validator, l->held, l->losses, NULL);
    for (size_t i = 0; i < l->held->count; i++) {
        double weight = weights ? (double)weights[i] : 1;
        sum += weight * (double)l->losses[i];
        total += weight;
    }
    return sum / total;
}

/* All steps of one epoch. Only they are timed. */
static int train_epoch(loop *l, odd_epoch *epoch, oddrow_error *err)
{
    double seconds = 0, rows = 0;
    odd_rows batch;
    int rc;
    odd_window_start(l->window, l->options->seed, l->state.history.count);
    for (size_t batches = 1; !(rc = odd_window_next(l->window, &batch, err)) && batch.count;
         batches++) {
        double count = (double)batch.count, start;
        const float *weights = weigh(l, &batch);
        odd_step_result result = {0};
        epoch->learning_rate = odd_one_cycle(l->options->learning_rate, l->state.number, l->steps);
        start = odd_clock();
        rc = odd_step_run(l->state.step, &batch, weights, epoch->learning_rate, l->options->seed,
                          l->state.number, &result, err);
        seconds += odd_clock() - start;
        if (rc)
            return name_column(l, &result, batches, rc, err);
        l->state.number++;
        rows += count;
        epoch->loss += result.loss * count;
        epoch->mse += result.mse * count;
        epoch->mape += result.mape * count;
        epoch->rows_per_second = seconds > 0 ? rows / seconds : 0;
        tell(l, (uint64_t)rows, epoch->loss / rows, epoch->learning_rate, epoch->rows_per_second,
             false);
    }
    epoch->loss /= rows;
    epoch->mse /= rows;
    epoch->mape /= rows;
    return rc;
}

static int remember(loop *l, const odd_epoch *epoch, oddrow_error *err)
{
    odd_history *h = &l->state.history;
    if (odd_grow(&h->epochs, &h->capacity, h->count + 1, sizeof *h->epochs, err))
        return ODDROW_ENOMEM;
    h->epochs[h->count++] = *epoch;
    if (h->count == 1 || epoch->validation_loss < h->best_loss) {
        h->best = h->count - 1;
        h->best_loss = epoch->validation_loss;
        l->state.stale = 0;
        memcpy(l->state.best, l->state.network->parameters,
               l->state.network->count * sizeof(float));
    } else {
        l->state.stale++;
    }
    /* where min_steps stretches a small file's run, patience stretches with it */
    size_t stretch = (l->epochs + l->options->epochs - 1) / l->options->epochs;
    l->state.stopped = l->options->patience && l->state.stale >= l->options->patience * stretch;
    return 0;
}

static int save(loop *l, oddrow_error *err)
{
    bool last = l->state.stopped || l->state.history.count == l->epochs;
    double now = odd_clock();
    if (!l->options->checkpoint || (!last && now - l->saved < CHECKPOINT_SECONDS))
        return 0;
    l->saved = now;
    return odd_checkpoint_save(l->options->checkpoint, &l->state, l->fingerprint, err);
}

static int run(loop *l, oddrow_error *err)
{
    int rc = 0;
    while (!rc && !l->state.stopped && l->state.history.count < l->epochs) {
        odd_epoch epoch = {0};
        rc = train_epoch(l, &epoch, err);
        if (rc)
            break;
        epoch.validation_loss = validate(l);
        if (!isfinite(epoch.validation_loss))
            return odd_fail(err, ODDROW_ENUMERIC,
                            "epoch %zu: the validation loss is not a number; a lower "
                            "learning-rate may help",
                            l->state.history.count + 1);
        rc = remember(l, &epoch, err);
        if (!rc)
            rc = save(l, err);
        tell(l, l->dataset->train->rows, epoch.loss, epoch.learning_rate, epoch.rows_per_second,
             true);
    }
    return rc;
}

static int start(loop *l, odd_pool *pool, oddrow_error *err)
{
    const odd_train_options *options = l->options;
    const odd_schema *schema = l->dataset->schema;
    odd_network *network = l->state.network;
    odd_step_options step = ODD_STEP_OPTIONS;
    uint64_t rows = l->dataset->train->rows;
    step.dropout = options->network.dropout;
    step.mask = options->network.mask;
    step.weight_decay = options->weight_decay;
    step.frozen = l->frozen;
    l->epochs = odd_epochs_planned(options, rows);
    l->steps = l->epochs * steps_per_epoch(options, rows);
    l->fingerprint = odd_checkpoint_fingerprint(options, l->dataset, network, l->frozen);
    l->saved = odd_clock();
    l->state.best = odd_alloc(network->count, sizeof(float));
    l->losses = odd_alloc(l->held->count, sizeof(float));
    if (!l->state.best || !l->losses)
        return odd_no_memory(err);
    if (options->class_weights) {
        size_t most = l->held->count > options->batch_size ? l->held->count : options->batch_size;
        l->class_weights = odd_alloc(odd_schema_outputs(schema), sizeof(float));
        l->weights = odd_alloc(most, sizeof(float));
        if (!l->class_weights || !l->weights)
            return odd_no_memory(err);
        weigh_classes(schema, l->class_weights);
    }
    int rc = odd_step_new(network, options->batch_size, pool, &step, &l->state.step, err);
    if (!rc)
        rc = odd_window_new(l->dataset->train, schema, options->batch_size, options->memory / 4,
                            &l->window, err);
    if (!rc)
        rc = odd_validator_new(network, pool, &l->validator, err);
    bool found = false;
    if (!rc && options->resume)
        rc = odd_checkpoint_load(options->checkpoint, &l->state, l->fingerprint, &found, err);
    return rc;
}

int odd_epochs_run(const odd_train_options *options, odd_dataset *dataset, const odd_rows *held,
                   const bool *frozen, odd_pool *pool, odd_network *network, odd_history *history,
                   oddrow_error *err)
{
    loop l = {.options = options,
              .dataset = dataset,
              .held = held,
              .frozen = frozen,
              .state = {.network = network}};
    int rc = start(&l, pool, err);
    if (!rc)
        rc = run(&l, err);
    if (!rc) {
        memcpy(network->parameters, l.state.best, network->count * sizeof(float));
        *history = l.state.history;
        l.state.history = (odd_history){0};
    }
    odd_history_free(&l.state.history);
    odd_step_free(&l.state.step);
    odd_window_free(&l.window);
    odd_validator_free(&l.validator);
    odd_free(l.state.best);
    odd_free(l.losses);
    odd_free(l.class_weights);
    odd_free(l.weights);
    return rc;
}
