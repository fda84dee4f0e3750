/* oddrow.c: the public functions, each a few lines over the rooms. */
#include "oddrow.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "embed/near.h"
#include "files/encode.h"
#include "files/predict.h"
#include "files/score.h"
#include "model/model.h"
#include "pipeline/load.h"
#include "pipeline/options.h"
#include "tables/embedding.h"
#include "train/train.h"

const char *oddrow_version(void)
{
    return ODDROW_VERSION;
}

int oddrow_options_new(oddrow_options **out, oddrow_error *err)
{
    *out = odd_alloc(1, sizeof(**out));
    if (!*out)
        return odd_no_memory(err);
    odd_options_init(*out);
    return 0;
}

void oddrow_options_free(oddrow_options **options)
{
    if (!options)
        return;
    odd_options_clear(*options);
    odd_free(*options);
    *options = NULL;
}

int oddrow_options_set(oddrow_options *options, const char *name, const char *value,
                       oddrow_error *err)
{
    char section[32];
    const char *dot = strchr(name, '.');
    size_t size = dot ? (size_t)(dot - name) : sizeof(section);
    const odd_option *option = NULL;
    if (size < sizeof(section)) {
        memcpy(section, name, size);
        section[size] = '\0';
        option = odd_option_find(section, dot + 1);
    }
    if (!option)
        return odd_fail(err, ODDROW_EINVAL, "no option is called '%.100s'", name);
    return odd_options_set(options, option, value, ODD_FROM_FLAG, err);
}

int oddrow_options_load(oddrow_options *options, const char *path, oddrow_error *err)
{
    return odd_pipeline_load(path, options, err);
}

int oddrow_train(const char *const *paths, size_t path_count, const oddrow_options *options,
                 oddrow_model **out, oddrow_error *err)
{
    odd_train_options train = ODD_TRAIN_OPTIONS_INIT;
    odd_train_summary summary = {0};
    int code = options ? odd_options_check(options, err) : 0;
    *out = NULL;
    if (code)
        return code;
    if (options)
        train = odd_options_train(options);
    return odd_train(paths, path_count, &train, out, &summary, err);
}

int oddrow_model_load(const char *path, oddrow_model **out, oddrow_error *err)
{
    return odd_model_load(path, out, err);
}

int oddrow_model_save(const oddrow_model *model, const char *path, oddrow_error *err)
{
    return odd_model_save(model, path, err);
}

void oddrow_model_free(oddrow_model **model)
{
    odd_model_free(model);
}

const char *oddrow_model_json(const oddrow_model *model)
{
    return odd_model_json(model);
}

/* Files through a model into `out`, by odd_score_files or odd_predict_files. */
static int rows_out(int (*run)(const odd_model *, const char *const *, size_t, const char *,
                               const odd_score_options *, odd_score_summary *, oddrow_error *),
                    const oddrow_model *model, const char *const *paths, size_t path_count,
                    const char *out, const oddrow_options *options, oddrow_counts *counts,
                    oddrow_error *err)
{
    odd_score_options score = ODD_SCORE_OPTIONS_INIT;
    odd_score_summary summary = {0};
    if (options)
        score = odd_options_score(options);
    int code = run(model, paths, path_count, out, &score, &summary, err);
    if (counts)
        *counts = (oddrow_counts){summary.rows, summary.scored, summary.rejected, summary.odd};
    return code;
}

int oddrow_score(const oddrow_model *model, const char *const *paths, size_t path_count,
                 const char *out, const oddrow_options *options, oddrow_counts *counts,
                 oddrow_error *err)
{
    return rows_out(odd_score_files, model, paths, path_count, out, options, counts, err);
}

int oddrow_predict(const oddrow_model *model, const char *const *paths, size_t path_count,
                   const char *out, const oddrow_options *options, oddrow_counts *counts,
                   oddrow_error *err)
{
    return rows_out(odd_predict_files, model, paths, path_count, out, options, counts, err);
}

static oddrow_embedding publish(const odd_embedding *e)
{
    return (oddrow_embedding){e->name, e->V, e->E, e->vectors, e->vocabulary->counts};
}

size_t oddrow_embedding_count(const oddrow_model *model)
{
    return odd_embedding_count(model);
}

int oddrow_embedding_at(const oddrow_model *model, size_t index, oddrow_embedding *out,
                        oddrow_error *err)
{
    size_t count = odd_embedding_count(model);
    if (index >= count)
        return odd_fail(err, ODDROW_EINVAL, "no table %zu: the model has %zu", index, count);
    odd_embedding e = odd_embedding_at(model, index);
    *out = publish(&e);
    return 0;
}

int oddrow_embedding_find(const oddrow_model *model, const char *column, oddrow_embedding *out,
                          oddrow_error *err)
{
    odd_embedding e;
    int code = odd_embedding_find(model, column, &e, err);
    if (code == 0)
        *out = publish(&e);
    return code;
}

int oddrow_embedding_id(const oddrow_model *model, const char *column, const char *value,
                        size_t size, uint32_t *id, oddrow_error *err)
{
    odd_embedding e;
    int code = odd_embedding_find(model, column, &e, err);
    return code ? code : odd_embedding_id(&e, value, size, id, err);
}

int oddrow_embedding_value(const oddrow_model *model, const char *column, uint32_t id,
                           const char **value, size_t *size, oddrow_error *err)
{
    odd_embedding e;
    int code = odd_embedding_find(model, column, &e, err);
    if (code)
        return code;
    if (id >= e.V)
        return odd_fail(err, ODDROW_EINVAL, "no value %u: '%.200s' has %zu", id, column, e.V);
    odd_span text = odd_vocabulary_text(e.vocabulary, id);
    *value = text.size ? text.data : NULL;
    *size = text.size;
    return 0;
}

int oddrow_nearest(const float *vectors, size_t rows, size_t width, const float *query,
                   oddrow_metric metric, size_t k, oddrow_neighbour *out, size_t *found,
                   oddrow_error *err)
{
    if (metric != ODDROW_COSINE && metric != ODDROW_EUCLIDEAN)
        return odd_fail(err, ODDROW_EINVAL, "no such metric");
    k = k < rows ? k : rows;
    odd_neighbour *near = odd_alloc(k, sizeof(*near));
    if (!near)
        return odd_no_memory(err);
    int code =
        odd_near(vectors, rows, width, query, metric == ODDROW_COSINE ? ODD_COSINE : ODD_EUCLIDEAN,
                 k, NULL, near, found, err);
    for (size_t i = 0; code == 0 && i < *found; i++)
        out[i] = (oddrow_neighbour){near[i].row, near[i].value};
    odd_free(near);
    return code;
}

int oddrow_encode(const oddrow_model *model, const char *const *paths, size_t path_count,
                  const char *out, const oddrow_options *options, oddrow_counts *counts,
                  oddrow_error *err)
{
    odd_score_options score = ODD_SCORE_OPTIONS_INIT;
    odd_encode_summary summary = {0};
    if (options)
        score = odd_options_score(options);
    int code = odd_encode_files(model, paths, path_count, out,
                                options ? options->embeddings.what : ODD_ENCODE_INPUT, &score,
                                &summary, err);
    if (counts)
        *counts = (oddrow_counts){summary.rows, summary.encoded, summary.rejected, 0};
    return code;
}

int oddrow_send(const char *endpoint, const char *path, const oddrow_options *options,
                uint64_t *safe, oddrow_error *err)
{
    odd_send_options send = {.batch = 256, .encoding = ODD_ENCODING_JSON};
    odd_send_summary summary = {0};
    if (options)
        send = odd_options_send(options);
    send.link.endpoint = endpoint;
    int code = odd_send(path, &send, &summary, err);
    if (safe)
        *safe = summary.rows;
    return code;
}
