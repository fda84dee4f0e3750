/* math/kernels_sets.h: the tables of kernels, private to the room. */
#ifndef ODD_MATH_KERNELS_SETS_H
#define ODD_MATH_KERNELS_SETS_H

#include "math/kernels.h"

extern const odd_kernels odd_kernels_baseline, odd_kernels_v3, odd_kernels_v4;

#endif
