/* score/margins.h: how rare each cell is by itself: -ln of the share of training cells that are at
 * least as far out, less ODD_MARGIN_HINGE nats, at least 0. Their sum over the columns is one of
 * the measures. A value beyond all training values counts here even where its loss is small.
 *
 * Categorical: the share of rows in categories no more frequent (HBOS's idea: Goldstein and Dengel,
 * 2012, with ranks in place of heights); numeric: both tails of the empirical distribution (ECOD:
 * Li et al., 2022), on a grid of the scaled value. */
#ifndef ODD_SCORE_MARGINS_H
#define ODD_SCORE_MARGINS_H

#include "column/schema.h"
#include "score/verdict.h"

/* Steps of a numeric column's table: nats at z = -ODD_MARGIN_REACH + i / ODD_MARGIN_STEPS. */
enum { ODD_MARGIN_REACH = 8, ODD_MARGIN_STEPS = 64 };
enum { ODD_MARGIN_GRID = 2 * ODD_MARGIN_REACH * ODD_MARGIN_STEPS + 1 };
#define ODD_MARGIN_HINGE 2.0f /* nats */

/* nats[id] for the V entries of a vocabulary, from its counts; counts that add up to `rows`. */
void odd_margin_ids(const odd_vocabulary *vocabulary, uint64_t rows, float *nats);

/* nats on the grid of ODD_MARGIN_GRID points, from `count` scaled training values, which are
 * sorted in place. Ties within a grid step count in full, so a value shared by many is no tail. */
void odd_margin_values(float *z, size_t count, float *nats);

/* Linear between the grid's points; beyond the grid, the value at its end. z in steps is exact, and
 * so is its distance from a point. A z just below a point may count from that point. */
static inline float odd_margin_at(const float *nats, float z)
{
    const float steps = z * (float)ODD_MARGIN_STEPS,
                at = steps + (float)(ODD_MARGIN_REACH * ODD_MARGIN_STEPS);
    if (!(at > 0))
        return nats[0];
    if (at >= (float)(ODD_MARGIN_GRID - 1))
        return nats[ODD_MARGIN_GRID - 1];
    size_t low = (size_t)at;
    float share = steps - (float)((int)low - ODD_MARGIN_REACH * ODD_MARGIN_STEPS);
    return nats[low] + share * (nats[low + 1] - nats[low]);
}

#endif
