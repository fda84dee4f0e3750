/* base/number.c: decimal text to doubles, correctly rounded, and back to nine digits. */
#include "base/number.h"

#include "base/memory.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Powers of ten that a double holds exactly. */
static const double exact_power[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* strtod reads the point of the program's locale, so its C locale sibling is used; glibc hands out
 * one static object for it, made here once and never changed. */
static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* The slow, exact way. The caller has checked the grammar. */
static odd_number_status parse_slowly(const char *s, size_t n, double *value)
{
    char small[256], *text = small;
    pthread_once(&c_locale_once, make_c_locale);
    if (!c_locale)
        return ODD_NUMBER_BAD;
    if (n < sizeof small) {
        memcpy(small, s, n);
        small[n] = 0;
    } else if (!(text = odd_copy(s, n))) {
        return ODD_NUMBER_BAD;
    }
    double x = strtod_l(text, NULL, c_locale);
    if (text != small)
        odd_free(text);
    if (!isfinite(x))
        return ODD_NUMBER_BAD;
    *value = x;
    return ODD_NUMBER_OK;
}

static bool is_missing(const char *s, size_t n)
{
    switch (n) {
    case 1:
        return s[0] == '?';
    case 2:
        return !memcmp(s, "NA", 2);
    case 3:
        return !memcmp(s, "N/A", 3) || !memcmp(s, "NaN", 3) || !memcmp(s, "nan", 3);
    case 4:
        return !memcmp(s, "null", 4) || !memcmp(s, "NULL", 4) || !memcmp(s, "None", 4);
    default:
        return false;
    }
}

/* Digits, taken into mantissa while they fit; the exponent counts those that are dropped. */
typedef struct digits {
    uint64_t mantissa;
    int significant; /* digits in mantissa, from the first that is not zero */
    bool any;
    int64_t exponent; /* value = mantissa × 10^exponent, when nothing was dropped */
} digits;

static const char *take_digits(const char *s, const char *end, bool fraction, digits *d)
{
    for (; s < end; s++) {
        unsigned digit = (unsigned)(unsigned char)*s - '0';
        if (digit > 9)
            break;
        d->any = true;
        if (d->significant < 19) {
            d->mantissa = d->mantissa * 10 + digit;
            d->significant += d->mantissa != 0;
            d->exponent -= fraction;
        } else {
            d->exponent += !fraction;
        }
    }
    return s;
}

/* [+-]digits after an e; what is far beyond any double stays there. */
static const char *take_exponent(const char *s, const char *end, int64_t *exponent)
{
    bool negative = false;
    int64_t e = 0;
    if (s < end && (*s == '-' || *s == '+'))
        negative = *s++ == '-';
    if (s == end)
        return NULL;
    for (; s < end; s++) {
        unsigned digit = (unsigned)(unsigned char)*s - '0';
        if (digit > 9)
            return NULL;
        if (e < 100000000)
            e = e * 10 + (int64_t)digit;
    }
    *exponent += negative ? -e : e;
    return s;
}

odd_number_status odd_number_parse(const char *s, size_t n, double *value)
{
    while (n && (*s == ' ' || *s == '\t'))
        s++, n--;
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        n--;
    if (!n)
        return ODD_NUMBER_MISSING;
    const char *p = s, *end = s + n;
    bool negative = *p == '-';
    if (*p == '-' || *p == '+')
        p++;
    digits d = {0};
    p = take_digits(p, end, false, &d);
    if (p < end && *p == '.')
        p = take_digits(p + 1, end, true, &d);
    if (!d.any)
        return is_missing(s, n) ? ODD_NUMBER_MISSING : ODD_NUMBER_BAD;
    if (p < end && (*p == 'e' || *p == 'E'))
        p = take_exponent(p + 1, end, &d.exponent);
    if (p != end)
        return ODD_NUMBER_BAD;
    /* Clinger's fast path (1990): both factors exact, one rounding. A mantissa of 19 digits, the
     * only one that digits were dropped from, is beyond 2^53. */
    if (d.mantissa <= UINT64_C(1) << 53 && d.exponent >= -22 && d.exponent <= 22) {
        double x = (double)d.mantissa;
        x = d.exponent < 0 ? x / exact_power[-d.exponent] : x * exact_power[d.exponent];
        *value = negative ? -x : x;
        return ODD_NUMBER_OK;
    }
    return parse_slowly(s, n, value);
}

/* ---- writing. Debian 12 has no shortest-float library for C (Ryu and Dragonbox are there for Rust
 * and C++ only), and nine digits need less: one multiplication by a power of ten, one rounding. */

enum { DIGITS = 9 };

static const char pairs[201] =
    "00010203040506070809101112131415161718192021222324252627282930313233"
    "34353637383940414243444546474849505152535455565758596061626364656667"
    "6869707172737475767778798081828384858687888990919293949596979899";

/* The low `count` decimal digits of x. */
static void put_digits(char *out, uint64_t x, int count)
{
    while (count >= 2) {
        count -= 2;
        memcpy(out + count, pairs + 2 * (x % 100), 2);
        x /= 100;
    }
    if (count)
        out[0] = (char)('0' + x % 10);
}

size_t odd_whole_format(char out[ODD_NUMBER_SIZE], uint64_t value)
{
    int count = 1;
    for (uint64_t x = value; x >= 10; x /= 10)
        count++;
    put_digits(out, value, count);
    return (size_t)count;
}

/* x × 10^k for any k that a finite double can need; each factor is finite. */
static double scale(double x, int k)
{
    for (; k > 22; k -= 22)
        x *= 1e22;
    for (; k < -22; k += 22)
        x /= 1e22;
    return k < 0 ? x / exact_power[-k] : x * exact_power[k];
}

/* x > 0 as *mantissa × 10^(exponent - 8) with 10^8 <= mantissa < 10^9; returns the exponent. */
static int decompose(double x, uint64_t *mantissa)
{
    uint64_t bits;
    int binary_bias = 1023, exponent = 0;
    if (x < 0x1p-1000) { /* so that subnormals have their full mantissa */
        x *= 1e22;
        exponent = -22;
    }
    memcpy(&bits, &x, sizeof bits);
    int binary = (int)(bits >> 52) - binary_bias;
    /* floor(binary × log10 2): right or one too small for 2^binary <= x < 2^(binary + 1). */
    int e = (int)((binary * INT64_C(1292913986)) >> 32);
    double scaled = scale(x, DIGITS - 1 - e);
    uint64_t m = (uint64_t)(scaled + 0.5);
    if (m >= 1000000000) {
        e++;
        m = (uint64_t)(scaled / 10 + 0.5);
    }
    *mantissa = m;
    return e + exponent;
}

static char *put(char *p, const char *text, size_t size)
{
    memcpy(p, text, size);
    return p + size;
}

size_t odd_number_format(char out[ODD_NUMBER_SIZE], double value)
{
    char *p = out;
    uint64_t m;
    if (isnan(value)) {
        *p = 0;
        return 0;
    }
    if (value < 0) {
        *p++ = '-';
        value = -value;
    }
    if (isinf(value)) {
        memcpy(p, "inf", 4);
        return (size_t)(p - out) + 3;
    }
    if (value < 1e15 && value == (double)(uint64_t)value) {
        p += odd_whole_format(p, (uint64_t)value);
        *p = 0;
        return (size_t)(p - out);
    }
    int exponent = decompose(value, &m), count = DIGITS;
    while (m % 10 == 0) {
        m /= 10;
        count--;
    }
    char text[DIGITS] = {0};
    size_t kept = (size_t)count, whole = (size_t)exponent + 1; /* whole: where exponent >= 0 */
    put_digits(text, m, count);
    if (exponent < -5 || exponent >= 15) {
        unsigned e = (unsigned)(exponent < 0 ? -exponent : exponent);
        int width = e < 100 ? 2 : 3;
        *p++ = text[0];
        if (kept > 1)
            p = put(put(p, ".", 1), text + 1, kept - 1);
        p = put(p, exponent < 0 ? "e-" : "e+", 2);
        put_digits(p, e, width);
        p += width;
    } else if (exponent < 0) {
        p = put(put(p, "0.0000", (size_t)(1 - exponent)), text, kept);
    } else if (kept <= whole) { /* no digit is left behind the point */
        p = put(put(p, text, kept), "00000000000000", whole - kept);
    } else {
        p = put(put(put(p, text, whole), ".", 1), text + whole, kept - whole);
    }
    *p = 0;
    return (size_t)(p - out);
}

char *odd_grouped(uint64_t value, char out[ODD_NUMBER_SIZE])
{
    char text[ODD_NUMBER_SIZE];
    size_t size = odd_whole_format(text, value), at = 0;
    for (size_t i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = text[i];
    }
    out[at] = 0;
    return out;
}
