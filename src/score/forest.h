/* score/forest.h: an isolation forest over encoded rows (Liu, Ting and Zhou, 2008): a row is odd
 * when few random cuts separate it from a small sample. The forest does not use the network: odd
 * training rows, which the network has learned to restore, stay odd to it. */
#ifndef ODD_SCORE_FOREST_H
#define ODD_SCORE_FOREST_H

#include "oddrow.h"

enum { ODD_FOREST_NODE = 4 }; /* floats a node: feature, split, left, right */

/* Nodes (nodes, 4); the first `trees` are the roots; a child stands behind its parent.
 *   feature c < C: to the left unless the row's id in categorical column c is `split`
 *   feature C + f: to the left if values[f] <= split
 *   feature -1:    a leaf; split is the path length that it stands for */
typedef struct odd_forest {
    size_t trees, nodes;
    size_t sample; /* rows that each tree was grown from */
    float *node;
} odd_forest;

int odd_forest_new(size_t trees, size_t nodes, size_t sample, odd_forest **out, oddrow_error *err);
void odd_forest_free(odd_forest **forest);

/* 2^(-mean path length / usual path length) of one row: ids (C), values (F); near 1 is odd. */
float odd_forest_score(const odd_forest *forest, size_t C, const uint32_t *ids,
                       const float *values);

/* A forest read from a file: features and children in range, no way back up. */
int odd_forest_check(const odd_forest *forest, size_t C, size_t F, oddrow_error *err);

#endif
