#include "tables/saved.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "csv/input.h"
#include "tables/filling.h"

/* ---- names ---- */

static size_t find_categorical(const odd_schema *schema, const char *name, size_t size)
{
    for (size_t k = 0; k < schema->K; k++)
        if (odd_kind_is_category(schema->columns[k].kind) &&
            strlen(schema->columns[k].name) == size &&
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
                            "--embedding-width: '%.200s' is not COLUMN=N with N from 1 to %u", text,
                            ODD_EMBEDDING_LIMIT);
        schema->columns[k].embedding = (size_t)width;
    }
    return 0;
}
/* ---- files ---- */

typedef struct job {
    uint64_t seed;
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
    odd_filling f = {0};
    size_t theirs = SIZE_MAX;
    const odd_stored *tensor = NULL;
    int rc = 0;
    if (model) {
        theirs = find_categorical(odd_model_schema(model), column->name, strlen(column->name));
    } else {
        /* a name that is not UTF-8 is column_N there, N counting the columns of its own file */
        if (odd_bytes_print(&name, "embedding.%s", column->name) ||
            odd_bytes_print(&values, "values.%s", column->name))
            rc = odd_no_memory(err);
        tensor = rc ? NULL : odd_safetensors_find(file, name.data);
    }
    *there = theirs != SIZE_MAX || tensor;
    if (!rc && *there) {
        rc = odd_filling_new(&f, column, odd_network_tensor(j->network, column->categorical), path,
                             err);
        if (!rc && model)
            rc = odd_filling_model(&f, model, theirs, err);
        else if (!rc)
            rc = odd_filling_tensor(&f, tensor, odd_safetensors_metadata(file, values.data), err);
        if (!rc)
            rc = odd_filling_rest(&f, j->seed, j->notes, j->size, err);
        j->loaded[column->categorical] = true;
        odd_filling_free(&f);
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
        if (!odd_kind_is_category(column->kind) || (only != SIZE_MAX && k != only) ||
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
    const odd_column *column = &j->schema->columns[k];
    odd_filling f = {0};
    int rc =
        odd_filling_new(&f, column, odd_network_tensor(j->network, column->categorical), path, err);
    if (!rc)
        rc = odd_filling_text(&f, err);
    if (!rc)
        rc = odd_filling_rest(&f, j->seed, j->notes, j->size, err);
    j->loaded[column->categorical] = true;
    odd_filling_free(&f);
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
                            "--freeze: no file of --embeddings has a table for column '%.200s'",
                            name);
        frozen[j->schema->columns[k].categorical] = true;
    }
    return 0;
}

int odd_saved_apply(const odd_names *files, const odd_names *freeze, uint64_t seed,
                    const odd_schema *schema, odd_network *network, bool *frozen, char *notes,
                    size_t size, oddrow_error *err)
{
    bool *flags = odd_alloc(2 * schema->C + 1, sizeof *flags);
    job j = {seed, schema, network, flags, flags + schema->C, notes, size};
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
