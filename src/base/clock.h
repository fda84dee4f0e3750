/* base/clock.h: the time. */
#ifndef ODD_BASE_CLOCK_H
#define ODD_BASE_CLOCK_H

#include <stdint.h>

/* Seconds since some fixed moment, monotonic. Any thread. */
double odd_clock(void);

/* Microseconds since 1970 (UTC) by the system's clock. Any thread. */
int64_t odd_clock_utc(void);

/* Writes "2026-11-21T09:00:00.123456Z" (RFC 3339) and a NUL. */
enum { ODD_CLOCK_TEXT = 28 };
void odd_clock_text(char out[ODD_CLOCK_TEXT], int64_t microseconds);

#endif
