#include "model/model.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/forest.h"
#include "model/parts.h"

int odd_shape_new(odd_shape *shape, size_t n, oddrow_error *err)
{
    *shape = (odd_shape){.n = n};
    shape->mean = odd_alloc(n, sizeof(float));
    shape->whiten = odd_alloc(n > ODD_SHAPE_FULL ? n : n * n, sizeof(float));
    if (shape->mean && shape->whiten)
        return 0;
    odd_shape_free(shape);
    return odd_fail(err, ODDROW_ENOMEM, "out of memory for a covariance of %zu columns", n);
}

void odd_shape_free(odd_shape *shape)
{
    odd_free(shape->mean);
    odd_free(shape->whiten);
    *shape = (odd_shape){0};
}

void odd_shape_distances(const odd_shape *shape, const float *rows, size_t count, float *out)
{
    size_t n = shape->n;
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        bool full = n <= ODD_SHAPE_FULL;
        for (size_t a = 0; a < n; a++) {
            double y = full ? 0
                            : (double)shape->whiten[a] *
                                  ((double)rows[i * n + a] - (double)shape->mean[a]);
            for (size_t b = 0; full && b <= a; b++)
                y += (double)shape->whiten[a * n + b] *
                     ((double)rows[i * n + b] - (double)shape->mean[b]);
            sum += y * y;
        }
        out[i] = (float)sum;
    }
}

int odd_calibration_new(odd_calibration *calibration, size_t losses, oddrow_error *err)
{
    *calibration = (odd_calibration){.present = true};
    calibration->loss_weight = odd_alloc(losses, sizeof(float));
    calibration->columns = odd_alloc(losses, sizeof(odd_tail));
    if (!calibration->loss_weight || !calibration->columns)
        return odd_no_memory(err);
    return 0;
}

static void free_calibration(odd_calibration *calibration)
{
    odd_free(calibration->loss_weight);
    odd_free(calibration->columns);
}

int odd_model_new(odd_schema **schema, odd_network **network, odd_model **out, oddrow_error *err)
{
    odd_model *model = odd_alloc(1, sizeof *model);
    *out = NULL;
    if (!model) {
        odd_schema_free(schema);
        odd_network_free(network);
        return odd_no_memory(err);
    }
    model->schema = *schema;
    model->network = *network;
    *schema = NULL;
    *network = NULL;
    if (odd_model_supervised(model)) {
        *out = model;
        return 0;
    }
    model->id_margin = odd_alloc(model->schema->C + 1, sizeof(float *));
    model->value_margin = odd_alloc(model->schema->M + 1, sizeof(float *));
    int rc = model->id_margin && model->value_margin
                 ? odd_shape_new(&model->shape, model->network->X, err)
                 : odd_no_memory(err);
    if (rc) {
        odd_model_free(&model);
        return rc;
    }
    *out = model;
    return 0;
}

int odd_model_prototypes(odd_model *model, size_t count, oddrow_error *err)
{
    model->prototypes = odd_alloc(count * model->network->X, sizeof(float));
    model->prototype_count = count;
    return model->prototypes ? 0 : odd_no_memory(err);
}

void odd_model_free(odd_model **model)
{
    if (!model || !*model)
        return;
    odd_model *m = *model;
    for (size_t i = 0; m->id_margin && i < m->schema->C; i++)
        odd_free(m->id_margin[i]);
    for (size_t i = 0; m->value_margin && i < m->schema->M; i++)
        odd_free(m->value_margin[i]);
    odd_free(m->id_margin);
    odd_free(m->value_margin);
    free_calibration(&m->plain);
    free_calibration(&m->masked);
    odd_shape_free(&m->shape);
    odd_free(m->prototypes);
    odd_forest_free(&m->forest);
    json_decref(m->training);
    odd_free(m->json);
    odd_schema_free(&m->schema);
    odd_network_free(&m->network);
    odd_free(m);
    *model = NULL;
}

const char *odd_model_json(const odd_model *model)
{
    return model->json;
}

const odd_schema *odd_model_schema(const odd_model *model)
{
    return model->schema;
}

const odd_network *odd_model_network(const odd_model *model)
{
    return model->network;
}

bool odd_model_supervised(const odd_model *model)
{
    return odd_objective_supervised(model->network->config.objective);
}

int odd_model_want_scores(const odd_model *model, oddrow_error *err)
{
    if (!odd_model_supervised(model))
        return 0;
    return odd_fail(err, ODDROW_ESCHEMA,
                    "this is a %s of '%s', which has no scores: use oddrow predict",
                    model->network->config.objective == ODD_CLASSIFY ? "classifier" : "regressor",
                    model->schema->columns[model->schema->target].name);
}

int odd_model_want_target(const odd_model *model, oddrow_error *err)
{
    if (odd_model_supervised(model))
        return 0;
    return odd_fail(err, ODDROW_ESCHEMA,
                    "this is an autoencoder, which has no target to predict: use oddrow score, or "
                    "train with --target COLUMN");
}

const char *odd_model_hash(const odd_model *model)
{
    return model->hash;
}

size_t odd_model_losses(const odd_model *model)
{
    return model->schema->C + model->schema->M;
}

size_t odd_model_loss_column(const odd_model *model, size_t at)
{
    const odd_schema *schema = model->schema;
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        if (column->kind == ODD_CATEGORICAL && column->categorical == at)
            return k;
        if ((column->kind == ODD_NUMERIC || column->kind == ODD_TIMESTAMP) &&
            schema->C + column->numeric == at)
            return k;
    }
    return SIZE_MAX; /* no such loss */
}
