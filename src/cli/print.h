/* cli/print.h: tables for people and JSON for programs, on standard output. */
#ifndef ODD_CLI_PRINT_H
#define ODD_CLI_PRINT_H

#include <jansson.h>
#include <stddef.h>

#include "base/bytes.h"
#include "oddrow.h"

/* A table of texts, printed with columns as wide as they need to be. */
typedef struct odd_text_table {
    size_t columns;
    odd_bytes cells; /* row after row, a NUL behind each cell */
} odd_text_table;

/* Adds the next cell, as printf would print it; control characters become spaces. The first
 * `columns` cells are the header; a name that begins with > sets its column to the right. */
void odd_text_table_cell(odd_text_table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds texts as cells; the list ends with NULL. */
void odd_text_table_cells(odd_text_table *table, ...) __attribute__((sentinel));

/* Prints the table unless rc says that it is not whole, and frees it. The last column is not
 * padded. rc, or ODDROW_ENOMEM when a cell found no memory. */
int odd_text_table_finish(odd_text_table *table, int rc, oddrow_error *err);

/* Takes `value` (NULL: out of memory) and prints it, indented, with a newline. */
int odd_print_json(json_t *value, oddrow_error *err);

/* A real number, or null where it is not finite. A new reference. */
json_t *odd_number_value(double value);

/* Text that may not be UTF-8: bytes that are not are replaced. A new reference. */
json_t *odd_text_value(const char *text);

#endif
