/* oddrow embeddings: the learned tables listed, searched; its other verbs are in
 * cmd_embeddings_files.c. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "cli/embeddings.h"
#include "cli/print.h"
#include "embed/near.h"
#include "tables/npy.h"

/* ---- columns ---- */

int odd_embeddings_column(const odd_model *model, const char *name, odd_embedding *out,
                          oddrow_error *err)
{
    size_t C = odd_embedding_count(model), size;
    int rc = odd_embedding_find(model, name, out, err);
    if (!rc || C == 0)
        return rc;
    const char **names = odd_alloc(C, sizeof *names);
    for (size_t c = 0; names && c < C; c++)
        names[c] = odd_embedding_at(model, c).name;
    const char *nearest = names ? odd_nearest(name, names, C) : NULL;
    size = strlen(err->message);
    if (nearest)
        snprintf(err->message + size, sizeof err->message - size, "; did you mean '%.200s'?",
                 nearest);
    else
        snprintf(err->message + size, sizeof err->message - size,
                 "; 'oddrow embeddings list' shows those with an embedding");
    odd_free(names);
    return rc;
}

int odd_embeddings_columns(const odd_model *model, const char *const *names, size_t count,
                           odd_embedding **out, size_t *found, oddrow_error *err)
{
    size_t C = odd_embedding_count(model);
    int rc = 0;
    *found = count ? count : C;
    *out = odd_alloc(*found + 1, sizeof **out);
    if (!*out)
        return odd_no_memory(err);
    if (*found == 0)
        return odd_fail(err, ODDROW_ESCHEMA,
                        "the model has no categorical column, and so no embedding");
    for (size_t i = 0; i < *found && !rc; i++) {
        if (count)
            rc = odd_embeddings_column(model, names[i], &(*out)[i], err);
        else
            (*out)[i] = odd_embedding_at(model, i);
        for (size_t j = 0; j < i && !rc; j++)
            if ((*out)[j].column == (*out)[i].column)
                rc = odd_fail(err, ODDROW_EINVAL, "the column '%.200s' is named twice",
                              (*out)[i].name);
    }
    return rc;
}

/* ---- list ---- */

typedef struct sizes {
    uint64_t count; /* training rows with an entry of their own or a shared one */
    double least, mean, greatest;
} sizes;

static sizes measure(const odd_embedding *e)
{
    sizes s = {.least = INFINITY};
    for (size_t id = 0; id < e->V; id++) {
        double norm = odd_embedding_norm(e->vectors + id * e->E, e->E);
        s.count += e->vocabulary->counts[id];
        s.least = fmin(s.least, norm);
        s.greatest = fmax(s.greatest, norm);
        s.mean += norm / (double)e->V;
    }
    return s;
}

static int list_json(const odd_embedding *tables, size_t count, oddrow_error *err)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < count; i++) {
        const odd_embedding *e = &tables[i];
        const odd_vocabulary *v = e->vocabulary;
        sizes s = measure(e);
        json_t *item =
            json_pack("{s:o, s:I, s:I, s:I, s:b, s:b, s:{s:o, s:o, s:o}}", "column",
                      odd_text_value(e->name), "values", (json_int_t)e->V, "width",
                      (json_int_t)e->E, "count", (json_int_t)s.count, "missing", v->missing_id != 0,
                      "rare", v->rare_id != 0, "norm", "least", odd_number_value(s.least), "mean",
                      odd_number_value(s.mean), "greatest", odd_number_value(s.greatest));
        if (json_array_append_new(list, item) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return odd_print_json(list, err);
}

static int list_table(const odd_embedding *tables, size_t count, oddrow_error *err)
{
    odd_text_table table = {.columns = 8};
    odd_text_table_cells(&table, "column", ">values", ">width", ">count", ">least", ">mean",
                         ">greatest", "without text", NULL);
    for (size_t i = 0; i < count; i++) {
        const odd_embedding *e = &tables[i];
        const odd_vocabulary *v = e->vocabulary;
        sizes s = measure(e);
        odd_text_table_cells(&table, e->name, NULL);
        odd_text_table_cell(&table, "%zu", e->V);
        odd_text_table_cell(&table, "%zu", e->E);
        odd_text_table_cell(&table, "%" PRIu64, s.count);
        odd_text_table_cell(&table, "%.3f", s.least);
        odd_text_table_cell(&table, "%.3f", s.mean);
        odd_text_table_cell(&table, "%.3f", s.greatest);
        odd_text_table_cell(&table, "unknown%s%s", v->missing_id ? ", missing" : "",
                            v->rare_id ? ", rare" : "");
    }
    return odd_text_table_finish(&table, 0, err);
}

int odd_embeddings_list(const odd_options *o, const char **words, size_t count, oddrow_error *err)
{
    odd_model *model = NULL;
    odd_embedding *tables = NULL;
    size_t found = 0;
    if (count != 1)
        return odd_fail(err, ODDROW_EINVAL, "give one model: oddrow embeddings list MODEL");
    int rc = odd_model_load(words[0], &model, err);
    if (!rc)
        rc = odd_embeddings_columns(model, NULL, 0, &tables, &found, err);
    if (!rc)
        rc = o->embeddings.json ? list_json(tables, found, err) : list_table(tables, found, err);
    odd_free(tables);
    odd_model_free(&model);
    return rc;
}

/* ---- near ---- */

/* What was searched, as texts. */
typedef struct answer {
    const char *column; /* NULL: a file of vectors */
    const char *value;
    odd_metric metric;
    odd_neighbour *near;
    size_t count;
    odd_bytes *texts;       /* (count) */
    const uint64_t *counts; /* of all rows; NULL: not known */
} answer;

static int answer_json(const answer *a, oddrow_error *err)
{
    const char *name = a->metric == ODD_COSINE ? "cosine" : "distance";
    json_t *list = json_array();
    for (size_t i = 0; list && i < a->count; i++) {
        json_t *item =
            json_pack("{s:o, s:o, s:o*}", "value", odd_text_value(a->texts[i].data), name,
                      odd_number_value(a->near[i].value), "count",
                      a->counts ? json_integer((json_int_t)a->counts[a->near[i].row]) : NULL);
        if (json_array_append_new(list, item) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    json_t *column = a->column ? odd_text_value(a->column) : json_null();
    return odd_print_json(list ? json_pack("{s:o, s:o, s:o}", "column", column, "value",
                                           odd_text_value(a->value), "nearest", list)
                               : NULL,
                          err);
}

static int answer_table(const answer *a, oddrow_error *err)
{
    odd_text_table table = {.columns = 3};
    odd_text_table_cells(&table, a->metric == ODD_COSINE ? ">cosine" : ">distance", ">count",
                         "value", NULL);
    for (size_t i = 0; i < a->count; i++) {
        odd_text_table_cell(&table, "%.4f", a->near[i].value);
        if (a->counts)
            odd_text_table_cell(&table, "%" PRIu64, a->counts[a->near[i].row]);
        else
            odd_text_table_cell(&table, "%s", "");
        odd_text_table_cells(&table, a->texts[i].data, NULL);
    }
    return odd_text_table_finish(&table, 0, err);
}

/* The nearest to a row of vectors, without that row and `other`. */
static int search(const odd_options *o, const float *vectors, size_t rows, size_t width, size_t row,
                  size_t other, odd_neighbour **near, size_t *count, oddrow_error *err)
{
    size_t k = o->embeddings.neighbours < rows ? o->embeddings.neighbours : rows;
    *near = odd_alloc(k + 1, sizeof **near);
    if (!*near)
        return odd_no_memory(err);
    return odd_near(vectors, rows, width, vectors + row * width, o->embeddings.metric, k,
                    (size_t[]){row, other}, *near, count, err);
}

/* Prints an answer of `count` rows, whose texts `spell` appends, and frees what it owns. */
static int give(const odd_options *o, answer *a, int rc,
                void (*spell)(const void *context, size_t row, odd_bytes *out), const void *context,
                oddrow_error *err)
{
    size_t count = rc ? 0 : a->count;
    a->metric = o->embeddings.metric;
    a->texts = odd_alloc(count + 1, sizeof *a->texts);
    if (!rc && !a->texts)
        rc = odd_no_memory(err);
    for (size_t i = 0; !rc && i < count; i++) {
        spell(context, a->near[i].row, &a->texts[i]);
        odd_bytes_char(&a->texts[i], '\0');
        rc = odd_bytes_check(&a->texts[i], err);
    }
    if (!rc)
        rc = o->embeddings.json ? answer_json(a, err) : answer_table(a, err);
    for (size_t i = 0; a->texts && i < count; i++)
        odd_bytes_free(&a->texts[i]);
    odd_free(a->texts);
    odd_free(a->near);
    return rc;
}

/* A value that is not there: one that looks like it, where there are not too many. */
static void suggest_value(const odd_embedding *e, const char *value, oddrow_error *err)
{
    enum { MOST = 20000 };
    size_t n = e->V < MOST ? e->V : MOST, size = strlen(err->message);
    odd_bytes *texts = odd_alloc(n, sizeof *texts);
    const char **names = odd_alloc(n, sizeof *names);
    size_t made = 0;
    for (; texts && names && made < n; made++) {
        odd_embedding_spell(e, (uint32_t)made, ODD_AS_IS, &texts[made]);
        odd_bytes_char(&texts[made], '\0');
        if (texts[made].failed)
            break;
        names[made] = texts[made].data;
    }
    const char *nearest = made == n ? odd_nearest(value, names, made) : NULL;
    if (nearest)
        snprintf(err->message + size, sizeof err->message - size, "; did you mean '%.200s'?",
                 nearest);
    for (size_t i = 0; texts && i < n; i++)
        odd_bytes_free(&texts[i]);
    odd_free(texts);
    odd_free(names);
}

static void spell_value(const void *context, size_t row, odd_bytes *out)
{
    odd_embedding_spell(context, (uint32_t)row, ODD_AS_IS, out);
}

static int near_in_model(const odd_options *o, const char **words, oddrow_error *err)
{
    odd_model *model = NULL;
    odd_embedding e = {0};
    answer a = {.column = words[1], .value = words[2]};
    uint32_t id = 0;
    int rc = odd_model_load(words[0], &model, err);
    if (!rc)
        rc = odd_embeddings_column(model, words[1], &e, err);
    if (!rc && (rc = odd_embedding_id(&e, words[2], strlen(words[2]), &id, err)) == ODDROW_ESCHEMA)
        suggest_value(&e, words[2], err);
    if (!rc)
        rc = search(o, e.vectors, e.V, e.E, id, 0, &a.near, &a.count, err);
    if (!rc)
        a.counts = e.vocabulary->counts;
    rc = give(o, &a, rc, spell_value, &e, err);
    odd_model_free(&model);
    return rc;
}

/* The value as the .txt has it, and if that is not there as it would be spelled there. */
static int find_row(const odd_vectors *v, const char *value, size_t *row, oddrow_error *err)
{
    odd_bytes spelled = {0};
    int rc = odd_vectors_find(v, value, strlen(value), row, err);
    if (rc == ODDROW_ESCHEMA && v->text) {
        odd_spell(value, strlen(value), ODD_AS_LINE, &spelled);
        rc = odd_bytes_check(&spelled, err);
        if (!rc)
            rc = odd_vectors_find(v, spelled.data, spelled.size, row, err);
    }
    odd_bytes_free(&spelled);
    return rc;
}

static void copy_line(const void *context, size_t row, odd_bytes *out)
{
    odd_bytes_span(out, odd_vectors_text(context, row));
}

static int near_in_file(const odd_options *o, const char **words, oddrow_error *err)
{
    odd_vectors v = {0};
    size_t row = 0;
    answer a = {.value = words[1]};
    int rc = odd_vectors_open(words[0], &v, err);
    if (!rc)
        rc = find_row(&v, words[1], &row, err);
    if (!rc)
        rc = search(o, v.data, v.rows, v.width, row, SIZE_MAX, &a.near, &a.count, err);
    rc = give(o, &a, rc, copy_line, &v, err);
    odd_vectors_close(&v);
    return rc;
}

int odd_embeddings_near(const odd_options *o, const char **words, size_t count, oddrow_error *err)
{
    bool file = count > 0 && odd_npy_is(words[0]);
    if (file && count == 2)
        return near_in_file(o, words, err);
    if (!file && count == 3)
        return near_in_model(o, words, err);
    return odd_fail(err, ODDROW_EINVAL,
                    file ? "give the vectors and a value: oddrow embeddings near FILE.npy VALUE"
                         : "give a model, a column and a value: oddrow embeddings near MODEL "
                           "COLUMN VALUE");
}

/* ---- verbs ---- */

typedef struct verb {
    const char *name;
    int (*run)(const odd_options *o, const char **words, size_t count, oddrow_error *err);
    const char *keys[6]; /* its options */
} verb;

static const verb verbs[] = {
    {"list", odd_embeddings_list, {"json"}},
    {"export", odd_embeddings_export, {"output", "format", "with-counts", "quiet"}},
    {"near", odd_embeddings_near, {"neighbours", "metric", "json"}},
    {"plot", odd_embeddings_plot, {"output", "all", "method", "labels", "seed", "quiet"}},
    {"align", odd_embeddings_align, {"output", "quiet"}},
};
enum { VERBS = sizeof verbs / sizeof verbs[0] };

static bool has_key(const verb *v, const char *key)
{
    for (size_t i = 0; i < sizeof v->keys / sizeof v->keys[0] && v->keys[i]; i++)
        if (strcmp(v->keys[i], key) == 0)
            return true;
    return false;
}

/* An option of another verb would do nothing: that is an error, not a wish granted. */
static int check_keys(const verb *v, const odd_options *o, oddrow_error *err)
{
    size_t count = 0;
    const odd_option *table = odd_option_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (!(table[i].commands & ODD_COMMAND_EMBEDDINGS) || has_key(v, table[i].key) ||
            odd_options_origin(o, &table[i]) != ODD_FROM_FLAG)
            continue;
        for (size_t other = 0; other < VERBS; other++)
            if (has_key(&verbs[other], table[i].key))
                return odd_fail(err, ODDROW_EINVAL,
                                "--%s is an option of 'embeddings %s', not of "
                                "'embeddings %s'",
                                table[i].key, verbs[other].name, v->name);
    }
    return 0;
}

static int run(odd_arguments *arguments, oddrow_error *err)
{
    const char *names[VERBS], *word = arguments->word_count ? arguments->words[0] : NULL;
    for (size_t i = 0; i < VERBS; i++) {
        names[i] = verbs[i].name;
        if (!word || strcmp(word, names[i]) != 0)
            continue;
        int rc = check_keys(&verbs[i], &arguments->options, err);
        return rc ? rc
                  : verbs[i].run(&arguments->options, arguments->words + 1,
                                 arguments->word_count - 1, err);
    }
    if (!word)
        return odd_fail(err, ODDROW_EINVAL, "give a verb: list, export, near, plot or align");
    const char *nearest = odd_nearest(word, names, VERBS);
    if (nearest)
        return odd_fail(err, ODDROW_EINVAL,
                        "'%.100s' is not a verb of embeddings; did you mean '%s'?", word, nearest);
    return odd_fail(
        err, ODDROW_EINVAL,
        "'%.100s' is not a verb of embeddings; the verbs are list, export, near, plot, align",
        word);
}

const odd_command odd_command_embeddings = {
    .name = "embeddings",
    .bit = ODD_COMMAND_EMBEDDINGS,
    .usage = "embeddings list|export|near|plot|align MODEL ... [OPTION...]",
    .summary = "list, export, search, draw and align the vectors learned for categories",
    .about =
        "  list MODEL                        columns, values, widths, counts, lengths of vectors\n"
        "  export MODEL [COLUMN...] -o PATH  tables in the formats of other tools. For one column\n"
        "                                    PATH is the file; for several, or none (all), it is\n"
        "                                    a directory with one file per column (safetensors:\n"
        "                                    one file for all)\n"
        "  near MODEL COLUMN VALUE           the values whose vectors are nearest, exactly\n"
        "  near FILE.npy VALUE               the same in an exported table, which is mapped\n"
        "  plot MODEL COLUMN|--all -o FILE   a picture, FILE.svg or FILE.html\n"
        "  align OLD NEW -o MODEL            NEW with its tables rotated onto OLD's; scores stay\n"
        "\n"
        "Entries without a text are called (unknown), (missing) and (rare).",
    .examples = "  oddrow embeddings list orders.model\n"
                "  oddrow embeddings near orders.model country France -k 5\n"
                "  oddrow embeddings export orders.model country -o country.npy --with-counts\n"
                "  oddrow embeddings export orders.model -o tables --format word2vec\n"
                "  oddrow embeddings plot orders.model --all -o orders.html\n"
                "  oddrow embeddings align january.model february.model -o february-aligned.model",
    .run = run,
};
