/* column/timestamp.c: a strict ISO 8601 reader, the civil calendar, and the kind of times. */
#include "column/timestamp.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "column/kinds.h"

#define DAY 86400.0
#define FIRST_SECOND (-62135596800.0) /* 0001-01-01T00:00:00Z */
#define LAST_SECOND 253402300799.999  /* 9999-12-31T23:59:59Z */
#define TURN 6.28318530717958647693

/* Days since 1970-01-01 of a proleptic Gregorian date, and back: Howard Hinnant's
 * "chrono-Compatible Low-Level Date Algorithms"; years are counted from March so that leap days
 * come last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t in_era = days - era * 146097;
    int64_t of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t of_year = in_era - (365 * of_era + of_era / 4 - of_era / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    *day = of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted + (shifted < 10 ? 3 : -9);
    *year = of_era + era * 400 + (*month <= 2);
}

static bool leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Reads `count` digits from *s and moves on; -1 when they are not there. */
static int digits(const char **s, const char *end, int count)
{
    int value = 0;
    if (end - *s < count)
        return -1;
    for (int i = 0; i < count; i++, (*s)++) {
        if (**s < '0' || **s > '9')
            return -1;
        value = value * 10 + (**s - '0');
    }
    return value;
}

static bool take(const char **s, const char *end, char c)
{
    if (*s == end || **s != c)
        return false;
    (*s)++;
    return true;
}

/* hh:mm[:ss[.fraction]] to seconds of the day; -1 when it is none. */
static double time_of_day(const char **s, const char *end)
{
    int hour = digits(s, end, 2), minute = take(s, end, ':') ? digits(s, end, 2) : -1, second = 0;
    double fraction = 0;
    if (take(s, end, ':')) {
        second = digits(s, end, 2);
        if (take(s, end, '.') || take(s, end, ',')) {
            const char *first = *s;
            double unit = 1;
            for (; *s < end && **s >= '0' && **s <= '9'; (*s)++)
                if (*s - first < 15) { /* digits beyond what a double holds */
                    fraction = fraction * 10 + (**s - '0');
                    unit *= 10;
                }
            if (*s == first)
                return -1;
            fraction /= unit;
        }
    }
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return -1;
    return hour * 3600 + minute * 60 + second + fraction;
}

/* Z, +hh, +hhmm, +hh:mm or nothing, to seconds east of UTC; false when it is something else. */
static bool zone(const char **s, const char *end, double *east)
{
    *east = 0;
    if (*s == end || take(s, end, 'Z') || take(s, end, 'z'))
        return true;
    bool west = **s == '-';
    if (!take(s, end, '+') && !take(s, end, '-'))
        return false;
    int hours = digits(s, end, 2), minutes = 0;
    bool colon = take(s, end, ':');
    if (colon || *s < end)
        minutes = digits(s, end, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    *east = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

bool odd_timestamp_iso(const char *s, size_t n, double *seconds)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (n < 10)
        return false;
    const char *end = s + n;
    while (s < end && blank(*s))
        s++;
    while (s < end && blank(end[-1]))
        end--;
    if (end - s < 10 || s[4] != '-')
        return false;
    int year = digits(&s, end, 4);
    int month = take(&s, end, '-') ? digits(&s, end, 2) : -1;
    int day = take(&s, end, '-') ? digits(&s, end, 2) : -1;
    if (year < 1 || month < 1 || month > 12 || day < 1 ||
        day > lengths[month - 1] + (month == 2 && leap(year)))
        return false;
    double time = 0, east = 0;
    if (s < end) {
        if (!take(&s, end, 'T') && !take(&s, end, 't') && !take(&s, end, ' '))
            return false;
        time = time_of_day(&s, end);
        if (time < 0 || !zone(&s, end, &east) || s != end)
            return false;
    }
    *seconds = (double)days_of(year, month, day) * DAY + time - east;
    return *seconds >= FIRST_SECOND && *seconds <= LAST_SECOND;
}

odd_number_status odd_timestamp_parse(const char *s, size_t n, double *seconds)
{
    if (odd_timestamp_iso(s, n, seconds))
        return ODD_NUMBER_OK;
    odd_number_status status = odd_number_parse(s, n, seconds);
    if (status == ODD_NUMBER_OK && !(*seconds >= FIRST_SECOND && *seconds <= LAST_SECOND))
        return ODD_NUMBER_BAD;
    return status;
}

void odd_timestamp_features(const odd_scaler *trend, double seconds, float *out)
{
    double days = floor(seconds / DAY), of_day = (seconds - days * DAY) / DAY;
    int64_t day = (int64_t)days, year, month, of_month;
    date_of(day, &year, &month, &of_month);
    int64_t weekday = ((day + 3) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    double of_year = (double)(day - days_of(year, 1, 1)) + of_day;
    const double turns[3] = {of_day, ((double)weekday + of_day) / 7,
                             of_year / (leap(year) ? 366 : 365)};
    const double *seen = odd_scaler_quantiles(trend);
    double kept = fmin(fmax(seconds, seen[0]), seen[ODD_QUANTILES - 1]);
    out[0] = odd_scaler_apply(trend, kept);
    for (size_t i = 0; i < 3; i++) {
        double sine, cosine;
        sincos(TURN * turns[i], &sine, &cosine);
        out[1 + 2 * i] = (float)sine;
        out[2 + 2 * i] = (float)cosine;
    }
}

size_t odd_timestamp_format(char *out, double seconds)
{
    double whole = seconds < FIRST_SECOND ? FIRST_SECOND : floor(seconds + 0.5);
    whole = whole > LAST_SECOND ? floor(LAST_SECOND) : whole;
    double days = floor(whole / DAY);
    int of_day = (int)(whole - days * DAY);
    int64_t year, month, day;
    date_of((int64_t)days, &year, &month, &day);
    int size = snprintf(out, ODD_TIMESTAMP_SIZE, "%04d-%02d-%02dT%02d:%02d:%02dZ",
                        (int)year % 10000, (int)month % 100, (int)day % 100, of_day / 3600 % 100,
                        of_day / 60 % 60, of_day % 60);
    return size > 0 ? (size_t)size : 0;
}

/* ---- the kind ---- */

static void parse(const odd_tile *t, double *x, uint8_t *status)
{
    const odd_span *cell = t->cells;
    for (size_t i = 0; i < t->n; i++, cell += t->stride)
        status[i] = (uint8_t)odd_timestamp_parse(cell->data, cell->size, x + i);
}

/* What is no time was not read from a cell: those features are overwritten. */
static void scale(const odd_column *c, const double *x, size_t n, float *z, size_t stride)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] >= FIRST_SECOND && x[i] <= LAST_SECOND)
            odd_timestamp_features(&c->scaler, x[i], z + i * stride);
}

static void print(double x, odd_bytes *out)
{
    char text[ODD_TIMESTAMP_SIZE];
    odd_bytes_add(out, text, odd_timestamp_format(text, x));
}

/* 2024-05-06 07:08, or the seconds where they are no year of four digits. */
static void describe_time(double seconds, odd_bytes *out)
{
    char text[40];
    struct tm parts;
    time_t whole = seconds > -6e10 && seconds < 2.5e11 ? (time_t)seconds : 0;
    if ((seconds != 0 && whole == 0) || !gmtime_r(&whole, &parts) ||
        strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts) == 0)
        odd_bytes_print(out, "%.6g", seconds);
    else
        odd_bytes_text(out, text);
}

static void describe(const odd_column *c, odd_bytes *out)
{
    describe_time(c->minimum, out);
    odd_bytes_text(out, " to ");
    describe_time(c->maximum, out);
}

const odd_kind_row odd_kind_timestamp = {.name = "timestamp",
                                         .cell = "time",
                                         .features = ODD_TIMESTAMP_FEATURES,
                                         .moves_on = true,
                                         ODD_KIND_OF_NUMBERS,
                                         .describe = describe,
                                         .parse = parse,
                                         .scale = scale,
                                         .print = print};
