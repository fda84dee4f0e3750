/* base/number.h: numbers from text and back, without locales. */
#ifndef ODD_BASE_NUMBER_H
#define ODD_BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

typedef enum { ODD_NUMBER_OK, ODD_NUMBER_MISSING, ODD_NUMBER_BAD } odd_number_status;

/* Room that odd_number_format asks for. */
#define ODD_NUMBER_SIZE 32

/* Reads n bytes as a decimal number, `[+-]digits[.digits][e[+-]digits]` with digits on at least one
 * side of the point; spaces and tabs may surround it. The value is correctly rounded. MISSING: the
 * text is empty or one of NA N/A NaN nan null NULL None ?. BAD: it is anything else, such as an
 * infinity, hexadecimal, or too large for a double. *value is set only on OK. Any thread. */
odd_number_status odd_number_parse(const char *s, size_t n, double *value);

/* Writes value with up to 9 significant digits, without trailing zeros, and a NUL. Returns the
 * length without the NUL. Whole numbers below 1e15 are written in full; numbers below 1e-5 and from
 * 1e15 on as 1.5e-07. Reading the text gives value within a relative 5e-9. Not-a-number is written
 * as nothing, infinities as inf and -inf. Any thread. */
size_t odd_number_format(char out[ODD_NUMBER_SIZE], double value);

/* Writes the digits of value, without a NUL, and returns their number. Any thread. */
size_t odd_whole_format(char out[ODD_NUMBER_SIZE], uint64_t value);

/* Writes 12,345,678 and a NUL, and returns out. Any thread. */
char *odd_grouped(uint64_t value, char out[ODD_NUMBER_SIZE]);

#endif
