/* column/infer.h: the kind of a column from its name and a block of its cells. */
#ifndef ODD_COLUMN_INFER_H
#define ODD_COLUMN_INFER_H

#include <stddef.h>

#include "base/bytes.h"
#include "column/kind.h"
#include "oddrow.h"

#define ODD_INFER_DATES 0.95   /* share of readable dates from which a column is a timestamp */
#define ODD_INFER_NUMBERS 0.95 /* share of readable numbers from which a column is numeric */
#define ODD_INFER_ID_SHARE 0.9 /* share of distinct texts beyond which a column is an id... */
#define ODD_INFER_ID_ROWS 100  /* ...in at least so many rows */
#define ODD_INFER_FEW 10       /* whole numbers with at most so many distinct texts are codes... */
#define ODD_INFER_FEW_ROWS 50  /* ...in at least so many rows */
#define ODD_WHY_SIZE 160       /* room for the sentence */

/* Chooses a kind for column `column` of rows x K cells, rows >= 1; the first rule that holds,
 * shares being of the cells that are not missing:
 *   1. one value in every row: ODD_CONSTANT;
 *   2. >= 95 % ISO 8601 dates: timestamp;
 *   3. >= 95 % numbers, all within 1e9 .. 4e9, and a name with time, date or ts: timestamp;
 *   4. >= 95 % numbers: whole, distinct and rising in >= 100 rows under a name such as id, key,
 *      index or row: id; whole and at most 10 distinct texts in >= 50 rows: categorical; else
 * numeric;
 *   5. > 90 % distinct texts in >= 100 rows: id (why says that it is a guess);
 *   6. categorical.
 * why: ODD_WHY_SIZE bytes, gets a sentence. 0 or ODDROW_ENOMEM. */
int odd_infer_kind(const char *name, const odd_span *cells, size_t rows, size_t K, size_t column,
                   odd_kind *kind, char *why, oddrow_error *err);

/* The kind that a single value (of a constant column) looks like: numeric, timestamp, categorical.
 */
odd_kind odd_infer_value(const char *data, size_t size);

#endif
