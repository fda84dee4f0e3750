/* cli/print.c: tables for people and JSON for programs. */
#include "cli/print.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"

enum { WIDEST = 60 };

static void end_cell(odd_text_table *table, size_t start)
{
    odd_bytes *b = &table->cells;
    for (size_t i = start; i < b->size; i++)
        if (iscntrl((unsigned char)b->data[i]))
            b->data[i] = ' ';
    odd_bytes_char(b, '\0');
}

void odd_text_table_cell(odd_text_table *table, const char *format, ...)
{
    size_t start = table->cells.size;
    va_list arguments;
    va_start(arguments, format);
    odd_bytes_print_list(&table->cells, format, arguments);
    va_end(arguments);
    end_cell(table, start);
}

void odd_text_table_cells(odd_text_table *table, ...)
{
    va_list texts;
    va_start(texts, table);
    for (const char *text; (text = va_arg(texts, const char *));)
        odd_text_table_cell(table, "%s", text);
    va_end(texts);
}

/* Characters, not bytes: UTF-8 continuation bytes take no room of their own. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void print_cell(const char *text, size_t width, bool right, bool last)
{
    size_t own = width_of(text), room = own < width ? width - own : 0;
    if (right)
        printf("%*s%s", (int)room, "", text);
    else
        printf("%s%*s", text, last ? 0 : (int)room, "");
    fputs(last ? "\n" : "  ", stdout);
}

int odd_text_table_finish(odd_text_table *table, int rc, oddrow_error *err)
{
    enum { MOST = 16 };
    const odd_bytes *b = &table->cells;
    size_t widths[MOST] = {0}, columns = table->columns, cell = 0;
    bool right[MOST] = {false};
    assert(columns <= MOST);
    if (!rc)
        rc = odd_bytes_check(b, err);
    for (size_t at = 0; !rc && at < b->size; at += strlen(b->data + at) + 1, cell++) {
        size_t c = cell % columns;
        right[c] = right[c] || (cell < columns && b->data[at] == '>');
        size_t width = width_of(b->data + at) - (cell < columns && right[c]);
        width = width > WIDEST ? WIDEST : width;
        widths[c] = width > widths[c] ? width : widths[c];
    }
    cell = 0;
    for (size_t at = 0; !rc && at < b->size; at += strlen(b->data + at) + 1, cell++) {
        size_t c = cell % columns;
        print_cell(b->data + at + (cell < columns && right[c]), widths[c], right[c],
                   c + 1 == columns);
    }
    odd_bytes_free(&table->cells);
    return rc;
}

int odd_print_json(json_t *value, oddrow_error *err)
{
    int rc = 0;
    if (!value)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory while writing JSON");
    if (json_dumpf(value, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) < 0)
        rc = odd_fail(err, ODDROW_EIO, "cannot write JSON to standard output");
    putchar('\n');
    json_decref(value);
    return rc;
}

json_t *odd_number_value(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *odd_text_value(const char *text)
{
    if (!text)
        return json_null();
    size_t size = strlen(text);
    if (odd_utf8_valid(text, size))
        return json_stringn(text, size);
    char *copy = odd_copy(text, size);
    if (!copy)
        return NULL;
    for (char *p = copy; *p; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    json_t *result = json_string(copy);
    odd_free(copy);
    return result;
}
