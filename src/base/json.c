/* base/json.c: JSON text with its commas and escapes. */
#include "base/json.h"

#include "base/utf8.h"

#include <math.h>

/* What stands in front of a value. */
static void begin(odd_json *j, const char *key)
{
    size_t size = key ? strlen(key) : 0;
    if (odd_bytes_reserve(j->out, size + 4))
        return;
    char *at = j->out->data + j->out->size;
    if (j->comma)
        *at++ = ',';
    if (key) {
        *at++ = '"';
        memcpy(at, key, size);
        at += size;
        *at++ = '"';
        *at++ = ':';
    }
    j->out->size = (size_t)(at - j->out->data);
    j->comma = true;
}

void odd_json_open(odd_json *j, const char *key, char bracket)
{
    begin(j, key);
    odd_bytes_char(j->out, bracket);
    j->comma = false;
}

void odd_json_close(odd_json *j, char bracket)
{
    odd_bytes_char(j->out, bracket);
    j->comma = true;
}

static void add_escape(odd_json *j, char c)
{
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (const char *l = letters; *l; l += 2)
        if (*l == c) {
            odd_bytes_add(j->out, (char[]){'\\', l[1]}, 2);
            return;
        }
    odd_bytes_print(j->out, j->capitals ? "\\u%04X" : "\\u%04x", (unsigned char)c);
}

/* Bytes before the first that is not ASCII or needs an escape. */
static size_t plain_bytes(const char *text, size_t size)
{
    size_t n = 0;
    while (n < size && text[n] >= 0x20 && text[n] < 0x7f && text[n] != '"' && text[n] != '\\')
        n++;
    return n;
}

/* Text with escapes or beyond ASCII. */
static void add_slowly(odd_json *j, const char *text, size_t size)
{
    bool valid = odd_utf8_valid(text, size);
    size_t from = 0;
    for (size_t at = 0; at < size;) {
        unsigned char c = (unsigned char)text[at];
        bool escaped = c < 0x20 || c == '"' || c == '\\';
        size_t taken = escaped ? 0 : valid ? 1 : odd_utf8_size(text + at, size - at);
        at += taken;
        if (taken)
            continue;
        odd_bytes_add(j->out, text + from, at - from);
        if (escaped)
            add_escape(j, text[at]);
        else
            odd_bytes_text(j->out, ODD_UTF8_REPLACEMENT);
        from = ++at;
    }
    odd_bytes_add(j->out, text + from, size - from);
}

void odd_json_text(odd_json *j, const char *key, odd_span text)
{
    begin(j, key);
    if (odd_bytes_reserve(j->out, text.size < PTRDIFF_MAX ? text.size + 2 : text.size))
        return;
    size_t plain = plain_bytes(text.data, text.size);
    odd_bytes_char(j->out, '"');
    odd_bytes_add(j->out, text.data, plain);
    if (plain < text.size)
        add_slowly(j, text.data + plain, text.size - plain);
    odd_bytes_char(j->out, '"');
}

void odd_json_string(odd_json *j, const char *key, const char *text)
{
    if (text)
        odd_json_text(j, key, (odd_span){text, strlen(text)});
    else
        odd_json_raw(j, key, (odd_span){0});
}

void odd_json_name(odd_json *j, odd_span name)
{
    odd_json_text(j, NULL, name);
    odd_bytes_char(j->out, ':');
    j->comma = false;
}

void odd_json_whole(odd_json *j, const char *key, uint64_t value)
{
    begin(j, key);
    odd_bytes_whole(j->out, value);
}

void odd_json_number(odd_json *j, const char *key, double value)
{
    begin(j, key);
    if (isfinite(value))
        odd_bytes_number(j->out, value);
    else
        odd_bytes_text(j->out, "null");
}

void odd_json_bool(odd_json *j, const char *key, bool value)
{
    begin(j, key);
    odd_bytes_text(j->out, value ? "true" : "false");
}

void odd_json_raw(odd_json *j, const char *key, odd_span json)
{
    begin(j, key);
    odd_bytes_span(j->out, json.size ? json : (odd_span){"null", 4});
}
