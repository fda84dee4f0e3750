/* tables/npy.h: the header of NumPy's file format, and files of vectors mapped into memory.
 *
 * The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
#ifndef ODD_TABLES_NPY_H
#define ODD_TABLES_NPY_H

#include "base/bytes.h"
#include "oddrow.h"

/* Bytes of every header written here. */
enum { ODD_NPY_HEADER = 128 };

/* A header, version 1.0, of an array (rows, cols), or (rows) with cols 0, in C order; descr is
 * "<f4" or "<i8". Its length does not depend on rows, so that it can be written again. */
void odd_npy_header(char out[ODD_NPY_HEADER], const char *descr, uint64_t rows, size_t cols);

/* Reads a header of version 1, 2 or 3 from the first bytes of a file: a 2-dimensional array of
 * little-endian 4-byte floats in C order. *offset is where the numbers start. ODDROW_EFORMAT. */
int odd_npy_parse(const char *bytes, size_t size, size_t *rows, size_t *cols, size_t *offset,
                  oddrow_error *err);

/* A .npy file of vectors and the .txt of values beside it, both mapped, nothing copied: read-only,
 * shared by any threads. */
typedef struct odd_vectors {
    size_t rows, width;
    const float *data; /* (rows, width) */
    const char *text;  /* the values, a line each; NULL without the file */
    size_t text_size;
    void *map, *text_map; /* private, like the next two */
    size_t map_size;
    const char **marks; /* some of the lines, from which the others are found */
} odd_vectors;

/* Whether a file begins as a .npy file does. */
bool odd_npy_is(const char *path);

/* X.npy and, where it is there, X.txt. ODDROW_EIO, or ODDROW_EFORMAT: not such an array, fewer
 * bytes than its header says, more or fewer lines than rows. Messages start with the path. */
int odd_vectors_open(const char *path, odd_vectors *out, oddrow_error *err);
void odd_vectors_close(odd_vectors *v);

/* The row of a value, spelled as it stands in the .txt (ODD_AS_LINE). ODDROW_ESCHEMA: no such line.
 */
int odd_vectors_find(const odd_vectors *v, const char *value, size_t size, size_t *row,
                     oddrow_error *err);

/* The line of a row. Empty without the .txt. */
odd_span odd_vectors_text(const odd_vectors *v, size_t row);

#endif
