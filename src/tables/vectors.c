/* tables/vectors.c: lines of a value and its numbers, read from the end. */
#include "tables/vectors.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/utf8.h"
#include "column/schema.h"
#include "csv/input.h"

typedef struct reader {
    const char *name; /* of the input */
    const odd_word_sink *sink;
    odd_vocabulary *values; /* those met; id = number of the vector */
    uint64_t line;          /* number of the line at hand */
    uint64_t promised;      /* vectors, by the first line */
    uint64_t claimed_width; /* numbers, by the first line */
    bool pending;           /* the first line was two whole numbers: a promise, or a vector */
    bool header;            /* it was a promise */
    odd_bytes first;        /* that line, until it is known */
    size_t width;           /* 0: not known yet */
    float *vector;          /* (width) */
} reader;

/* Refuses the file: EFORMAT, and the place in front of the message. */
__attribute__((format(printf, 4, 5))) static int refuse(const reader *v, size_t column,
                                                        oddrow_error *err, const char *format, ...)
{
    char text[sizeof err->message];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return odd_fail(err, ODDROW_EFORMAT, "%s:%" PRIu64 ":%zu: %s", v->name, v->line, column + 1,
                    text);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The last field that ends at or before `end`: its first byte; *end becomes its end. `end` itself
 * when there is none. */
static size_t last_field(const char *line, size_t *end)
{
    while (*end > 0 && is_blank(line[*end - 1]))
        --*end;
    size_t start = *end;
    while (start > 0 && !is_blank(line[start - 1]))
        start--;
    return start;
}

/* A number, or what programs write for one that is none. */
static bool looks_numeric(const char *text, size_t size)
{
    static const char *const none[] = {"nan", "inf", "infinity"};
    double x;
    if (odd_number_parse(text, size, &x) == ODD_NUMBER_OK)
        return true;
    if (size > 0 && (*text == '-' || *text == '+')) {
        text++;
        size--;
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (size == strlen(none[i]) && strncasecmp(text, none[i], size) == 0)
            return true;
    return false;
}

/* Numbers at the end of a line, the first field left out. */
static size_t count_numbers(const char *line, size_t size)
{
    size_t count = 0;
    for (size_t start; (start = last_field(line, &size)) > 0; size = start, count++)
        if (!looks_numeric(line + start, size - start))
            break;
    return count;
}

static int set_width(reader *v, uint64_t width, size_t column, oddrow_error *err)
{
    if (width < 1 || width > ODD_EMBEDDING_LIMIT)
        return refuse(v, column, err, "vectors of %" PRIu64 " numbers; there can be 1 to %u", width,
                      ODD_EMBEDDING_LIMIT);
    v->width = (size_t)width;
    v->vector = odd_alloc(v->width, sizeof *v->vector);
    if (!v->vector)
        return odd_no_memory(err);
    return odd_prefix(err, v->sink->width(v->sink->context, v->width, err),
                      "%s:%" PRIu64 ":%zu: ", v->name, v->line, column + 1);
}

/* The numbers at the end of a line into v->vector; *size becomes what stands before them. */
static int read_numbers(reader *v, const char *line, size_t *size, oddrow_error *err)
{
    size_t end = *size;
    for (size_t i = v->width; i-- > 0;) {
        size_t start = last_field(line, &end);
        double x = 0;
        if (start == 0) /* only the value is left, or nothing */
            return refuse(v, *size, err, "%zu numbers, expected %zu", v->width - 1 - i, v->width);
        if (odd_number_parse(line + start, end - start, &x) != ODD_NUMBER_OK ||
            !isfinite((float)x)) {
            int shown = (int)(end - start < 40 ? end - start : 40);
            return refuse(v, start, err, "'%.*s' is not a number that a vector can hold", shown,
                          odd_utf8_valid(line + start, (size_t)shown) ? line + start : "?");
        }
        v->vector[i] = (float)x;
        end = start;
    }
    *size = end;
    return 0;
}

/* The first byte that does not belong to UTF-8 text. */
static size_t bad_byte(const char *text, size_t size)
{
    size_t good = 0, n;
    while (good < size && (n = odd_utf8_size(text + good, size - good)) > 0)
        good += n;
    return good;
}

/* The value in front of the numbers: line[start, end). */
static int check_value(reader *v, const char *line, size_t start, size_t end, oddrow_error *err)
{
    const char *value = line + start;
    size_t size = end - start, last = end;
    if (size == 0)
        return refuse(v, start, err, "no value in front of the numbers");
    if (memchr(value, 0, size) || !odd_utf8_valid(value, size)) {
        const char *zero = memchr(value, 0, size);
        return refuse(v, start + (zero ? (size_t)(zero - value) : bad_byte(value, size)), err,
                      zero ? "a NUL byte" : "the value is not UTF-8");
    }
    size_t field = last_field(line, &last);
    if (field > start && looks_numeric(line + field, last - field))
        return refuse(v, field, err, "%zu numbers, expected %zu",
                      v->width + count_numbers(line + start, size), v->width);
    uint32_t id = odd_vocabulary_add(v->values, value, size, SIZE_MAX, SIZE_MAX);
    if (id == 0 || id == ODD_VOCABULARY_NO_MEMORY)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory, or more than %u values",
                        ODD_VOCABULARY_LIMIT);
    if (v->values->counts[id] > 1)
        return refuse(v, start, err, "the value '%.*s' stands in line %" PRIu64 " too",
                      (int)(size < 100 ? size : 100), value, (uint64_t)id + v->header);
    return 0;
}

static int take_vector(reader *v, const char *line, size_t size, oddrow_error *err)
{
    size_t start = 0, end = size;
    while (start < end && is_blank(line[start]))
        start++;
    if (v->width == 0) {
        size_t width = count_numbers(line + start, size - start);
        if (width == 0)
            return refuse(v, 0, err, "no numbers behind the value");
        int rc = set_width(v, width, 0, err);
        if (rc)
            return rc;
    }
    int rc = read_numbers(v, line, &end, err);
    if (rc)
        return rc;
    while (end > start && is_blank(line[end - 1]))
        end--;
    rc = check_value(v, line, start, end, err);
    return rc ? rc : v->sink->take(v->sink->context, line + start, end - start, v->vector, err);
}

/* Two whole numbers and nothing else. */
static bool read_promise(reader *v, const char *line, size_t size)
{
    uint64_t number[2] = {0};
    size_t i = 0;
    for (int n = 0; n < 2; n++) {
        size_t digits = 0;
        for (; i < size && isdigit((unsigned char)line[i]) && digits < 18; i++, digits++)
            number[n] = number[n] * 10 + (uint64_t)(line[i] - '0');
        if (digits == 0 || (i < size && !is_blank(line[i])))
            return false;
        while (i < size && is_blank(line[i]))
            i++;
    }
    v->promised = number[0];
    v->claimed_width = number[1];
    return i == size;
}

/* The second line tells what two whole numbers in the first meant: a vector only where this line is
 * a value and one number too, and the first did not speak of width 1. */
static int settle(reader *v, const char *line, size_t size, oddrow_error *err)
{
    size_t fields = 0;
    for (size_t end = size, start; (start = last_field(line, &end)) < end; end = start)
        fields++;
    v->pending = false;
    v->header = fields != 2 || v->claimed_width == 1;
    v->line = 1;
    int rc = v->header ? set_width(v, v->claimed_width, 0, err)
                       : take_vector(v, v->first.data, v->first.size, err);
    v->line = 2;
    return rc;
}

static int take_line(reader *v, const char *line, size_t size, oddrow_error *err)
{
    int rc = 0;
    v->line++;
    if (size > ODD_VECTORS_LINE)
        return refuse(v, ODD_VECTORS_LINE, err, "a line of more than %u bytes", ODD_VECTORS_LINE);
    if (v->line == 1 && size >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
        line += 3;
        size -= 3;
    }
    while (size > 0 && (line[size - 1] == '\r' || is_blank(line[size - 1])))
        size--;
    if (size == 0)
        return refuse(v, 0, err, "an empty line");
    if (v->line == 1 && read_promise(v, line, size)) {
        v->pending = true;
        odd_bytes_add(&v->first, line, size);
        return odd_bytes_check(&v->first, err);
    }
    if (v->pending)
        rc = settle(v, line, size, err);
    if (!rc && v->header && v->values->size > v->promised)
        return refuse(v, 0, err, "more than the %" PRIu64 " vectors that line 1 promises",
                      v->promised);
    return rc ? rc : take_vector(v, line, size, err);
}

/* All lines of the input; what stands behind its last line end is one too. */
static int read_lines(reader *v, odd_input *input, odd_bytes *text, oddrow_error *err)
{
    enum { BLOCK = 1 << 18 };
    size_t got = BLOCK;
    while (got == BLOCK) {
        if (odd_bytes_reserve(text, BLOCK))
            return odd_no_memory(err);
        int rc = odd_input_read(input, text->data + text->size, BLOCK, &got, err);
        if (rc)
            return rc;
        text->size += got;
        const char *line = text->data, *last = line + text->size, *end;
        while ((end = memchr(line, '\n', (size_t)(last - line))) || (got < BLOCK && line < last)) {
            rc = take_line(v, line, (size_t)((end ? end : last) - line), err);
            if (rc)
                return rc;
            line = end ? end + 1 : last;
        }
        text->size = (size_t)(last - line);
        memmove(text->data, line, text->size);
        if (text->size > ODD_VECTORS_LINE)
            return take_line(v, text->data, text->size, err);
    }
    uint64_t count = v->values->size - 1;
    if (v->pending || (v->header && count != v->promised))
        return refuse(v, 0, err, "line 1 promises %" PRIu64 " vectors, %" PRIu64 " are there",
                      v->promised, count);
    v->line = 1;
    return count ? 0 : refuse(v, 0, err, "no vectors");
}

int odd_word_vectors_read(odd_input *input, const odd_word_sink *sink, oddrow_error *err)
{
    reader v = {.name = odd_input_name(input), .sink = sink, .values = odd_vocabulary_new()};
    odd_bytes text = {0};
    int rc = v.values ? read_lines(&v, input, &text, err) : odd_no_memory(err);
    odd_bytes_free(&text);
    odd_bytes_free(&v.first);
    odd_vocabulary_free(&v.values);
    odd_free(v.vector);
    return rc;
}
