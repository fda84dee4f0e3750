/* base/clock.h: time that only goes forward. */
#ifndef ODD_BASE_CLOCK_H
#define ODD_BASE_CLOCK_H

/* Seconds since some fixed moment, monotonic. Any thread. */
double odd_clock(void);

#endif
