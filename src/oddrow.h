/* oddrow.h: the public API, the only installed header. */
#ifndef ODDROW_H
#define ODDROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ODDROW_API __attribute__((visibility("default")))

/* Result codes: every function that can fail returns 0 or one of these. */
enum {
    ODDROW_OK = 0,
    ODDROW_EINVAL = -1,  /* an argument or option out of its range */
    ODDROW_ENOMEM = -2,  /* out of memory */
    ODDROW_EIO = -3,     /* a file or pipe could not be read or written */
    ODDROW_EFORMAT = -4, /* a file's contents break its format */
    ODDROW_ESCHEMA = -5, /* data whose columns do not fit the model */
    ODDROW_ENUMERIC = -6 /* a loss or weight became not-a-number or infinite */
};

/* What went wrong, written by the lowest level that knows; callers may put file, line or column
 * in front of it. Passed last, may be NULL; the caller owns it and no memory hangs off it. */
typedef struct oddrow_error {
    int code;
    char message[1000];
} oddrow_error;

/* "0.1.0". */
ODDROW_API const char *oddrow_version(void);

/* Options by the names of the pipeline file, "training.epochs", and the texts that would stand
 * there; `oddrow train --help` lists them. One thread at a time. */
typedef struct odd_options oddrow_options;

/* All defaults. The caller frees. */
ODDROW_API int oddrow_options_new(oddrow_options **out, oddrow_error *err);
ODDROW_API void oddrow_options_free(oddrow_options **options);

/* Sets one option; a value set here wins over a pipeline file's. EINVAL: no such option, or a bad
 * value. */
ODDROW_API int oddrow_options_set(oddrow_options *options, const char *name, const char *value,
                                  oddrow_error *err);

/* Reads a pipeline file; messages begin with "path:line:column: ". */
ODDROW_API int oddrow_options_load(oddrow_options *options, const char *path, oddrow_error *err);

/* A trained model. Immutable: any threads may share one. */
typedef struct odd_model oddrow_model;

/* Learns from the rows of CSV files. `options` may be NULL for the defaults. The caller frees. */
ODDROW_API int oddrow_train(const char *const *paths, size_t path_count,
                            const oddrow_options *options, oddrow_model **out, oddrow_error *err);

ODDROW_API int oddrow_model_load(const char *path, oddrow_model **out, oddrow_error *err);
ODDROW_API int oddrow_model_save(const oddrow_model *model, const char *path, oddrow_error *err);
ODDROW_API void oddrow_model_free(oddrow_model **model);

/* The model's metadata as JSON text: schema, training record, calibration. Borrowed. */
ODDROW_API const char *oddrow_model_json(const oddrow_model *model);

/* What came of the rows of the files: scored + rejected == rows, always. */
typedef struct oddrow_counts {
    uint64_t rows, scored, rejected, odd;
} oddrow_counts;

/* Scores every row of CSV files into `out` ("-" is standard output), which appears when it is
 * complete. `options` and `counts` may be NULL. */
ODDROW_API int oddrow_score(const oddrow_model *model, const char *const *paths, size_t path_count,
                            const char *out, const oddrow_options *options, oddrow_counts *counts,
                            oddrow_error *err);

/* The same for a model trained with a target ("columns.target"): predictions in place of scores. */
ODDROW_API int oddrow_predict(const oddrow_model *model, const char *const *paths,
                              size_t path_count, const char *out, const oddrow_options *options,
                              oddrow_counts *counts, oddrow_error *err);

/* The learned table of one categorical column. Everything is borrowed from the model. */
typedef struct oddrow_embedding {
    const char *column;
    size_t values, width;   /* entries, the unknown one at 0 included; numbers of a vector */
    const float *vectors;   /* (values, width), row i that of value i */
    const uint64_t *counts; /* (values) training rows of each */
} oddrow_embedding;

/* How many tables there are; number `index` of them, in the order of the columns; that of a column.
 * EINVAL: no such table, or a column without one. */
ODDROW_API size_t oddrow_embedding_count(const oddrow_model *model);
ODDROW_API int oddrow_embedding_at(const oddrow_model *model, size_t index, oddrow_embedding *out,
                                   oddrow_error *err);
ODDROW_API int oddrow_embedding_find(const oddrow_model *model, const char *column,
                                     oddrow_embedding *out, oddrow_error *err);

/* The id of a value of `size` bytes, the row of its vector. "(unknown)", "(missing)" and "(rare)"
 * are the entries that have no text. ESCHEMA: the table has no such value. */
ODDROW_API int oddrow_embedding_id(const oddrow_model *model, const char *column, const char *value,
                                   size_t size, uint32_t *id, oddrow_error *err);

/* The reverse: the text of an id, borrowed, not NUL-terminated; NULL and 0 for an entry without. */
ODDROW_API int oddrow_embedding_value(const oddrow_model *model, const char *column, uint32_t id,
                                      const char **value, size_t *size, oddrow_error *err);

typedef enum oddrow_metric {
    ODDROW_COSINE,   /* greatest first */
    ODDROW_EUCLIDEAN /* least first */
} oddrow_metric;

typedef struct oddrow_neighbour {
    size_t row;
    double value; /* the metric */
} oddrow_neighbour;

/* The k nearest of any vectors (rows, width) to a query (width), nearest first, exactly; `out` has
 * room for k. The query itself is among them where it is one of the rows. */
ODDROW_API int oddrow_nearest(const float *vectors, size_t rows, size_t width, const float *query,
                              oddrow_metric metric, size_t k, oddrow_neighbour *out, size_t *found,
                              oddrow_error *err);

/* One vector for each row of CSV files into `out`: float32 where the name ends in .npy, else CSV.
 * The option "embeddings.what" says which: input, code, hidden. `options` and `counts` may be NULL;
 * counts->scored are the rows encoded. */
ODDROW_API int oddrow_encode(const oddrow_model *model, const char *const *paths, size_t path_count,
                             const char *out, const oddrow_options *options, oddrow_counts *counts,
                             oddrow_error *err);

/* Sends every row of a CSV file to the worker whose `rows` socket is at `endpoint`, each exactly
 * once, and returns when all of them are safe there. The options of section "client": client,
 * resume, batch, rate, patience, keys, … ("client.patience" 0 waits for ever). `safe`, which may be
 * NULL: rows made safe by this call, also when it fails. EIO: no answer, or the worker refuses. */
ODDROW_API int oddrow_send(const char *endpoint, const char *path, const oddrow_options *options,
                           uint64_t *safe, oddrow_error *err);

#ifdef __cplusplus
}
#endif
#endif
