/* tables/saved.c: an embedding table filled from a model, a tensor or a text of vectors. */
#include "tables/saved.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/random.h"
#include "base/spell.h"
#include "csv/input.h"
#include "model/fields.h"
#include "model/safetensors.h"
#include "tables/embedding.h"
#include "tables/vectors.h"

enum { NOISE_STREAM = 0x5a7ed, NAMED = 5 /* absent values that a note names */ };
static const double NOISE = 0.1; /* of the table's own spread */

/* ---- names ---- */

static size_t find_column(const odd_schema *schema, const char *name, size_t size)
{
    for (size_t k = 0; k < schema->K; k++)
        if (strlen(schema->columns[k].name) == size &&
            memcmp(schema->columns[k].name, name, size) == 0)
            return k;
    return SIZE_MAX;
}

static size_t find_categorical(const odd_schema *schema, const char *name, size_t size)
{
    size_t k = find_column(schema, name, size);
    return k != SIZE_MAX && odd_kind_is_category(schema->columns[k].kind) ? k : SIZE_MAX;
}

static int no_column(const odd_schema *schema, const char *option, const char *name, size_t size,
                     oddrow_error *err)
{
    size_t k = find_column(schema, name, size);
    if (k == SIZE_MAX)
        return odd_fail(err, ODDROW_EINVAL, "%s: there is no column '%.*s'", option,
                        (int)(size < 200 ? size : 200), name);
    return odd_fail(err, ODDROW_EINVAL, "%s: column '%.200s' is %s, not categorical", option,
                    schema->columns[k].name, odd_kind_name(schema->columns[k].kind));
}

/* "COLUMN=REST": the first = that has the name of a categorical column in front. SIZE_MAX: none. */
static size_t split_column(const odd_schema *schema, const char *text, const char **rest)
{
    for (const char *equals = strchr(text, '='); equals; equals = strchr(equals + 1, '=')) {
        size_t k = find_categorical(schema, text, (size_t)(equals - text));
        *rest = equals + 1;
        if (k != SIZE_MAX)
            return k;
    }
    return SIZE_MAX;
}

int odd_saved_widths(const odd_names *widths, odd_schema *schema, oddrow_error *err)
{
    for (size_t i = 0; i < widths->count; i++) {
        const char *text = widths->items[i], *rest = NULL;
        double width = 0;
        size_t k = split_column(schema, text, &rest);
        if (k == SIZE_MAX && strchr(text, '='))
            return no_column(schema, "embedding-width", text, strcspn(text, "="), err);
        if (k == SIZE_MAX || odd_number_parse(rest, strlen(rest), &width) != ODD_NUMBER_OK ||
            !(width >= 1 && width <= ODD_EMBEDDING_LIMIT) || width != floor(width))
            return odd_fail(err, ODDROW_EINVAL,
                            "embedding-width: '%.200s' is not COLUMN=N with N from 1 to %u", text,
                            ODD_EMBEDDING_LIMIT);
        schema->columns[k].embedding = (size_t)width;
    }
    return 0;
}

/* ---- one column's table ---- */

typedef struct job {
    uint64_t seed;
    const odd_schema *schema;
    odd_network *network;
    bool *loaded; /* (C) */
    bool *named;  /* (C) columns with a COLUMN=FILE of their own, which a FILE leaves alone */
    odd_bytes *notes;
} job;

typedef struct filling {
    const odd_column *column;
    const char *path;     /* of the file, for messages */
    float *table;         /* (V, width), the network's */
    size_t width;         /* of the column */
    bool *found;          /* (V) */
    double *sum, *square; /* (width) over the values of the file, entries without a text apart */
    size_t count;         /* values that the file has */
    odd_bytes word;       /* scratch */
} filling;

static int check_width(void *context, size_t width, oddrow_error *err)
{
    const filling *f = context;
    if (width == f->width)
        return 0;
    return odd_fail(err, ODDROW_EINVAL,
                    "its vectors are %zu wide, the embedding of column '%s' is %zu wide; "
                    "embedding-width %s=%zu makes them fit",
                    width, f->column->name, f->width, f->column->name, width);
}

/* Takes the vector of an entry, where the column has it. The texts of the file, also those that the
 * column does not have, make up the mean. */
static void take(filling *f, odd_value_kind kind, odd_span text, const float *vector)
{
    const odd_vocabulary *v = f->column->vocabulary;
    bool is_text = kind == ODD_VALUE_TEXT;
    uint32_t id = is_text ? odd_vocabulary_find(v, text.data, text.size) : odd_value_id(v, kind);
    if (id || kind == ODD_VALUE_UNKNOWN) {
        memcpy(f->table + id * f->width, vector, f->width * sizeof *vector);
        f->found[id] = true;
    }
    f->count += is_text;
    for (size_t j = 0; is_text && j < f->width; j++) {
        f->sum[j] += (double)vector[j];
        f->square[j] += (double)vector[j] * (double)vector[j];
    }
}

/* A value as a file spells it, where every backslash is an escape (`spelled`) or only the one in
 * front of a name. The text as it stands counts where the escaped one is not in the column. */
static int take_value(filling *f, odd_span value, bool spelled, const float *vector,
                      oddrow_error *err)
{
    odd_value_kind kind = odd_value_kind_named(value.data, value.size);
    if (value.size == 5 && memcmp(value.data, "<unk>", 5) == 0)
        kind = ODD_VALUE_UNKNOWN;
    if (memchr(value.data, '\\', value.size) &&
        (spelled || (value.data[0] == '\\' &&
                     odd_value_kind_named(value.data + 1, value.size - 1) != ODD_VALUE_TEXT))) {
        odd_bytes_clear(&f->word);
        odd_unspell(value.data, value.size, &f->word);
        if (odd_bytes_check(&f->word, err))
            return ODDROW_ENOMEM;
        if (f->word.size && odd_vocabulary_find(f->column->vocabulary, f->word.data, f->word.size))
            value = (odd_span){f->word.data, f->word.size};
    }
    take(f, kind, value, vector);
    return 0;
}

static int take_word(void *context, const char *value, size_t size, const float *vector,
                     oddrow_error *err)
{
    return take_value(context, (odd_span){value, size}, true, vector, err);
}

/* All of a model's own table, that of column k. */
static int take_model(filling *f, const odd_model *model, size_t k, oddrow_error *err)
{
    const odd_column *theirs = &odd_model_schema(model)->columns[k];
    const odd_vocabulary *v = theirs->vocabulary;
    const float *table = odd_network_tensor(odd_model_network(model), theirs->categorical);
    int rc = check_width(f, theirs->embedding, err);
    for (uint32_t id = 0; !rc && id < v->size; id++)
        take(f, odd_value_kind_of(v, id), odd_vocabulary_text(v, id), table + id * f->width);
    return rc;
}

/* One value of values.COLUMN with its row. Null is unknown in row 0 and no value elsewhere. */
static int take_item(filling *f, const json_t *item, size_t row, odd_vocabulary *seen,
                     const float *vector, oddrow_error *err)
{
    odd_bytes text = {0};
    if (json_is_null(item)) {
        if (row == 0)
            take(f, ODD_VALUE_UNKNOWN, (odd_span){0}, vector);
        return 0;
    }
    int rc = odd_text_from_json(item, &text, err);
    if (!rc && text.size == 0)
        rc = odd_fail(err, ODDROW_EFORMAT, "an empty value");
    uint32_t id = rc ? 0 : odd_vocabulary_add(seen, text.data, text.size, SIZE_MAX, SIZE_MAX);
    if (!rc && (id == 0 || id == ODD_VOCABULARY_NO_MEMORY))
        rc = odd_no_memory(err);
    if (!rc && seen->counts[id] > 1)
        rc = odd_fail(err, ODDROW_EFORMAT, "it stands there twice");
    if (!rc)
        rc = take_value(f, (odd_span){text.data, text.size}, false, vector, err);
    odd_bytes_free(&text);
    return odd_prefix(err, rc, "value %zu: ", row + 1);
}

/* All of a tensor (V, E) of any safetensors file; `values`: the JSON list of its rows' values. */
static int take_tensor(filling *f, const odd_stored *tensor, const char *values, oddrow_error *err)
{
    json_t *list = NULL;
    odd_vocabulary *seen = odd_vocabulary_new();
    float *vector = odd_alloc(f->width, sizeof *vector);
    int rc = vector && seen ? 0 : odd_no_memory(err);
    if (!rc && !values)
        rc = odd_fail(err, ODDROW_EFORMAT,
                      "no \"values.%s\" in __metadata__ says whose vectors "
                      "these are",
                      f->column->name);
    if (!rc)
        rc = odd_json_parse(values, strlen(values), "the list of values", &list, err);
    if (!rc && (tensor->dimensions != 2 || !json_is_array(list) ||
                json_array_size(list) != tensor->shape[0]))
        rc = odd_fail(err, ODDROW_EFORMAT, "%zu values for a tensor of %zu rows",
                      json_array_size(list), tensor->dimensions == 2 ? tensor->shape[0] : 0);
    if (!rc)
        rc = check_width(f, tensor->shape[1], err);
    for (size_t i = 0; !rc && i < tensor->shape[0]; i++) {
        for (size_t j = 0; j < f->width; j++)
            vector[j] = tensor->dtype == ODD_F32
                            ? ((const float *)tensor->data)[i * f->width + j]
                            : (float)((const double *)tensor->data)[i * f->width + j];
        rc = take_item(f, json_array_get(list, i), i, seen, vector, err);
    }
    json_decref(list);
    odd_vocabulary_free(&seen);
    odd_free(vector);
    return odd_prefix(err, rc, "%s: ", tensor->name);
}

/* A vector for an entry that the file does not have: the mean of its values, and noise that depends
 * on seed, column and entry alone. */
static void fill_entry(filling *f, uint32_t id, double spread, uint64_t seed)
{
    odd_random r;
    odd_random_start(&r, odd_random_hash(seed, NOISE_STREAM, f->column->categorical), id);
    for (size_t j = 0; j < f->width; j++)
        f->table[id * f->width + j] =
            (float)(f->sum[j] + NOISE * sqrt(spread) * odd_random_normal(&r));
}

/* Vectors for the entries that the file does not have, and a note of their values. */
static int fill_rest(filling *f, const job *j, oddrow_error *err)
{
    const odd_vocabulary *v = f->column->vocabulary;
    double n = (double)f->count, spread = 0;
    size_t values = 0, absent = 0;
    for (size_t i = 0; f->count && i < f->width; i++) {
        double mean = f->sum[i] / n, variance = f->square[i] / n - mean * mean;
        f->sum[i] = mean;
        spread += (variance > 0 ? variance : 0) / (double)f->width;
    }
    odd_bytes_clear(&f->word);
    for (uint32_t id = 0; id < v->size; id++) {
        bool is_text = odd_value_kind_of(v, id) == ODD_VALUE_TEXT;
        values += is_text;
        if (f->found[id])
            continue;
        fill_entry(f, id, spread, j->seed);
        if (!is_text || absent++ >= NAMED)
            continue;
        odd_span text = odd_vocabulary_text(v, id);
        odd_bytes_text(&f->word, f->word.size ? ", " : "");
        for (size_t i = 0; i < text.size && i < 40; i++) /* a line of its own stays one */
            odd_bytes_char(&f->word, (unsigned char)text.data[i] < ' ' ? ' ' : text.data[i]);
    }
    if (absent == values)
        return odd_fail(err, ODDROW_EINVAL, "%s: none of the %zu values of column '%s' is there",
                        f->path, values, f->column->name);
    if (absent)
        odd_bytes_print(j->notes,
                        "column %.60s: %zu of its %zu values are not in %.200s and start from the "
                        "mean: %.*s%s\n",
                        f->column->name, absent, values, f->path, (int)f->word.size, f->word.data,
                        absent > NAMED ? ", …" : "");
    return f->word.failed ? odd_no_memory(err) : odd_bytes_check(j->notes, err);
}

/* All of a text of vectors. */
static int take_text(filling *f, oddrow_error *err)
{
    odd_input *input = NULL;
    int rc = odd_input_open(f->path, &input, err);
    if (!rc)
        rc = odd_word_vectors_read(input, &(odd_word_sink){check_width, take_word, f}, err);
    odd_input_free(&input);
    return rc;
}

/* A saved table: that of column k of a model, a tensor with the list of its values, or where both
 * are NULL a text of vectors. */
typedef struct saved {
    const char *path;
    const odd_model *model;
    size_t k;
    const odd_stored *tensor;
    const char *values;
} saved;

static int fill_column(job *j, const odd_column *column, const saved *s, oddrow_error *err)
{
    filling f = {.column = column,
                 .path = s->path,
                 .table = odd_network_tensor(j->network, column->categorical),
                 .width = column->embedding,
                 .found = odd_alloc(column->vocabulary->size, sizeof *f.found),
                 .sum = odd_alloc(column->embedding, sizeof *f.sum),
                 .square = odd_alloc(column->embedding, sizeof *f.square)};
    int rc = f.found && f.sum && f.square ? 0 : odd_no_memory(err);
    if (!rc && s->model)
        rc = odd_prefix(err, take_model(&f, s->model, s->k, err), "%s: ", s->path);
    else if (!rc && s->tensor)
        rc = odd_prefix(err, take_tensor(&f, s->tensor, s->values, err), "%s: ", s->path);
    else if (!rc)
        rc = take_text(&f, err);
    if (!rc)
        rc = fill_rest(&f, j, err);
    j->loaded[column->categorical] = true;
    odd_free(f.found);
    odd_free(f.sum);
    odd_free(f.square);
    odd_bytes_free(&f.word);
    return rc;
}

/* ---- files ---- */

/* The table of a column in a safetensors file; `model` is NULL where it is no model of oddrow. *out
 * has neither a model nor a tensor where there is none. */
static int find_table(const odd_column *column, const odd_safetensors *file, const odd_model *model,
                      saved *out, oddrow_error *err)
{
    odd_bytes name = {0};
    if (model) {
        out->k = find_categorical(odd_model_schema(model), column->name, strlen(column->name));
        out->model = out->k == SIZE_MAX ? NULL : model;
        return 0;
    }
    /* a name that is not UTF-8 is column_N there, N counting the columns of its own file */
    odd_bytes_print(&name, "embedding.%s", column->name);
    int rc = odd_bytes_check(&name, err);
    out->tensor = rc ? NULL : odd_safetensors_find(file, name.data);
    odd_bytes_clear(&name);
    odd_bytes_print(&name, "values.%s", column->name); /* shorter than the other */
    out->values = rc ? NULL : odd_safetensors_metadata(file, name.data);
    odd_bytes_free(&name);
    return rc;
}

/* All columns of a safetensors file that there are, or `only` one. */
static int fill_from_safetensors(job *j, const char *path, size_t only, oddrow_error *err)
{
    odd_safetensors *file = NULL;
    odd_model *model = NULL;
    size_t found = 0;
    int rc = odd_safetensors_load(path, &file, err);
    if (!rc && odd_safetensors_metadata(file, "oddrow"))
        rc = odd_model_load(path, &model, err);
    for (size_t k = 0; !rc && k < j->schema->K; k++) {
        const odd_column *column = &j->schema->columns[k];
        saved table = {.path = path};
        if (!odd_kind_is_category(column->kind) ||
            (only == SIZE_MAX ? j->named[column->categorical] : k != only))
            continue;
        rc = find_table(column, file, model, &table, err);
        if (rc || (!table.model && !table.tensor))
            continue;
        rc = fill_column(j, column, &table, err);
        found++;
    }
    if (!rc && !found)
        rc = odd_fail(err, ODDROW_EINVAL, "%s: no table \"embedding.COLUMN\" for %s%s%s", path,
                      only == SIZE_MAX ? "any categorical column" : "column '",
                      only == SIZE_MAX ? "" : j->schema->columns[only].name,
                      only == SIZE_MAX ? "" : "'");
    odd_model_free(&model);
    odd_safetensors_free(&file);
    return rc;
}

/* Behind eight bytes of size, a safetensors file begins with a brace; text does not. */
static int is_safetensors(const char *path, bool *yes, oddrow_error *err)
{
    odd_input *input = NULL;
    char bytes[9] = {0};
    size_t got = 0;
    int rc = odd_input_open(path, &input, err);
    if (!rc)
        rc = odd_input_read(input, bytes, sizeof bytes, &got, err);
    *yes = got == sizeof bytes && bytes[8] == '{' && memchr(bytes, 0, 8);
    odd_input_free(&input);
    return rc;
}

/* The column of COLUMN=FILE, *path becoming FILE; SIZE_MAX for FILE, which may have a = in it, and
 * with another *path for a column that there is not. */
static size_t named_column(const odd_schema *schema, const char *text, const char **path)
{
    *path = text;
    return access(text, F_OK) != 0 && strchr(text, '=') ? split_column(schema, text, path)
                                                        : SIZE_MAX;
}

static int fill_from(job *j, const char *text, oddrow_error *err)
{
    const char *path = text;
    bool binary = false;
    size_t k = named_column(j->schema, text, &path);
    if (k == SIZE_MAX && path != text)
        return no_column(j->schema, "embeddings", text, strcspn(text, "="), err);
    int rc = is_safetensors(path, &binary, err);
    if (rc)
        return rc;
    if (binary)
        return fill_from_safetensors(j, path, k, err);
    if (k == SIZE_MAX)
        return odd_fail(err, ODDROW_EFORMAT,
                        "%s: neither a model nor a safetensors file; to read a text of "
                        "vectors, name its column in 'embeddings': COLUMN=%s",
                        path, path);
    return fill_column(j, &j->schema->columns[k], &(saved){.path = path}, err);
}

static int freeze_tables(const job *j, const odd_names *freeze, bool *frozen, oddrow_error *err)
{
    for (size_t i = 0; i < freeze->count; i++) {
        const char *name = freeze->items[i];
        size_t k = find_categorical(j->schema, name, strlen(name));
        if (k == SIZE_MAX && strcmp(name, "all") == 0) {
            memcpy(frozen, j->loaded, j->schema->C * sizeof *frozen);
            continue;
        }
        if (k == SIZE_MAX)
            return no_column(j->schema, "freeze", name, strlen(name), err);
        if (!j->loaded[j->schema->columns[k].categorical])
            return odd_fail(err, ODDROW_EINVAL,
                            "freeze: no file of embeddings has a table for column '%.200s'", name);
        frozen[j->schema->columns[k].categorical] = true;
    }
    return 0;
}

int odd_saved_apply(const odd_names *files, const odd_names *freeze, uint64_t seed,
                    const odd_schema *schema, odd_network *network, bool *frozen, odd_bytes *notes,
                    oddrow_error *err)
{
    bool *flags = odd_alloc(2 * schema->C + 1, sizeof *flags);
    job j = {seed, schema, network, flags, flags + schema->C, notes};
    int rc = flags ? 0 : odd_no_memory(err);
    for (size_t i = 0; !rc && i < files->count; i++) {
        const char *path;
        size_t k = named_column(schema, files->items[i], &path);
        if (k != SIZE_MAX)
            j.named[schema->columns[k].categorical] = true;
    }
    for (size_t i = 0; !rc && i < files->count; i++)
        rc = fill_from(&j, files->items[i], err);
    if (!rc)
        rc = freeze_tables(&j, freeze, frozen, err);
    odd_free(flags);
    return rc;
}
