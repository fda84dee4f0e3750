/* math/kernels_baseline.c: the kernels for any processor of the build's architecture. */
#define ODD_SET odd_kernels_baseline
#define ODD_SET_NAME "baseline"
#include "math/kernels_body.h"
