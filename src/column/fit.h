/* column/fit.h: learns a schema from rows in one pass, and remembers them for encoding. */
#ifndef ODD_COLUMN_FIT_H
#define ODD_COLUMN_FIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/options.h"
#include "column/kind.h"
#include "column/rows.h"
#include "column/scaler.h"
#include "column/schema.h"
#include "oddrow.h"

/* What the target is; INFER: a number where the column would be numeric, a class where it would be
 * categorical. */
typedef enum odd_target_kind {
    ODD_TARGET_INFER,
    ODD_TARGET_CLASS,
    ODD_TARGET_NUMBER
} odd_target_kind;

/* min_count: texts met fewer times fold into *rare*; max_vocab: texts a vocabulary keeps at most;
 * embedding_widths: see odd_saved_widths. */
#define ODD_FIT_OPTIONS(X)                                                                         \
    X(uint64_t, min_count, 1, COUNT, "min-count", TRAIN | COLUMNS, .low = 1, .high = 1e9,          \
      .value = "N", .help = "a category that occurs fewer times becomes 'rare'")                   \
    X(size_t, max_vocab, 10000, COUNT, "max-vocab", TRAIN | COLUMNS, .low = 2, .high = 1e7,        \
      .value = "N", .help = "largest number of categories a column keeps")                         \
    X(odd_embedding_rule, embedding_rule, ODD_EMBEDDING_HALF, CHOICE, "embedding-rule",            \
      TRAIN | COLUMNS, .choice = embedding_rule,                                                   \
      .help = "width for V categories: min(50, V/2) or 1.6 V^0.56")                                \
    X(odd_scaler_kind, scaler, ODD_GAUSS_RANK, CHOICE, "scaler", TRAIN | COLUMNS,                  \
      .choice = scaler, .help = "scaling of numbers")                                              \
    X(odd_names, embedding_widths, {0}, NAMES, "embedding-width", TRAIN | COLUMNS,                 \
      .value = "A=N,B=N", .repeats = true, .help = "widths of embeddings, in place of the rule's") \
    X(const char *, target, NULL, TEXT, "target", TRAIN | COLUMNS, .value = "A",                   \
      .help = "column to learn to predict, never an input: a supervised model")                    \
    X(odd_target_kind, task, ODD_TARGET_INFER, CHOICE, "task", TRAIN | COLUMNS, .choice = task,    \
      .help = "whether the target is a class or a number; auto: decided by its cells")

typedef struct odd_fit_options {
    odd_names names[ODD_KINDS]; /* by kind: columns set by the user; none of ODD_CONSTANT and
                                   ODD_TARGET */
    ODD_FIT_OPTIONS(ODD_OPTION_FIELD)
    uint64_t seed; /* of the samples that stand for columns too long to sort */
    size_t memory; /* bytes for samples and vocabularies, shared out evenly; a soft bound */
} odd_fit_options;

#define ODD_FIT_OPTIONS_INIT                                                                       \
    {                                                                                              \
        ODD_FIT_OPTIONS(ODD_OPTION_DEFAULT).memory = (size_t)1 << 30                               \
    }

#define ODD_FIT_SAMPLE 200000u    /* values a column's quantiles are sorted from, at most */
#define ODD_FIT_DISTINCT 1000000u /* texts tracked per column; later ones count as rare */
#define ODD_FIT_TEXT (64u << 20)  /* bytes of text tracked per column */
#define ODD_FIT_WATCHED 256u      /* see odd_fit_infer */

typedef struct odd_fit odd_fit;

/* Life: new; infer on a first block; rows for every row (the first block again); finish; translate.
 * names: K column names, copied. options: NULL for the defaults; its names are only read here.
 * ODDROW_ESCHEMA: a named column is absent, has two kinds, or two columns share a name;
 * ODDROW_EINVAL: an option out of range. */
int odd_fit_new(const char *const *names, size_t K, const odd_fit_options *options, odd_fit **out,
                oddrow_error *err);
void odd_fit_free(odd_fit **fit);

/* Chooses the kind of every column from a first block of rows (about 20,000, or the whole file);
 * call once, before odd_fit_rows; keeps no statistics. The rules are in infer.h. A column with one
 * value in the block is watched, when there are at most ODD_FIT_WATCHED such: it becomes what its
 * value looks like should it change later, and ODD_CONSTANT should it not. When there are more,
 * they are ODD_CONSTANT at once and later cells that differ are counted in odd_column.differing.
 * ODDROW_ESCHEMA when there is no row, or when the target is neither a class nor a number. */
int odd_fit_infer(odd_fit *fit, const odd_span *cells, size_t rows, oddrow_error *err);

/* Bytes of one provisional record; known after odd_fit_infer. */
size_t odd_fit_record_size(const odd_fit *fit);

/* Takes rows of K cells into the statistics and writes their provisional records, rows x
 * odd_fit_record_size bytes of any alignment (NULL: statistics only). One caller at a time, before
 * finish. 0 or ODDROW_ENOMEM. */
int odd_fit_rows(odd_fit *fit, const odd_span *cells, size_t rows, void *records,
                 oddrow_error *err);

/* The schema of the rows seen; the caller owns it (odd_schema_free) and keeps it for as long as
 * odd_fit_translate is called. Once. ODDROW_ESCHEMA when there was no row, or a target that is
 * always the same, always missing, or of more classes than max_vocab. */
int odd_fit_finish(odd_fit *fit, odd_schema **out, oddrow_error *err);

/* Records to the batch that odd_encode would make of their cells, and its targets. Many threads,
 * each with its own batch of capacity >= rows. 0, or ODDROW_EINVAL before finish or when the batch
 * is too small. */
int odd_fit_translate(const odd_fit *fit, const void *records, size_t rows, odd_rows *batch,
                      oddrow_error *err);

#endif
