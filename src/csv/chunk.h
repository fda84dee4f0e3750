/* csv/chunk.h: a run of whole records of a CSV file, and the cells that it is split into. */
#ifndef ODD_CSV_CHUNK_H
#define ODD_CSV_CHUNK_H

#include "base/bytes.h"
#include "oddrow.h"

/* A record that did not become a row. */
typedef struct odd_csv_reject {
    size_t record;      /* index among the chunk's records */
    uint64_t offset;    /* of its first byte in the (unpacked) file */
    const char *reason; /* "7 fields, expected 15"; lives as long as the chunk's contents */
    odd_span line;      /* its bytes without the line end, at most 64 KiB of them; in raw */
} odd_csv_reject;

/* {0} is empty; reused from call to call; owned by the caller and freed by odd_csv_chunk_free.
 * odd_csv_next (source.h) fills the first part, odd_csv_split the second;
 * rows + reject_count == records. */
typedef struct odd_csv_chunk {
    uint64_t sequence; /* 0, 1, … in the order of reading, over all files */
    const char *path;  /* the source's copy */
    size_t file;       /* index of that file */
    uint64_t offset;   /* of raw in its (unpacked) file */
    odd_bytes raw;     /* whole records */

    size_t records;          /* data records, good and rejected; blank lines are none */
    size_t rows;             /* good ones */
    size_t columns;          /* those of the header */
    odd_span *cells;         /* rows × columns, unquoted, blanks around unquoted text removed */
    uint32_t *record_of_row; /* rows: index among the chunk's records */
    odd_csv_reject *rejects; /* in the order of the file */
    size_t reject_count;

    /* private */
    odd_bytes text;    /* what the cells point into */
    odd_bytes reasons; /* what the rejects' reasons point into */
    size_t cell_capacity, row_capacity, reject_capacity;
    size_t too_long; /* raw begins one record longer than this, which is all of the chunk; or 0 */
    bool marked;     /* the scanner found records to reject */
} odd_csv_chunk;

/* Bytes of a rejected line that are kept. */
enum { ODD_CSV_EXCERPT = 64 * 1024 };

/* Splits raw into cells and rejects, which stay valid until the chunk's next use. Read are raw,
 * offset, too_long and marked of the chunk (marked may be true without need: it only costs time),
 * the number of columns (at least 1), the delimiter and the longest record. Pure. 0 or
 * ODDROW_ENOMEM. */
int odd_csv_chunk_split(odd_csv_chunk *chunk, size_t columns, char delimiter, size_t max_record,
                        oddrow_error *err);

/* Frees the buffers and leaves {0}. NULL-safe. */
void odd_csv_chunk_free(odd_csv_chunk *c);

#endif
