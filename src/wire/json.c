/* wire/json.c: the encoding JSON. yajl reads objects to rows as it goes: no tree is built, and
 * strings without escapes stay where they stand in the payload. */
#include <setjmp.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/json.h"
#include "base/utf8.h"
#include "wire/codec.h"

/* ---- decode ---- */

/* One payload. Callbacks return 1 to go on, 0 to stop; without memory, or with a row too many, they
 * do not return. */
typedef struct reader {
    odd_decoder *d;
    odd_span payload;
    yajl_handle parser;
    jmp_buf no_memory;
    bool too_deep, ending;
    bool escapes;     /* there is a backslash somewhere */
    unsigned depth;   /* objects and arrays open */
    unsigned level;   /* depth within a row: 1, or 2 in an array of rows */
    bool in_object;   /* the row under way is one */
    size_t row_start; /* its first byte */
    size_t after;     /* offset behind the last name, or behind the last row */
    odd_object object;
} reader;

/* yajl does not look at what its allocator returns: out of memory leaves it by a jump. Nothing of
 * its own is lost by that, as all its memory is the arena's. A block begins with its size. */
static void *grab(void *context, size_t size)
{
    reader *r = context;
    char *block = size < PTRDIFF_MAX / 4 ? odd_arena_take(&r->d->parser, size + 16) : NULL;
    if (!block)
        longjmp(r->no_memory, 1);
    memcpy(block, &size, sizeof size);
    return block + 16;
}

static void *regrab(void *context, void *old, size_t size)
{
    size_t had = 0;
    void *block = grab(context, size);
    if (old)
        memcpy(&had, (char *)old - 16, sizeof had);
    if (had)
        memcpy(block, old, had < size ? had : size);
    return block;
}

static void ungrab(void *context, void *block)
{
    (void)context;
    (void)block;
}

static size_t here(const reader *r)
{
    return yajl_get_bytes_consumed(r->parser);
}

/* The first byte of the value that follows a name or another row. */
static size_t value_start(const reader *r)
{
    size_t at = r->after;
    while (at < r->payload.size && strchr(" \t\r\n:,[", r->payload.data[at]) && r->payload.data[at])
        at++;
    return at;
}

/* Whether \u escapes of surrogates come in pairs; text is valid JSON otherwise. */
static bool paired(const char *text, size_t size)
{
    const char *end = text + size, *at = text;
    bool high = false;
    while ((at = memchr(at, '\\', (size_t)(end - at))) && end - at >= 2) {
        bool unicode = at[1] == 'u' && end - at >= 6;
        bool surrogate = unicode && (at[2] | 32) == 'd';
        bool low = surrogate && strchr("cdefCDEF", at[3]);
        if (low != high)
            return false;
        high = surrogate && strchr("89abAB", at[3]);
        at += unicode ? 6 : 2;
        if (high && (end - at < 2 || at[0] != '\\' || at[1] != 'u'))
            return false;
    }
    return !high;
}

static void begin_row(reader *r, bool object, size_t start)
{
    r->in_object = object;
    r->row_start = start;
    if (!odd_object_begin(r->d, &r->object))
        longjmp(r->no_memory, 1);
}

static int end_row(reader *r)
{
    r->after = here(r);
    odd_span text = {r->payload.data + r->row_start, r->after - r->row_start};
    if (r->escapes && !paired(text.data, text.size))
        odd_object_reject(&r->object, ODD_REJECT_UTF8, "half a surrogate pair");
    if (r->in_object)
        odd_object_end(r->d, &r->object, text);
    else
        odd_row_add(r->d, ODD_REJECT_TYPE, "row is no object", text, (odd_span){"", 0});
    r->in_object = false;
    return 1;
}

/* A scalar: true when it is the value of a name of the row under way. One that stands for a row is
 * a bad row. */
static bool is_cell(reader *r)
{
    if (r->ending)
        return false;
    if (r->depth == r->level)
        return r->in_object;
    if (r->depth + 1 == r->level) {
        begin_row(r, false, value_start(r));
        end_row(r);
    }
    return false;
}

static void reject_id(reader *r)
{
    odd_object_reject(&r->object, ODD_REJECT_TYPE, "_id is no short text or integer");
}

/* What is no string. */
static int on_literal(reader *r, const char *text, size_t size, bool integer)
{
    if (!is_cell(r))
        return 1;
    if (r->object.is_id && integer)
        r->object.id = (odd_span){text, size};
    else if (r->object.is_id)
        reject_id(r);
    odd_object_cell(r->d, &r->object, text, size, false);
    return 1;
}

static int on_null(void *context)
{
    return on_literal(context, "", 0, false);
}

static int on_boolean(void *context, int value)
{
    return value ? on_literal(context, "true", 4, false) : on_literal(context, "false", 5, false);
}

static int on_number(void *context, const char *text, size_t size)
{
    bool integer = size <= ODD_ID_DIGITS_MAX && !memchr(text, '.', size) &&
                   !memchr(text, 'e', size) && !memchr(text, 'E', size);
    return on_literal(context, text, size, integer);
}

static int on_string(void *context, const unsigned char *string, size_t size)
{
    reader *r = context;
    const char *text = (const char *)string;
    if (!is_cell(r))
        return 1;
    if (r->object.is_id) {
        size_t start = value_start(r), raw = here(r) - start;
        if (raw > ODD_ID_TEXT_MAX + 2)
            reject_id(r);
        else
            r->object.id = (odd_span){r->payload.data + start, raw};
    }
    if (r->object.column == ODD_UNKNOWN_NAME)
        return 1;
    /* Unescaped text is in yajl's buffer, and the next one will be too. */
    uintptr_t from = (uintptr_t)r->payload.data, at = (uintptr_t)text;
    if (r->escapes && (at < from || at >= from + r->payload.size)) {
        text = odd_arena_copy(&r->d->texts, text, size);
        if (!text)
            longjmp(r->no_memory, 1);
    }
    odd_object_cell(r->d, &r->object, text, size, true);
    return 1;
}

static int on_name(void *context, const unsigned char *name, size_t size)
{
    reader *r = context;
    if (r->depth != r->level)
        return 1;
    r->after = here(r);
    odd_object_name(r->d, &r->object, (const char *)name, size);
    return 1;
}

static int open_value(reader *r, bool object)
{
    if (r->ending)
        return 1;
    if (r->depth == ODD_DEPTH_MAX) {
        r->too_deep = true;
        return 0;
    }
    r->depth++;
    if (r->depth == r->level)
        begin_row(r, object, here(r) - 1);
    if (r->depth == r->level + 1 && r->in_object) {
        if (r->object.is_id)
            reject_id(r);
        if (r->object.column != ODD_UNKNOWN_NAME)
            odd_object_problem(r->d, &r->object, ODD_PROBLEM_NESTED);
    }
    return 1;
}

static int close_value(void *context)
{
    reader *r = context;
    bool row = r->depth == r->level;
    r->depth--;
    return row ? end_row(r) : 1;
}

static int on_object(void *context)
{
    return open_value(context, true);
}

static int on_array(void *context)
{
    return open_value(context, false);
}

/* "lexical error: invalid char in json text.\n" is worded "JSON: invalid char in json text at byte
 * N". The text is yajl's arena's. */
static int refuse(reader *r, odd_decoded *out)
{
    char *text = (char *)yajl_get_error(r->parser, 0, (const unsigned char *)r->payload.data,
                                        r->payload.size);
    const char *colon = strstr(text, ": ");
    size_t at = r->ending ? r->payload.size : here(r);
    text[strcspn(text, ".\n")] = 0;
    return odd_refuse(out, ODD_REJECT_JSON,
                      odd_reason_text(r->d, "JSON: %s at byte %zu", colon ? colon + 2 : text, at));
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_object,
    .yajl_map_key = on_name,
    .yajl_end_map = close_value,
    .yajl_start_array = on_array,
    .yajl_end_array = close_value,
};

/* 0 or ODDROW_ENOMEM. */
static int parse(reader *r, odd_decoded *out)
{
    yajl_alloc_funcs memory = {grab, regrab, ungrab, r};
    if (setjmp(r->no_memory))
        return ODDROW_ENOMEM;
    r->parser = yajl_alloc(&callbacks, &memory, r);
    yajl_config(r->parser, yajl_dont_validate_strings, 1);
    yajl_status status =
        yajl_parse(r->parser, (const unsigned char *)r->payload.data, r->payload.size);
    if (status == yajl_status_ok) {
        r->ending = true;
        status = yajl_complete_parse(r->parser);
    }
    if (r->too_deep)
        return odd_refuse(out, ODD_REJECT_DEPTH,
                          odd_reason_text(r->d, "JSON: more than %d levels at byte %zu",
                                          (int)ODD_DEPTH_MAX, here(r)));
    return status == yajl_status_ok ? 0 : refuse(r, out);
}

static int decode(odd_decoder *d, odd_span payload, odd_decoded *out)
{
    reader r = {.d = d, .payload = payload, .level = 1};
    if (!odd_utf8_valid(payload.data, payload.size))
        return odd_refuse(out, ODD_REJECT_UTF8, "not UTF-8");
    /* yajl takes these for blanks; JSON has them nowhere, and the row's text is handed on as JSON.
     */
    const char *control = memchr(payload.data, '\v', payload.size);
    if (!control)
        control = memchr(payload.data, '\f', payload.size);
    if (control)
        return odd_refuse(out, ODD_REJECT_JSON,
                          odd_reason_text(d, "JSON: control character at byte %zu",
                                          (size_t)(control - payload.data)));
    if (payload.data[odd_blank_size(payload)] == '[')
        r.level = 2;
    r.escapes = memchr(payload.data, '\\', payload.size);
    odd_arena_rewind(&d->parser);
    return parse(&r, out);
}

/* ---- write ---- */

static size_t digits(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && s[i] >= '0' && s[i] <= '9')
        i++;
    return i;
}

/* Whether text is a number in JSON's grammar (RFC 8259, section 6). */
static bool is_number(odd_span text)
{
    const char *s = text.data;
    size_t n = text.size, i = n && s[0] == '-', whole = digits(s + i, n - i);
    if (!whole || (whole > 1 && s[i] == '0'))
        return false;
    i += whole;
    if (i < n && s[i] == '.') {
        size_t fraction = digits(s + i + 1, n - i - 1);
        if (!fraction)
            return false;
        i += 1 + fraction;
    }
    if (i < n && (s[i] == 'e' || s[i] == 'E')) {
        i++;
        if (i < n && (s[i] == '+' || s[i] == '-'))
            i++;
        size_t exponent = digits(s + i, n - i);
        if (!exponent)
            return false;
        i += exponent;
    }
    return i == n;
}

static void write_rows(const char *const *names, size_t columns, const odd_span *cells, size_t rows,
                       odd_bytes *out)
{
    odd_json j = {.out = out};
    if (rows != 1)
        odd_json_open(&j, NULL, '[');
    for (size_t i = 0; i < rows; i++) {
        odd_json_open(&j, NULL, '{');
        for (size_t k = 0; k < columns; k++) {
            odd_span cell = cells[i * columns + k];
            odd_json_name(&j, (odd_span){names[k], strlen(names[k])});
            if (!cell.size || is_number(cell))
                odd_json_raw(&j, NULL, cell);
            else
                odd_json_text(&j, NULL, cell);
        }
        odd_json_close(&j, '}');
    }
    if (rows != 1)
        odd_json_close(&j, ']');
}

static bool recognise(odd_span payload)
{
    size_t blank = odd_blank_size(payload);
    return blank < payload.size && (payload.data[blank] == '{' || payload.data[blank] == '[');
}

const odd_codec odd_json_codec = {
    .name = "json", .json = true, .recognise = recognise, .decode = decode, .write = write_rows};
