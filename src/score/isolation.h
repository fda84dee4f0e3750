/* score/isolation.h: grows an isolation forest from encoded training rows. */
#ifndef ODD_SCORE_ISOLATION_H
#define ODD_SCORE_ISOLATION_H

#include "column/rows.h"
#include "column/schema.h"
#include "score/forest.h"

enum { ODD_FOREST_TREES = 128, ODD_FOREST_SAMPLE = 256 };

/* Each tree cuts a sample of its own at random places: a category against all others, or a number
 * at a point drawn evenly in the column's own units, every category and every number with a spread
 * being equally likely; as deep as log2 of the sample. */
int odd_isolation_fit(const odd_schema *schema, const odd_rows *rows, uint64_t seed,
                      odd_forest **out, oddrow_error *err);

#endif
