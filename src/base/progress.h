/* base/progress.h: what long work reports to its caller. */
#ifndef ODD_BASE_PROGRESS_H
#define ODD_BASE_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

typedef struct odd_progress {
    const char *stage;      /* "read", "train", "calibrate", "score": what is being done now */
    uint64_t rows;          /* rows done in this stage (training: of the epoch) */
    double fraction;        /* share of the stage done, 0 to 1; below 0 when it cannot be known */
    double rows_per_second; /* of this stage so far */
    size_t epoch, epochs;   /* training only, else 0 */
    double loss, validation_loss; /* training only; not-a-number where there is none yet */
    double learning_rate;         /* training only */
} odd_progress;

/* The long function calls it on its caller's thread, a few times a second and at the end of each
 * stage and epoch. */
typedef void (*odd_progress_call)(void *context, const odd_progress *progress);

#endif
