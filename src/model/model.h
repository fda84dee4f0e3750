/* model/model.h: everything a trained model knows, and its safetensors file. */
#ifndef ODD_MODEL_MODEL_H
#define ODD_MODEL_MODEL_H

#include "column/schema.h"
#include "nn/network.h"
#include "oddrow.h"

typedef struct odd_model odd_model; /* fields in model/parts.h */

/* Reads and checks a model file. The model is immutable and may be shared by any threads. */
int odd_model_load(const char *path, odd_model **out, oddrow_error *err);

/* The same from memory. */
int odd_model_parse(const void *bytes, size_t size, odd_model **out, oddrow_error *err);

/* Writes the model under a temporary name, syncs it and renames it. */
int odd_model_save(const odd_model *model, const char *path, oddrow_error *err);

void odd_model_free(odd_model **model);

/* The whole metadata of the model file as JSON text: schema, sizes, training record,
 * calibration, threshold. Borrowed; lives as long as the model. */
const char *odd_model_json(const odd_model *model);

/* Columns, kinds and vocabularies; the network; both borrowed. */
const odd_schema *odd_model_schema(const odd_model *model);
const odd_network *odd_model_network(const odd_model *model);

/* Whether the model was trained against a target: it predicts, and has no scores. */
bool odd_model_supervised(const odd_model *model);

/* ESCHEMA with what to use instead: the model has no target. */
int odd_model_want_target(const odd_model *model, oddrow_error *err);

/* Content hash of tensors and metadata, 16 hexadecimal digits. */
const char *odd_model_hash(const odd_model *model);

#endif
