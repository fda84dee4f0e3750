/* bench/json_rows.c: times the parsing of rows in JSON, by jansson's tree and by yajl's events.
 *
 * usage: json_rows DATA.csv
 * Prints microseconds per row, for rows alone and for 256 rows in an array, the best of 5. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <yajl/yajl_parse.h>

#include "base/clock.h"
#include "csv/source.h"
#include "wire/payload.h"

enum { ROWS = 2048, RUNS = 5 };

static size_t bytes; /* keeps the compiler from optimising the parsing away */

static int take_number(void *context, const char *text, size_t size)
{
    (void)context;
    (void)text;
    bytes += size;
    return 1;
}

static int take_text(void *context, const unsigned char *text, size_t size)
{
    return take_number(context, (const char *)text, size);
}

static int pass(void *context)
{
    (void)context;
    return 1;
}

static const yajl_callbacks callbacks = {pass, NULL,      NULL, NULL, take_number, take_text,
                                         pass, take_text, pass, pass, pass};

static void parse(int yajl, const odd_bytes *payload)
{
    if (yajl) {
        yajl_handle handle = yajl_alloc(&callbacks, NULL, NULL);
        const unsigned char *text = (const unsigned char *)payload->data;
        if (yajl_parse(handle, text, payload->size) != yajl_status_ok)
            abort();
        yajl_complete_parse(handle);
        yajl_free(handle);
    } else {
        json_t *tree = json_loadb(payload->data, payload->size, 0, NULL);
        if (!tree)
            abort();
        bytes += json_object_size(tree);
        json_decref(tree);
    }
}

int main(int argc, char **argv)
{
    odd_csv_source *source = NULL;
    odd_csv_chunk chunk = {0};
    oddrow_error err = {0};
    const char *path = argc == 2 ? argv[1] : "-";
    odd_csv_options options = {.chunk_size = (size_t)1 << 20};
    if (odd_csv_open(&path, 1, &options, &source, &err) ||
        odd_csv_next(source, &chunk, &err) <= 0 || odd_csv_split(source, &chunk, &err) ||
        chunk.rows < ROWS) {
        fprintf(stderr, "json_rows: %s\n", err.code ? err.message : "fewer than 2048 rows");
        return 1;
    }
    for (size_t per = 1; per <= 256; per *= 256) {
        odd_bytes payloads[ROWS] = {{0}};
        for (size_t i = 0; i < ROWS / per; i++)
            if (odd_payload_write(ODD_ENCODING_JSON, odd_csv_names(source), chunk.columns,
                                  chunk.cells + i * per * chunk.columns, per, &payloads[i]))
                return 1;
        for (int yajl = 0; yajl < 2; yajl++) {
            double best = 1e9;
            for (int run = 0; run < RUNS; run++) {
                double start = odd_clock();
                for (size_t i = 0; i < ROWS / per; i++)
                    parse(yajl, &payloads[i]);
                double seconds = odd_clock() - start;
                best = seconds < best ? seconds : best;
            }
            printf("%s, %zu rows a payload: %.2f us a row\n", yajl ? "yajl" : "jansson", per,
                   best / ROWS * 1e6);
        }
        for (size_t i = 0; i < ROWS / per; i++)
            odd_bytes_free(&payloads[i]);
    }
    odd_csv_chunk_free(&chunk);
    odd_csv_close(&source);
    return bytes == 0;
}
