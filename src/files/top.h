/* files/top.h: the N oddest lines so far, from any number of threads. */
#ifndef ODD_FILES_TOP_H
#define ODD_FILES_TOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "oddrow.h"

typedef struct odd_top odd_top;

/* Keeps at most `wanted` lines. */
int odd_top_new(size_t wanted, odd_top **out, oddrow_error *err);
void odd_top_free(odd_top **top);

/* Whether a line of this score could still be among them. Any thread. */
bool odd_top_wants(odd_top *top, float score);

/* Takes a copy of the line if it is among them; of equal scores the earlier row. Any thread. */
int odd_top_add(odd_top *top, float score, uint64_t row, const char *line, size_t size,
                oddrow_error *err);

typedef struct odd_top_item {
    float score;
    uint64_t row;
    odd_span line; /* borrowed */
} odd_top_item;

/* Oddest first; returns how many there are. Then item i. */
size_t odd_top_sort(odd_top *top);
odd_top_item odd_top_at(const odd_top *top, size_t i);

#endif
