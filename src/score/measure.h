/* score/measure.h: the measures, which say how odd a row is. Each stands in a file of its own, fit
 * beside apply, and is one row of a table; calibrating and scoring walk the table.
 *
 * A measure gives a row a number, larger for odder rows. The measure's tail, fitted to held-out
 * rows, turns the number into nats. The score is the sum of weight * max(0, nats - hinge). */
#ifndef ODD_SCORE_MEASURE_H
#define ODD_SCORE_MEASURE_H

#include "base/pool.h"
#include "column/rows.h"

struct odd_verdict;
struct odd_calibration;
struct odd_forward;
struct odd_sums;

/* In the order of the model file. */
enum {
    ODD_MEASURE_RECONSTRUCTION, /* mean of the column losses, each over its usual size */
    ODD_MEASURE_LOCAL,          /* Euclidean distance from x to the nearest prototype */
    ODD_MEASURE_SHAPE,          /* Mahalanobis distance of x */
    ODD_MEASURE_MARGINS,        /* sum of the cells' own surprises beyond ODD_MARGIN_HINGE nats */
    ODD_MEASURE_FOREST,         /* isolation forest; only where training rows may be odd */
    ODD_MEASURES
};

/* The part of a score that a measure adds to. */
typedef enum { ODD_PART_RECONSTRUCTION, ODD_PART_LOCAL, ODD_PART_GLOBAL, ODD_PARTS } odd_part;

/* What a measure is fitted to: training rows, and what the network makes of them. */
typedef struct odd_fitting {
    const odd_rows *rows;
    const float *losses; /* (B, L); masked where the calibration is of masked scoring */
    const float *x;      /* (B, X); only in fit */
    double contamination;
    uint64_t seed;
    odd_pool *pool;
} odd_fitting;

/* A block of rows that a thread measures. */
typedef struct odd_pass {
    const struct odd_verdict *verdict;
    const struct odd_calibration *calibration; /* of unmasked or of masked scoring */
    const odd_rows *rows;
    const float *losses;         /* (B, L), with the missing loss where a number is missing */
    const float *h;              /* (B, H): the last hidden layer, no column masked */
    const float *x;              /* (B, X), for measures that read it, and on the plain path */
    const struct odd_sums *sums; /* of the measures with sums; see score/slices.h */
    struct odd_forward *forward; /* the network, for what explanations ask of it */
} odd_pass;

typedef struct odd_measure {
    const char *name; /* in the model file */
    odd_part part;
    float weight, hinge;       /* where training rows are normal */
    float contaminated_weight; /* where some may be odd; the hinge is 0 then, or set by fit */

    /* Room in a verdict whose schema and network are known, before it is fitted or read from a
     * file, and its release. NULL: nothing to do, as with all calls but apply. */
    int (*room)(struct odd_verdict *verdict, oddrow_error *err);
    void (*free)(struct odd_verdict *verdict);

    /* Fits the verdict's part; then, for unmasked and for masked
     * scoring, the calibration's. */
    int (*fit)(struct odd_verdict *verdict, const odd_fitting *fitting, oddrow_error *err);
    void (*fit_losses)(struct odd_calibration *calibration, const odd_fitting *fitting, size_t L);

    /* What it wants summed over the slices of x. */
    const struct odd_slice_sums *sums;

    /* Whether apply reads x; NULL: never. */
    bool (*reads_x)(const struct odd_verdict *verdict);

    /* Measures the rows of a pass into out (B); plain: from the definition in double, without sums,
     * the reference; NULL: as apply does. */
    void (*apply)(const odd_pass *pass, float *out);
    void (*plain)(const odd_pass *pass, float *out);
} odd_measure;

extern const odd_measure odd_measure_reconstruction, odd_measure_local, odd_measure_shape,
    odd_measure_margins, odd_measure_forest;

/* (ODD_MEASURES) */
extern const odd_measure *const odd_measures[];

#endif
