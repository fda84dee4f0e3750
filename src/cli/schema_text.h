/* cli/schema_text.h: a schema as a table for people and as JSON for programs. */
#ifndef ODD_CLI_SCHEMA_TEXT_H
#define ODD_CLI_SCHEMA_TEXT_H

#include <jansson.h>

#include "column/schema.h"

/* One line per column: name, kind, missing, content, why. */
int odd_schema_print(const odd_schema *schema, oddrow_error *err);

/* An array of {"name", "kind", "why", "missing", …}; NULL when out of memory. */
json_t *odd_schema_json(const odd_schema *schema);

#endif
