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
    if (!(o->contamination >= 0 && o->contamination < 0.5))
        return odd_fail(err, ODDROW_EINVAL, "contamination must be from 0 to below 0.5");
    if (!(o->validation > 0 && o->validation < 1))
        return odd_fail(err, ODDROW_EINVAL, "validation must be above 0 and below 1");
    if (o->epochs == 0 || o->batch_size == 0 || o->batch_size > (1u << 20))
        return odd_fail(err, ODDROW_EINVAL,
                        "epochs must be at least 1, batch-size from 1 to 1,048,576");
    if (!(o->learning_rate > 0) || !(o->alerts > 0 && o->alerts < 1))
        return odd_fail(err, ODDROW_EINVAL,
                        "learning-rate must be above 0, alerts between 0 and 1");
    if (o->memory < (32u << 20))
        return odd_fail(err, ODDROW_EINVAL, "memory must be at least 32M");
    if (o->resume && !o->checkpoint)
        return odd_fail(err, ODDROW_EINVAL, "resume needs checkpoint, a directory");
    bool target = o->columns.target != NULL;
    if (target && o->contamination > 0)
        return odd_fail(err, ODDROW_EINVAL, "contamination is for training without target");
    if (target && o->objective != ODD_ROW)
        return odd_fail(err, ODDROW_EINVAL, "objective is for training without target");
    if (!target && o->columns.task != ODD_TARGET_INFER)
        return odd_fail(err, ODDROW_EINVAL, "task needs target, a column");
    if (!target && o->class_weights)
        return odd_fail(err, ODDROW_EINVAL, "class-weights needs target, a column");
    if (o->freeze.count && !o->embeddings.count)
        return odd_fail(err, ODDROW_EINVAL, "freeze needs embeddings: nothing is loaded");
    return 0;
}

const size_t odd_supervised_widths[ODD_SUPERVISED_LAYERS] = {64, 32};

/* The objective that a schema asks for: a target's kind, else the options'. */
static odd_objective objective_of(const odd_train_options *options, const odd_schema *schema)
{
    if (schema->target == SIZE_MAX)
        return options->objective;
    return schema->columns[schema->target].vocabulary ? ODD_CLASSIFY : ODD_REGRESS;
}

/* The network that fits the schema. */
static int make_network(const odd_train_options *options, const odd_schema *schema,
                        odd_network **out, oddrow_error *err)
{
    odd_network_config config = ODD_NETWORK_CONFIG;
    config.P = options->projection;
    config.activation = options->activation;
    config.objective = objective_of(options, schema);
    if (odd_objective_supervised(config.objective)) {
        config.widths = odd_supervised_widths;
        config.layers = ODD_SUPERVISED_LAYERS;
    }
    if (options->widths.count) {
        config.widths = options->widths.items;
        config.layers = options->widths.count;
    }
    int rc = schema->C + schema->M
                 ? 0
                 : odd_fail(err, ODDROW_ESCHEMA, "nothing to learn: no column is an input");
    if (!rc)
        rc = odd_network_for_schema(schema, &config, MAX_PARAMETERS, out, err);
    if (!rc)
        odd_network_init(*out, options->seed);
    return rc;
}

static void tell(const odd_train_options *options, const char *stage, double fraction)
{
    odd_progress progress = {.stage = stage, .fraction = fraction};
    if (options->progress)
        options->progress(options->progress_context, &progress);
}

/* Prototypes, shape and tails from samples that fit the memory budget. */
static int calibrate(odd_model *model, odd_dataset *dataset, const odd_rows *held,
                     const odd_train_options *options, odd_pool *pool, oddrow_error *err)
{
    odd_rows *rest = NULL;
    size_t row = odd_rows_size(model->schema) +
                 sizeof(float) * (odd_schema_losses(model->schema) + model->network->X + 8);
    size_t fits = options->memory / 8 / row;
    size_t limit = fits < REST_ROWS ? fits + 1 : REST_ROWS;
    tell(options, "calibrate", -1);
    int rc = odd_dataset_sample(dataset->train, model->schema, limit, SAMPLE_SEED, &rest, err);
    if (!rc)
        rc = odd_calibrate(
            &model->verdict, rest, held,
            &(odd_calibrate_options){options->contamination, options->alerts, options->seed}, pool,
            err);
    odd_rows_free(&rest);
    tell(options, "calibrate", 1);
    return rc;
}

static void summarise(odd_train_summary *summary, const odd_dataset *dataset,
                      const odd_history *history, const odd_model *model,
                      const odd_metrics *metrics, double seconds)
{
    const odd_epoch *best = &history->epochs[history->best];
    *summary = (odd_train_summary){
        .rows = dataset->rows,
        .rejected = dataset->rejected,
        .epochs = history->count,
        .best_epoch = history->best + 1,
        .seconds = seconds,
        .loss = best->loss,
        .validation_loss = best->validation_loss,
        .objective = model->network->config.objective,
        .metrics = *metrics,
    };
    for (size_t i = 0; i < history->count; i++)
        summary->rows_per_second += history->epochs[i].rows_per_second / (double)history->count;
    size_t size = dataset->notes.size; /* whole lines, as many as there is room for */
    while (size >= sizeof summary->notes || (size && dataset->notes.data[size - 1] != '\n'))
        size--;
    memcpy(summary->notes, size ? dataset->notes.data : "", size);
}

/* A row's held-out bytes: encoded, its column losses, and the measures. */
static size_t held_limit(const odd_schema *schema, size_t memory)
{
    size_t row = odd_rows_size(schema) +
                 sizeof(float) * (schema->C + schema->M + odd_schema_outputs(schema) + 16);
    size_t fits = memory / 8 / row;
    return fits < HELD_ROWS ? fits + 1 : HELD_ROWS;
}

/* Metrics of the held-out rows under the weights that were kept. */
static int measure(const odd_model *model, const odd_rows *held, odd_pool *pool,
                   odd_metrics *metrics, oddrow_error *err)
{
    const odd_network *network = model->network;
    const odd_column *target = &model->schema->columns[model->schema->target];
    odd_validator *validator = NULL;
    float *losses = odd_alloc(held->count + 1, sizeof(float));
    float *outputs = odd_alloc(held->count * network->Y + 1, sizeof(float));
    int rc =
        losses && outputs ? odd_validator_new(network, pool, &validator, err) : odd_no_memory(err);
    if (!rc)
        odd_validator_run(validator, held, losses, outputs);
    if (!rc && target->vocabulary)
        rc = odd_metrics_classes(outputs, held->targets, losses, held->count, network->Y, metrics,
                                 err);
    else if (!rc)
        odd_metrics_numbers(outputs, held->targets, held->count, &target->scaler, metrics);
    odd_validator_free(&validator);
    odd_free(losses);
    odd_free(outputs);
    return rc;
}

/* What the model knows beside its weights: how normal rows score, or how well it predicts. */
static int finish(const odd_train_options *options, odd_dataset *dataset, const odd_rows *held,
                  const odd_history *history, odd_pool *pool, odd_model *model, const bool *frozen,
                  odd_metrics *metrics, oddrow_error *err)
{
    const odd_schema *schema = model->schema;
    bool supervised = odd_model_supervised(model);
    int rc = supervised ? measure(model, held, pool, metrics, err)
                        : calibrate(model, dataset, held, options, pool, err);
    if (rc)
        return rc;
    model->training = odd_training_record(options, dataset, history);
    if (!model->training ||
        (options->freeze.count && odd_training_record_frozen(model->training, schema, frozen)) ||
        (supervised && odd_training_record_target(model->training, options, dataset,
                                                  schema->columns[schema->target].name,
                                                  model->network->config.objective, metrics)))
        return odd_no_memory(err);
    return odd_model_seal(model, err);
}

static int learn(const odd_train_options *options, odd_dataset *dataset, odd_pool *pool,
                 double start, odd_model **out, odd_train_summary *summary, oddrow_error *err)
{
    odd_network *network = NULL;
    odd_model *model = NULL;
    odd_history history = {0};
    odd_rows *held = NULL;
    odd_metrics metrics = {0};
    bool *frozen = odd_alloc(dataset->schema->C + 1, sizeof *frozen);
    int rc = frozen ? make_network(options, dataset->schema, &network, err) : odd_no_memory(err);
    if (!rc)
        rc = odd_saved_apply(&options->embeddings, &options->freeze, options->seed, dataset->schema,
                             network, frozen, &dataset->notes, err);
    if (!rc)
        rc = odd_dataset_sample(dataset->held, dataset->schema,
                                held_limit(dataset->schema, options->memory), SAMPLE_SEED + 1,
                                &held, err);
    if (!rc)
        rc = odd_epochs_run(options, dataset, held, options->freeze.count ? frozen : NULL, pool,
                            network, &history, err);
    if (!rc)
        rc = odd_model_new(&dataset->schema, &network, &model, err);
    if (!rc)
        rc = finish(options, dataset, held, &history, pool, model, frozen, &metrics, err);
    double seconds = odd_clock() - start;
    if (!rc && options->report)
        rc = odd_report_write(options->report, dataset, &history, seconds, odd_pool_threads(pool),
                              err);
    if (!rc) {
        summarise(summary, dataset, &history, model, &metrics, seconds);
        *out = model;
        model = NULL;
    }
    odd_model_free(&model);
    odd_network_free(&network);
    odd_history_free(&history);
    odd_rows_free(&held);
    odd_free(frozen);
    return rc;
}

int odd_train(const char *const *paths, size_t path_count, const odd_train_options *options,
              odd_model **model, odd_train_summary *summary, oddrow_error *err)
{
    odd_train_options o = *options;
    odd_dataset dataset = {0};
    odd_pool *pool = NULL;
    double start = odd_clock();
    *model = NULL;
    o.columns.seed = o.seed;
    o.columns.memory = o.memory / 4;
    int rc = check(&o, err);
    if (!rc)
        rc = odd_pool_new(o.threads, &pool, err);
    if (!rc)
        rc = odd_dataset_read(paths, path_count, &o, pool, &dataset, err);
    if (!rc && dataset.schema->target != SIZE_MAX)
        o.objective = objective_of(&o, dataset.schema); /* the checkpoint's fingerprint has it */
    if (!rc && o.class_weights && o.objective != ODD_CLASSIFY)
        rc = odd_fail(err, ODDROW_EINVAL,
                      "class-weights are for classes, and the target is a number");
    if (!rc && o.objective == ODD_CLASSIFY && dataset.train->rows == 0)
        rc = odd_fail(err, ODDROW_ESCHEMA, "no row has a target");
    if (!rc)
        rc = learn(&o, &dataset, pool, start, model, summary, err);
    odd_dataset_free(&dataset);
    odd_pool_free(&pool);
    return rc;
}
