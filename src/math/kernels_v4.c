/* math/kernels_v4.c: the kernels for processors with all of x86-64-v4. */
#define ODD_SET odd_kernels_v4
#define ODD_SET_NAME "x86-64-v4"
#include "math/kernels_body.h"
