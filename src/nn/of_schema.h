/* nn/of_schema.h: the network of a schema: what its columns say about tables and features. */
#ifndef ODD_NN_OF_SCHEMA_H
#define ODD_NN_OF_SCHEMA_H

#include "column/schema.h"
#include "nn/network.h"
#include "oddrow.h"

/* A network whose inputs are the schema's columns; `config` brings the rest, and more
 * than `most` parameters are refused before they are allocated, with EFORMAT. ESCHEMA when the
 * objective and the schema's target do not go together. */
int odd_network_for_schema(const odd_schema *schema, odd_network_config *config, size_t most,
                           odd_network **out, oddrow_error *err);

#endif
