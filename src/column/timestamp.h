/* column/timestamp.h: dates and times to seconds, and seconds to cyclic features. */
#ifndef ODD_COLUMN_TIMESTAMP_H
#define ODD_COLUMN_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/number.h"
#include "column/scaler.h"

/* trend, then sine and cosine of the time of day, the time of week (from Monday), the time of year
 */
#define ODD_TIMESTAMP_FEATURES 7
#define ODD_TIMESTAMP_SIZE 32 /* room that odd_timestamp_format asks */

/* ISO 8601: YYYY-MM-DD, optionally T or a blank and hh:mm[:ss[.fraction]], optionally Z, +hh:mm,
 * +hhmm or +hh (no zone: UTC). Blanks around allowed; dates that do not exist are refused; second
 * 60 is taken as the next minute's 0. *seconds: since 1970-01-01T00:00:00Z. */
bool odd_timestamp_iso(const char *s, size_t n, double *seconds);

/* The same, or epoch seconds as a number within the years 1 to 9999. MISSING as for numbers. */
odd_number_status odd_timestamp_parse(const char *s, size_t n, double *seconds);

/* out: (7). trend: the column's scaler; the trend stays within the times that training saw, since
 * rows of next month would all be odd otherwise. seconds within the years 1 to 9999. */
void odd_timestamp_features(const odd_scaler *trend, double seconds, float *out);

/* "2024-02-29T12:00:00Z" (seconds rounded), NUL-terminated; returns its length. */
size_t odd_timestamp_format(char *out, double seconds);

#endif
