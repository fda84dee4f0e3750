/* csv/header.h: the first record of a CSV file: delimiter and column names. */
#ifndef ODD_CSV_HEADER_H
#define ODD_CSV_HEADER_H

#include "oddrow.h"

/* The delimiter among , ; tab | that splits the first records of these bytes (a file's beginning;
 * end: all of it) most evenly: the one with which most of up to 50 records have as many fields as
 * the header, more fields winning a draw; a comma where none does. 0 when out of memory. */
char odd_csv_detect(const char *data, size_t size, bool end);

/* Column names. */
typedef struct odd_csv_header {
    size_t columns;
    const char **names; /* NUL-terminated, different, none empty */
    char *text;         /* what they point into */
} odd_csv_header;

/* Splits one good record into names; an empty one becomes column_N (N from 1). path and line go
 * into messages. 0 with out the caller's; ODDROW_EFORMAT when a name comes twice, ODDROW_ENOMEM. */
int odd_csv_header_read(odd_csv_header *out, const char *record, size_t size, char delimiter,
                        const char *path, size_t line, oddrow_error *err);

/* 0 when both have the same names in the same order; else ODDROW_ESCHEMA naming path, line and the
 * first column that differs. */
int odd_csv_header_compare(const odd_csv_header *first, const odd_csv_header *other,
                           const char *path, size_t line, oddrow_error *err);

/* Frees the names and leaves {0}. NULL-safe. */
void odd_csv_header_free(odd_csv_header *h);

#endif
