/* cli/print.h: tables for people and JSON for programs, on standard output. */
#ifndef ODD_CLI_PRINT_H
#define ODD_CLI_PRINT_H

#include <jansson.h>
#include <stddef.h>

#include "oddrow.h"

/* A table of texts, printed with columns as wide as they need to be. */
typedef struct odd_text_table {
    char **cells; /* rows x columns, owned */
    size_t rows, columns, capacity;
} odd_text_table;

/* Adds one row of `columns` texts, which are copied; NULL is empty. Control characters become
 * spaces. 0 or ODDROW_ENOMEM. */
int odd_text_table_add(odd_text_table *table, const char *const *cells, oddrow_error *err);

/* Prints the table, its first row as the header; columns whose name begins with > in the header are
 * set to the right. The last column is not padded. */
void odd_text_table_print(const odd_text_table *table);
void odd_text_table_free(odd_text_table *table);

/* Takes `value` (NULL: out of memory) and prints it, indented, with a newline. */
int odd_print_json(json_t *value, oddrow_error *err);

/* A real number, or null where it is not finite. A new reference. */
json_t *odd_number_value(double value);

/* Text that may not be UTF-8: bytes that are not are replaced. A new reference. */
json_t *odd_text_value(const char *text);

#endif
