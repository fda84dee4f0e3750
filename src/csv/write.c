/* csv/write.c: see write.h. */
#include "csv/write.h"

#include "oddrow.h"

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

int odd_csv_write_field(odd_bytes *out, const char *data, size_t size, char delimiter)
{
    if (!needs_quotes(data, size, delimiter))
        return odd_bytes_add(out, data, size);
    if (size > PTRDIFF_MAX / 2 - 2 || odd_bytes_reserve(out, 2 * size + 2))
        return ODDROW_ENOMEM;
    out->size += csv_write2(out->data + out->size, 2 * size + 2, data, size, '"');
    return 0;
}

static int write_reject(odd_bytes *out, const odd_csv_reject *reject, uint64_t row)
{
    int rc = odd_bytes_print(out, "%" PRIu64 ",%" PRIu64 ",", row, reject->offset);
    if (!rc)
        rc = odd_csv_write_field(out, reject->reason, strlen(reject->reason), ',');
    if (!rc)
        rc = odd_bytes_add(out, ",", 1);
    if (!rc)
        rc = odd_csv_write_field(out, reject->line.data, reject->line.size, ',');
    return rc ? rc : odd_bytes_add(out, "\n", 1);
}

int odd_csv_write_rejects(odd_bytes *out, const odd_csv_chunk *chunk, uint64_t first_row)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < chunk->reject_count; i++)
        rc = write_reject(out, &chunk->rejects[i], first_row + chunk->rejects[i].record);
    return rc;
}
