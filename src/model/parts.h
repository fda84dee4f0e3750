/* model/parts.h: the fields of a model, for the rooms that fill and apply it.
 *
 * Legend: K columns, C categorical, M numeric and timestamp, L = C + M columns with a loss, X width
 * of the learned input x. docs/model.md has the mathematics. */
#ifndef ODD_MODEL_PARTS_H
#define ODD_MODEL_PARTS_H

#include <jansson.h>

#include "column/schema.h"
#include "model/model.h"
#include "score/verdict.h"

/* A supervised model has schema, network, training record, json and hash, and nothing else. */
struct odd_model {
    odd_schema *schema;
    odd_network *network;
    odd_verdict verdict;
    json_t *training; /* the training record */
    char *json;       /* all metadata, as in the file */
    char hash[20];
};

/* An empty model that takes over schema and network (set to NULL), also on failure. */
int odd_model_new(odd_schema **schema, odd_network **network, odd_model **out, oddrow_error *err);

/* Makes json and hash from the fields; called by save and by whoever finished a model. */
int odd_model_seal(odd_model *model, oddrow_error *err);

#endif
