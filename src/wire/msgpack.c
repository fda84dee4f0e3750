/* wire/msgpack.c: the encoding MessagePack. Maps become rows without building anything: a count
 * that claims more than the bytes that follow is broken at once. The row's text as JSON is written
 * on the way. Format: the MessagePack specification, section "Formats". */
#include <math.h>
#include <msgpack/pack.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/number.h"
#include "base/utf8.h"
#include "wire/codec.h"
#include "wire/frame.h"

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
    MAP,
    FIXED, /* an extension of a fixed length; only in long_heads, as is the next */
    NONE
} value_kind;

enum { ROOM = ODD_NUMBER_SIZE + 1 /* a sign in front */ };

/* One value, or the beginning of an array or map. */
typedef struct head {
    value_kind kind;
    uint64_t number; /* unsigned; bits of a negative; 0 or 1; elements, pairs */
    double real;
    odd_span text;   /* the bytes of text and binary; of any scalar once it is printed, its text */
    char room[ROOM]; /* for that */
} head;

/* One payload. */
typedef struct reader {
    odd_decoder *d;
    const unsigned char *start, *at, *end;
    bool no_memory, too_deep;
    const char *broken; /* what the payload does wrong */
    odd_json json;      /* of the row under way, into d->json */
} reader;

static bool broken(reader *r, const char *what)
{
    r->broken = what;
    return false;
}

/* Big-endian. */
static bool take_number(reader *r, size_t size, uint64_t *value)
{
    if ((size_t)(r->end - r->at) < size)
        return broken(r, "ends within a value");
    *value = odd_get(r->at, size);
    r->at += size;
    return true;
}

/* `skip` bytes of a type stand before those of the data. */
static bool take_data(reader *r, head *h, uint64_t size, size_t skip)
{
    size_t left = (size_t)(r->end - r->at);
    if (left < skip || left - skip < size)
        return broken(r, "ends within a value");
    h->text = (odd_span){(const char *)r->at + skip, (size_t)size};
    r->at += skip + size;
    return true;
}

/* What the bytes from 0xc0 to 0xdf begin, and how many bytes of a number, length or count follow;
 * of a FIXED extension, how many of data. */
static const struct {
    value_kind kind;
    unsigned char width;
} long_heads[32] = {{NIL, 0},      {NONE, 0},     {BOOLEAN, 0},   {BOOLEAN, 0},   {BINARY, 1},
                    {BINARY, 2},   {BINARY, 4},   {EXTENSION, 1}, {EXTENSION, 2}, {EXTENSION, 4},
                    {FLOAT, 4},    {DOUBLE, 8},   {UNSIGNED, 1},  {UNSIGNED, 2},  {UNSIGNED, 4},
                    {UNSIGNED, 8}, {NEGATIVE, 1}, {NEGATIVE, 2},  {NEGATIVE, 4},  {NEGATIVE, 8},
                    {FIXED, 1},    {FIXED, 2},    {FIXED, 4},     {FIXED, 8},     {FIXED, 16},
                    {TEXT, 1},     {TEXT, 2},     {TEXT, 4},      {ARRAY, 2},     {ARRAY, 4},
                    {MAP, 2},      {MAP, 4}};

/* Kind and number of the value that begins here. */
static bool take_first(reader *r, head *h)
{
    if (r->at == r->end)
        return broken(r, "ends within a value");
    unsigned byte = *r->at++;
    if (byte < 0xc0 || byte >= 0xe0) {
        h->kind = byte < 0x80   ? UNSIGNED
                  : byte < 0x90 ? MAP
                  : byte < 0xa0 ? ARRAY
                  : byte < 0xc0 ? TEXT
                                : NEGATIVE;
        h->number = byte < 0x80   ? byte
                    : byte < 0xa0 ? byte & 15
                    : byte < 0xc0 ? byte & 31
                                  : byte | ~UINT64_C(0xff);
        return true;
    }
    unsigned width = long_heads[byte - 0xc0].width;
    h->kind = long_heads[byte - 0xc0].kind;
    if (h->kind == BOOLEAN || h->kind == FIXED) {
        h->number = h->kind == FIXED ? width : byte & 1;
        return true;
    }
    if (!take_number(r, width, &h->number))
        return false;
    if (h->kind == NEGATIVE && !(h->number >> (8 * width - 1) & 1)) /* as its first bit says */
        h->kind = UNSIGNED;
    if (h->kind == NEGATIVE && width < 8)
        h->number |= UINT64_MAX << 8 * width;
    return true;
}

static bool take_head(reader *r, head *h)
{
    float single;
    h->real = 0;
    if (!take_first(r, h))
        return false;
    switch (h->kind) {
    case NONE:
        return broken(r, "byte 0xc1 is no value");
    case FLOAT:
        memcpy(&single, &(uint32_t){(uint32_t)h->number}, sizeof single);
        h->real = (double)single;
        return true;
    case DOUBLE:
        memcpy(&h->real, &h->number, sizeof h->number);
        return true;
    case TEXT:
    case BINARY:
        return take_data(r, h, h->number, 0);
    case FIXED:
        h->kind = EXTENSION;
        return take_data(r, h, h->number, 1);
    case EXTENSION:
        return take_data(r, h, h->number, 1);
    case ARRAY:
    case MAP:
        return h->number <= (uint64_t)(r->end - r->at) / (h->kind == MAP ? 2 : 1) ||
               broken(r, "ends within an array or map");
    default:
        return true;
    }
}

/* The fewest digits that read back as the same number, of a float as the same float. */
static size_t write_real(const odd_decoder *d, head *h)
{
    int precision = h->kind == FLOAT ? 6 : 15, most = h->kind == FLOAT ? 9 : 17, size;
    locale_t before = uselocale(d->c_locale);
    do {
        size = snprintf(h->room, ROOM, "%.*g", precision, h->real);
    } while (++precision <= most && !(h->kind == FLOAT ? strtof(h->room, NULL) == (float)h->real
                                                       : strtod(h->room, NULL) == h->real));
    uselocale(before);
    return (size_t)size;
}

/* Makes the text of a scalar that is no text itself. */
static void write_scalar(const odd_decoder *d, head *h)
{
    size_t size = 0, bytes = h->text.size;
    h->text = (odd_span){"", 0}; /* of NIL; of a number that is not one, with or without its sign */
    if (h->kind == BOOLEAN)
        h->text = h->number ? (odd_span){"true", 4} : (odd_span){"false", 5};
    else if (h->kind == UNSIGNED)
        size = odd_whole_format(h->room, h->number);
    else if (h->kind == NEGATIVE)
        size = 1 + odd_whole_format(h->room + 1, 0 - h->number);
    else if (h->kind == BINARY || h->kind == EXTENSION)
        size = (size_t)snprintf(h->room, ROOM, "%zu bytes", bytes);
    else if (h->kind != NIL && !isnan(h->real))
        size = write_real(d, h);
    if (h->kind == NEGATIVE)
        *h->room = '-';
    if (size)
        h->text = (odd_span){h->room, size};
}

/* A scalar as JSON. What JSON has no form for becomes a text: inf, 4 bytes. */
static void print_scalar(reader *r, head *h)
{
    if (h->kind != TEXT)
        write_scalar(r->d, h);
    if (h->kind == TEXT || h->kind == BINARY || h->kind == EXTENSION || isinf(h->real))
        odd_json_text(&r->json, NULL, h->text);
    else
        odd_json_raw(&r->json, NULL, h->text);
}

static bool take_rest(reader *r, unsigned depth, const head *h);

/* A name as JSON; one that is no text becomes "?". */
/* NOLINTNEXTLINE(misc-no-recursion) */
static bool take_name(reader *r, unsigned depth, head *h)
{
    if (!take_head(r, h))
        return false;
    odd_json before = r->json;
    size_t size = before.out->size;
    if ((h->kind == ARRAY || h->kind == MAP) && !take_rest(r, depth + 1, h))
        return false;
    before.out->size = size;
    r->json = before;
    odd_json_name(&r->json, h->kind == TEXT ? h->text : (odd_span){"?", 1});
    return true;
}

/* Any value, written as JSON; depth: levels open around it. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static bool take_value(reader *r, unsigned depth, head *h)
{
    if (!take_head(r, h))
        return false;
    if (h->kind == ARRAY || h->kind == MAP)
        return take_rest(r, depth + 1, h);
    print_scalar(r, h);
    return true;
}

/* What follows the head of an array or map; depth counts the levels open, this one included. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static bool take_rest(reader *r, unsigned depth, const head *h)
{
    bool map = h->kind == MAP;
    head name, value;
    r->too_deep |= depth > ODD_DEPTH_MAX;
    if (r->too_deep)
        return false;
    odd_json_open(&r->json, NULL, map ? '{' : '[');
    for (uint64_t i = 0; i < h->number; i++)
        if ((map && !take_name(r, depth, &name)) || !take_value(r, depth, &value))
            return false;
    odd_json_close(&r->json, map ? '}' : ']');
    return true;
}

/* _id as the JSON text from `start` on in d->json. */
static void take_id(reader *r, odd_object *o, const head *h, size_t start)
{
    const odd_bytes *json = &r->d->json;
    bool integer = h->kind == UNSIGNED || h->kind == NEGATIVE;
    if (!integer && (h->kind != TEXT || h->text.size > ODD_ID_TEXT_MAX)) {
        odd_object_reject(o, ODD_REJECT_TYPE, "_id is no short text or integer");
    } else if (h->kind == TEXT && !odd_utf8_valid(h->text.data, h->text.size)) {
        odd_object_reject(o, ODD_REJECT_UTF8, "_id is not UTF-8");
    } else {
        o->id.size = json->size - start;
        o->id.data = odd_arena_copy(&r->d->texts, json->data + start, o->id.size);
        r->no_memory |= !o->id.data;
    }
}

/* The cell of a name that the schema knows. */
static void take_cell(reader *r, odd_object *o, const head *h)
{
    odd_span text = h->text;
    if (h->kind == ARRAY || h->kind == MAP) {
        odd_object_problem(r->d, o, ODD_PROBLEM_NESTED);
    } else if (h->kind == BINARY || h->kind == EXTENSION) {
        odd_object_problem(r->d, o, ODD_PROBLEM_TYPE);
    } else if (h->kind == TEXT && !odd_utf8_valid(text.data, text.size)) {
        odd_object_problem(r->d, o, ODD_PROBLEM_UTF8);
    } else {
        if (text.data == h->room)
            text.data = odd_arena_copy(&r->d->texts, text.data, text.size);
        r->no_memory |= !text.data;
        odd_object_cell(r->d, o, text.data, text.size, h->kind == TEXT);
    }
}

/* The pairs of a map that is a row. */
static bool take_pairs(reader *r, odd_object *o, unsigned depth, uint64_t pairs)
{
    head name, value;
    odd_json_open(&r->json, NULL, '{');
    for (uint64_t i = 0; i < pairs; i++) {
        if (!take_name(r, depth, &name))
            return false;
        if (name.kind == TEXT)
            odd_object_name(r->d, o, name.text.data, name.text.size);
        else
            odd_object_reject(o, ODD_REJECT_TYPE, "a name is no text");
        size_t start = r->d->json.size;
        if (!take_value(r, depth, &value))
            return false;
        if (name.kind != TEXT)
            continue;
        if (o->is_id)
            take_id(r, o, &value, start);
        if (o->column != ODD_UNKNOWN_NAME)
            take_cell(r, o, &value);
        if (r->no_memory)
            return false;
    }
    odd_json_close(&r->json, '}');
    return true;
}

/* depth: levels open around the row. */
static bool take_row(reader *r, unsigned depth)
{
    odd_object o;
    head h;
    odd_bytes_clear(&r->d->json);
    r->json = (odd_json){.out = &r->d->json};
    r->no_memory |= !odd_object_begin(r->d, &o);
    if (r->no_memory || !take_head(r, &h))
        return false;
    bool whole = true;
    if (h.kind == MAP)
        whole = take_pairs(r, &o, depth + 1, h.number);
    else if (h.kind == ARRAY)
        whole = take_rest(r, depth + 1, &h);
    else
        print_scalar(r, &h);
    if (!whole)
        return false;
    odd_span text = {odd_arena_copy(&r->d->texts, r->d->json.data, r->d->json.size),
                     r->d->json.size};
    r->no_memory |= !text.data || r->d->json.failed;
    if (r->no_memory)
        return false;
    if (h.kind == MAP)
        odd_object_end(r->d, &o, text);
    else
        odd_row_add(r->d, ODD_REJECT_TYPE, "row is no object", text, (odd_span){"", 0});
    return true;
}

static bool take_payload(reader *r)
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

static int decode(odd_decoder *d, odd_span payload, odd_decoded *out)
{
    const unsigned char *bytes = (const unsigned char *)payload.data;
    reader r = {.d = d, .start = bytes, .at = bytes, .end = bytes + payload.size};
    if (take_payload(&r))
        return 0;
    if (r.no_memory)
        return ODDROW_ENOMEM;
    size_t at = (size_t)(r.at - r.start);
    if (r.too_deep)
        return odd_refuse(out, ODD_REJECT_DEPTH,
                          odd_reason_text(d, "MessagePack: more than %d levels at byte %zu",
                                          (int)ODD_DEPTH_MAX, at));
    return odd_refuse(out, ODD_REJECT_MSGPACK,
                      odd_reason_text(d, "MessagePack: %s at byte %zu", r.broken, at));
}

/* ---- write ---- */

/* For msgpack_packer. Failures stay in the bytes, as they do for its callers here. */
static int add_packed(void *out, const char *data, size_t size)
{
    odd_bytes_add(out, data, size);
    return 0;
}

/* Lengths and counts have 32 bits at most. */
static uint32_t fit(odd_bytes *out, size_t count)
{
    out->failed |= count > UINT32_MAX;
    return (uint32_t)count;
}

static void pack_text(msgpack_packer *p, const char *text, size_t size)
{
    msgpack_pack_str(p, fit(p->data, size));
    msgpack_pack_str_body(p, text, size);
}

static void write_rows(const char *const *names, size_t columns, const odd_span *cells, size_t rows,
                       odd_bytes *out)
{
    msgpack_packer p;
    msgpack_packer_init(&p, out, add_packed);
    if (rows != 1)
        msgpack_pack_array(&p, fit(out, rows));
    for (size_t i = 0; i < rows; i++) {
        msgpack_pack_map(&p, fit(out, columns));
        for (size_t k = 0; k < columns; k++) {
            const odd_span *cell = &cells[i * columns + k];
            pack_text(&p, names[k], strlen(names[k]));
            if (cell->size)
                pack_text(&p, cell->data, cell->size);
            else
                msgpack_pack_nil(&p);
        }
    }
}

static bool recognise(odd_span payload)
{
    unsigned char c = (unsigned char)payload.data[0];
    return (c >= 0x80 && c <= 0x9f) || (c >= 0xdc && c <= 0xdf);
}

const odd_codec odd_msgpack_codec = {
    .name = "msgpack", .json = true, .recognise = recognise, .decode = decode, .write = write_rows};
