/* column/schema.h: the columns of a table as training saw them. */
#ifndef ODD_COLUMN_SCHEMA_H
#define ODD_COLUMN_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "column/kind.h"
#include "column/scaler.h"
#include "column/vocabulary.h"
#include "oddrow.h"

/* One column. A builder (odd_fit_finish, or whoever reads a model file) sets the members up to the
 * line "computed", texts through odd_schema_keep; members that are not of the kind stay 0. */
typedef struct odd_column {
    char *name;
    odd_kind kind;
    const char *why;            /* one sentence: how the kind was chosen; may be NULL */
    odd_vocabulary *vocabulary; /* categorical, target of classes; owned by the schema */
    size_t embedding;           /* categorical: E */
    odd_scaler scaler;       /* numeric, target of numbers; timestamp: of the trend, in seconds */
    uint64_t count;          /* training cells with a value */
    uint64_t missing;        /* without one */
    uint64_t unparsed;       /* with one that could not be read; counted nowhere else */
    uint64_t differing;      /* constant: training cells with another value (see fit.h) */
    char *constant;          /* constant: the value; NULL: missing in every row */
    size_t constant_size;    /* its bytes */
    double minimum, maximum; /* numeric, timestamp: of the training cells */
    /* computed by odd_schema_index */
    size_t first_feature, features; /* numeric (1), timestamp (7): place among the F */
    size_t categorical;             /* categorical: index among the C */
    size_t numeric;                 /* numeric, timestamp: index among the M */
    size_t constant_index;          /* index among the D constants, or SIZE_MAX */
    size_t loss;                    /* index among the L = C + M losses, or SIZE_MAX */
    double missing_loss; /* numeric, timestamp: loss of a missing or unparsed cell, in nats:
                            -ln((missing + unparsed + 1) / (rows + 2)) */
    double differs_loss; /* constant: loss of a cell that differs, in nats:
                            -ln((differing + 1) / (rows + 1)) */
} odd_column;

typedef struct odd_schema {
    size_t K;            /* columns, in file order */
    odd_column *columns; /* (K) */
    uint64_t rows;       /* of the training file */
    size_t C;            /* categorical columns; C, F, M, D are computed by odd_schema_index */
    size_t F;            /* numeric features: 1 a numeric column, 7 a timestamp */
    size_t M;            /* numeric and timestamp columns */
    size_t D;            /* constant columns */
    size_t target;       /* the target's column, or SIZE_MAX; computed likewise */
    odd_arena texts;     /* private: names, sentences, constants */
} odd_schema;

#define ODD_COLUMNS_LIMIT (1u << 24)
#define ODD_EMBEDDING_LIMIT 4096u

typedef enum odd_embedding_rule {
    ODD_EMBEDDING_HALF, /* min(50, max(2, ceil(V / 2))), V with the unknown entry */
    ODD_EMBEDDING_POWER /* min(50, max(2, round(1.6 n^0.56))), n without it */
} odd_embedding_rule;

/* Embedding width of a vocabulary of V entries, the unknown one included. */
size_t odd_embedding_width(odd_embedding_rule rule, size_t V);

/* An empty schema of K zeroed columns. Life: new; fill columns and rows; index; use; free. */
int odd_schema_new(size_t K, odd_schema **out, oddrow_error *err);
void odd_schema_free(odd_schema **s);

/* A NUL-terminated copy that lives as long as the schema; NULL: no memory. */
char *odd_schema_keep(odd_schema *s, const char *data, size_t size);

/* Keeps a sentence, as printf makes it and cut to 319 bytes, as the reason of a column's kind. */
int odd_schema_say(odd_schema *s, odd_column *c, oddrow_error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Columns with a loss, L = C + M, those of categories first; and the column of loss `at`. */
size_t odd_schema_losses(const odd_schema *s);
size_t odd_schema_loss_column(const odd_schema *s, size_t at);

/* Appends what is in a column, in a few words: "12 values, embedding 6", "-1.5 to 20". */
void odd_column_describe(const odd_column *c, odd_bytes *out);

/* What the network expects of a cell; a kind reads its own part. */
typedef struct odd_expected {
    uint32_t id; /* a category's, and its probability */
    float probability;
    const float *values; /* a number's features */
} odd_expected;

/* Appends the expected value of an input as a person reads it. */
void odd_column_expected(const odd_column *c, const odd_expected *of, odd_bytes *out);

/* Classes of the target (id - 1 of its vocabulary), 1 where it is a number, 0 without one. */
size_t odd_schema_outputs(const odd_schema *s);

/* The names as a vocabulary: that of column k, with its NUL, has the id k + 1. ODDROW_EFORMAT when
 * a column has no name, the code `twice` when a name comes twice. */
int odd_schema_names(const odd_schema *s, int twice, odd_vocabulary **out, oddrow_error *err);

/* Validates what the builder set and computes the rest. ODDROW_EFORMAT with the column's name in
 * the message: names absent or there twice, kind out of range, a categorical column without
 * vocabulary or with an embedding outside 1 .. ODD_EMBEDDING_LIMIT, a numeric one without scaler
 * or with a range that is not finite, a target with neither a vocabulary (of classes alone) nor a
 * scaler, or a second one, a constant whose size is not its own, counts beyond rows. */
int odd_schema_index(odd_schema *s, oddrow_error *err);

/* Where every column is constant the first becomes a category of one value, so that there is
 * something to learn and rows that differ have something to differ from. Indexes again. */
int odd_schema_need_input(odd_schema *s, oddrow_error *err);

#endif
