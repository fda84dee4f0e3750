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
 * Losses are those of the objective, a formula in the file of the layer that makes them. row: each
 * column's, from its head over h (tied.c, numeric.c); the row's is their mean. The others, from
 * y = W_o h + b_o (output.c): embedding-mse against x; classify and regress, supervised, against a
 * target t beside the row, a class of 0..outputs-1 or a scaled number.
 */
#ifndef ODD_NN_NETWORK_H
#define ODD_NN_NETWORK_H

#include "base/options.h"
#include "math/activations.h"
#include "oddrow.h"

/* row(IDENTIFIER, name, heads, supervised): heads: each column has a head and a loss of its own,
 * else the layer output makes the losses; supervised: rows have a target. */
#define ODD_OBJECTIVE_LIST(row)                                                                    \
    row(ROW, "row", true, false) row(EMBEDDING_MSE, "embedding-mse", false, false)                 \
        row(CLASSIFY, "classify", false, true) row(REGRESS, "regress", false, true)

#define ODD_OBJECTIVE_ID(id, ...) ODD_##id,
typedef enum odd_objective {
    ODD_OBJECTIVE_LIST(ODD_OBJECTIVE_ID) ODD_OBJECTIVES /* how many there are */
} odd_objective;

/* Names as written in files and options. find returns the value, or -1 when the name is none. */
const char *odd_activation_name(odd_activation activation);
int odd_activation_find(const char *name);
const char *odd_objective_name(odd_objective objective);
int odd_objective_find(const char *name);
bool odd_objective_supervised(odd_objective objective);

/* What is to be chosen of a network. widths: none: 50-32-16-4-16-32-50, 64-32 with a target;
 * objective: of an autoencoder, a target has its own. */
#define ODD_NETWORK_OPTIONS(X)                                                                     \
    X(odd_sizes, widths, {0}, COUNTS, "widths", TRAIN, .low = 1, .high = 4096, .value = "N,N",     \
      .unset = "50,32,16,4,16,32,50",                                                              \
      .help = "widths of the hidden layers; 64,32 by default with a target")                       \
    X(size_t, projection, 10, COUNT, "projection", TRAIN, .low = 1, .high = 1024, .value = "N",    \
      .help = "width of the dense layer over the numbers")                                         \
    X(odd_activation, activation, ODD_LEAKY_RELU, CHOICE, "activation", TRAIN,                     \
      .choice = activation, .help = "activation of the hidden layers")                             \
    X(double, dropout, 0, REAL, "dropout", TRAIN, .high = 1, .below_high = true, .value = "P",     \
      .help = "share of hidden units dropped during training")                                     \
    X(double, mask, 0.1, REAL, "mask", TRAIN, .high = 1, .below_high = true, .value = "P",         \
      .help = "share of input columns masked during training")                                     \
    X(odd_objective, objective, ODD_ROW, CHOICE, "objective", TRAIN, .choice = objective,          \
      .help = "what the network reconstructs: the row, or its own input")

typedef struct odd_network_options {
    ODD_NETWORK_OPTIONS(ODD_OPTION_FIELD)
} odd_network_options;

#define ODD_NETWORK_OPTIONS_INIT                                                                   \
    {                                                                                              \
        ODD_NETWORK_OPTIONS(ODD_OPTION_DEFAULT)                                                    \
    }

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
    size_t most;        /* parameters that there may be, or 0 */
} odd_network_config;

#define ODD_NETWORK_CONFIG                                                                         \
    {                                                                                              \
        .P = 10, .activation = ODD_LEAKY_RELU, .slope = 0.01f, .objective = ODD_ROW,               \
        .embedding_sd = 0.05f                                                                      \
    }

/* ODD_NETWORK_CONFIG with what the options say, whose widths it borrows. */
odd_network_config odd_network_configured(const odd_network_options *options);

typedef enum odd_start { ODD_ZERO, ODD_NORMAL, ODD_UNIFORM } odd_start;

/* A tensor's place: parameters[offset .. offset + rows * cols), row-major. Offsets are multiples
 * of 16 floats, so every tensor starts on a cache line, and at least 16 floats lie between one
 * tensor and the next, and after the last; they stay 0. */
typedef struct odd_tensor {
    char name[40];
    size_t rows, cols, offset;
    bool decay;      /* weight decay applies: weights, neither embeddings nor biases */
    odd_start start; /* initial values: 0, normal, or uniform in +-1, */
    double gain;     /* times gain, */
    size_t fan;      /* over sqrt(fan) */
} odd_tensor;

#define ODD_NO_TENSOR SIZE_MAX

/* Columns that are masked, where a pass takes a column's index. */
enum {
    ODD_NO_COLUMN = -1, /* none */
    ODD_OWN_COLUMN = -2 /* column i in row i */
};

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
    bool heads;                /* of the objective */
    size_t X, H, widest;       /* the greatest of X and the widths */
    size_t Y;                  /* rows of output.weight; 0 where there is none */
    size_t losses;             /* of a row: C + M, or 1 when supervised */
    size_t *first;     /* (C + 1): where column i's slice of x starts; [C] is the projection's */
    size_t *features;  /* (M): how many features a numeric column has */
    size_t *column_of; /* (F): the numeric column of a feature */
    size_t count;      /* floats in parameters, padding included */
    size_t weights;    /* parameters proper, padding left out: for reports */
    float *parameters;
    size_t tensor_count;
    odd_tensor *tensors; /* embedding.<i> is i; the first of the others, or ODD_NO_TENSOR: */
    size_t projection, dense, output;
    /* The layers in order: [0, hidden) make x, [hidden, top) make h, the others the losses. */
    size_t layer_count, hidden, top;
    struct odd_layer *layers;
    size_t tensor_capacity, layer_capacity, *sizes;
    bool failed; /* out of memory while it was made */
} odd_network;

/* Checks the config (EINVAL names what is wrong: a width or vocabulary of 0, no layer, no column,
 * a feature of no numeric column; EFORMAT: too many parameters), copies it, and lays out the
 * parameters, all zero. */
int odd_network_new(const odd_network_config *config, odd_network **out, oddrow_error *err);

/* Initial weights. Embeddings normal(0, embedding_sd), id 0's row too; dense weights normal with
 * He's sd gain / sqrt(in), the activation's gain; projection, heads and output uniform in
 * +-1 / sqrt(in); every bias 0.
 * Tensor t draws from random stream (seed, t), so the result depends on the seed alone. */
void odd_network_init(odd_network *n, uint64_t seed);

void odd_network_free(odd_network **n);

/* The index of a tensor by name, or ODD_NO_TENSOR. */
size_t odd_network_find(const odd_network *n, const char *name);

/* parameters + offset of tensor i. */
float *odd_network_tensor(const odd_network *n, size_t i);

#endif
