/* worker/drift.h: whether rows still look like the training rows, column by column.
 *
 * Population stability index of a sliding window against the training distribution,
 * PSI = sum over bins (p - q) ln(p / q), p the window's share, q the training share, both smoothed;
 * categorical columns: the commonest values and a bin for the rest; numeric: ten bins of the scaled
 * value; timestamps and constants: none. Beside it the shares of unseen, missing and unparsed
 * cells.
 */
#ifndef ODD_WORKER_DRIFT_H
#define ODD_WORKER_DRIFT_H

#include "column/encode.h"
#include "oddrow.h"

typedef struct odd_drift odd_drift;

typedef struct odd_drift_options {
    size_t window; /* rows, in ten parts; 0: 10,000 */
    double psi;    /* a column drifts beyond this; 0: 0.25 */
    double share;  /* … or when unseen or missing pass their training share by this; 0: 0.05 */
    double clear;  /* share of a bound below which it clears again; 0: 0.8 */
} odd_drift_options;

typedef struct odd_drift_column {
    const char *name; /* the schema's */
    bool measured;    /* false: nothing is measured of this column, all below is 0 */
    bool drifting;
    double psi, unseen, missing; /* of the window; missing counts unparsed cells too */
    double trained_unseen, trained_missing;
} odd_drift_column;

/* One part counter a thread is not needed: one thread adds. The schema must outlive it. */
int odd_drift_new(const odd_schema *schema, const odd_drift_options *options, odd_drift **out,
                  oddrow_error *err);
void odd_drift_free(odd_drift **d);

/* Counts the first `rows` rows of an encoded batch. About 50 ns a row of 15 columns. */
void odd_drift_add(odd_drift *d, const odd_batch *batch, size_t rows);

/* True when a part of the window was completed since the last call and a whole window has been
 * seen: then calls change(context, column) for each column that began or ceased to drift. */
bool odd_drift_check(odd_drift *d, void (*change)(void *context, const odd_drift_column *column),
                     void *context);

/* The state of schema column k as of the last check. */
odd_drift_column odd_drift_column_of(const odd_drift *d, size_t k);

#endif
