#include "tables/vectors.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/utf8.h"
#include "column/schema.h"
#include "csv/input.h"

struct odd_vectors {
    odd_vectors_sink sink;
    odd_bytes rest;         /* of a line whose end has not come yet */
    odd_vocabulary *values; /* those met; id = number of the vector */
    uint64_t line;          /* number of the line at hand */
    uint64_t promised;      /* vectors, by the first line */
    uint64_t claimed_width; /* numbers, by the first line */
    bool pending;           /* the first line was two whole numbers: a promise, or a vector */
    bool header;            /* it was a promise */
    odd_bytes first;        /* that line, until it is known */
    size_t width;           /* 0: not known yet */
    float *vector;          /* (width) */
};

int odd_vectors_new(const odd_vectors_sink *sink, odd_vectors **out, oddrow_error *err)
{
    odd_vectors *v = odd_alloc(1, sizeof *v);
    *out = v;
    if (v) {
        v->sink = *sink;
        v->values = odd_vocabulary_new();
    }
    if (v && v->values)
        return 0;
    odd_vectors_free(out);
    return odd_no_memory(err);
}

void odd_vectors_free(odd_vectors **v)
{
    if (!v || !*v)
        return;
    odd_bytes_free(&(*v)->rest);
    odd_bytes_free(&(*v)->first);
    odd_vocabulary_free(&(*v)->values);
    odd_free((*v)->vector);
    odd_free(*v);
    *v = NULL;
}

/* Puts the place in front of the message. */
static int at(const odd_vectors *v, size_t column, int rc, oddrow_error *err)
{
    return odd_prefix(err, rc, "%" PRIu64 ":%zu: ", v->line, column + 1);
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
    while (size > 0) {
        size_t start = last_field(line, &size);
        if (start == 0 || !looks_numeric(line + start, size - start))
            break;
        count++;
        size = start;
    }
    return count;
}

static int set_width(odd_vectors *v, uint64_t width, size_t column, oddrow_error *err)
{
    if (width < 1 || width > ODD_EMBEDDING_LIMIT) {
        odd_fail(err, ODDROW_EFORMAT, "vectors of %" PRIu64 " numbers; there can be 1 to %u", width,
                 ODD_EMBEDDING_LIMIT);
        return at(v, column, ODDROW_EFORMAT, err);
    }
    v->width = (size_t)width;
    v->vector = odd_alloc(v->width, sizeof *v->vector);
    if (!v->vector)
        return odd_no_memory(err);
    return at(v, column, v->sink.width(v->sink.context, v->width, err), err);
}

/* The numbers at the end of a line into v->vector; *size becomes what stands before them. */
static int read_numbers(odd_vectors *v, const char *line, size_t *size, oddrow_error *err)
{
    size_t end = *size;
    for (size_t i = v->width; i-- > 0;) {
        size_t start = last_field(line, &end);
        double x = 0;
        if (start == 0) { /* only the value is left, or nothing */
            odd_fail(err, ODDROW_EFORMAT, "%zu numbers, expected %zu", v->width - 1 - i, v->width);
            return at(v, *size, ODDROW_EFORMAT, err);
        }
        if (odd_number_parse(line + start, end - start, &x) != ODD_NUMBER_OK ||
            !isfinite((float)x)) {
            int shown = (int)(end - start < 40 ? end - start : 40);
            odd_fail(err, ODDROW_EFORMAT, "'%.*s' is not a number that a vector can hold", shown,
                     odd_utf8_valid(line + start, (size_t)shown) ? line + start : "?");
            return at(v, start, ODDROW_EFORMAT, err);
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
    size_t good = 0;
    for (size_t i = 0; i < size;) {
        size_t n = 1;
        while (n < 4 && i + n < size && !odd_utf8_valid(text + i, n))
            n++;
        if (!odd_utf8_valid(text + i, n))
            break;
        good = i += n;
    }
    return good;
}

/* The value in front of the numbers: line[start, end). */
static int check_value(odd_vectors *v, const char *line, size_t start, size_t end,
                       oddrow_error *err)
{
    const char *value = line + start;
    size_t size = end - start, last = end;
    if (size == 0) {
        odd_fail(err, ODDROW_EFORMAT, "no value in front of the numbers");
        return at(v, start, ODDROW_EFORMAT, err);
    }
    if (memchr(value, 0, size) || !odd_utf8_valid(value, size)) {
        const char *zero = memchr(value, 0, size);
        odd_fail(err, ODDROW_EFORMAT, zero ? "a NUL byte" : "the value is not UTF-8");
        return at(v, start + (zero ? (size_t)(zero - value) : bad_byte(value, size)),
                  ODDROW_EFORMAT, err);
    }
    size_t field = last_field(line, &last);
    if (field > start && looks_numeric(line + field, last - field)) {
        odd_fail(err, ODDROW_EFORMAT, "%zu numbers, expected %zu",
                 v->width + count_numbers(line + start, size), v->width);
        return at(v, field, ODDROW_EFORMAT, err);
    }
    uint32_t id = odd_vocabulary_add(v->values, value, size, SIZE_MAX, SIZE_MAX);
    if (id == 0 || id == ODD_VOCABULARY_NO_MEMORY)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory, or more than %u values",
                        ODD_VOCABULARY_LIMIT);
    if (v->values->counts[id] > 1) {
        odd_fail(err, ODDROW_EFORMAT, "the value '%.*s' stands in line %" PRIu64 " too",
                 (int)(size < 100 ? size : 100), value, (uint64_t)id + v->header);
        return at(v, start, ODDROW_EFORMAT, err);
    }
    return 0;
}

static int take_vector(odd_vectors *v, const char *line, size_t size, oddrow_error *err)
{
    size_t start = 0, end = size;
    while (start < end && is_blank(line[start]))
        start++;
    if (v->width == 0) {
        size_t width = count_numbers(line + start, size - start);
        if (width == 0) {
            odd_fail(err, ODDROW_EFORMAT, "no numbers behind the value");
            return at(v, 0, ODDROW_EFORMAT, err);
        }
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
    return rc ? rc : v->sink.take(v->sink.context, line + start, end - start, v->vector, err);
}

/* Two whole numbers and nothing else. */
static bool read_promise(odd_vectors *v, const char *line, size_t size)
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
static int settle(odd_vectors *v, const char *line, size_t size, oddrow_error *err)
{
    size_t fields = 0;
    for (size_t end = size; end > 0; fields++) {
        size_t start = last_field(line, &end);
        if (start == end)
            break;
        end = start;
    }
    v->pending = false;
    v->header = fields != 2 || v->claimed_width == 1;
    v->line = 1;
    int rc = v->header ? set_width(v, v->claimed_width, 0, err)
                       : take_vector(v, v->first.data, v->first.size, err);
    v->line = 2;
    return rc;
}

static int take_line(odd_vectors *v, const char *line, size_t size, oddrow_error *err)
{
    int rc = 0;
    v->line++;
    if (v->line == 1 && size >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
        line += 3;
        size -= 3;
    }
    while (size > 0 && (line[size - 1] == '\r' || is_blank(line[size - 1])))
        size--;
    if (size == 0) {
        odd_fail(err, ODDROW_EFORMAT, "an empty line");
        return at(v, 0, ODDROW_EFORMAT, err);
    }
    if (v->line == 1 && read_promise(v, line, size)) {
        v->pending = true;
        return odd_bytes_add(&v->first, line, size) ? odd_no_memory(err) : 0;
    }
    if (v->pending)
        rc = settle(v, line, size, err);
    if (!rc && v->header && v->values->size > v->promised) {
        odd_fail(err, ODDROW_EFORMAT, "more than the %" PRIu64 " vectors that line 1 promises",
                 v->promised);
        return at(v, 0, ODDROW_EFORMAT, err);
    }
    return rc ? rc : take_vector(v, line, size, err);
}

int odd_vectors_feed(odd_vectors *v, const char *data, size_t size, oddrow_error *err)
{
    int rc = 0;
    while (!rc && size > 0) {
        const char *end = memchr(data, '\n', size);
        size_t part = end ? (size_t)(end - data) : size;
        if (v->rest.size + part > ODD_VECTORS_LINE) {
            v->line++;
            odd_fail(err, ODDROW_EFORMAT, "a line of more than %u bytes", ODD_VECTORS_LINE);
            return at(v, ODD_VECTORS_LINE, ODDROW_EFORMAT, err);
        }
        if (end && v->rest.size == 0) {
            rc = take_line(v, data, part, err);
        } else {
            if (odd_bytes_add(&v->rest, data, part))
                return odd_no_memory(err);
            if (end) {
                rc = take_line(v, v->rest.data ? v->rest.data : "", v->rest.size, err);
                odd_bytes_clear(&v->rest);
            }
        }
        data += part + (end != NULL);
        size -= part + (end != NULL);
    }
    return rc;
}

int odd_vectors_end(odd_vectors *v, oddrow_error *err)
{
    int rc = v->rest.size ? take_line(v, v->rest.data, v->rest.size, err) : 0;
    uint64_t count = v->values->size - 1;
    odd_bytes_clear(&v->rest);
    if (rc)
        return rc;
    if (v->pending || (v->header && count != v->promised)) {
        odd_fail(err, ODDROW_EFORMAT, "line 1 promises %" PRIu64 " vectors, %" PRIu64 " are there",
                 v->promised, count);
        return at(v, 0, ODDROW_EFORMAT, err);
    }
    if (count == 0) {
        v->line = 1;
        odd_fail(err, ODDROW_EFORMAT, "no vectors");
        return at(v, 0, ODDROW_EFORMAT, err);
    }
    return 0;
}

int odd_vectors_read(const char *path, const odd_vectors_sink *sink, oddrow_error *err)
{
    enum { BLOCK = 1 << 18 };
    odd_input *input = NULL;
    odd_vectors *v = NULL;
    char *block = odd_alloc(BLOCK, 1);
    size_t got = BLOCK;
    int rc = block ? odd_input_open(path, &input, err) : odd_no_memory(err);
    bool named = rc != 0; /* the input's messages have the path in them */
    if (!rc)
        rc = odd_vectors_new(sink, &v, err);
    while (!rc && got == BLOCK) {
        rc = odd_input_read(input, block, BLOCK, &got, err);
        named = rc != 0;
        if (!rc)
            rc = odd_vectors_feed(v, block, got, err);
    }
    if (!rc)
        rc = odd_vectors_end(v, err);
    odd_vectors_free(&v);
    odd_input_free(&input);
    odd_free(block);
    if (rc && err && !named)
        odd_prefix(err, rc, isdigit((unsigned char)*err->message) ? "%s:" : "%s: ", path);
    return rc;
}
