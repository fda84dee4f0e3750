/* nn/network.h: the shape of a network and its parameters, one flat array with a table.
 *
 * Legend, everywhere in this room: B rows, C categorical columns, V entries of a column's
 * vocabulary (id 0, unknown, included), E embedding width, F numeric features, M numeric columns
 * (each with a missing flag; a timestamp is one column of seven features), P projection width,
 * X = sum E + P, L dense layers of widths[0..L-1], H = widths[L-1]; dY is the gradient of Y.
 *
 *     x = [E_0[id_0] | ... | E_{C-1}[id_{C-1}] | W_p [values | missing] + b_p]            (X)
 *     h_0 = x,  h_l = activation(W_l h_{l-1} + b_l)  for l = 1..L,  h = h_L                 (H)
 *
 * Objective row: a loss per column,
 *     categorical i   -ln softmax(((W_i h + b_i) . E_i^T + beta_i))[id_i]       (E_i tied)
 *     numeric m       mean over its features of (w_f . h + b_f - value_f)^2; 0 where missing
 * and the row's loss is the mean over the C + M columns.
 * Objective embedding-mse: y = W_o h + b_o, the row's loss is the mean over X of (y - x)^2 with x a
 * constant; a categorical column's loss is the mean over its slice of x, a numeric column's the
 * mean over the projection's slice.
 * Objectives classify and regress, supervised: the row has a target t beside its columns; all of
 * the columns are input only, and the row's one loss is that of y = W_o h + b_o (outputs) against
 * t: classify        -ln softmax(y)[t], t a class of 0..outputs-1 regress         (y - t)^2,
 * outputs = 1, t a scaled number
 */
#ifndef ODD_NN_NETWORK_H
#define ODD_NN_NETWORK_H

#include "oddrow.h"

typedef enum odd_activation {
    ODD_LEAKY_RELU, /* max(a, slope a), 0 <= slope < 1 */
    ODD_RELU,       /* max(a, 0) */
    ODD_ELU,        /* a where a > 0, else exp(a) - 1 */
    ODD_GELU,       /* the tanh form: a/2 (1 + tanh(sqrt(2/pi) (a + 0.044715 a^3))) */
    ODD_SILU,       /* a / (1 + exp(-a)) */
    ODD_TANH,
    ODD_LINEAR,
    ODD_ACTIVATIONS /* how many there are */
} odd_activation;

typedef enum odd_objective {
    ODD_ROW,
    ODD_EMBEDDING_MSE,
    ODD_CLASSIFY,
    ODD_REGRESS,
    ODD_OBJECTIVES /* how many there are */
} odd_objective;

/* Whether rows have a target. */
static inline bool odd_objective_supervised(odd_objective objective)
{
    return objective == ODD_CLASSIFY || objective == ODD_REGRESS;
}

/* Names as written in files and options: leaky-relu relu elu gelu silu tanh linear; row
 * embedding-mse classify regress. find returns the value, or -1 when the name is none of them. */
const char *odd_activation_name(odd_activation activation);
int odd_activation_find(const char *name);
const char *odd_objective_name(odd_objective objective);
int odd_objective_find(const char *name);

typedef struct odd_network_config {
    size_t C;
    const size_t *V, *E; /* (C) each; NULL when C is 0 */
    size_t F, M;
    const size_t *feature_column; /* (F), ascending in 0..M-1; NULL when F == M, one to one */
    size_t P;                     /* taken as 0 when F is 0 */
    size_t layers;
    const size_t *widths; /* (layers) */
    odd_activation activation;
    float slope; /* of leaky ReLU */
    odd_objective objective;
    size_t outputs;     /* classes (classify) or 1 (regress); else not looked at */
    float embedding_sd; /* of the normal initial embeddings */
} odd_network_config;

extern const size_t odd_seed_widths[7]; /* 50 32 16 4 16 32 50 */

#define ODD_NETWORK_CONFIG                                                                         \
    {                                                                                              \
        .P = 10, .layers = 7, .widths = odd_seed_widths, .activation = ODD_LEAKY_RELU,             \
        .slope = 0.01f, .objective = ODD_ROW, .embedding_sd = 0.05f                                \
    }

/* A tensor's place: parameters[offset .. offset + rows * cols), row-major. Offsets are multiples
 * of 16 floats, so every tensor starts on a cache line, and at least 16 floats lie between one
 * tensor and the next, and after the last; they stay 0. */
typedef struct odd_tensor {
    char name[40];
    size_t rows, cols, offset;
    bool decay; /* weight decay applies: weights, neither embeddings nor biases */
} odd_tensor;

#define ODD_NO_TENSOR SIZE_MAX

/* Everything may be read; only the parameters may be written. Tensors in order, with their shapes:
 *     embedding.<i> (V, E)
 *     projection.weight (P, F + M)   projection.bias (P, 1)              when F > 0
 *     dense.<l>.weight (out, in)     dense.<l>.bias (out, 1)             l from 0
 *   row:
 *     head.<i>.weight (E, H)         head.<i>.bias (E, 1)   head.<i>.logit_bias (V, 1)
 *     numeric.weight (F, H)          numeric.bias (F, 1)                 when F > 0
 *   embedding-mse, classify, regress; Y = X, or the config's outputs:
 *     output.weight (Y, H)           output.bias (Y, 1) */
typedef struct odd_network {
    odd_network_config config; /* its arrays belong to the network */
    size_t X, H;
    size_t Y;          /* rows of output.weight; 0 where there is none */
    size_t losses;     /* of a row: C + M, or 1 when supervised */
    size_t *first;     /* (C + 1): where column i's slice of x starts; [C] is the projection's */
    size_t *features;  /* (M): how many features a numeric column has */
    size_t *column_of; /* (F): the numeric column of a feature */
    size_t count;      /* floats in parameters, padding included */
    size_t weights;    /* parameters proper, padding left out: for reports */
    float *parameters;
    size_t tensor_count;
    odd_tensor *tensors;
    /* Where the groups start in tensors; ODD_NO_TENSOR where there is none. embedding.<i> is i. */
    size_t projection, dense, head, numeric, output;
} odd_network;

/* Checks the config (EINVAL names what is wrong: a width or vocabulary of 0, no layer, no column,
 * a feature of no numeric column), copies it, and lays out the parameters, all zero. */
int odd_network_new(const odd_network_config *config, odd_network **out, oddrow_error *err);

/* A copy with the same parameters. */
int odd_network_copy(const odd_network *n, odd_network **out, oddrow_error *err);

/* Initial weights. Embeddings normal(0, embedding_sd), id 0's row too; dense weights normal with
 * He's sd gain / sqrt(in), gain sqrt(2 / (1 + slope^2)) for the ReLU kinds, 5/3 for tanh, 1 for
 * linear, sqrt(2) else; projection, heads and output uniform in +-1 / sqrt(in); every bias 0.
 * Tensor t draws from random stream (seed, t), so the result depends on the seed alone. */
void odd_network_init(odd_network *n, uint64_t seed);

void odd_network_free(odd_network **n);

/* The index of a tensor by name, or ODD_NO_TENSOR. */
size_t odd_network_find(const odd_network *n, const char *name);

/* parameters + offset of tensor i. */
float *odd_network_tensor(const odd_network *n, size_t i);

/* false when a parameter is infinite or not a number; *tensor (may be NULL) is the first such. */
bool odd_network_finite(const odd_network *n, size_t *tensor);

#endif
