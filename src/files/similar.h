/* files/similar.h: the rows of a file nearest to one row, in the learned input space x. */
#ifndef ODD_FILES_SIMILAR_H
#define ODD_FILES_SIMILAR_H

#include "base/bytes.h"
#include "files/options.h"
#include "files/top.h"
#include "model/model.h"

/* One row: its number among the data rows, from 1, its distance |x - x_0|, and its cells, one a
 * column of the schema (empty for id, label and ignored columns that the file lacks). */
typedef struct odd_similar_row {
    uint64_t row;
    double distance;
    odd_span *cells; /* (K) */
} odd_similar_row;

typedef struct odd_similar {
    odd_similar_row itself; /* the row asked for, distance 0 */
    odd_similar_row *rows;  /* (count) nearest first, of equals the earlier row */
    size_t count;
    uint64_t looked_at, rejected; /* rows of the file that was searched */
    odd_span *cells; /* private: all cells; their texts; the rows while they are found */
    odd_bytes text;
    odd_top *top;
} odd_similar;

/* The k >= 1 rows of `against` nearest to row `row` of `data`, which is passed over where both are
 * the same file (against NULL). Two passes; memory is that of one chunk a thread and k rows. Of the
 * options csv, threads and progress count. ODDROW_ESCHEMA: no such row, or it was rejected. */
int odd_similar_find(const odd_model *model, const char *data, uint64_t row, const char *against,
                     size_t k, const odd_score_options *options, odd_similar *out,
                     oddrow_error *err);
void odd_similar_free(odd_similar *similar);

#endif
