#include "tables/filling.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/spell.h"
#include "model/fields.h"
#include "tables/vectors.h"

enum { NOISE_STREAM = 0x5a7ed, NAMED = 5 /* absent values that a note names */ };
static const double NOISE = 0.1; /* of the table's own spread */

/* ---- values ---- */

static bool is(const char *text, size_t size, const char *name)
{
    return size == strlen(name) && memcmp(text, name, size) == 0;
}

/* Takes a vector for an entry: of the file's values they make up the mean. */
static void put(odd_filling *f, uint32_t id, bool known, const float *vector)
{
    if (!known)
        return;
    memcpy(f->table + id * f->width, vector, f->width * sizeof *vector);
    f->found[id] = true;
}

static void add_to_mean(odd_filling *f, const float *vector)
{
    f->count++;
    for (size_t j = 0; j < f->width; j++) {
        f->sum[j] += (double)vector[j];
        f->square[j] += (double)vector[j] * (double)vector[j];
    }
}

static int width_differs(const odd_filling *f, size_t width, oddrow_error *err)
{
    if (width == f->width)
        return 0;
    return odd_fail(err, ODDROW_EINVAL,
                    "its vectors are %zu wide, the embedding of column '%s' is %zu wide; "
                    "--embedding-width %s=%zu makes them fit",
                    width, f->column->name, f->width, f->column->name, width);
}

/* A value of a text or of a plain safetensors file, as it stands there; `spelled`: as a word. */
static int take_value(odd_filling *f, const char *value, size_t size, bool spelled,
                      const float *vector)
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
            odd_bytes_clear(&f->word);
            if (odd_unspell(value, size, &f->word))
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
    return take_value(context, value, size, true, vector) ? odd_no_memory(err) : 0;
}

/* A model's own table. */
int odd_filling_model(odd_filling *f, const odd_model *model, size_t k, oddrow_error *err)
{
    const odd_column *theirs = &odd_model_schema(model)->columns[k];
    const odd_vocabulary *ours = f->column->vocabulary, *v = theirs->vocabulary;
    const float *table = odd_network_tensor(odd_model_network(model), theirs->categorical);
    int rc = width_differs(f, theirs->embedding, err);
    if (rc)
        return odd_prefix(err, rc, "%s: ", f->path);
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
static int take_item(odd_filling *f, const json_t *item, size_t row, const float *vector,
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
        rc = odd_no_memory(err);
    odd_bytes_free(&text);
    return odd_prefix(err, rc, "value %zu: ", row + 1);
}

static int refuse_twice(const json_t *values, oddrow_error *err)
{
    odd_vocabulary *seen = odd_vocabulary_new();
    odd_bytes text = {0};
    int rc = seen ? 0 : odd_no_memory(err);
    for (size_t i = 0; !rc && i < json_array_size(values); i++) {
        const json_t *item = json_array_get(values, i);
        odd_bytes_clear(&text);
        if (json_is_null(item))
            continue;
        rc = odd_text_from_json(item, &text, err);
        if (rc) {
            odd_prefix(err, rc, "value %zu: ", i + 1);
            break;
        }
        uint32_t id =
            odd_vocabulary_add(seen, text.data ? text.data : "", text.size, SIZE_MAX, SIZE_MAX);
        if (id == 0 || id == ODD_VOCABULARY_NO_MEMORY)
            rc = odd_no_memory(err);
        else if (seen->counts[id] > 1)
            rc = odd_fail(err, ODDROW_EFORMAT, "value %zu stands there twice", i + 1);
    }
    odd_vocabulary_free(&seen);
    odd_bytes_free(&text);
    return rc;
}

/* Tensor embedding.COLUMN and metadata values.COLUMN of any safetensors file. */
int odd_filling_tensor(odd_filling *f, const odd_stored *tensor, const char *values,
                       oddrow_error *err)
{
    json_t *list = NULL;
    float *vector = odd_alloc(f->width, sizeof *vector);
    int rc = vector ? 0 : odd_no_memory(err);
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
    rc = odd_prefix(err, rc, "%s: %s: ", f->path, tensor->name);
    if (!rc)
        rc = odd_prefix(err, width_differs(f, tensor->shape[1], err), "%s: ", f->path);
    for (size_t i = 0; !rc && i < tensor->shape[0]; i++) {
        for (size_t j = 0; j < f->width; j++)
            vector[j] = tensor->dtype == ODD_F32
                            ? ((const float *)tensor->data)[i * f->width + j]
                            : (float)((const double *)tensor->data)[i * f->width + j];
        rc = take_item(f, json_array_get(list, i), i, vector, err);
        rc = odd_prefix(err, rc, "%s: %s: ", f->path, tensor->name);
    }
    json_decref(list);
    odd_free(vector);
    return rc;
}

int odd_filling_text(odd_filling *f, oddrow_error *err)
{
    const odd_vectors_sink sink = {text_width, text_take, f};
    return odd_vectors_read(f->path, &sink, err);
}

/* ---- a column from start to end ---- */

int odd_filling_new(odd_filling *f, const odd_column *column, float *table, const char *path,
                    oddrow_error *err)
{
    *f = (odd_filling){.column = column, .path = path, .table = table, .width = column->embedding};
    f->found = odd_alloc(column->vocabulary->size, sizeof *f->found);
    f->sum = odd_alloc(f->width, sizeof *f->sum);
    f->square = odd_alloc(f->width, sizeof *f->square);
    return f->found && f->sum && f->square ? 0 : odd_no_memory(err);
}

void odd_filling_free(odd_filling *f)
{
    if (!f)
        return;
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
int odd_filling_rest(odd_filling *f, uint64_t seed, char *notes, size_t size, oddrow_error *err)
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
            note(names, sizeof names, "%s", *names ? ", " : "");
            for (size_t i = 0; i < text.size && i < 40; i++) /* a line of its own stays one */
                note(names, sizeof names, "%c",
                     (unsigned char)text.data[i] < ' ' ? ' ' : text.data[i]);
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
