/* bench/neighbours_speed.c: compares the exact search among a million vectors with a plain sgemv.
 *
 * usage: neighbours_speed FILE.npy [rows [width [rounds]]]      defaults 1000000 50 20
 * Writes random vectors to FILE.npy and maps it as `oddrow embeddings near FILE.npy` does. Then
 * times three things over the same mapping, in turns, on this thread: the exact top 10 by cosine,
 * the exact top 10 by distance, and cblas_sgemv. Prints the least milliseconds of each, and the
 * peak resident memory that does not belong to the mapping (KiB). */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "embed/near.h"
#include "tables/npy.h"

enum { K = 10 };

static int write_vectors(const char *path, size_t rows, size_t width)
{
    char header[ODD_NPY_HEADER];
    float *row = calloc(width, sizeof *row);
    FILE *file = fopen(path, "wb");
    odd_random random;
    bool failed = !row || !file;
    odd_random_start(&random, 1, 0);
    odd_npy_header(header, "<f4", rows, width);
    failed = failed || fwrite(header, sizeof header, 1, file) != 1;
    for (size_t i = 0; i < rows && !failed; i++) {
        for (size_t j = 0; j < width; j++)
            row[j] = (float)(odd_random_uniform(&random) - 0.5);
        failed = fwrite(row, sizeof *row, width, file) != width;
    }
    failed = (file && fclose(file) != 0) || failed;
    free(row);
    return failed ? -1 : 0;
}

/* Reads a figure of /proc/self/status, in KiB. */
static long status(const char *name)
{
    char line[200];
    long value = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtol(line + strlen(name) + 1, NULL, 10);
    if (file)
        fclose(file);
    return value;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

int main(int argc, char **argv)
{
    size_t rows = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000000,
           width = argc > 3 ? strtoul(argv[3], NULL, 10) : 50,
           rounds = argc > 4 ? strtoul(argv[4], NULL, 10) : 20, found = 0;
    double cosine = 1e9, distance = 1e9, sgemv = 1e9;
    odd_neighbour near[K];
    odd_vectors v;
    oddrow_error err = {0};
    if (argc < 2 || argc > 5 || rows == 0 || width == 0 || rows > 1u << 30 || width > 4096) {
        fprintf(stderr, "usage: neighbours_speed FILE.npy [rows [width [rounds]]]\n");
        return 2;
    }
    float *out = calloc(rows, sizeof *out);
    if (!out || write_vectors(argv[1], rows, width) || odd_vectors_open(argv[1], &v, &err)) {
        fprintf(stderr, "neighbours_speed: %s\n", err.code ? err.message : argv[1]);
        free(out);
        return 1;
    }
    openblas_set_num_threads(1);
    for (size_t i = 0; i < rounds; i++) {
        const float *query = v.data + (i * 7919 % rows) * width;
        double start = odd_clock();
        cblas_sgemv(CblasRowMajor, CblasNoTrans, (int)rows, (int)width, 1, v.data, (int)width,
                    query, 1, 0, out, 1);
        sgemv = least(sgemv, odd_clock() - start);
        start = odd_clock();
        if (odd_near(v.data, rows, width, query, ODD_COSINE, K, near, &found, &err))
            return 1;
        cosine = least(cosine, odd_clock() - start);
        start = odd_clock();
        if (odd_near(v.data, rows, width, query, ODD_EUCLIDEAN, K, near, &found, &err))
            return 1;
        distance = least(distance, odd_clock() - start);
    }
    printf("sgemv %.2f\ncosine %.2f\neuclidean %.2f\nanonymous %ld\n", 1000 * sgemv, 1000 * cosine,
           1000 * distance, status("RssAnon:"));
    odd_vectors_close(&v);
    free(out);
    return 0;
}
