/* csv/split.h: the bytes of a chunk into cells and rejects, without a source. */
#ifndef ODD_CSV_SPLIT_H
#define ODD_CSV_SPLIT_H

#include "csv/source.h"

/* Bytes of a rejected line that are kept. */
enum { ODD_CSV_EXCERPT = 64 * 1024 };

/* As odd_csv_split, with everything it needs given: raw, offset, too_long and marked of the chunk
 * (marked may be true without need: it only costs time), the number of columns (at least 1), the
 * delimiter and the longest record. Pure. 0 or ODDROW_ENOMEM. */
int odd_csv_split_raw(odd_csv_chunk *chunk, size_t columns, char delimiter, size_t max_record,
                      oddrow_error *err);

#endif
