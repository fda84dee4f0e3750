/* math/kernels_v3.c: the kernels for processors with all of x86-64-v3. */
#define ODD_SET odd_kernels_v3
#define ODD_SET_NAME "x86-64-v3"
#include "math/kernels_body.h"
