/* train/table.h: fixed-size records, in memory while they fit a budget, else in an unlinked file.
 */
#ifndef ODD_TRAIN_TABLE_H
#define ODD_TRAIN_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "oddrow.h"

typedef struct odd_table odd_table;

/* An empty table that keeps at most `memory` bytes resident. Not for several threads at once. */
int odd_table_new(size_t record_size, size_t memory, odd_table **out, oddrow_error *err);
void odd_table_free(odd_table **table);

/* Appends `count` records of record_size bytes. */
int odd_table_add(odd_table *table, const void *records, size_t count, oddrow_error *err);

/* Copies records first … first+count-1, all of which exist, to `records`. */
int odd_table_read(odd_table *table, uint64_t first, size_t count, void *records,
                   oddrow_error *err);

uint64_t odd_table_rows(const odd_table *table);
size_t odd_table_record_size(const odd_table *table);

#endif
