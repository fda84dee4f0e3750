/* Measures fitting, translating and encoding: speed_column FILE.csv [REPEATS]. No quotes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "column/encode.h"
#include "column/fit.h"

#define CHUNK 1024

static char *text;
static odd_span *cells;
static char **names;
static size_t rows, columns;

static bool load(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file), at = 0;
    rewind(file);
    text = malloc(size + 1);
    if (fread(text, 1, size, file) != size)
        return false;
    fclose(file);
    text[size] = '\0';
    char *end = strchr(text, '\n');
    columns = 1;
    for (char *s = text; s < end; s++)
        columns += *s == ',';
    names = malloc(columns * sizeof *names);
    *end = '\0';
    for (char *s = strtok(text, ",\r"); s && at < columns; s = strtok(NULL, ",\r"))
        names[at++] = s;
    cells = malloc((size / columns + 1) * columns * sizeof *cells);
    at = 0;
    for (char *s = end + 1, *first = s; s < text + size; s++)
        if (*s == ',' || *s == '\n') {
            cells[at++] = (odd_span){first, (size_t)(s - first)};
            first = s + 1;
        }
    rows = at / columns;
    return true;
}

static size_t chunk_at(size_t i)
{
    return rows - i < CHUNK ? rows - i : CHUNK;
}

static void report(const char *what, double seconds, size_t repeats)
{
    double total = (double)(rows * repeats);
    printf("%-10s %8.2f million rows/s  %6.1f ns/row\n", what, total / seconds / 1e6,
           1e9 * seconds / total);
}

int main(int count, char **arguments)
{
    size_t repeats = count > 2 ? strtoul(arguments[2], NULL, 10) : 30;
    odd_fit *fit;
    odd_schema *s;
    odd_encoder *e;
    odd_rows *b;
    oddrow_error err;
    if (count < 2 || !load(arguments[1]))
        return 2;
    if (odd_fit_new((const char *const *)names, columns, NULL, &fit, &err) != 0 ||
        odd_fit_infer(fit, cells, rows < 20000 ? rows : 20000, &err) != 0)
        goto failed;
    size_t size = odd_fit_record_size(fit);
    char *records = malloc(rows * size);
    double start = odd_clock();
    for (size_t r = 0; r < repeats; r++)
        for (size_t i = 0; i < rows; i += CHUNK)
            if (odd_fit_rows(fit, cells + i * columns, chunk_at(i), records + i * size, &err) != 0)
                goto failed;
    report("fit", odd_clock() - start, repeats);
    start = odd_clock();
    if (odd_fit_finish(fit, &s, &err) != 0)
        goto failed;
    printf("finish     %8.3f s\n", odd_clock() - start);
    if (odd_rows_new(s, CHUNK, true, &b, &err) != 0 ||
        odd_encoder_new(s, (const char *const *)names, columns, &e, &err) != 0)
        goto failed;
    start = odd_clock();
    for (size_t r = 0; r < repeats; r++)
        for (size_t i = 0; i < rows; i += CHUNK)
            odd_fit_translate(fit, records + i * size, chunk_at(i), b, NULL);
    report("translate", odd_clock() - start, repeats);
    start = odd_clock();
    for (size_t r = 0; r < repeats; r++)
        for (size_t i = 0; i < rows; i += CHUNK)
            odd_encode(e, cells + i * columns, chunk_at(i), b);
    report("encode", odd_clock() - start, repeats);
    for (size_t k = 0; k < s->K; k++)
        printf("%-16s %-12s %s\n", s->columns[k].name, odd_kind_name(s->columns[k].kind),
               s->columns[k].why);
    return 0;
failed:
    fprintf(stderr, "%s\n", err.message);
    return 1;
}
