/* model/model.c: the life of a model, and what others ask of it. */
#include "model/model.h"

#include "base/error.h"
#include "base/memory.h"
#include "model/parts.h"

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
    int rc = odd_verdict_init(&model->verdict, model->schema, model->network, err);
    if (rc) {
        odd_model_free(&model);
        return rc;
    }
    *out = model;
    return 0;
}

void odd_model_free(odd_model **model)
{
    if (!model || !*model)
        return;
    odd_model *m = *model;
    odd_verdict_free(&m->verdict);
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

int odd_model_want_target(const odd_model *model, oddrow_error *err)
{
    if (odd_model_supervised(model))
        return 0;
    return odd_fail(err, ODDROW_ESCHEMA,
                    "this is an autoencoder, which has no target to predict: use oddrow score, or "
                    "train with a target");
}

const char *odd_model_hash(const odd_model *model)
{
    return model->hash;
}
