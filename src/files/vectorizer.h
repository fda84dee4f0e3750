/* files/vectorizer.h: encoded rows as vectors for other uses: design matrix, learned input, hidden
 * layers.
 */
#ifndef ODD_FILES_VECTORIZER_H
#define ODD_FILES_VECTORIZER_H

#include "base/bytes.h"
#include "column/encode.h"
#include "model/model.h"

typedef enum odd_what {
    ODD_ENCODE_INPUT,  /* embeddings and scaled numbers side by side, in the order of the columns;
                          a timestamp's seven features; behind a column with missing cells in
                          training, 1 where the cell is missing or unreadable */
    ODD_ENCODE_CODE,   /* the narrowest hidden layer, the first of them */
    ODD_ENCODE_HIDDEN, /* the last hidden layer, h */
    ODD_ENCODE_X       /* x: embeddings and projected numbers, which the network reads */
} odd_what;

typedef struct odd_vectorizer odd_vectorizer;                 /* read-only, shared by threads */
typedef struct odd_vectorizer_scratch odd_vectorizer_scratch; /* one thread's */

/* Borrows the model. */
int odd_vectorizer_new(const odd_model *model, odd_what what, odd_vectorizer **out,
                       oddrow_error *err);
void odd_vectorizer_free(odd_vectorizer **vectorizer);

/* Numbers of a row's vector; the name of each: occupation[3], age, when[0], age[missing], code[0],
 * hidden[0], x[0]. Borrowed. */
size_t odd_vectorizer_width(const odd_vectorizer *vectorizer);
const char *odd_vectorizer_name(const odd_vectorizer *vectorizer, size_t i);

/* For at most `capacity` rows at a call. Borrows the vectorizer. */
int odd_vectorizer_scratch_new(const odd_vectorizer *vectorizer, size_t capacity,
                               odd_vectorizer_scratch **out, oddrow_error *err);
void odd_vectorizer_scratch_free(odd_vectorizer_scratch **scratch);

/* The vectors of rows into out (B, width). */
int odd_vectorizer_run(odd_vectorizer_scratch *scratch, const odd_rows *rows, float *out,
                       oddrow_error *err);

/* The same as lines of CSV, appended. */
int odd_vectorizer_csv(odd_vectorizer_scratch *scratch, const odd_rows *rows, odd_bytes *out,
                       oddrow_error *err);

#endif
