#include "cli/print.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"

enum { WIDEST = 60 };

int odd_text_table_add(odd_text_table *table, const char *const *cells, oddrow_error *err)
{
    size_t used = table->rows * table->columns;
    if (odd_grow(&table->cells, &table->capacity, used + table->columns, sizeof *table->cells, err))
        return ODDROW_ENOMEM;
    for (size_t i = 0; i < table->columns; i++) {
        const char *text = cells[i] ? cells[i] : "";
        char *copy = odd_copy(text, strlen(text));
        if (!copy) {
            while (i-- > 0)
                odd_free(table->cells[used + i]);
            return odd_no_memory(err);
        }
        for (char *p = copy; *p; p++)
            if (iscntrl((unsigned char)*p))
                *p = ' ';
        table->cells[used + i] = copy;
    }
    table->rows++;
    return 0;
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

void odd_text_table_print(const odd_text_table *table)
{
    enum { MOST = 16 };
    size_t widths[MOST] = {0};
    size_t columns = table->columns < MOST ? table->columns : MOST;
    for (size_t r = 0; r < table->rows; r++) {
        for (size_t c = 0; c < columns; c++) {
            const char *text = table->cells[r * table->columns + c];
            size_t width = width_of(text) - (r == 0 && text[0] == '>');
            if (width > WIDEST)
                width = WIDEST;
            if (width > widths[c])
                widths[c] = width;
        }
    }
    for (size_t r = 0; r < table->rows; r++) {
        for (size_t c = 0; c < columns; c++) {
            const char *text = table->cells[r * table->columns + c];
            bool right = table->cells[c][0] == '>';
            print_cell(r == 0 && right ? text + 1 : text, widths[c], right, c + 1 == columns);
        }
    }
}

void odd_text_table_free(odd_text_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->rows * table->columns; i++)
        odd_free(table->cells[i]);
    odd_free(table->cells);
    *table = (odd_text_table){0};
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
