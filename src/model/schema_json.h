/* model/schema_json.h: a schema as JSON and back; see docs/format.md for every key. */
#ifndef ODD_MODEL_SCHEMA_JSON_H
#define ODD_MODEL_SCHEMA_JSON_H

#include <jansson.h>

#include "base/bytes.h"
#include "column/schema.h"
#include "oddrow.h"

/* Parses `size` bytes, refusing keys that come twice. ODDROW_EFORMAT with "WHAT is not JSON: …", or
 * ODDROW_ENOMEM as far as jansson says so. */
int odd_json_parse(const char *text, size_t size, const char *what, json_t **out,
                   oddrow_error *err);

/* A new JSON object, or NULL when out of memory. */
json_t *odd_schema_to_json(const odd_schema *schema);

/* Reads and checks; the caller owns the schema. Trusts nothing. */
int odd_schema_from_json(const json_t *json, odd_schema **out, oddrow_error *err);

/* Text as a JSON string, or {"bytes": "6869ff"} when it is not UTF-8. NULL: out of memory. */
json_t *odd_text_to_json(const char *data, size_t size);

/* The reverse: appends to `out`. */
int odd_text_from_json(const json_t *json, odd_bytes *out, oddrow_error *err);

#endif
