#include "train/saved.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/random.h"
#include "base/utf8.h"
#include "csv/input.h"
#include "model/model.h"
#include "model/safetensors.h"
#include "model/schema_json.h"
#include "train/vectors.h"

enum { NOISE_STREAM = 0x5a7ed, NAMED = 5 /* absent values that a note names */ };
static const double NOISE = 0.1; /* of the table's own spread */

/* A column's table while it is filled. */
typedef struct filling {
    const odd_column *column;
    const char *path;
    float *table;         /* (V, width), the network's */
    size_t width;         /* of the column */
    bool *found;          /* (V) */
    double *sum, *square; /* (width) over the values of the file, entries without a text apart */
    size_t count;         /* values that the file has */
    odd_bytes word;       /* scratch */
} filling;

/* ---- names ---- */

static size_t find_categorical(const odd_schema *schema, const char *name, size_t size)
{
    for (size_t k = 0; k < schema->K; k++)
        if (schema->columns[k].kind == ODD_CATEGORICAL && strlen(schema->columns[k].name) == size &&
            memcmp(schema->columns[k].name, name, size) == 0)
            return k;
    return SIZE_MAX;
}

static int no_column(const odd_schema *schema, const char *option, const char *name, size_t size,
                     oddrow_error *err)
{
    for (size_t k = 0; k < schema->K; k++)
        if (strlen(schema->columns[k].name) == size &&
            memcmp(schema->columns[k].name, name, size) == 0)
            return odd_fail(err, ODDROW_EINVAL, "--%s: column '%.200s' is %s, not categorical",
                            option, schema->columns[k].name,
                            odd_kind_name(schema->columns[k].kind));
    return odd_fail(err, ODDROW_EINVAL, "--%s: there is no column '%.*s'", option,
                    (int)(size < 200 ? size : 200), name);
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

int odd_saved_widths(const odd_train_options *options, odd_schema *schema, oddrow_error *err)
{
    for (size_t i = 0; i < options->embedding_width_count; i++) {
        const char *text = options->embedding_widths[i], *rest = NULL;
        double width = 0;
        size_t k = split_column(schema, text, &rest);
        if (k == SIZE_MAX && strchr(text, '='))
            return no_column(schema, "embedding-width", text, strcspn(text, "="), err);
        if (k == SIZE_MAX || odd_number_parse(rest, strlen(rest), &width) != ODD_NUMBER_OK ||
            !(width >= 1 && width <= ODD_EMBEDDING_LIMIT) || width != floor(width))
            return odd_fail(err, ODDROW_EINVAL,
                            "--embedding-width: '%.200s' is not COLUMN=N with N from 1 to %u", text,
                            ODD_EMBEDDING_LIMIT);
        schema->columns[k].embedding = (size_t)width;
    }
    return 0;
}

/* ---- values ---- */

/* How oddrow spells a value as a word (docs/format.md): \_ a blank, \n, \r, \t, \\, \( in front of
 * a text that reads like the name of an entry, \xHH a byte, \uXXXX a character. */
static int unspell(const char *word, size_t size, odd_bytes *out)
{
    static const char from[] = "_nrt\\(", to[] = " \n\r\t\\(";
    out->size = 0;
    for (size_t i = 0; i < size;) {
        const char *plain =
            word[i] == '\\' && i + 1 < size && word[i + 1] ? strchr(from, word[i + 1]) : NULL;
        char text[4] = {word[i]};
        size_t n = 1, taken = 1, digits = 0;
        if (plain) {
            text[0] = to[plain - from];
            taken = 2;
        } else if (word[i] == '\\' && i + 1 < size) {
            digits = word[i + 1] == 'x' ? 2 : word[i + 1] == 'u' ? 4 : 0;
        }
        if (digits && i + 2 + digits <= size) {
            char hex[5] = {0}, *end = NULL;
            memcpy(hex, word + i + 2, digits);
            unsigned long c =
                strspn(hex, "0123456789abcdef") == digits ? strtoul(hex, &end, 16) : 0;
            if (end && digits == 2) {
                text[0] = (char)c;
            } else if (end && c >= 0x80) {
                n = c < 0x800 ? 2 : 3;
                text[0] = (char)(n == 2 ? 0xc0 | c >> 6 : 0xe0 | c >> 12);
                text[1] = (char)(0x80 | (n == 2 ? c & 0x3f : (c >> 6 & 0x3f)));
                text[2] = (char)(0x80 | (c & 0x3f));
            } else if (end) {
                text[0] = (char)c;
            }
            taken = end ? 2 + digits : 1;
        }
        if (odd_bytes_add(out, text, n))
            return ODDROW_ENOMEM;
        i += taken;
    }
    return 0;
}

static bool is(const char *text, size_t size, const char *name)
{
    return size == strlen(name) && memcmp(text, name, size) == 0;
}

/* Takes a vector for an entry: of the file's values they make up the mean. */
static void put(filling *f, uint32_t id, bool known, const float *vector)
{
    if (!known)
        return;
    memcpy(f->table + id * f->width, vector, f->width * sizeof *vector);
    f->found[id] = true;
}

static void add_to_mean(filling *f, const float *vector)
{
    f->count++;
    for (size_t j = 0; j < f->width; j++) {
        f->sum[j] += (double)vector[j];
        f->square[j] += (double)vector[j] * (double)vector[j];
    }
}

static int width_differs(const filling *f, size_t width, oddrow_error *err)
{
    if (width == f->width)
        return 0;
    return odd_fail(err, ODDROW_EINVAL,
                    "its vectors are %zu wide, the embedding of column '%s' is %zu wide; "
                    "--embedding-width %s=%zu makes them fit",
                    width, f->column->name, f->width, f->column->name, width);
}

/* A value of a text or of a plain safetensors file, as it stands there; `spelled`: as a word. */
static int take_value(filling *f, const char *value, size_t size, bool spelled, const float *vector)
{
    const odd_vocabulary *v = f->column->vocabulary;
    if (is(value, size, "(unknown)") || is(value, size, "<unk>")) {
        put(f, 0, true, vector);
    } else if (is(value, size, "(missing)")) {
        put(f, v->missing_id, v->missing_id != 0, vector);
    } else if (is(value, size, "(rare)")) {
        put(f, v->rare_id, v->rare_id != 0, vector);
    } else {
        uint32_t id = 0;
        if (memchr(value, '\\', size) &&
            (spelled || is(value, size, "\\(unknown)") || is(value, size, "\\(missing)") ||
             is(value, size, "\\(rare)"))) {
            if (unspell(value, size, &f->word))
                return ODDROW_ENOMEM;
            id = odd_vocabulary_find(v, f->word.data ? f->word.data : "", f->word.size);
        }
        if (id == 0)
            id = odd_vocabulary_find(v, value, size);
        put(f, id, id != 0, vector);
        add_to_mean(f, vector);
    }
    return 0;
}

/* ---- the three kinds of file ---- */

static int text_width(void *context, size_t width, oddrow_error *err)
{
    return width_differs(context, width, err);
}

static int text_take(void *context, const char *value, size_t size, const float *vector,
                     oddrow_error *err)
{
    return take_value(context, value, size, true, vector)
               ? odd_fail(err, ODDROW_ENOMEM, "out of memory")
               : 0;
}

/* A model's own table. */
static int fill_from_model(filling *f, const odd_model *model, size_t k, oddrow_error *err)
{
    const odd_column *theirs = &odd_model_schema(model)->columns[k];
    const odd_vocabulary *ours = f->column->vocabulary, *v = theirs->vocabulary;
    const float *table = odd_network_tensor(odd_model_network(model), theirs->categorical);
    int rc = width_differs(f, theirs->embedding, err);
    if (rc)
        return odd_prefix(err, "%s: ", f->path);
    for (uint32_t id = 0; !rc && id < v->size; id++) {
        const float *vector = table + id * f->width;
        odd_span text = odd_vocabulary_text(v, id);
        if (id == 0) {
            put(f, 0, true, vector);
        } else if (id == v->missing_id) {
            put(f, ours->missing_id, ours->missing_id != 0, vector);
        } else if (id == v->rare_id) {
            put(f, ours->rare_id, ours->rare_id != 0, vector);
        } else {
            uint32_t own = odd_vocabulary_find(ours, text.data, text.size);
            put(f, own, own != 0, vector);
            add_to_mean(f, vector);
        }
    }
    return rc;
}

/* One value of values.COLUMN with its row. Null is unknown in row 0 and no value elsewhere. */
static int take_item(filling *f, const json_t *item, size_t row, const float *vector,
                     oddrow_error *err)
{
    odd_bytes text = {0};
    int rc = 0;
    if (json_is_null(item)) {
        put(f, 0, row == 0, vector);
        return 0;
    }
    rc = odd_text_from_json(item, &text, err);
    if (!rc && text.size == 0)
        rc = odd_fail(err, ODDROW_EFORMAT, "an empty value");
    if (!rc && take_value(f, text.data, text.size, false, vector))
        rc = odd_fail(err, ODDROW_ENOMEM, "out of memory");
    odd_bytes_free(&text);
    return rc ? odd_prefix(err, "value %zu: ", row + 1) : 0;
}

static int refuse_twice(const json_t *values, oddrow_error *err)
{
    odd_vocabulary *seen = odd_vocabulary_new();
    odd_bytes text = {0};
    int rc = seen ? 0 : odd_fail(err, ODDROW_ENOMEM, "out of memory");
    for (size_t i = 0; !rc && i < json_array_size(values); i++) {
        const json_t *item = json_array_get(values, i);
        text.size = 0;
        if (json_is_null(item))
            continue;
        rc = odd_text_from_json(item, &text, err);
        if (rc) {
            odd_prefix(err, "value %zu: ", i + 1);
            break;
        }
        uint32_t id =
            odd_vocabulary_add(seen, text.data ? text.data : "", text.size, SIZE_MAX, SIZE_MAX);
        if (id == 0 || id == ODD_VOCABULARY_NO_MEMORY)
            rc = odd_fail(err, ODDROW_ENOMEM, "out of memory");
        else if (seen->counts[id] > 1)
            rc = odd_fail(err, ODDROW_EFORMAT, "value %zu stands there twice", i + 1);
    }
    odd_vocabulary_free(&seen);
    odd_bytes_free(&text);
    return rc;
}

/* Tensor embedding.COLUMN and metadata values.COLUMN of any safetensors file. */
static int fill_from_tensor(filling *f, const odd_safetensors *file, const odd_stored *tensor,
                            const char *values, oddrow_error *err)
{
    json_t *list = NULL;
    float *vector = odd_alloc(f->width, sizeof *vector);
    int rc = vector ? 0 : odd_fail(err, ODDROW_ENOMEM, "out of memory");
    (void)file;
    if (!rc && !values)
        rc = odd_fail(err, ODDROW_EFORMAT,
                      "no \"values.%s\" in __metadata__ says whose vectors %s are", f->column->name,
                      tensor->name);
    if (!rc)
        rc = odd_json_parse(values, strlen(values), "the list of values", &list, err);
    if (!rc && (tensor->dimensions != 2 || !json_is_array(list) ||
                json_array_size(list) != tensor->shape[0]))
        rc = odd_fail(err, ODDROW_EFORMAT, "%zu values for a tensor of %zu rows",
                      json_array_size(list), tensor->dimensions == 2 ? tensor->shape[0] : 0);
    if (!rc)
        rc = refuse_twice(list, err);
    if (rc)
        odd_prefix(err, "%s: %s: ", f->path, tensor->name);
    if (!rc && (rc = width_differs(f, tensor->shape[1], err)))
        odd_prefix(err, "%s: ", f->path);
    for (size_t i = 0; !rc && i < tensor->shape[0]; i++) {
        for (size_t j = 0; j < f->width; j++)
            vector[j] = tensor->dtype == ODD_F32
                            ? ((const float *)tensor->data)[i * f->width + j]
                            : (float)((const double *)tensor->data)[i * f->width + j];
        rc = take_item(f, json_array_get(list, i), i, vector, err);
        if (rc)
            odd_prefix(err, "%s: %s: ", f->path, tensor->name);
    }
    json_decref(list);
    odd_free(vector);
    return rc;
}

/* ---- a column from start to end ---- */

static int begin(filling *f, const odd_schema *schema, odd_network *network, size_t k,
                 const char *path, oddrow_error *err)
{
    const odd_column *column = &schema->columns[k];
    *f = (filling){.column = column,
                   .path = path,
                   .table = odd_network_tensor(network, column->categorical),
                   .width = column->embedding};
    f->found = odd_alloc(column->vocabulary->size, sizeof *f->found);
    f->sum = odd_alloc(f->width, sizeof *f->sum);
    f->square = odd_alloc(f->width, sizeof *f->square);
    return f->found && f->sum && f->square ? 0 : odd_fail(err, ODDROW_ENOMEM, "out of memory");
}

static void end(filling *f)
{
    odd_free(f->found);
    odd_free(f->sum);
    odd_free(f->square);
    odd_bytes_free(&f->word);
}

__attribute__((format(printf, 3, 4))) static void note(char *notes, size_t size, const char *format,
                                                       ...)
{
    va_list list;
    size_t used = strlen(notes);
    va_start(list, format);
    if (used + 1 < size)
        vsnprintf(notes + used, size - used, format, list);
    va_end(list);
}

/* Vectors for the entries that the file does not have, and a note of them. */
static int fill_rest(filling *f, uint64_t seed, char *notes, size_t size, oddrow_error *err)
{
    const odd_vocabulary *v = f->column->vocabulary;
    double n = (double)f->count, spread = 0;
    size_t values = 0, absent = 0;
    char names[400] = "";
    for (size_t j = 0; f->count && j < f->width; j++) {
        double mean = f->sum[j] / n, variance = f->square[j] / n - mean * mean;
        f->sum[j] = mean;
        spread += (variance > 0 ? variance : 0) / (double)f->width;
    }
    for (uint32_t id = 0; id < v->size; id++) {
        bool value = id != 0 && id != v->missing_id && id != v->rare_id;
        odd_random r;
        values += value;
        if (f->found[id])
            continue;
        odd_random_start(&r, odd_random_hash(seed, NOISE_STREAM, f->column->categorical), id);
        for (size_t j = 0; j < f->width; j++)
            f->table[id * f->width + j] =
                (float)(f->sum[j] + NOISE * sqrt(spread) * odd_random_normal(&r));
        if (value && absent++ < NAMED) {
            odd_span text = odd_vocabulary_text(v, id);
            note(names, sizeof names, "%s%.*s", *names ? ", " : "",
                 (int)(text.size < 40 ? text.size : 40), text.data);
        }
    }
    if (absent == values)
        return odd_fail(err, ODDROW_EINVAL, "%s: none of the %zu values of column '%s' is there",
                        f->path, values, f->column->name);
    if (absent)
        note(notes, size,
             "column %.60s: %zu of its %zu values are not in %.200s and start from the "
             "mean: %s%s\n",
             f->column->name, absent, values, f->path, names, absent > NAMED ? ", …" : "");
    return 0;
}

/* ---- files ---- */

typedef struct job {
    const odd_train_options *options;
    const odd_schema *schema;
    odd_network *network;
    bool *loaded; /* (C) */
    bool *named;  /* (C) columns with a COLUMN=FILE of their own, which a FILE leaves alone */
    char *notes;
    size_t size;
} job;

/* Column k from a safetensors file; model is NULL where it is no model of oddrow. *there is false
 * when it has no table of that name. */
static int fill_column(job *j, size_t k, const char *path, const odd_safetensors *file,
                       const odd_model *model, bool *there, oddrow_error *err)
{
    const odd_column *column = &j->schema->columns[k];
    odd_bytes name = {0}, values = {0};
    filling f = {0};
    size_t theirs = SIZE_MAX;
    const odd_stored *tensor = NULL;
    int rc = 0;
    if (model) {
        theirs = find_categorical(odd_model_schema(model), column->name, strlen(column->name));
    } else {
        /* a name that is not UTF-8 is column_N there, N counting the columns of its own file */
        if (odd_bytes_print(&name, "embedding.%s", column->name) ||
            odd_bytes_print(&values, "values.%s", column->name))
            rc = odd_fail(err, ODDROW_ENOMEM, "out of memory");
        tensor = rc ? NULL : odd_safetensors_find(file, name.data);
    }
    *there = theirs != SIZE_MAX || tensor;
    if (!rc && *there) {
        rc = begin(&f, j->schema, j->network, k, path, err);
        if (!rc && model)
            rc = fill_from_model(&f, model, theirs, err);
        else if (!rc)
            rc = fill_from_tensor(&f, file, tensor, odd_safetensors_metadata(file, values.data),
                                  err);
        if (!rc)
            rc = fill_rest(&f, j->options->seed, j->notes, j->size, err);
        j->loaded[column->categorical] = true;
        end(&f);
    }
    odd_bytes_free(&name);
    odd_bytes_free(&values);
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
        bool there = false;
        const odd_column *column = &j->schema->columns[k];
        if (column->kind != ODD_CATEGORICAL || (only != SIZE_MAX && k != only) ||
            (only == SIZE_MAX && j->named[column->categorical]))
            continue;
        rc = fill_column(j, k, path, file, model, &there, err);
        found += there;
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

static int fill_from_text(job *j, const char *path, size_t k, oddrow_error *err)
{
    filling f = {0};
    int rc = begin(&f, j->schema, j->network, k, path, err);
    const odd_vectors_sink sink = {text_width, text_take, &f};
    if (!rc)
        rc = odd_vectors_read(path, &sink, err);
    if (!rc)
        rc = fill_rest(&f, j->options->seed, j->notes, j->size, err);
    j->loaded[j->schema->columns[k].categorical] = true;
    end(&f);
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
                        "%s: neither a model nor a safetensors file; a text of vectors needs the "
                        "column that it is for: --embeddings COLUMN=%s",
                        path, path);
    return fill_from_text(j, path, k, err);
}

static int freeze(const job *j, bool *frozen, oddrow_error *err)
{
    const odd_train_options *o = j->options;
    for (size_t i = 0; i < o->freeze_count; i++) {
        const char *name = o->freeze[i];
        size_t k = find_categorical(j->schema, name, strlen(name));
        if (k == SIZE_MAX && strcmp(name, "all") == 0) {
            memcpy(frozen, j->loaded, j->schema->C * sizeof *frozen);
            continue;
        }
        if (k == SIZE_MAX)
            return no_column(j->schema, "freeze", name, strlen(name), err);
        if (!j->loaded[j->schema->columns[k].categorical])
            return odd_fail(err, ODDROW_EINVAL,
                            "--freeze: no file of --embeddings has a table for column '%.200s'",
                            name);
        frozen[j->schema->columns[k].categorical] = true;
    }
    return 0;
}

int odd_saved_apply(const odd_train_options *options, const odd_schema *schema,
                    odd_network *network, bool *frozen, char *notes, size_t size, oddrow_error *err)
{
    bool *flags = odd_alloc(2 * schema->C + 1, sizeof *flags);
    job j = {options, schema, network, flags, flags + schema->C, notes, size};
    int rc = flags ? 0 : odd_fail(err, ODDROW_ENOMEM, "out of memory");
    for (size_t i = 0; !rc && i < options->embedding_count; i++) {
        const char *path;
        size_t k = named_column(schema, options->embeddings[i], &path);
        if (k != SIZE_MAX)
            j.named[schema->columns[k].categorical] = true;
    }
    for (size_t i = 0; !rc && i < options->embedding_count; i++)
        rc = fill_from(&j, options->embeddings[i], err);
    if (!rc)
        rc = freeze(&j, frozen, err);
    odd_free(flags);
    return rc;
}
