/* csv/write.c: fields in quotes where they need them, and lines of rejected records. */
#include "csv/write.h"

#include <csv.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool needs_quotes(const char *data, size_t size, char delimiter)
{
    if (!size)
        return false;
    if (blank(data[0]) || blank(data[size - 1]))
        return true;
    for (size_t i = 0; i < size; i++)
        if (data[i] == delimiter || data[i] == '"' || data[i] == '\n' || data[i] == '\r')
            return true;
    return false;
}

void odd_csv_write_field(odd_bytes *out, const char *data, size_t size, char delimiter)
{
    if (needs_quotes(data, size, delimiter))
        odd_csv_write_quoted(out, data, size);
    else
        odd_bytes_add(out, data, size);
}

void odd_csv_write_quoted(odd_bytes *out, const char *data, size_t size)
{
    if (!odd_bytes_reserve(out, size > PTRDIFF_MAX / 2 - 2 ? SIZE_MAX : 2 * size + 2))
        out->size += csv_write2(out->data + out->size, 2 * size + 2, data, size, '"');
}

void odd_csv_write_rejects(odd_bytes *out, const odd_csv_chunk *chunk, uint64_t first_row)
{
    for (size_t i = 0; i < chunk->reject_count; i++) {
        const odd_csv_reject *reject = &chunk->rejects[i];
        odd_bytes_print(out, "%" PRIu64 ",%" PRIu64 ",", first_row + reject->record,
                        reject->offset);
        odd_csv_write_field(out, reject->reason, strlen(reject->reason), ',');
        odd_bytes_char(out, ',');
        odd_csv_write_field(out, reject->line.data, reject->line.size, ',');
        odd_bytes_char(out, '\n');
    }
}
