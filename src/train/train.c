/* train/train.c: the order of things: read, learn, calibrate or measure, report. */
#include "train/train.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "model/parts.h"
#include "nn/of_schema.h"
#include "score/calibrate.h"
#include "tables/saved.h"
#include "train/dataset.h"
#include "train/epochs.h"
#include "train/report.h"
#include "train/validate.h"

/* Rows that calibration looks at, at most: beyond them its figures no longer move. */
enum { HELD_ROWS = 262144, REST_ROWS = 65536, SAMPLE_SEED = 77, MAX_PARAMETERS = 1 << 30 };

static int check(const odd_train_options *o, oddrow_error *err)
{
    bool target = o->columns.target != NULL;
    const struct {
        bool fine;
        const char *message;
    } rules[] = {
        {o->contamination >= 0 && o->contamination < 0.5,
         "contamination must be from 0 to below 0.5"},
        {o->validation > 0 && o->validation < 1, "validation must be above 0 and below 1"},
        {o->epochs > 0 && o->batch_size > 0 && o->batch_size <= 1u << 20,
         "epochs must be at least 1, batch-size from 1 to 1,048,576"},
        {o->learning_rate > 0 && o->alerts > 0 && o->alerts < 1,
         "learning-rate must be above 0, alerts between 0 and 1"},
        {o->memory >= 32u << 20, "memory must be at least 32M"},
        {!o->resume || o->checkpoint, "'resume' needs 'checkpoint', a directory"},
        {!target || !(o->contamination > 0), "'contamination' cannot be combined with 'target'"},
        {!target || o->network.objective == ODD_ROW,
         "'objective' cannot be combined with 'target'"},
        {target || o->columns.task == ODD_TARGET_INFER, "'task' needs 'target', a column"},
        {target || !o->class_weights, "'class-weights' needs 'target', a column"},
        {!o->freeze.count || o->embeddings.count,
         "'freeze' needs 'embeddings', a file: there is no table to freeze"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (!rules[i].fine)
            return odd_fail(err, ODDROW_EINVAL, "%s", rules[i].message);
    return 0;
}

typedef struct run {
    odd_train_options options;
    odd_pool *pool;
    odd_dataset dataset; /* its schema becomes the model's */
    odd_rows *held;      /* held-out rows, or a sample of them */
    odd_network *network;
    bool *frozen; /* (C), or NULL: no table is */
    odd_history history;
    odd_model *model; /* takes over schema and network once they are trained */
    odd_metrics metrics;
    double start, seconds;
} run;

static void tell(const run *r, const char *stage, double fraction)
{
    odd_progress progress = {.stage = stage, .fraction = fraction};
    if (r->options.progress)
        r->options.progress(r->options.progress_context, &progress);
}

/* Rows to look at, `most` at the most: an eighth of the memory, where a row takes its own bytes and
 * `floats` more numbers. */
static size_t row_limit(const run *r, const odd_schema *schema, size_t floats, size_t most)
{
    size_t fits = r->options.memory / 8 / (odd_rows_size(schema) + sizeof(float) * floats);
    return fits < most ? fits + 1 : most;
}

/* The rows, and the objective: a target's kind has its own. */
static int read(run *r, const char *const *paths, size_t path_count, oddrow_error *err)
{
    odd_train_options *o = &r->options;
    int rc = odd_dataset_read(paths, path_count, o, r->pool, &r->dataset, err);
    if (rc)
        return rc;
    const odd_schema *schema = r->dataset.schema;
    if (schema->target != SIZE_MAX)
        o->network.objective =
            schema->columns[schema->target].vocabulary ? ODD_CLASSIFY : ODD_REGRESS;
    if (o->class_weights && o->network.objective != ODD_CLASSIFY)
        return odd_fail(err, ODDROW_EINVAL,
                        "class-weights are for classes, and the target is a number");
    if (o->network.objective == ODD_CLASSIFY && r->dataset.train->rows == 0)
        return odd_fail(err, ODDROW_ESCHEMA, "no row has a target");
    return odd_dataset_sample(
        r->dataset.held, schema,
        row_limit(r, schema, schema->C + schema->M + odd_schema_outputs(schema) + 16, HELD_ROWS),
        SAMPLE_SEED + 1, &r->held, err);
}

/* The network that fits the schema, with the tables that it starts from. */
static int make_network(run *r, oddrow_error *err)
{
    const odd_train_options *o = &r->options;
    const odd_schema *schema = r->dataset.schema;
    odd_network_config config = odd_network_configured(&o->network);
    if (schema->C + schema->M == 0)
        return odd_fail(err, ODDROW_ESCHEMA, "nothing to learn: no column is an input");
    bool *frozen = odd_alloc(schema->C + 1, sizeof *frozen);
    int rc = frozen ? odd_network_for_schema(schema, &config, MAX_PARAMETERS, &r->network, err)
                    : odd_no_memory(err);
    if (!rc) {
        odd_network_init(r->network, o->seed);
        rc = odd_saved_apply(&o->embeddings, &o->freeze, o->seed, schema, r->network, frozen,
                             &r->dataset.notes, err);
    }
    if (o->freeze.count)
        r->frozen = frozen;
    else
        odd_free(frozen);
    return rc;
}

/* The measures and their tails, from samples that fit the memory. */
static int calibrate(run *r, oddrow_error *err)
{
    const odd_schema *schema = r->model->schema;
    const odd_calibrate_options options = {r->options.contamination, r->options.alerts,
                                           r->options.seed};
    odd_rows *rest = NULL;
    size_t floats = odd_schema_losses(schema) + r->model->network->X + 8;
    tell(r, "calibrate", -1);
    int rc = odd_dataset_sample(r->dataset.train, schema, row_limit(r, schema, floats, REST_ROWS),
                                SAMPLE_SEED, &rest, err);
    if (!rc)
        rc = odd_calibrate(&r->model->verdict, rest, r->held, &options, r->pool, err);
    odd_rows_free(&rest);
    tell(r, "calibrate", 1);
    return rc;
}

/* Metrics of the held-out rows under the weights that were kept. */
static int measure(run *r, oddrow_error *err)
{
    const odd_network *network = r->model->network;
    const odd_column *target = &r->model->schema->columns[r->model->schema->target];
    const odd_rows *held = r->held;
    odd_validator *validator = NULL;
    float *losses = odd_alloc(held->count + 1, sizeof(float));
    float *outputs = odd_alloc(held->count * network->Y + 1, sizeof(float));
    int rc = losses && outputs ? odd_validator_new(network, r->pool, &validator, err)
                               : odd_no_memory(err);
    if (!rc)
        odd_validator_run(validator, held, losses, outputs);
    if (!rc && target->vocabulary)
        rc = odd_metrics_classes(outputs, held->targets, losses, held->count, network->Y,
                                 &r->metrics, err);
    else if (!rc)
        odd_metrics_numbers(outputs, held->targets, held->count, &target->scaler, &r->metrics);
    odd_validator_free(&validator);
    odd_free(losses);
    odd_free(outputs);
    return rc;
}

/* The model, and what it knows beside its weights: how normal rows score, or how well it predicts.
 */
static int finish(run *r, oddrow_error *err)
{
    const odd_train_options *o = &r->options;
    bool supervised = odd_objective_supervised(o->network.objective);
    int rc = odd_model_new(&r->dataset.schema, &r->network, &r->model, err);
    if (!rc)
        rc = supervised ? measure(r, err) : calibrate(r, err);
    if (!rc)
        rc = odd_training_record(o, &r->dataset, r->model->schema, &r->history, r->frozen,
                                 supervised ? &r->metrics : NULL, &r->model->training, err);
    if (!rc)
        rc = odd_model_seal(r->model, err);
    r->seconds = odd_clock() - r->start;
    if (!rc && o->report)
        rc = odd_report_write(o->report, &r->dataset, &r->history, r->seconds,
                              odd_pool_threads(r->pool), err);
    return rc;
}

static void summarise(const run *r, odd_train_summary *summary)
{
    const odd_history *history = &r->history;
    const odd_epoch *best = &history->epochs[history->best];
    const odd_bytes *notes = &r->dataset.notes;
    *summary = (odd_train_summary){
        .rows = r->dataset.rows,
        .rejected = r->dataset.rejected,
        .epochs = history->count,
        .best_epoch = history->best + 1,
        .seconds = r->seconds,
        .loss = best->loss,
        .validation_loss = best->validation_loss,
        .objective = r->options.network.objective,
        .metrics = r->metrics,
    };
    for (size_t i = 0; i < history->count; i++)
        summary->rows_per_second += history->epochs[i].rows_per_second / (double)history->count;
    size_t size = notes->size; /* whole lines, as many as there is room for */
    while (size >= sizeof summary->notes || (size && notes->data[size - 1] != '\n'))
        size--;
    memcpy(summary->notes, size ? notes->data : "", size);
}

int odd_train(const char *const *paths, size_t path_count, const odd_train_options *options,
              odd_model **model, odd_train_summary *summary, oddrow_error *err)
{
    run r = {.options = *options, .start = odd_clock()};
    *model = NULL;
    r.options.columns.seed = r.options.seed;
    r.options.columns.memory = r.options.memory / 4;
    int rc;
    if ((rc = check(&r.options, err)) || (rc = odd_pool_new(r.options.threads, &r.pool, err)) ||
        (rc = read(&r, paths, path_count, err)) || (rc = make_network(&r, err)) ||
        (rc = odd_epochs_run(&r.options, &r.dataset, r.held, r.frozen, r.pool, r.network,
                             &r.history, err)) ||
        (rc = finish(&r, err)))
        goto done;
    summarise(&r, summary);
    *model = r.model;
    r.model = NULL;
done:
    odd_model_free(&r.model);
    odd_network_free(&r.network);
    odd_history_free(&r.history);
    odd_rows_free(&r.held);
    odd_free(r.frozen);
    odd_dataset_free(&r.dataset);
    odd_pool_free(&r.pool);
    return rc;
}
