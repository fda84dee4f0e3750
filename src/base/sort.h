/* base/sort.h: numbers in rising order. */
#ifndef ODD_BASE_SORT_H
#define ODD_BASE_SORT_H

#include <stddef.h>

/* Sorts `count` numbers, none of them not-a-number, in place. Any thread. */
void odd_sort_floats(float *values, size_t count);

#endif
