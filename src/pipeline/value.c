/* pipeline/value.c: one value of the option table, from text and to text. */
#include "pipeline/value.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"

void *odd_value_at(odd_options *options, const odd_option *option)
{
    return (char *)options + option->offset;
}

const void *odd_value_in(const odd_options *options, const odd_option *option)
{
    return (const char *)options + option->offset;
}

void odd_names_free(odd_names *names)
{
    if (!names)
        return;
    for (size_t i = 0; i < names->count; i++)
        odd_free((char *)(uintptr_t)names->items[i]);
    odd_free((void *)(uintptr_t)names->items);
    *names = (odd_names){0};
}

odd_value odd_value_owned(const odd_option *option, const void *value)
{
    odd_value owned = {0};
    if (option->type == ODD_OPTION_TEXT)
        owned.text = *(const char *const *)value;
    else if (option->type == ODD_OPTION_NAMES)
        owned.names = *(const odd_names *)value;
    else if (option->type == ODD_OPTION_COUNTS)
        owned.sizes = *(const odd_sizes *)value;
    return owned;
}

void odd_value_free(const odd_option *option, void *value)
{
    odd_value owned = odd_value_owned(option, value);
    if (option->type == ODD_OPTION_NAMES)
        odd_names_free(value);
    else if (option->type == ODD_OPTION_COUNTS)
        odd_free((void *)(uintptr_t)owned.sizes.items);
    else if (option->type == ODD_OPTION_TEXT)
        odd_free((void *)(uintptr_t)owned.text);
}

/* "must be a whole number of at least 1 and at most 9, not 'x'" */
static int bad_number(const odd_option *o, const char *what, const char *text, oddrow_error *err)
{
    char low[64], high[64] = "";
    snprintf(low, sizeof(low), "%s %.10g", o->above_low ? "above" : "of at least", o->low);
    if (o->high < 1e18)
        snprintf(high, sizeof(high), " and %s %.10g", o->below_high ? "below" : "at most", o->high);
    return odd_fail(err, ODDROW_EINVAL, "%s must be %s %s%s, not '%.100s'", o->key, what, low, high,
                    text);
}

static bool within(const odd_option *o, double value)
{
    return (o->above_low ? value > o->low : value >= o->low) &&
           (o->below_high ? value < o->high : value <= o->high);
}

static int read_count(const odd_option *o, const char *text, size_t *value, oddrow_error *err)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = isdigit((unsigned char)*text) ? strtoull(text, &end, 10) : 0;
    if (end == NULL || *end != '\0' || errno != 0 || !within(o, (double)n))
        return bad_number(o, "a whole number", text, err);
    *value = (size_t)n;
    return 0;
}

static int read_real(const odd_option *o, const char *text, double *value, oddrow_error *err)
{
    double x = 0;
    if (odd_number_parse(text, strlen(text), &x) != ODD_NUMBER_OK || !within(o, x))
        return bad_number(o, "a number", text, err);
    *value = x;
    return 0;
}

/* 256M, 1.5G, 64KiB, 1048576: powers of 1024. */
static int read_bytes(const odd_option *o, const char *text, size_t *value, oddrow_error *err)
{
    static const char units[] = "KMGT";
    size_t digits = strspn(text, "0123456789.");
    const char *rest = text + digits;
    double factor = 1, x = 0;
    const char *unit = *rest ? strchr(units, toupper((unsigned char)*rest)) : NULL;
    if (unit) {
        factor = ldexp(1, 10 * (int)(unit - units + 1));
        rest++;
        if (*rest == 'i')
            rest++;
    }
    if (*rest == 'B')
        rest++;
    if (*rest != '\0' || odd_number_parse(text, digits, &x) != ODD_NUMBER_OK ||
        !within(o, x * factor))
        return odd_fail(err, ODDROW_EINVAL,
                        "%s must be a size such as 256M or 2G, of at least %.0fM, not '%.100s'",
                        o->key, o->low / 1048576, text);
    *value = (size_t)(x * factor);
    return 0;
}

/* Seconds: 0, 500us, 20ms, 10s, 5m, 12h, 7d. */
static bool parse_duration(const char *text, double *seconds)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400.0}};
    size_t digits = strspn(text, "0123456789.");
    double x = 0;
    if (odd_number_parse(text, digits, &x) != ODD_NUMBER_OK)
        return false;
    *seconds = 0;
    if (x == 0 && text[digits] == '\0')
        return true;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(text + digits, units[i].name) == 0) {
            *seconds = x * units[i].seconds;
            return true;
        }
    }
    return false;
}

static int read_duration(const odd_option *o, const char *text, double *value, oddrow_error *err)
{
    double seconds = 0;
    if (!parse_duration(text, &seconds) || !within(o, seconds))
        return odd_fail(err, ODDROW_EINVAL,
                        "%s must be a duration such as 500us, 20ms, 10s, 5m, 12h or 7d%s, not "
                        "'%.100s'",
                        o->key, o->above_low ? ", above 0" : "", text);
    *value = seconds;
    return 0;
}

/* A duration (units in small letters) or a size (capital ones). */
static int read_retain(const odd_option *o, const char *text, odd_retain *value, oddrow_error *err)
{
    odd_option as_size = *o;
    odd_retain read = {0};
    as_size.low = 1048576;
    as_size.high = 1e18;
    if (parse_duration(text, &read.seconds) && read.seconds > 0) {
        *value = read;
        return 0;
    }
    if (read_bytes(&as_size, text, &read.bytes, NULL) != 0)
        return odd_fail(err, ODDROW_EINVAL,
                        "%s must be a duration such as 12h or 7d, or a size of at least 1M such as "
                        "500M or 10G, not '%.100s'",
                        o->key, text);
    read.seconds = 0;
    *value = read;
    return 0;
}

static int read_switch(const odd_option *o, const char *text, bool *value, oddrow_error *err)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *value = i % 2 == 1;
            return 0;
        }
    }
    return odd_fail(err, ODDROW_EINVAL, "%s must be true or false, not '%.100s'", o->key, text);
}

static int read_choice(const odd_option *o, const char *text, int *value, oddrow_error *err)
{
    odd_bytes names = {0};
    for (int i = 0; strcmp(o->choice(i), "?") != 0; i++) {
        if (strcmp(text, o->choice(i)) == 0) {
            *value = i;
            odd_bytes_free(&names);
            return 0;
        }
        odd_bytes_print(&names, "%s%s", i ? ", " : "", o->choice(i));
    }
    int rc = odd_bytes_check(&names, err);
    if (!rc)
        rc = odd_fail(err, ODDROW_EINVAL, "%s must be one of %.*s, not '%.100s'", o->key,
                      (int)names.size, names.data, text);
    odd_bytes_free(&names);
    return rc;
}

static int read_character(const odd_option *o, const char *text, char *value, oddrow_error *err)
{
    if (strcmp(text, "auto") == 0) {
        *value = 0;
    } else if (strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0) {
        *value = '\t';
    } else if (strlen(text) == 1 && (unsigned char)text[0] < 0x7f &&
               !isalnum((unsigned char)*text) && !strchr("\"\r\n", *text)) {
        *value = text[0];
    } else {
        return odd_fail(err, ODDROW_EINVAL,
                        "%s must be tab, auto, or one character other than a letter, a digit or "
                        "a quote, not '%.100s'",
                        o->key, text);
    }
    return 0;
}

int odd_value_read(const odd_option *option, const char *text, void *value, oddrow_error *err)
{
    switch (option->type) {
    case ODD_OPTION_COUNT:
        return read_count(option, text, value, err);
    case ODD_OPTION_REAL:
        return read_real(option, text, value, err);
    case ODD_OPTION_BYTES:
        return read_bytes(option, text, value, err);
    case ODD_OPTION_SWITCH:
        return read_switch(option, text, value, err);
    case ODD_OPTION_CHOICE:
        return read_choice(option, text, value, err);
    case ODD_OPTION_CHARACTER:
        return read_character(option, text, value, err);
    case ODD_OPTION_DURATION:
        return read_duration(option, text, value, err);
    case ODD_OPTION_RETAIN:
        return read_retain(option, text, value, err);
    case ODD_OPTION_TEXT: {
        if (*text == '\0')
            return odd_fail(err, ODDROW_EINVAL, "%s must not be empty", option->key);
        char *copy = odd_copy(text, strlen(text));
        if (!copy)
            return odd_no_memory(err);
        *(char **)value = copy;
        return 0;
    }
    case ODD_OPTION_NAMES:
    case ODD_OPTION_COUNTS:
        break;
    }
    return odd_fail(err, ODDROW_EINVAL, "%s is a list", option->key);
}

static int read_names(const odd_option *o, const char *const *items, size_t count, odd_names *value,
                      oddrow_error *err)
{
    const char **copies = odd_alloc(count + 1, sizeof *copies);
    odd_names names = {copies, 0};
    int rc = copies ? 0 : odd_no_memory(err);
    for (; !rc && names.count < count; names.count++) {
        const char *item = items[names.count];
        copies[names.count] = odd_copy(item, strlen(item));
        if (*item == '\0')
            rc = odd_fail(err, ODDROW_EINVAL, "%s has an empty item", o->key);
        else if (!copies[names.count])
            rc = odd_no_memory(err);
    }
    if (rc)
        odd_names_free(&names);
    else
        *value = names;
    return rc;
}

int odd_value_read_list(const odd_option *option, const char *const *items, size_t count,
                        void *value, oddrow_error *err)
{
    enum { MOST_COUNTS = 64 };
    if (option->type == ODD_OPTION_NAMES)
        return read_names(option, items, count, value, err);
    if (count == 0 || count > MOST_COUNTS)
        return odd_fail(err, ODDROW_EINVAL, "%s must have 1 to %d items, not %zu", option->key,
                        MOST_COUNTS, count);
    size_t *sizes = odd_alloc(count, sizeof *sizes);
    int rc = sizes ? 0 : odd_no_memory(err);
    for (size_t i = 0; !rc && i < count; i++)
        rc = read_count(option, items[i], &sizes[i], err);
    if (rc)
        odd_free(sizes);
    else
        *(odd_sizes *)value = (odd_sizes){sizes, count};
    return rc;
}

/* A copy of text[0..size) without the blanks around it and the quotes in it; NULL: no memory. */
static char *copy_item(const char *text, size_t size)
{
    while (size > 0 && isblank((unsigned char)text[0]))
        text++, size--;
    while (size > 0 && isblank((unsigned char)text[size - 1]))
        size--;
    char *item = odd_copy(text, size), *to = item;
    for (const char *from = item; from && *from; from++)
        if (*from != '"')
            *to++ = *from;
    if (item)
        *to = '\0';
    return item;
}

int odd_value_split(const char *text, odd_names *items, oddrow_error *err)
{
    size_t commas = 0;
    for (const char *p = text; *p; p++)
        commas += *p == ',';
    const char **copies = odd_alloc(commas + 1, sizeof *copies), *start = text;
    *items = (odd_names){copies, 0};
    if (!copies)
        return odd_no_memory(err);
    bool quoted = false;
    for (const char *p = text; *text; p++) {
        if (*p == '"')
            quoted = !quoted;
        if (*p == '\0' || (*p == ',' && !quoted)) {
            copies[items->count] = copy_item(start, (size_t)(p - start));
            if (!copies[items->count++])
                return odd_no_memory(err);
            start = p + 1;
        }
        if (*p == '\0')
            break;
    }
    return 0;
}

/* Appends to text, within size; at is where it ends. */
static void append(char *text, size_t size, size_t *at, const char *more)
{
    for (; *more && *at + 1 < size; more++)
        text[(*at)++] = *more;
    text[*at] = '\0';
}

static void print_bytes(size_t value, char *text, size_t size)
{
    static const char units[] = " KMGT";
    size_t unit = 0;
    while (unit + 2 < sizeof(units) && value > 0 && value % 1024 == 0) {
        value /= 1024;
        unit++;
    }
    if (unit)
        snprintf(text, size, "%zu%c", value, units[unit]);
    else
        snprintf(text, size, "%zu", value);
}

static void print_duration(double seconds, char *text, size_t size)
{
    if (seconds >= 86400 && fmod(seconds, 86400) == 0)
        snprintf(text, size, "%.10gd", seconds / 86400);
    else if (seconds >= 3600 && fmod(seconds, 3600) == 0)
        snprintf(text, size, "%.10gh", seconds / 3600);
    else if (seconds >= 1 || seconds == 0)
        snprintf(text, size, "%.10gs", seconds);
    else if (seconds >= 1e-3)
        snprintf(text, size, "%.10gms", seconds * 1e3);
    else
        snprintf(text, size, "%.10gus", seconds * 1e6);
}

static void print_list(const odd_option *o, const void *value, char *text, size_t size)
{
    const odd_names *names = value;
    const odd_sizes *sizes = value;
    size_t at = 0, count = o->type == ODD_OPTION_NAMES ? names->count : sizes->count;
    for (size_t i = 0; i < count; i++) {
        char number[32];
        if (i > 0)
            append(text, size, &at, ",");
        snprintf(number, sizeof(number), "%zu", o->type == ODD_OPTION_COUNTS ? sizes->items[i] : 0);
        append(text, size, &at, o->type == ODD_OPTION_NAMES ? names->items[i] : number);
    }
}

void odd_options_print(const odd_options *options, const odd_option *option, char *text,
                       size_t size)
{
    const void *value = odd_value_in(options, option);
    text[0] = '\0';
    switch (option->type) {
    case ODD_OPTION_TEXT:
        if (*(char *const *)value)
            snprintf(text, size, "%s", *(char *const *)value);
        break;
    case ODD_OPTION_NAMES:
    case ODD_OPTION_COUNTS:
        print_list(option, value, text, size);
        break;
    case ODD_OPTION_COUNT:
        snprintf(text, size, "%zu", *(const size_t *)value);
        break;
    case ODD_OPTION_REAL:
        snprintf(text, size, "%.10g", *(const double *)value);
        break;
    case ODD_OPTION_SWITCH:
        snprintf(text, size, "%s", *(const bool *)value ? "true" : "false");
        break;
    case ODD_OPTION_CHOICE:
        snprintf(text, size, "%s", option->choice(*(const int *)value));
        break;
    case ODD_OPTION_BYTES:
        print_bytes(*(const size_t *)value, text, size);
        break;
    case ODD_OPTION_DURATION:
        print_duration(*(const double *)value, text, size);
        break;
    case ODD_OPTION_RETAIN: {
        const odd_retain *retain = value;
        if (retain->seconds > 0)
            print_duration(retain->seconds, text, size);
        else
            print_bytes(retain->bytes, text, size);
        break;
    }
    case ODD_OPTION_CHARACTER: {
        char c = *(const char *)value;
        snprintf(text, size, c == 0 ? "auto" : c == '\t' ? "tab" : "%c", c);
        break;
    }
    }
}
