/* score/verdict.c: memory of a verdict, and the plain distance to its shape. */
#include "score/verdict.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "score/forest.h"

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
    if (!shape)
        return;
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

int odd_verdict_init(odd_verdict *verdict, const odd_schema *schema, const odd_network *network,
                     oddrow_error *err)
{
    *verdict = (odd_verdict){.schema = schema, .network = network};
    if (odd_objective_supervised(network->config.objective))
        return 0;
    verdict->id_margin = odd_alloc(schema->C + 1, sizeof(float *));
    verdict->value_margin = odd_alloc(schema->M + 1, sizeof(float *));
    return verdict->id_margin && verdict->value_margin
               ? odd_shape_new(&verdict->shape, network->X, err)
               : odd_no_memory(err);
}

int odd_verdict_wanted(const odd_verdict *verdict, oddrow_error *err)
{
    odd_objective objective = verdict->network->config.objective;
    if (!odd_objective_supervised(objective))
        return 0;
    return odd_fail(err, ODDROW_ESCHEMA,
                    "this is a %s of '%s', which has no scores: use oddrow predict",
                    objective == ODD_CLASSIFY ? "classifier" : "regressor",
                    verdict->schema->columns[verdict->schema->target].name);
}

int odd_verdict_prototypes(odd_verdict *verdict, size_t count, oddrow_error *err)
{
    verdict->prototypes = odd_alloc(count * verdict->network->X, sizeof(float));
    verdict->prototype_count = count;
    return verdict->prototypes ? 0 : odd_no_memory(err);
}

void odd_verdict_free(odd_verdict *v)
{
    if (!v)
        return;
    for (size_t i = 0; v->id_margin && i < v->schema->C; i++)
        odd_free(v->id_margin[i]);
    for (size_t i = 0; v->value_margin && i < v->schema->M; i++)
        odd_free(v->value_margin[i]);
    odd_free(v->id_margin);
    odd_free(v->value_margin);
    free_calibration(&v->plain);
    free_calibration(&v->masked);
    odd_shape_free(&v->shape);
    odd_free(v->prototypes);
    odd_forest_free(&v->forest);
    *v = (odd_verdict){0};
}
