/* oddrow.c: the public functions, each a few lines over the rooms. */
#include "oddrow.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/model.h"
#include "pipeline/load.h"
#include "pipeline/options.h"
#include "score/score_files.h"
#include "train/train.h"

const char *oddrow_version(void)
{
    return ODDROW_VERSION;
}

int oddrow_options_new(oddrow_options **out, oddrow_error *err)
{
    *out = odd_alloc(1, sizeof(**out));
    if (!*out)
        return odd_fail(err, ODDROW_ENOMEM, "out of memory while preparing options");
    int code = odd_options_init(*out, err);
    if (code)
        oddrow_options_free(out);
    return code;
}

void oddrow_options_free(oddrow_options **options)
{
    if (*options)
        odd_options_free(*options);
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
        odd_options_train(options, &train);
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

int oddrow_score(const oddrow_model *model, const char *const *paths, size_t path_count,
                 const char *out, const oddrow_options *options, oddrow_counts *counts,
                 oddrow_error *err)
{
    odd_score_options score = ODD_SCORE_OPTIONS_INIT;
    odd_score_summary summary = {0};
    if (options)
        odd_options_score(options, &score);
    int code = odd_score_files(model, paths, path_count, out, &score, &summary, err);
    if (counts)
        *counts = (oddrow_counts){summary.rows, summary.scored, summary.rejected, summary.odd};
    return code;
}
