/* tables/export.c: what each format writes of a table. */
#include "tables/export.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "csv/write.h"
#include "model/fields.h"
#include "model/safetensors.h"
#include "tables/npy.h"

enum { FLUSH = 1 << 20, PARTS = 3 };

/* One table on its way into a file. */
typedef struct writer {
    const odd_embedding *e;
    bool counts;
    odd_bytes text; /* what is not written yet */
    odd_bytes cell;
} writer;

/* ---- lines ---- */

static void add_value(writer *w, size_t id, odd_spelling spelling)
{
    odd_embedding_spell(w->e, (uint32_t)id, spelling, &w->text);
}

static void add_count(writer *w, size_t id, char separator)
{
    odd_bytes_char(&w->text, separator);
    odd_bytes_whole(&w->text, w->e->vocabulary->counts[id]);
}

/* The vector and the line's end; `first` says whether a separator is in front of it. */
static void add_numbers(writer *w, size_t id, char separator, bool first)
{
    for (size_t j = 0; j < w->e->E; j++) {
        if (j || first)
            odd_bytes_char(&w->text, separator);
        odd_bytes_number(&w->text, (double)w->e->vectors[id * w->e->E + j]);
    }
    odd_bytes_char(&w->text, '\n');
}

static void value_line(writer *w, size_t id)
{
    add_value(w, id, ODD_AS_LINE);
    odd_bytes_char(&w->text, '\n');
}

/* The cell as a CSV field. */
static void add_cell(writer *w)
{
    odd_csv_write_field(&w->text, w->cell.data, w->cell.size, ',');
    w->text.failed |= w->cell.failed;
    odd_bytes_clear(&w->cell);
}

static void csv_line(writer *w, size_t id)
{
    if (id == 0) {
        odd_bytes_text(&w->text, w->counts ? "value,count" : "value");
        for (size_t j = 0; j < w->e->E; j++) {
            odd_spell(w->e->name, strlen(w->e->name), ODD_AS_IS, &w->cell);
            odd_bytes_print(&w->cell, "[%zu]", j);
            odd_bytes_char(&w->text, ',');
            add_cell(w);
        }
        odd_bytes_char(&w->text, '\n');
    }
    odd_embedding_spell(w->e, (uint32_t)id, ODD_AS_IS, &w->cell);
    add_cell(w);
    if (w->counts)
        add_count(w, id, ',');
    add_numbers(w, id, ',', true);
}

static void word_line(writer *w, size_t id)
{
    if (id == 0)
        odd_bytes_print(&w->text, "%zu %zu\n", w->e->V, w->e->E);
    add_value(w, id, ODD_AS_WORD);
    add_numbers(w, id, ' ', true);
}

/* As the original program's -save-vocab writes and gensim's fvocab reads. */
static void vocab_line(writer *w, size_t id)
{
    add_value(w, id, ODD_AS_WORD);
    add_count(w, id, ' ');
    odd_bytes_char(&w->text, '\n');
}

static void vector_line(writer *w, size_t id)
{
    add_numbers(w, id, '\t', false);
}

/* The projector's rule: a header only where there are several columns. */
static void metadata_line(writer *w, size_t id)
{
    if (id == 0 && w->counts)
        odd_bytes_text(&w->text, "value\tcount\n");
    add_value(w, id, ODD_AS_LINE);
    if (w->counts)
        add_count(w, id, '\t');
    odd_bytes_char(&w->text, '\n');
}

/* A row of an .npy array, which is not text. */
static void add_row(writer *w, size_t id, const char *descr, size_t cols, const void *row,
                    size_t size)
{
    char header[ODD_NPY_HEADER];
    if (id == 0) {
        odd_npy_header(header, descr, w->e->V, cols);
        odd_bytes_add(&w->text, header, sizeof header);
    }
    odd_bytes_add(&w->text, row, size);
}

static void float_line(writer *w, size_t id)
{
    add_row(w, id, "<f4", w->e->E, w->e->vectors + id * w->e->E, w->e->E * sizeof(float));
}

static void count_line(writer *w, size_t id)
{
    add_row(w, id, "<i8", 0, &w->e->vocabulary->counts[id], sizeof(uint64_t));
}

/* ---- formats ---- */

/* A file of a format: what it is called, and who writes a value's line, with what comes before the
 * first in front of it. */
typedef struct part {
    const char *cut, *ending; /* the path without the one, then the other */
    void (*line)(writer *w, size_t id);
    bool counts; /* only with counts */
} part;

/* safetensors has no parts: export_safetensors writes it. */
static const struct format {
    const char *ending; /* of a file in a directory of tables */
    part parts[PARTS];
} formats[] = {
    [ODD_TABLE_NPY] = {".npy",
                       {{"", "", float_line, false},
                        {".npy", ".txt", value_line, false},
                        {".npy", ".counts.npy", count_line, true}}},
    [ODD_TABLE_CSV] = {".csv", {{"", "", csv_line, false}}},
    [ODD_TABLE_WORD2VEC] = {".vec", {{"", "", word_line, false}, {"", ".vocab", vocab_line, true}}},
    [ODD_TABLE_PROJECTOR] = {".tsv",
                             {{".tsv", ".vectors.tsv", vector_line, false},
                              {".tsv", ".metadata.tsv", metadata_line, false}}},
    [ODD_TABLE_SAFETENSORS] = {.ending = ".safetensors"},
};

static int write_part(writer *w, const part *p, const char *path, oddrow_error *err)
{
    odd_output *out = NULL;
    size_t size = strlen(path), cut = strlen(p->cut);
    if (size > cut && odd_path_ends(path, p->cut))
        size -= cut;
    odd_bytes_add(&w->cell, path, size);
    odd_bytes_add(&w->cell, p->ending, strlen(p->ending) + 1);
    int rc = odd_bytes_check(&w->cell, err);
    if (!rc)
        rc = odd_output_open(w->cell.data, &out, err);
    odd_bytes_clear(&w->cell);
    for (size_t id = 0; !rc && id < w->e->V; id++) {
        p->line(w, id);
        if (w->text.size <= FLUSH && id + 1 < w->e->V)
            continue;
        rc = odd_bytes_check(&w->text, err);
        if (!rc)
            rc = odd_output_write(out, w->text.data, w->text.size, err);
        odd_bytes_clear(&w->text);
    }
    return odd_output_finish(&out, rc, err);
}

/* The parts of a format that are wanted; returns how many. */
static size_t parts_of(odd_table_format format, bool counts, const part *used[PARTS])
{
    size_t count = 0;
    for (const part *p = formats[format].parts; p < formats[format].parts + PARTS && p->line; p++)
        if (counts || !p->counts)
            used[count++] = p;
    return count;
}

static int export_table(const odd_embedding *e, odd_table_format format, bool counts,
                        const char *path, oddrow_error *err)
{
    writer w = {.e = e, .counts = counts};
    const part *used[PARTS];
    size_t files = parts_of(format, counts, used);
    int rc = 0;
    for (size_t i = 0; !rc && i < files; i++)
        rc = write_part(&w, used[i], path, err);
    odd_bytes_free(&w.text);
    odd_bytes_free(&w.cell);
    return rc;
}

/* ---- safetensors ---- */

/* The values as a list. A text that reads like a name has its backslash; all others stand as they
 * are. NULL: out of memory. */
static json_t *values_json(const odd_embedding *e)
{
    json_t *list = json_array();
    odd_bytes name = {0};
    for (uint32_t id = 0; list && id < e->V; id++) {
        odd_span text = odd_vocabulary_text(e->vocabulary, id);
        bool spelled = odd_value_kind_of(e->vocabulary, id) != ODD_VALUE_TEXT ||
                       (text.size > 0 && text.data[0] == '(');
        odd_bytes_clear(&name);
        if (spelled) {
            odd_embedding_spell(e, id, ODD_AS_IS, &name);
            text = (odd_span){name.data, name.size};
        }
        json_t *item = name.failed ? NULL : odd_text_to_json(text.data, text.size);
        if (json_array_append_new(list, item) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    odd_bytes_free(&name);
    return list;
}

/* PREFIX.COLUMN: the column's name where it is UTF-8, else column_N, as in model files. */
static void tensor_name(const odd_embedding *e, const char *before, odd_bytes *out)
{
    if (odd_utf8_valid(e->name, strlen(e->name)))
        odd_bytes_print(out, "%s%s", before, e->name);
    else
        odd_bytes_print(out, "%scolumn_%zu", before, e->column + 1);
}

/* What is stored of a table; the tensors borrow all of it but the vectors. */
typedef struct stored {
    odd_bytes values, count, embedding; /* names */
    double *counts;
} stored;

/* Names a table's tensors, counts its rows, and lists its values in the metadata. */
static int store(const odd_embedding *e, stored *s, json_t *metadata, oddrow_error *err)
{
    json_t *values = values_json(e);
    char *text = values ? json_dumps(values, JSON_COMPACT) : NULL;
    tensor_name(e, "values.", &s->values);
    tensor_name(e, "count.", &s->count);
    tensor_name(e, "embedding.", &s->embedding);
    s->counts = odd_alloc(e->V, sizeof *s->counts);
    int rc = s->values.failed || s->count.failed || s->embedding.failed || !s->counts || !text ||
             json_object_set_new(metadata, s->values.data, json_string(text)) != 0;
    for (size_t id = 0; !rc && id < e->V; id++)
        s->counts[id] = (double)e->vocabulary->counts[id];
    free(text);
    json_decref(values);
    return rc ? odd_no_memory(err) : 0;
}

static int export_safetensors(const odd_embedding *tables, size_t count, bool counts,
                              const char *path, oddrow_error *err)
{
    stored *all = odd_alloc(count, sizeof *all);
    odd_stored *tensors = odd_alloc(2 * count, sizeof *tensors);
    json_t *metadata = json_pack("{s:s}", "format", "oddrow-embeddings");
    size_t made = 0;
    int rc = all && tensors && metadata ? 0 : odd_no_memory(err);
    for (size_t i = 0; !rc && i < count; i++) {
        const odd_embedding *e = &tables[i];
        rc = store(e, &all[i], metadata, err);
        if (counts)
            tensors[made++] = (odd_stored){all[i].count.data, ODD_F64, 1, {e->V}, all[i].counts};
        tensors[made++] = (odd_stored){all[i].embedding.data, ODD_F32, 2, {e->V, e->E}, e->vectors};
    }
    if (!rc)
        rc = odd_safetensors_write(path, tensors, made, metadata, err);
    for (size_t i = 0; all && i < count; i++) {
        odd_bytes_free(&all[i].values);
        odd_bytes_free(&all[i].count);
        odd_bytes_free(&all[i].embedding);
        odd_free(all[i].counts);
    }
    odd_free(all);
    odd_free(tensors);
    json_decref(metadata);
    return rc;
}

/* ---- several tables ---- */

/* DIRECTORY/COLUMN.ending */
static void file_name(odd_bytes *out, const char *directory, const char *column, const char *ending)
{
    odd_bytes_clear(out);
    odd_bytes_print(out, "%s/", directory);
    for (const char *c = column; *c; c++) {
        bool plain = (*c >= '0' && *c <= '9') || ((*c | 32) >= 'a' && (*c | 32) <= 'z') ||
                     *c == '_' || *c == '-' || (*c == '.' && c > column);
        odd_bytes_print(out, plain ? "%c" : "%%%02X", (unsigned char)*c);
    }
    odd_bytes_print(out, "%s", ending);
}

int odd_export(const odd_embedding *tables, size_t count, odd_table_format format, bool counts,
               const char *path, bool directory, oddrow_error *err)
{
    bool packed = format == ODD_TABLE_SAFETENSORS;
    const part *used[PARTS];
    odd_bytes name = {0};
    int rc = 0;
    if (strcmp(path, "-") == 0 && (packed || directory || parts_of(format, counts, used) > 1))
        return odd_fail(err, ODDROW_EINVAL, "%s and cannot go to standard output",
                        directory && !packed ? "several tables need a directory"
                                             : "this format needs a file");
    if (packed)
        return export_safetensors(tables, count, counts, path, err);
    if (!directory)
        return export_table(&tables[0], format, counts, path, err);
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return odd_fail(err, ODDROW_EIO, "%s: cannot make the directory: %s", path,
                        strerror(errno));
    for (size_t i = 0; !rc && i < count; i++) {
        file_name(&name, path, tables[i].name, formats[format].ending);
        rc = odd_bytes_check(&name, err);
        if (!rc)
            rc = export_table(&tables[i], format, counts, name.data, err);
    }
    odd_bytes_free(&name);
    return rc;
}
