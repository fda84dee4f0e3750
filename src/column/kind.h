/* column/kind.h: what a column can be, and what can be remarkable about a cell. */
#ifndef ODD_COLUMN_KIND_H
#define ODD_COLUMN_KIND_H

#include <stdbool.h>
#include <stddef.h>

/* The order has no meaning; the functions below say what a kind is. */
typedef enum odd_kind {
    ODD_CATEGORICAL, /* an id into a vocabulary */
    ODD_NUMERIC,     /* one scaled number */
    ODD_TIMESTAMP,   /* seven numbers: trend, time of day, week, year */
    ODD_CONSTANT,    /* one value in every training row; never enters the network */
    ODD_ID,          /* carried to the output, never an input; likewise the next two */
    ODD_LABEL,
    ODD_IGNORE,
    ODD_TARGET, /* what a supervised model learns to tell: a class or a number, never an input */
    ODD_KINDS   /* how many there are */
} odd_kind;

/* What is remarkable about one cell, one byte of odd_rows.flags. */
typedef enum odd_flag {
    ODD_FLAG_NONE,
    ODD_FLAG_MISSING,  /* empty, blank or one of the tokens of base/number.h (NA, null, ?...) */
    ODD_FLAG_UNSEEN,   /* text outside the vocabulary: never seen, or too rare to have an entry */
    ODD_FLAG_UNPARSED, /* not a number (or date) in a numeric (or timestamp) column */
    ODD_FLAG_OUT_OF_RANGE, /* a number or date outside the training minimum and maximum */
    ODD_FLAGS              /* how many there are */
} odd_flag;

/* "categorical", "numeric", "timestamp", "constant", "id", "label", "ignore",
 * "target"; "?" otherwise. */
const char *odd_kind_name(odd_kind kind);

/* The reverse; false when no kind has that name. */
bool odd_kind_parse(const char *name, odd_kind *kind);

/* The traits of a kind; all are false when there is no such kind. An input takes part in the score:
 * as a category (an id of odd_rows.ids, with an embedding), as numbers (features of
 * odd_rows.values), both with a loss, or as a constant, which may differ. A carried column is
 * copied to the output. A column is read when training counts its cells: the inputs and the target
 * are. */
bool odd_kind_is_input(odd_kind kind);
bool odd_kind_is_category(odd_kind kind);
bool odd_kind_is_number(odd_kind kind);
bool odd_kind_is_carried(odd_kind kind);
bool odd_kind_is_read(odd_kind kind);

/* Whether later rows leave the training range as a matter of course, because time goes on. */
bool odd_kind_moves_on(odd_kind kind);

/* A word for what a cell should be: "number", "time", "text". */
const char *odd_kind_cell(odd_kind kind);

/* "" (none), "missing", "unseen", "unparsed", "out-of-range"; "?" otherwise. */
const char *odd_flag_name(odd_flag flag);

#endif
