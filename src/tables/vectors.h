/* tables/vectors.h: word vectors as text, value by value: word2vec's form, whose first line is
 * "COUNT WIDTH", and GloVe's, which has none.
 *
 * A line is a value, then WIDTH numbers, blanks or tabs between them and allowed at the end. A
 * value may hold blanks; one that ends in a number after a blank cannot be told from a line with
 * too many numbers, and is refused. Nothing is allocated on a claim of the file. */
#ifndef ODD_TABLES_VECTORS_H
#define ODD_TABLES_VECTORS_H

#include "csv/input.h"

#define ODD_VECTORS_LINE (16u << 20) /* bytes a line may have */

/* What is done with them. Both return 0, or a code with the error. */
typedef struct odd_word_sink {
    /* Once, before any vector: how many numbers each has. */
    int (*width)(void *context, size_t width, oddrow_error *err);
    /* A value, as its bytes stand in the file, and its (width) numbers, borrowed. */
    int (*take)(void *context, const char *value, size_t size, const float *vector,
                oddrow_error *err);
    void *context;
} odd_word_sink;

/* Reads an input to its end. ODDROW_EFORMAT: a line with too few or too many numbers, one that is
 * none or not finite, a value that is empty, not UTF-8 or there twice, a width beyond
 * ODD_EMBEDDING_LIMIT, another number of vectors than the first line promised, or none; the message
 * begins with the place, "NAME:LINE:COLUMN: ", the name that of the input, both numbers from 1, the
 * column in bytes. ODDROW_EIO, ENOMEM, and what the sink returns. */
int odd_word_vectors_read(odd_input *input, const odd_word_sink *sink, oddrow_error *err);

#endif
