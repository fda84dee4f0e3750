/* wire/write.c: rows to payloads, for clients; see payload.h. */
#include <msgpack/pack.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "csv/write.h"
#include "wire/payload.h"

/* Bytes of the character at s; 0 when it is not UTF-8. */
static size_t character(const char *s, size_t left)
{
    unsigned char c = (unsigned char)s[0];
    size_t size = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return size <= left && odd_utf8_valid(s, size) ? size : 0;
}

static int add_escape(odd_bytes *out, char c)
{
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (const char *l = letters; *l; l += 2)
        if (*l == c)
            return odd_bytes_add(out, (char[]){'\\', l[1]}, 2);
    return odd_bytes_print(out, "\\u%04x", (unsigned char)c);
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
static int add_text(odd_bytes *out, const char *text, size_t size)
{
    size_t from = 0;
    bool valid = odd_utf8_valid(text, size);
    int code = 0;
    for (size_t at = 0; at < size && code == 0;) {
        unsigned char c = (unsigned char)text[at];
        bool plain = c >= 0x20 && c != '"' && c != '\\';
        size_t taken = plain && (valid || c < 0x80) ? 1
                       : plain                      ? character(text + at, size - at)
                                                    : 0;
        if (taken) {
            at += taken;
            continue;
        }
        code = odd_bytes_add(out, text + from, at - from);
        if (code == 0)
            code = plain ? odd_bytes_add(out, "\xef\xbf\xbd", 3) : add_escape(out, text[at]);
        from = ++at;
    }
    return code ? code : odd_bytes_add(out, text + from, size - from);
}

int odd_json_text_add(odd_bytes *out, const char *text, size_t size)
{
    size_t before = out->size, plain = plain_bytes(text, size);
    if (size > PTRDIFF_MAX - 2 || odd_bytes_reserve(out, size + 2))
        return ODDROW_ENOMEM;
    out->data[out->size++] = '"';
    if (plain) {
        memcpy(out->data + out->size, text, plain);
        out->size += plain;
    }
    if ((plain < size && add_text(out, text + plain, size - plain)) ||
        odd_bytes_add(out, "\"", 1)) {
        out->size = before;
        return ODDROW_ENOMEM;
    }
    return 0;
}

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

/* The first cell of a payload must not look like the beginning of JSON or MessagePack. */
static bool misleading(odd_span cell)
{
    return cell.size &&
           (cell.data[0] == '{' || cell.data[0] == '[' || (unsigned char)cell.data[0] >= 0x80);
}

static int add_quoted(odd_bytes *out, odd_span cell)
{
    int code = odd_bytes_add(out, "\"", 1);
    for (size_t i = 0; i < cell.size && code == 0; i++)
        code = odd_bytes_add(out, cell.data[i] == '"' ? "\"\"" : cell.data + i,
                             cell.data[i] == '"' ? 2 : 1);
    return code ? code : odd_bytes_add(out, "\"", 1);
}

static int write_csv(size_t columns, const odd_span *cells, size_t rows, odd_bytes *out)
{
    int code = 0;
    for (size_t i = 0; i < rows && code == 0; i++) {
        for (size_t k = 0; k < columns && code == 0; k++) {
            odd_span cell = cells[i * columns + k];
            if (k)
                code = odd_bytes_add(out, ",", 1);
            if (code == 0)
                code = (i == 0 && k == 0 && misleading(cell)) || (columns == 1 && !cell.size)
                           ? add_quoted(out, cell)
                           : odd_csv_write_field(out, cell.data, cell.size, ',');
        }
        if (code == 0)
            code = odd_bytes_add(out, "\n", 1);
    }
    return code;
}

static int write_json_cell(odd_span cell, odd_bytes *out)
{
    if (!cell.size)
        return odd_bytes_add(out, "null", 4);
    if (is_number(cell))
        return odd_bytes_add(out, cell.data, cell.size);
    return odd_json_text_add(out, cell.data, cell.size);
}

static int write_json(const char *const *names, size_t columns, const odd_span *cells, size_t rows,
                      odd_bytes *out)
{
    int code = rows == 1 ? 0 : odd_bytes_add(out, "[", 1);
    for (size_t i = 0; i < rows && code == 0; i++) {
        code = odd_bytes_add(out, i ? ",{" : "{", i ? 2 : 1);
        for (size_t k = 0; k < columns && code == 0; k++) {
            if (k)
                code = odd_bytes_add(out, ",", 1);
            if (code == 0)
                code = odd_json_text_add(out, names[k], strlen(names[k]));
            if (code == 0)
                code = odd_bytes_add(out, ":", 1);
            if (code == 0)
                code = write_json_cell(cells[i * columns + k], out);
        }
        if (code == 0)
            code = odd_bytes_add(out, "}", 1);
    }
    return code || rows == 1 ? code : odd_bytes_add(out, "]", 1);
}

static int add_packed(void *out, const char *data, size_t size)
{
    return odd_bytes_add(out, data, size);
}

static int pack_text(msgpack_packer *p, const char *text, size_t size)
{
    int code = size > UINT32_MAX ? ODDROW_ENOMEM : msgpack_pack_str(p, size);
    return code ? code : msgpack_pack_str_body(p, text, size);
}

static int write_msgpack(const char *const *names, size_t columns, const odd_span *cells,
                         size_t rows, odd_bytes *out)
{
    msgpack_packer p;
    int code = 0;
    if (columns > UINT32_MAX || rows > UINT32_MAX)
        return ODDROW_ENOMEM;
    msgpack_packer_init(&p, out, add_packed);
    if (rows != 1)
        code = msgpack_pack_array(&p, rows);
    for (size_t i = 0; i < rows && code == 0; i++) {
        code = msgpack_pack_map(&p, columns);
        for (size_t k = 0; k < columns && code == 0; k++) {
            odd_span cell = cells[i * columns + k];
            code = pack_text(&p, names[k], strlen(names[k]));
            if (code == 0)
                code = cell.size ? pack_text(&p, cell.data, cell.size) : msgpack_pack_nil(&p);
        }
    }
    return code;
}

int odd_payload_write(odd_encoding encoding, const char *const *names, size_t columns,
                      const odd_span *cells, size_t rows, odd_bytes *out)
{
    size_t before = out->size;
    int code = encoding == ODD_ENCODING_CSV    ? write_csv(columns, cells, rows, out)
               : encoding == ODD_ENCODING_JSON ? write_json(names, columns, cells, rows, out)
                                               : write_msgpack(names, columns, cells, rows, out);
    if (code)
        out->size = before;
    return code ? ODDROW_ENOMEM : 0;
}
