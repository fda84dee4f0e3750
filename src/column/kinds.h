/* column/kinds.h: what each kind does, a row of operations a kind, and what odd_fit remembers of a
 * column; room-private. */
#ifndef ODD_COLUMN_KINDS_H
#define ODD_COLUMN_KINDS_H

#include <stdbool.h>
#include <stdint.h>

#include "column/fit.h"
#include "column/sample.h"

/* Rows are worked on in tiles, column by column, so that a column's tables stay in the first-level
 * cache. A tile of a very wide file is one row, so that its cells are met in order. */
#define ODD_TILE 64

static inline size_t odd_tile_rows(size_t columns)
{
    size_t rows = 16384 / (columns > 0 ? columns : 1);
    return rows < 1 ? 1 : rows > ODD_TILE ? ODD_TILE : rows;
}

/* n <= ODD_TILE cells of column k. */
typedef struct odd_tile {
    const odd_schema *schema;
    size_t k, n;
    const odd_span *cells; /* cell i: cells[i * stride] */
    size_t stride;
    odd_rows *rows; /* where they go: rows first, first + 1, ... */
    size_t first;
} odd_tile;

/* How fitting records a column: statistics in the state of its odd_track, and `size` bytes in the
 * provisional record of each row. `record` is the place of the first cell, or NULL when nobody
 * wants records; the next one is fit->record_size bytes further. */
typedef struct odd_tracking {
    size_t size; /* 8, 4 or 1 */
    int (*start)(odd_fit *fit, size_t k, oddrow_error *err);
    int (*take)(odd_fit *fit, const odd_tile *t, char *record, oddrow_error *err);
    void (*stop)(void *state);
} odd_tracking;

/* What a kind does. A kind that is not read has traits only. */
typedef struct odd_kind_row {
    const char *name;
    const char *cell; /* what a cell is to a person: "text", "number", "time" */
    bool category;    /* an id among the C, with an embedding */
    size_t features;  /* numbers among the F that a cell becomes; with any, one of the M */
    bool moves_on;    /* see odd_kind_moves_on */
    bool scaled;      /* by the scaler of the options, else by mean and standard deviation */
    const odd_tracking *tracking;

    /* Checks what the builder of the schema set, and gives the column its places. */
    int (*index)(odd_schema *s, odd_column *c, oddrow_error *err);
    /* Fills the column from its statistics. */
    int (*finish)(odd_fit *fit, size_t k, oddrow_error *err);
    /* Write a tile of rows: from records, and from cells. Both give the same for the same cells.
     * Every input has `encode`. */
    void (*translate)(const odd_fit *fit, const odd_tile *t, const char *record);
    void (*encode)(const odd_tile *t);
    /* See odd_column_describe and odd_column_expected. */
    void (*describe)(const odd_column *c, odd_bytes *out);
    void (*expected)(const odd_column *c, const odd_expected *of, odd_bytes *out);

    /* Kinds of numbers. Reads a tile into x[n] and status[n] (odd_number_status); writes the
     * features of x[i] at z[i * stride]; appends x as a person reads it. */
    void (*parse)(const odd_tile *t, double *x, uint8_t *status);
    void (*scale)(const odd_column *c, const double *x, size_t n, float *z, size_t stride);
    void (*print)(double x, odd_bytes *out);
} odd_kind_row;

/* The row of a kind; for a kind that does not exist, one that is named "?". */
const odd_kind_row *odd_kind_row_of(odd_kind kind);

extern const odd_kind_row odd_kind_categorical, odd_kind_numeric, odd_kind_timestamp,
    odd_kind_constant, odd_kind_target;

/* What was recorded of a column. */
typedef struct odd_track {
    const odd_tracking *tracking; /* NULL: nothing */
    bool set;                     /* kind given by name */
    bool watched;                 /* one value in the first block, kind a guess */
    size_t offset;                /* in the record */
    void *state;                  /* odd_texts or odd_numbers; NULL otherwise */
} odd_track;

struct odd_fit {
    size_t K; /* outlives the schema, which the caller may free first */
    odd_fit_options options;
    odd_schema *schema; /* grows from the start */
    bool owned;         /* until finish hands it over */
    bool inferred, finished;
    odd_track *tracks; /* (K) */
    size_t record_size;
    size_t max_entries, max_text; /* per column of texts */
    size_t max_sample;            /* per column of numbers */
    size_t infer_rows;
};

/* ---- texts: categorical.c ---- */

/* In a record: u32, the first-seen id or one of the codes. */
typedef struct odd_texts {
    odd_vocabulary *vocabulary; /* growing; freed by finish */
    uint64_t missing, untracked;
    uint32_t *map; /* first-seen id -> final id, untracked at 0; from finish on */
} odd_texts;

#define ODD_TEXT_UNTRACKED 0u
#define ODD_TEXT_MISSING UINT32_MAX

extern const odd_tracking odd_track_texts;

/* Orders the texts into the column's vocabulary, with an entry for `missing` cells, and counts the
 * column's cells. */
int odd_texts_settle(odd_fit *fit, size_t k, const odd_vocabulary_options *options,
                     uint64_t missing, oddrow_error *err);

/* ---- numbers: numeric.c ---- */

/* In a record: double, or the bits of one of the NaNs. */
typedef struct odd_numbers {
    odd_sample sample;
    uint64_t missing, unparsed;
    char *first; /* text of the first number, should it be the only one; lives in the schema */
    size_t first_size;
} odd_numbers;

extern const odd_tracking odd_track_numbers;

/* Fits the column's scaler to the sample, and counts the column's cells. */
int odd_numbers_settle(odd_fit *fit, size_t k, odd_scaler_kind scaler, oddrow_error *err);

/* Reads a tile back from records, as `parse` reads it from cells. */
void odd_numbers_recall(const odd_fit *fit, const odd_tile *t, const char *record, double *x,
                        uint8_t *status);

/* `parse` of plain numbers. */
void odd_numeric_parse(const odd_tile *t, double *x, uint8_t *status);

/* What all kinds of numbers do; each adds describe, parse, scale and print. */
int odd_numbers_index(odd_schema *s, odd_column *c, oddrow_error *err);
int odd_numbers_finish(odd_fit *fit, size_t k, oddrow_error *err);
void odd_numbers_translate(const odd_fit *fit, const odd_tile *t, const char *record);
void odd_numbers_encode(const odd_tile *t);
void odd_numbers_describe(const odd_column *c, odd_bytes *out);
void odd_numbers_expected(const odd_column *c, const odd_expected *of, odd_bytes *out);

#define ODD_KIND_OF_NUMBERS                                                                        \
    .tracking = &odd_track_numbers, .index = odd_numbers_index, .finish = odd_numbers_finish,      \
    .translate = odd_numbers_translate, .encode = odd_numbers_encode,                              \
    .expected = odd_numbers_expected

/* ---- constants: constant.c ---- */

extern const odd_tracking odd_track_constants;

/* How a cell departs from a constant column's value; ODD_FLAG_NONE when it does not. Numbers and
 * dates are compared as such: "5.0" is "5". */
odd_flag odd_constant_flag(const odd_column *c, odd_span cell);

/* Makes a column constant: all its training cells were alike. A value without data is missing. */
int odd_become_constant(odd_fit *fit, size_t k, odd_span value, oddrow_error *err);

/* Says of a watched column that it changed after all; does nothing for others. */
int odd_explain_watched(const odd_fit *fit, size_t k, oddrow_error *err);

/* ---- target.c ---- */

/* Decides whether the target is a class or a number, unless the options say so. */
int odd_target_infer(odd_fit *fit, const odd_span *cells, size_t rows, size_t k, oddrow_error *err);

#endif
