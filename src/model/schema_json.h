/* model/schema_json.h: a schema as JSON and back; see docs/format.md for every key. */
#ifndef ODD_MODEL_SCHEMA_JSON_H
#define ODD_MODEL_SCHEMA_JSON_H

#include <jansson.h>

#include "column/schema.h"
#include "oddrow.h"

/* A new JSON object, or NULL when out of memory. */
json_t *odd_schema_to_json(const odd_schema *schema);

/* Reads and checks; the caller owns the schema. Trusts nothing. */
int odd_schema_from_json(const json_t *json, odd_schema **out, oddrow_error *err);

#endif
