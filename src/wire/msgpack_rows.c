/* wire/msgpack_rows.c: MessagePack maps to rows, walked without building anything: a count that
 * claims more than the bytes that follow is broken at once. The row's text as JSON is written on
 * the way. Format: the MessagePack specification, section "Formats". */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/rows.h"

typedef enum {
    NIL,
    BOOLEAN,
    UNSIGNED,
    NEGATIVE,
    FLOAT,
    DOUBLE,
    TEXT,
    BINARY,
    EXTENSION,
    ARRAY,
    MAP
} value_kind;

/* One value, or the beginning of an array or map. */
typedef struct head {
    value_kind kind;
    uint64_t number; /* unsigned; bits of a negative; 0 or 1; elements, pairs */
    double real;
    const char *data; /* text, binary */
    size_t size;
} head;

enum { REAL_SIZE = 32 };

/* One payload. */
typedef struct msgpack_rows {
    odd_decoder *d;
    const unsigned char *start, *at, *end;
    bool no_memory, too_deep;
    const char *broken; /* what the payload does wrong */
} msgpack_rows;

static bool broken(msgpack_rows *r, const char *what)
{
    r->broken = what;
    return false;
}

/* Big-endian. */
static bool take_number(msgpack_rows *r, size_t size, uint64_t *value)
{
    *value = 0;
    if ((size_t)(r->end - r->at) < size)
        return broken(r, "ends within a value");
    while (size--)
        *value = *value << 8 | *r->at++;
    return true;
}

/* `skip` bytes of a type stand before those of the data. */
static bool take_data(msgpack_rows *r, head *h, value_kind kind, uint64_t size, size_t skip)
{
    size_t left = (size_t)(r->end - r->at);
    if (left < skip || left - skip < size)
        return broken(r, "ends within a value");
    h->kind = kind;
    h->data = (const char *)r->at + skip;
    h->size = (size_t)size;
    r->at += skip + size;
    return true;
}

static bool take_count(msgpack_rows *r, head *h, value_kind kind, uint64_t count)
{
    uint64_t most = (uint64_t)(r->end - r->at) / (kind == MAP ? 2 : 1);
    h->kind = kind;
    h->number = count;
    return count <= most || broken(r, "ends within an array or map");
}

/* The bytes 0xc0 to 0xdf. */
static bool take_long_head(msgpack_rows *r, unsigned byte, head *h)
{
    uint64_t n = 0;
    float single;
    switch (byte) {
    case 0xc0:
        h->kind = NIL;
        return true;
    case 0xc1:
        return broken(r, "byte 0xc1 is no value");
    case 0xc2:
    case 0xc3:
        h->kind = BOOLEAN;
        h->number = byte & 1;
        return true;
    case 0xca:
        h->kind = FLOAT;
        if (!take_number(r, 4, &n))
            return false;
        memcpy(&single, &(uint32_t){(uint32_t)n}, sizeof single);
        h->real = (double)single;
        return true;
    case 0xcb:
        h->kind = DOUBLE;
        if (!take_number(r, 8, &n))
            return false;
        memcpy(&h->real, &n, sizeof n);
        return true;
    default:
        break;
    }
    if (byte >= 0xcc && byte <= 0xcf) {
        h->kind = UNSIGNED;
        return take_number(r, (size_t)1 << (byte - 0xcc), &h->number);
    }
    if (byte >= 0xd0 && byte <= 0xd3) {
        unsigned bits = 8u << (byte - 0xd0);
        if (!take_number(r, bits / 8, &n))
            return false;
        bool negative = n >> (bits - 1) & 1;
        h->kind = negative ? NEGATIVE : UNSIGNED;
        h->number = negative && bits < 64 ? n | UINT64_MAX << bits : n;
        return true;
    }
    if (byte >= 0xd4 && byte <= 0xd8)
        return take_data(r, h, EXTENSION, UINT64_C(1) << (byte - 0xd4), 1);
    /* c4 c5 c6: binary; c7 c8 c9: extension; d9 da db: text; dc dd: array; de df: map */
    size_t width = byte >= 0xde   ? (size_t)2 << (byte - 0xde)
                   : byte >= 0xdc ? (size_t)2 << (byte - 0xdc)
                   : byte >= 0xd9 ? (size_t)1 << (byte - 0xd9)
                   : byte >= 0xc7 ? (size_t)1 << (byte - 0xc7)
                                  : (size_t)1 << (byte - 0xc4);
    if (!take_number(r, width, &n))
        return false;
    if (byte >= 0xdc)
        return take_count(r, h, byte >= 0xde ? MAP : ARRAY, n);
    return byte >= 0xd9   ? take_data(r, h, TEXT, n, 0)
           : byte >= 0xc7 ? take_data(r, h, EXTENSION, n, 1)
                          : take_data(r, h, BINARY, n, 0);
}

static bool take_head(msgpack_rows *r, head *h)
{
    *h = (head){.kind = NIL};
    if (r->at == r->end)
        return broken(r, "ends within a value");
    unsigned byte = *r->at++;
    if (byte < 0x80 || byte >= 0xe0) {
        h->kind = byte < 0x80 ? UNSIGNED : NEGATIVE;
        h->number = byte < 0x80 ? byte : byte | ~UINT64_C(0xff);
        return true;
    }
    if (byte < 0x90)
        return take_count(r, h, MAP, byte & 15);
    if (byte < 0xa0)
        return take_count(r, h, ARRAY, byte & 15);
    if (byte < 0xc0)
        return take_data(r, h, TEXT, byte & 31, 0);
    return take_long_head(r, byte, h);
}

/* The fewest digits that read back as the same number, of a float as the same float. */
static size_t write_real(const odd_decoder *d, const head *h, char out[REAL_SIZE])
{
    int precision = h->kind == FLOAT ? 6 : 15, most = h->kind == FLOAT ? 9 : 17, size;
    locale_t before = uselocale(d->c_locale);
    do {
        size = snprintf(out, REAL_SIZE, "%.*g", precision, h->real);
    } while (++precision <= most && !(h->kind == FLOAT ? strtof(out, NULL) == (float)h->real
                                                       : strtod(out, NULL) == h->real));
    uselocale(before);
    return (size_t)size;
}

static size_t write_integer(const head *h, char out[REAL_SIZE])
{
    int size = h->kind == NEGATIVE
                   ? snprintf(out, REAL_SIZE, "-%llu", (unsigned long long)(0 - h->number))
                   : snprintf(out, REAL_SIZE, "%llu", (unsigned long long)h->number);
    return (size_t)size;
}

/* The text of a scalar that is no text itself, as a cell; NULL: it has none. */
static const char *write_scalar(const odd_decoder *d, const head *h, char out[REAL_SIZE],
                                size_t *size)
{
    *size = 0;
    switch (h->kind) {
    case NIL:
        return "";
    case BOOLEAN:
        *size = h->number ? 4 : 5;
        return h->number ? "true" : "false";
    case UNSIGNED:
    case NEGATIVE:
        *size = write_integer(h, out);
        return out;
    case FLOAT:
    case DOUBLE:
        if (isnan(h->real)) /* a missing number, with or without its sign */
            return "";
        *size = write_real(d, h, out);
        return out;
    default:
        return NULL;
    }
}

static bool print(msgpack_rows *r, const char *text, size_t size)
{
    odd_bytes *json = &r->d->json;
    if (json->capacity - json->size < size && odd_bytes_reserve(json, size)) {
        r->no_memory = true;
        return false;
    }
    if (size)
        memcpy(json->data + json->size, text, size);
    json->size += size;
    return true;
}

/* A scalar as JSON. What JSON has no form for becomes a text: inf, 4 bytes. */
static bool print_scalar(msgpack_rows *r, const head *h)
{
    char out[REAL_SIZE];
    size_t size = 0;
    const char *text = write_scalar(r->d, h, out, &size);
    bool quoted = !text || (size && (h->kind == FLOAT || h->kind == DOUBLE) && isinf(h->real));
    if (h->kind == TEXT) {
        r->no_memory |= odd_json_text_add(&r->d->json, h->data, h->size) != 0;
        return !r->no_memory;
    }
    if (!text) {
        size = (size_t)snprintf(out, sizeof out, "%zu bytes", h->size);
        text = out;
    }
    if (quoted)
        return print(r, "\"", 1) && print(r, text, size) && print(r, "\"", 1);
    return size ? print(r, text, size) : print(r, "null", 4);
}

static bool take_value(msgpack_rows *r, unsigned depth, head *h);

/* A name as JSON; one that is no text becomes "?". */
/* NOLINTNEXTLINE(misc-no-recursion) */
static bool take_name(msgpack_rows *r, unsigned depth, head *h)
{
    size_t before = r->d->json.size;
    if (!take_value(r, depth, h))
        return false;
    if (h->kind == TEXT)
        return true;
    r->d->json.size = before;
    return print(r, "\"?\"", 3);
}

/* What follows the head of an array or map; depth counts the levels open, this one included. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static bool take_rest(msgpack_rows *r, unsigned depth, const head *h)
{
    bool map = h->kind == MAP;
    head name, value;
    if (depth > ODD_DEPTH_MAX) {
        r->too_deep = true;
        return false;
    }
    if (!print(r, map ? "{" : "[", 1))
        return false;
    for (uint64_t i = 0; i < h->number; i++)
        if ((i && !print(r, ",", 1)) || (map && !take_name(r, depth, &name)) ||
            (map && !print(r, ":", 1)) || !take_value(r, depth, &value))
            return false;
    return print(r, map ? "}" : "]", 1);
}

/* Any value, written as JSON; depth: levels open around it. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static bool take_value(msgpack_rows *r, unsigned depth, head *h)
{
    if (!take_head(r, h))
        return false;
    return h->kind == ARRAY || h->kind == MAP ? take_rest(r, depth + 1, h) : print_scalar(r, h);
}

/* _id as the JSON text from `start` on in d->json. */
static bool take_id(msgpack_rows *r, odd_object *o, const head *h, size_t start)
{
    const odd_bytes *json = &r->d->json;
    bool integer = h->kind == UNSIGNED || h->kind == NEGATIVE;
    if (!integer && (h->kind != TEXT || h->size > ODD_ID_TEXT_MAX)) {
        odd_object_reject(o, ODD_REJECT_TYPE, "_id is no short text or integer");
        return true;
    }
    if (h->kind == TEXT && !odd_utf8_valid(h->data, h->size)) {
        odd_object_reject(o, ODD_REJECT_UTF8, "_id is not UTF-8");
        return true;
    }
    o->id.size = json->size - start;
    o->id.data = odd_arena_copy(&r->d->texts, json->data + start, o->id.size);
    r->no_memory |= !o->id.data;
    return !r->no_memory;
}

/* The cell of a name that the schema knows. */
static bool take_cell(msgpack_rows *r, odd_object *o, const head *h)
{
    char out[REAL_SIZE];
    size_t size;
    if (h->kind == ARRAY || h->kind == MAP) {
        odd_object_problem(r->d, o, ODD_PROBLEM_NESTED);
    } else if (h->kind == TEXT) {
        if (odd_utf8_valid(h->data, h->size))
            odd_object_cell(r->d, o, h->data, h->size, true);
        else
            odd_object_problem(r->d, o, ODD_PROBLEM_UTF8);
    } else {
        const char *text = write_scalar(r->d, h, out, &size);
        if (!text) {
            odd_object_problem(r->d, o, ODD_PROBLEM_TYPE);
            return true;
        }
        if (text == out)
            text = odd_arena_copy(&r->d->texts, out, size);
        if (!text) {
            r->no_memory = true;
            return false;
        }
        odd_object_cell(r->d, o, text, size, false);
    }
    return true;
}

/* The pairs of a map that is a row. */
static bool take_pairs(msgpack_rows *r, odd_object *o, unsigned depth, uint64_t pairs)
{
    odd_bytes *json = &r->d->json;
    head name, value;
    if (!print(r, "{", 1))
        return false;
    for (uint64_t i = 0; i < pairs; i++) {
        if ((i && !print(r, ",", 1)) || !take_name(r, depth, &name) || !print(r, ":", 1))
            return false;
        if (name.kind == TEXT)
            odd_object_name(r->d, o, name.data, name.size);
        else
            odd_object_reject(o, ODD_REJECT_TYPE, "a name is no text");
        size_t start = json->size;
        if (!take_value(r, depth, &value))
            return false;
        if (name.kind != TEXT)
            continue;
        if (o->is_id && !take_id(r, o, &value, start))
            return false;
        if (o->column != ODD_UNKNOWN_NAME && !take_cell(r, o, &value))
            return false;
    }
    return print(r, "}", 1);
}

/* depth: levels open around the row. */
static bool take_row(msgpack_rows *r, unsigned depth)
{
    odd_object o;
    head h;
    odd_bytes_clear(&r->d->json);
    r->no_memory |= !odd_object_begin(r->d, &o);
    if (r->no_memory || !take_head(r, &h))
        return false;
    bool done = h.kind == MAP     ? take_pairs(r, &o, depth + 1, h.number)
                : h.kind == ARRAY ? take_rest(r, depth + 1, &h)
                                  : print_scalar(r, &h);
    if (!done)
        return false;
    const char *json = odd_arena_copy(&r->d->texts, r->d->json.data, r->d->json.size);
    r->no_memory |= !json;
    if (!json)
        return false;
    odd_span text = {json, r->d->json.size};
    if (h.kind == MAP)
        odd_object_end(r->d, &o, text);
    else
        odd_row_add(r->d, ODD_REJECT_TYPE, "row is no object", text, (odd_span){"", 0});
    return true;
}

static bool take_payload(msgpack_rows *r)
{
    head h;
    unsigned char first = *r->at;
    if ((first >= 0x80 && first <= 0x8f) || first >= 0xde) {
        if (!take_row(r, 0))
            return false;
    } else {
        if (!take_head(r, &h))
            return false;
        for (uint64_t i = 0; i < h.number; i++)
            if (!take_row(r, 1))
                return false;
    }
    return r->at == r->end || broken(r, "more bytes behind the value");
}

int odd_msgpack_rows(odd_decoder *d, const char *payload, size_t size, odd_decoded *out)
{
    const unsigned char *bytes = (const unsigned char *)payload;
    msgpack_rows r = {.d = d, .start = bytes, .at = bytes, .end = bytes + size};
    if (take_payload(&r))
        return 0;
    if (r.no_memory)
        return ODDROW_ENOMEM;
    size_t at = (size_t)(r.at - r.start);
    if (r.too_deep)
        return odd_refuse(d, out, ODD_REJECT_DEPTH, "MessagePack: more than %d levels at byte %zu",
                          (int)ODD_DEPTH_MAX, at);
    return odd_refuse(d, out, ODD_REJECT_MSGPACK, "MessagePack: %s at byte %zu", r.broken, at);
}
