/* fuzz_csv: any bytes as a CSV file. The first byte chooses the delimiter, the second the longest
 * record, the rest is the file. Whatever it holds, rows + rejects == records in every chunk, the
 * size of the chunks changes nothing, and the plain reader of tests/csv/reference.h sees the same.
 */
#include "../csv/reference.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char delimiters[] = {0, ',', ';', '\t', ' ', '|', ',', ','};
    static const size_t longest[] = {1 << 20, 12, 40, 200};
    static const size_t chunks[] = {1 << 16, 1, 5, 33};
    if (size < 2)
        return 0;
    odd_csv_options options = {.delimiter = delimiters[data[0] % sizeof delimiters],
                               .max_record = longest[data[1] % 4]};
    const char *file = (const char *)data + 2;
    size -= 2;
    odd_bytes first = {0};
    int opened = 0;
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        odd_bytes log = {0};
        reference r;
        size_t body = 0;
        options.chunk_size = chunks[i];
        int status = log_memory(file, size, &options, &log, &r, &body);
        if (i == 0) {
            opened = status;
            first = log;
            if (status)
                continue;
            odd_bytes expected = {0};
            log_reference(&r, body, &expected);
            if (!same_log(&expected, &first))
                abort();
            odd_bytes_free(&expected);
        } else {
            if (status != opened || !same_log(&first, &log))
                abort();
            odd_bytes_free(&log);
        }
    }
    odd_bytes_free(&first);
    return 0;
}
