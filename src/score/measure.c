/* score/measure.c: the table of the measures. */
#include "score/measure.h"

const odd_measure *const odd_measures[ODD_MEASURES] = {
    [ODD_MEASURE_RECONSTRUCTION] = &odd_measure_reconstruction,
    [ODD_MEASURE_LOCAL] = &odd_measure_local,
    [ODD_MEASURE_SHAPE] = &odd_measure_shape,
    [ODD_MEASURE_MARGINS] = &odd_measure_margins,
    [ODD_MEASURE_FOREST] = &odd_measure_forest,
};
