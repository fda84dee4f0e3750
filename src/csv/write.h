/* csv/write.h: a field of CSV output, and the file of rejected records. */
#ifndef ODD_CSV_WRITE_H
#define ODD_CSV_WRITE_H

#include "csv/chunk.h"

/* Appends data as one field: in quotes when it holds the delimiter, a quote or a line end, or when
 * it begins or ends with a blank; as it is otherwise. Delimiters and line ends are the caller's.
 * An empty field adds nothing: a row of one empty column must be written as "" by the caller, or it
 * reads as no row. */
void odd_csv_write_field(odd_bytes *out, const char *data, size_t size, char delimiter);

/* The same, always in quotes. */
void odd_csv_write_quoted(odd_bytes *out, const char *data, size_t size);

/* The first line of a file of rejected records. */
#define ODD_CSV_REJECTS_HEADER "row,offset,reason,line\n"

/* Appends the chunk's rejected records in that form, a line each; first_row is the number of the
 * chunk's first record. */
void odd_csv_write_rejects(odd_bytes *out, const odd_csv_chunk *chunk, uint64_t first_row);

#endif
