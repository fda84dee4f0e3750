/* base/number.h: numbers from text and back, without locales. */
#ifndef ODD_BASE_NUMBER_H
#define ODD_BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

typedef enum { ODD_NUMBER_OK, ODD_NUMBER_MISSING, ODD_NUMBER_BAD } odd_number_status;

/* Room that odd_number_format asks for. */
#define ODD_NUMBER_SIZE 32

/* Reads n bytes as a decimal number, `[+-]digits[.digits][e[+-]digits]` with digits on at least one
 * side of the point, blanks (space, tab) around it allowed; correctly rounded. MISSING: nothing,
 * or one of NA N/A NaN nan null NULL None ?. BAD: anything else, among them infinities, hex and
 * what overflows a double. *value is set only on OK. Any thread. */
odd_number_status odd_number_parse(const char *s, size_t n, double *value);

/* Writes value with up to 9 significant digits and no trailing zeros, a NUL behind it, and returns
 * the length without the NUL. Whole numbers below 1e15 are written in full; below 1e-5 and from
 * 1e15 on the form is 1.5e-07. Read back it is within 5e-9 of value, relatively. Not-a-number is
 * written as nothing, infinities as inf and -inf. Any thread. */
size_t odd_number_format(char out[ODD_NUMBER_SIZE], double value);

/* Writes the digits of value, without a NUL, and returns their number. Any thread. */
size_t odd_whole_format(char out[ODD_NUMBER_SIZE], uint64_t value);

#endif
