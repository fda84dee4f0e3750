/* score/verdict.c: memory of a verdict. */
#include "score/verdict.h"

#include "base/error.h"
#include "base/memory.h"

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
    int rc = 0;
    for (size_t m = 0; !rc && m < ODD_MEASURES; m++)
        if (odd_measures[m]->room && !odd_objective_supervised(network->config.objective))
            rc = odd_measures[m]->room(verdict, err);
    return rc;
}

int odd_verdict_wanted(const odd_verdict *verdict, bool masked, oddrow_error *err)
{
    odd_objective objective = verdict->network->config.objective;
    if (!odd_objective_supervised(objective))
        return !masked || verdict->masked.present
                   ? 0
                   : odd_fail(err, ODDROW_EINVAL,
                              "this model has too many columns to score each of them masked");
    return odd_fail(err, ODDROW_ESCHEMA,
                    "this is a %s of '%s', which has no scores: use oddrow predict",
                    objective == ODD_CLASSIFY ? "classifier" : "regressor",
                    verdict->schema->columns[verdict->schema->target].name);
}

void odd_verdict_free(odd_verdict *v)
{
    if (!v)
        return;
    for (size_t m = 0; v->schema && m < ODD_MEASURES; m++)
        if (odd_measures[m]->free)
            odd_measures[m]->free(v);
    free_calibration(&v->unmasked);
    free_calibration(&v->masked);
    *v = (odd_verdict){0};
}
