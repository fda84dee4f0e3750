/* worker/drift.h: whether rows still look like the training rows, column by column.
 *
 * The measure is the population stability index of a sliding window against the training rows,
 * PSI = sum over bins (p - q) ln(p / q), where p is the window's share of the bin among the cells
 * with a value and q the training share, both with 0.5 added to each bin's count. A categorical
 * column has a bin for each of its 20 commonest values and one for all others, rare and unseen ones
 * included. A numeric column, whatever its scaler, has ten bins (up to 21 when there are heavy
 * ties) between the 257 training quantiles, with shares as equal as ties allow. Other kinds have no
 * bins, and their psi stays 0.
 *
 * Two shares among all cells are measured, too:
 * - missing cells, which include unparsed ones;
 * - unseen cells: texts outside the vocabulary, numbers and dates outside the training range,
 *   constants with another value.
 * Id, label and ignored columns are not measured.
 *
 * A column drifts when psi exceeds its bound and also what chance alone explains (which is much
 * when few cells have a value, in the window or in training), or when a share exceeds its training
 * share by a bound. Dates beyond the training range are no drift, because new rows are later. */
#ifndef ODD_WORKER_DRIFT_H
#define ODD_WORKER_DRIFT_H

#include "column/encode.h"
#include "oddrow.h"

typedef struct odd_drift odd_drift;

typedef struct odd_drift_options {
    size_t window; /* rows, in ten equal parts (rounded up); 0: 10,000 */
    double psi;    /* a column drifts beyond this; 0: 0.25 */
    double share;  /* … or when unseen or missing pass their training share by this; 0: 0.05 */
    double clear;  /* share of a bound below which drift ends, at most 1; 0: 0.8 */
} odd_drift_options;

typedef struct odd_drift_column {
    const char *name; /* the schema's */
    bool measured;    /* false: nothing is measured of this column, all below is 0 */
    bool drifting;
    double psi, unseen, missing; /* of the window; 0 before the first whole one */
    /* Of the training rows. trained_unseen: the share that would be unseen if each row were left
     * out of training (Good 1953, "The population frequencies of species", Biometrika 40): texts
     * too rare for an entry, and those that only just have one. 0 for numbers and dates. */
    double trained_unseen, trained_missing;
} odd_drift_column;

/* options: NULL for the defaults. The schema must outlive it. 0, ODDROW_EINVAL for an option out of
 * range, ODDROW_ENOMEM. One thread at a time uses a drift. */
int odd_drift_new(const odd_schema *schema, const odd_drift_options *options, odd_drift **out,
                  oddrow_error *err);
void odd_drift_free(odd_drift **d);

/* Counts the first `rows` rows of an encoded batch of the same schema, in about 50 ns per row of 15
 * columns. */
void odd_drift_add(odd_drift *d, const odd_rows *batch, size_t rows);

/* Measures the window, which is the last ten completed parts. False when no part was completed
 * since the last call, or less than a whole window has been seen. Otherwise calls change(context,
 * column) for each column that began or ceased to drift, in schema order; change may be NULL. */
bool odd_drift_check(odd_drift *d, void (*change)(void *context, const odd_drift_column *column),
                     void *context);

/* The state of schema column k < K as of the last check. */
odd_drift_column odd_drift_column_of(const odd_drift *d, size_t k);

#endif
