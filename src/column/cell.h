/* column/cell.h: how one cell is read, the same while fitting and while encoding; room-private. */
#ifndef ODD_COLUMN_CELL_H
#define ODD_COLUMN_CELL_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/number.h"
#include "column/encode.h"
#include "column/kind.h"
#include "column/schema.h"
#include "column/timestamp.h"

/* Rows are worked on in tiles, column by column, so that a column's tables stay in the first-level
 * cache. A tile of a very wide file is one row, so that its cells are met in order. */
#define ODD_TILE 64

static inline size_t odd_tile_rows(size_t columns)
{
    size_t rows = 16384 / (columns > 0 ? columns : 1);
    return rows < 1 ? 1 : rows > ODD_TILE ? ODD_TILE : rows;
}

/* What odd_number_parse calls missing, decided by the first letter for nearly all texts. */
static inline bool odd_cell_missing(odd_span cell)
{
    if (cell.size == 0) /* data may be NULL */
        return true;
    const char *s = cell.data, *end = s + cell.size;
    while (s < end && (*s == ' ' || *s == '\t'))
        s++;
    if (s == end)
        return true;
    if (*s != 'N' && *s != 'n' && *s != '?')
        return false;
    while (end[-1] == ' ' || end[-1] == '\t')
        end--;
    double ignored;
    return end - s <= 4 && odd_number_parse(s, (size_t)(end - s), &ignored) == ODD_NUMBER_MISSING;
}

/* A cell of a numeric or timestamp column. */
static inline odd_number_status odd_cell_number(odd_kind kind, odd_span cell, double *x)
{
    if (kind == ODD_TIMESTAMP)
        return odd_timestamp_parse(cell.data, cell.size, x);
    odd_number_status status = odd_number_parse(cell.data, cell.size, x);
    return status == ODD_NUMBER_OK && fabs(*x) > ODD_NUMBER_LIMIT ? ODD_NUMBER_BAD : status;
}

/* How a cell departs from a constant column's value; ODD_FLAG_NONE when it does not. Numbers and
 * dates are compared as such: "5.0" is "5". */
odd_flag odd_constant_flag(const odd_column *c, odd_span cell);

/* Puts n <= ODD_TILE numbers of column k into rows first... of a batch. x where status (an
 * odd_number_status) is not OK is overwritten. */
void odd_put_numbers(const odd_schema *s, size_t k, double *x, const uint8_t *status, size_t n,
                     size_t first, odd_rows *b);

#endif
