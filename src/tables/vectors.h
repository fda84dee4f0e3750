/* tables/vectors.h: word vectors as text, value by value: word2vec's form, whose first line is
 * "COUNT WIDTH", and GloVe's, which has none.
 *
 * A line is a value, then WIDTH numbers, blanks or tabs between them and allowed at the end. A
 * value may hold blanks; one that ends in a number after a blank cannot be told from a line with
 * too many numbers, and is refused. Nothing is allocated on a claim of the file. */
#ifndef ODD_TABLES_VECTORS_H
#define ODD_TABLES_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#include "oddrow.h"

#define ODD_VECTORS_LINE (16u << 20) /* bytes a line may have */

/* What is done with them. Both return 0, or a code with the error. */
typedef struct odd_vectors_sink {
    /* Once, before any vector: how many numbers each has. */
    int (*width)(void *context, size_t width, oddrow_error *err);
    /* A value, as its bytes stand in the file, and its (width) numbers, borrowed. */
    int (*take)(void *context, const char *value, size_t size, const float *vector,
                oddrow_error *err);
    void *context;
} odd_vectors_sink;

typedef struct odd_vectors odd_vectors;

/* Starts a file; `sink` is copied. Pure: one thread each. */
int odd_vectors_new(const odd_vectors_sink *sink, odd_vectors **out, oddrow_error *err);
void odd_vectors_free(odd_vectors **v);

/* The next bytes, however the file is cut. Messages begin with "LINE:COLUMN: ", both from 1, the
 * column in bytes. ODDROW_EFORMAT: a line with too few or too many numbers, one that is none or not
 * finite, a value that is empty, not UTF-8 or there twice, a width beyond ODD_EMBEDDING_LIMIT. */
int odd_vectors_feed(odd_vectors *v, const char *data, size_t size, oddrow_error *err);

/* The end of the file: another number of vectors than the first line promised, or none. */
int odd_vectors_end(odd_vectors *v, oddrow_error *err);

/* The whole of it, from a file as csv/input.h reads it. Messages begin with "PATH:". */
int odd_vectors_read(const char *path, const odd_vectors_sink *sink, oddrow_error *err);

#endif
