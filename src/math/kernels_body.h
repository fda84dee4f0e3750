/* math/kernels_body.h: one set of kernels. Each of kernels_baseline.c, kernels_v3.c, kernels_v4.c
 * includes it after defining ODD_SET (the table's name) and ODD_SET_NAME, and is compiled for its
 * instruction set. Not a header: no guard. */
#include "math/kernels_sets.h"

#include "math/kernels_vector.h"

#include "math/kernels_multiply.h"
#include "math/kernels_panel.h"
#include "math/kernels_rows.h"

const odd_kernels ODD_SET = {
    .name = ODD_SET_NAME,
    .multiply = multiply,
    .multiply_transposed = multiply_transposed,
    .transpose = transpose,
    .gather_add = gather_add,
    .scatter_add = scatter_add,
    .row_argmin = row_argmin,
    .row_squares = row_squares,
    .row_dots = row_dots,
    .row_distances = row_distances,
    .row_add = row_add,
    .add = add,
    .sum = sum_rows,
    .softmax_loss = softmax_loss,
    .softmax = softmax,
    .softmax_backward = softmax_backward,
    .activate = activate,
    .mul = mul,
    .adam = adam,
    .exp = exp_all,
    .log = log_all,
};
