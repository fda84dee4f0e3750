/* nn/of_schema.c: the sizes of a network that follow from a schema. */
#include "nn/of_schema.h"

#include "base/error.h"
#include "base/memory.h"

/* Config arrays that follow from the schema; V, E and feature_column are (C) and (F). */
static void describe_columns(const odd_schema *schema, size_t *V, size_t *E, size_t *feature_column)
{
    for (size_t k = 0; k < schema->K; k++) {
        const odd_column *column = &schema->columns[k];
        if (odd_kind_is_category(column->kind)) {
            V[column->categorical] = column->vocabulary->size;
            E[column->categorical] = column->embedding;
        } else if (odd_kind_is_number(column->kind)) {
            for (size_t f = 0; f < column->features; f++)
                feature_column[column->first_feature + f] = column->numeric;
        }
    }
}

/* A classifier has a target of classes, a regressor one of numbers, an autoencoder none. */
static int check_target(const odd_schema *schema, odd_objective objective, oddrow_error *err)
{
    bool target = schema->target != SIZE_MAX;
    bool classes = target && schema->columns[schema->target].vocabulary;
    bool fits = objective == ODD_CLASSIFY  ? classes
                : objective == ODD_REGRESS ? target && !classes
                                           : !target;
    if (fits)
        return 0;
    return odd_fail(err, ODDROW_ESCHEMA, "objective %s with %s", odd_objective_name(objective),
                    !target   ? "no target"
                    : classes ? "a target of classes"
                              : "a target of numbers");
}

int odd_network_for_schema(const odd_schema *schema, odd_network_config *config, size_t most,
                           odd_network **out, oddrow_error *err)
{
    size_t *V = odd_alloc(schema->C + 1, sizeof *V), *E = odd_alloc(schema->C + 1, sizeof *E);
    size_t *feature_column = odd_alloc(schema->F + 1, sizeof *feature_column);
    int rc = V && E && feature_column ? check_target(schema, config->objective, err)
                                      : odd_no_memory(err);
    if (!rc) {
        config->outputs = odd_schema_outputs(schema);
        describe_columns(schema, V, E, feature_column);
        config->C = schema->C;
        config->V = V;
        config->E = E;
        config->F = schema->F;
        config->M = schema->M;
        config->feature_column = feature_column;
        config->most = most;
    }
    if (!rc)
        rc = odd_network_new(config, out, err);
    odd_free(V);
    odd_free(E);
    odd_free(feature_column);
    return rc;
}
