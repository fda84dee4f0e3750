/* model/view.h: encoded rows as the model takes them. */
#ifndef ODD_MODEL_VIEW_H
#define ODD_MODEL_VIEW_H

#include <stddef.h>
#include <stdint.h>

/* Encoded rows, row-major, borrowed; see odd_batch in column/encode.h. */
typedef struct odd_view {
    size_t rows;
    const uint32_t *ids;    /* (B, C) within their vocabularies */
    const float *values;    /* (B, F) */
    const uint8_t *missing; /* (B, M) */
    const uint8_t *differs; /* (B, D), or NULL: nothing differs */
} odd_view;

#endif
