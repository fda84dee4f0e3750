/* wire/write.c: rows to payloads, for clients; see payload.h. */
#include <msgpack/pack.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "csv/write.h"
#include "wire/payload.h"

int odd_json_text_add(odd_bytes *out, const char *text, size_t size)
{
    odd_json j = {.out = out};
    odd_json_text(&j, NULL, (odd_span){text, size});
    return odd_bytes_check(out, NULL);
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

static void add_quoted(odd_bytes *out, odd_span cell)
{
    odd_bytes_char(out, '"');
    for (size_t i = 0; i < cell.size; i++)
        odd_bytes_add(out, cell.data[i] == '"' ? "\"\"" : cell.data + i,
                      cell.data[i] == '"' ? 2 : 1);
    odd_bytes_char(out, '"');
}

static int write_csv(size_t columns, const odd_span *cells, size_t rows, odd_bytes *out)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t k = 0; k < columns; k++) {
            odd_span cell = cells[i * columns + k];
            if (k)
                odd_bytes_char(out, ',');
            if ((i == 0 && k == 0 && misleading(cell)) || (columns == 1 && !cell.size))
                add_quoted(out, cell);
            else
                odd_csv_write_field(out, cell.data, cell.size, ',');
        }
        odd_bytes_char(out, '\n');
    }
    return odd_bytes_check(out, NULL);
}

static int write_json(const char *const *names, size_t columns, const odd_span *cells, size_t rows,
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
    return odd_bytes_check(out, NULL);
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
