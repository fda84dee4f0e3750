/* column/cell.h: how one cell is read, the same while fitting and while encoding; room-private. */
#ifndef ODD_COLUMN_CELL_H
#define ODD_COLUMN_CELL_H

#include <math.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "base/number.h"
#include "column/scaler.h"

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

/* A cell as a number. */
static inline odd_number_status odd_cell_number(odd_span cell, double *x)
{
    odd_number_status status = odd_number_parse(cell.data, cell.size, x);
    return status == ODD_NUMBER_OK && fabs(*x) > ODD_NUMBER_LIMIT ? ODD_NUMBER_BAD : status;
}

#endif
