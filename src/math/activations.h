/* math/activations.h: the activations: a row each.
 *
 * row(IDENTIFIER, name, f(a), gain): f in double, over `a` and leaky ReLU's `slope` in [0, 1); the
 * gain is what keeps a layer's variance through f (He et al. 2015). The same formula over vectors,
 * with its derivative, is a case of activation_at in math/kernels_panel.h.
 */
#ifndef ODD_MATH_ACTIVATIONS_H
#define ODD_MATH_ACTIVATIONS_H

/* clang-format off */
#define ODD_ACTIVATION_LIST(row) \
    row(LEAKY_RELU, "leaky-relu", a > 0 ? a : a * slope, sqrt(2 / (1 + slope * slope))) \
    row(RELU, "relu", a > 0 ? a : a * 0, sqrt(2.0)) \
    row(ELU, "elu", a > 0 ? a : expm1(a), sqrt(2.0)) \
    row(GELU, "gelu", a / 2 * (1 + tanh(0.79788456080286536 * (a + 0.044715 * a * a * a))), sqrt(2.0)) \
    row(SILU, "silu", a / (1 + exp(-a)), sqrt(2.0)) \
    row(TANH, "tanh", tanh(a), 5.0 / 3) \
    row(LINEAR, "linear", a, 1)
/* clang-format on */

#define ODD_ACTIVATION_ID(id, name, f, gain) ODD_##id,
typedef enum odd_activation {
    ODD_ACTIVATION_LIST(ODD_ACTIVATION_ID) ODD_ACTIVATIONS /* how many there are */
} odd_activation;

#endif
