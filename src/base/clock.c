/* base/clock.c: the monotonic clock, the time of day, and RFC 3339. */
#include "base/clock.h"

#include <time.h>

double odd_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int64_t odd_clock_utc(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void odd_clock_text(char out[ODD_CLOCK_TEXT], int64_t microseconds)
{
    int64_t second = microseconds / 1000000, rest = microseconds % 1000000;
    if (rest < 0) {
        second--;
        rest += 1000000;
    }
    time_t t = (time_t)second;
    struct tm utc;
    if (!gmtime_r(&t, &utc) || utc.tm_year < -1900 || utc.tm_year > 8099)
        utc = (struct tm){.tm_year = 70, .tm_mday = 1};
    /* Not %Y: glibc writes the year 999 with three digits. */
    for (int i = 4, year = utc.tm_year + 1900; i-- > 0; year /= 10)
        out[i] = (char)('0' + year % 10);
    size_t n = 4 + strftime(out + 4, ODD_CLOCK_TEXT - 4, "-%m-%dT%H:%M:%S.", &utc);
    for (size_t i = n + 6; i-- > n; rest /= 10)
        out[i] = (char)('0' + rest % 10);
    out[n + 6] = 'Z';
    out[n + 7] = '\0';
}
