#include "tables/export.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "base/utf8.h"
#include "csv/write.h"
#include "model/fields.h"
#include "tables/npy.h"

enum { FLUSH = 1 << 20 };

/* Lines of one table into a file; `line` appends line `id`. */
typedef struct writer {
    const odd_embedding *e;
    bool counts;
    odd_bytes text; /* what is not written yet */
    odd_bytes cell;
} writer;

typedef int (*line_call)(writer *w, size_t id);

static int add_numbers(writer *w, size_t id, char before, char between)
{
    const float *vector = w->e->vectors + id * w->e->E;
    int rc = 0;
    for (size_t j = 0; j < w->e->E && !rc; j++) {
        char number[ODD_NUMBER_SIZE + 1];
        number[0] = j ? between : before;
        size_t size = odd_number_format(number + 1, (double)vector[j]);
        size_t from = number[0] ? 0 : 1;
        rc = odd_bytes_add(&w->text, number + from, size + 1 - from);
    }
    return rc ? rc : odd_bytes_add(&w->text, "\n", 1);
}

/* What stands in the text goes to the file, then the lines. */
static int write_file(writer *w, const char *path, line_call line, oddrow_error *err)
{
    odd_output *out = NULL;
    int rc = odd_output_open(path, &out, err);
    for (size_t id = 0; !rc && id < w->e->V; id++) {
        if (line(w, id))
            rc = odd_no_memory(err);
        if (!rc && w->text.size > FLUSH) {
            rc = odd_output_write(out, w->text.data, w->text.size, err);
            odd_bytes_clear(&w->text);
        }
    }
    if (!rc)
        rc = odd_output_write(out, w->text.data, w->text.size, err);
    odd_bytes_clear(&w->text);
    return odd_output_finish(&out, rc, err);
}

static int value_line(writer *w, size_t id)
{
    int rc = odd_embedding_spell(w->e, (uint32_t)id, ODD_AS_LINE, &w->text);
    return rc ? rc : odd_bytes_add(&w->text, "\n", 1);
}

/* ---- CSV ---- */

static int csv_field(writer *w)
{
    return odd_csv_write_field(&w->text, w->cell.data, w->cell.size, ',');
}

static int csv_header(writer *w)
{
    int rc = odd_bytes_print(&w->text, w->counts ? "value,count" : "value");
    for (size_t j = 0; j < w->e->E && !rc; j++) {
        odd_bytes_clear(&w->cell);
        rc = odd_spell(w->e->name, strlen(w->e->name), ODD_AS_IS, &w->cell);
        if (!rc)
            rc = odd_bytes_print(&w->cell, "[%zu]", j);
        if (!rc)
            rc = odd_bytes_add(&w->text, ",", 1);
        if (!rc)
            rc = csv_field(w);
    }
    return rc ? rc : odd_bytes_add(&w->text, "\n", 1);
}

static int csv_line(writer *w, size_t id)
{
    odd_bytes_clear(&w->cell);
    int rc = odd_embedding_spell(w->e, (uint32_t)id, ODD_AS_IS, &w->cell);
    if (!rc)
        rc = csv_field(w);
    if (!rc && w->counts)
        rc = odd_bytes_print(&w->text, ",%" PRIu64, w->e->vocabulary->counts[id]);
    return rc ? rc : add_numbers(w, id, ',', ',');
}

/* ---- word2vec ---- */

static int word_line(writer *w, size_t id)
{
    int rc = odd_embedding_spell(w->e, (uint32_t)id, ODD_AS_WORD, &w->text);
    return rc ? rc : add_numbers(w, id, ' ', ' ');
}

/* As the original program's -save-vocab writes and gensim's fvocab reads. */
static int vocab_line(writer *w, size_t id)
{
    int rc = odd_embedding_spell(w->e, (uint32_t)id, ODD_AS_WORD, &w->text);
    return rc ? rc : odd_bytes_print(&w->text, " %" PRIu64 "\n", w->e->vocabulary->counts[id]);
}

/* ---- projector ---- */

static int vector_line(writer *w, size_t id)
{
    return add_numbers(w, id, '\0', '\t');
}

/* A header stands there only where there are several columns: the projector's rule. */
static int metadata_line(writer *w, size_t id)
{
    int rc = w->counts && id == 0 ? odd_bytes_print(&w->text, "value\tcount\n") : 0;
    if (!rc)
        rc = odd_embedding_spell(w->e, (uint32_t)id, ODD_AS_LINE, &w->text);
    if (!rc && w->counts)
        rc = odd_bytes_print(&w->text, "\t%" PRIu64, w->e->vocabulary->counts[id]);
    return rc ? rc : odd_bytes_add(&w->text, "\n", 1);
}

/* ---- npy ---- */

static int binary_line(writer *w, size_t id)
{
    return odd_bytes_add(&w->text, w->e->vectors + id * w->e->E, w->e->E * sizeof(float));
}

static int count_line(writer *w, size_t id)
{
    return odd_bytes_add(&w->text, &w->e->vocabulary->counts[id], sizeof(uint64_t));
}

static int add_npy_header(writer *w, const char *descr, size_t cols, oddrow_error *err)
{
    char header[ODD_NPY_HEADER];
    odd_npy_header(header, descr, w->e->V, cols);
    return odd_bytes_add(&w->text, header, sizeof header) ? odd_no_memory(err) : 0;
}

/* ---- one table ---- */

/* path without `ending`, with `other` in its place. */
static int beside(odd_bytes *out, const char *path, const char *ending, const char *other,
                  oddrow_error *err)
{
    size_t size = strlen(path), cut = strlen(ending);
    if (size > cut && strcmp(path + size - cut, ending) == 0)
        size -= cut;
    odd_bytes_clear(out);
    if (odd_bytes_add(out, path, size) || odd_bytes_add(out, other, strlen(other) + 1))
        return odd_no_memory(err);
    return 0;
}

static int export_npy(writer *w, const char *path, odd_bytes *name, oddrow_error *err)
{
    int rc = add_npy_header(w, "<f4", w->e->E, err);
    if (!rc)
        rc = write_file(w, path, binary_line, err);
    if (!rc)
        rc = beside(name, path, ".npy", ".txt", err);
    if (!rc)
        rc = write_file(w, name->data, value_line, err);
    if (rc || !w->counts)
        return rc;
    rc = beside(name, path, ".npy", ".counts.npy", err);
    if (!rc)
        rc = add_npy_header(w, "<i8", 0, err);
    return rc ? rc : write_file(w, name->data, count_line, err);
}

static int export_word2vec(writer *w, const char *path, odd_bytes *name, oddrow_error *err)
{
    if (odd_bytes_print(&w->text, "%zu %zu\n", w->e->V, w->e->E))
        return odd_no_memory(err);
    int rc = write_file(w, path, word_line, err);
    if (rc || !w->counts)
        return rc;
    rc = beside(name, path, "", ".vocab", err);
    return rc ? rc : write_file(w, name->data, vocab_line, err);
}

static int export_projector(writer *w, const char *path, odd_bytes *name, oddrow_error *err)
{
    int rc = beside(name, path, ".tsv", ".vectors.tsv", err);
    if (!rc)
        rc = write_file(w, name->data, vector_line, err);
    if (!rc)
        rc = beside(name, path, ".tsv", ".metadata.tsv", err);
    return rc ? rc : write_file(w, name->data, metadata_line, err);
}

int odd_export_table(const odd_embedding *e, odd_table_format format, bool counts, const char *path,
                     oddrow_error *err)
{
    writer w = {.e = e, .counts = counts};
    odd_bytes name = {0};
    int rc = 0;
    bool one_file = format == ODD_TABLE_CSV || (format == ODD_TABLE_WORD2VEC && !counts);
    if (strcmp(path, "-") == 0 && !one_file)
        return odd_fail(err, ODDROW_EINVAL,
                        "this format cannot go to standard output: give -o a path");
    switch (format) {
    case ODD_TABLE_NPY:
        rc = export_npy(&w, path, &name, err);
        break;
    case ODD_TABLE_CSV:
        rc = csv_header(&w) ? odd_no_memory(err) : write_file(&w, path, csv_line, err);
        break;
    case ODD_TABLE_WORD2VEC:
        rc = export_word2vec(&w, path, &name, err);
        break;
    case ODD_TABLE_PROJECTOR:
        rc = export_projector(&w, path, &name, err);
        break;
    case ODD_TABLE_SAFETENSORS:
        rc = odd_export_safetensors(e, 1, counts, path, err);
        break;
    }
    odd_bytes_free(&w.text);
    odd_bytes_free(&w.cell);
    odd_bytes_free(&name);
    return rc;
}

/* ---- safetensors ---- */

static json_t *values_json(const odd_embedding *e)
{
    json_t *list = json_array();
    odd_bytes name = {0};
    const odd_vocabulary *v = e->vocabulary;
    for (size_t id = 0; list && id < e->V; id++) {
        odd_span text = odd_vocabulary_text(v, (uint32_t)id);
        bool named = id == 0 || id == v->missing_id || id == v->rare_id;
        odd_bytes_clear(&name);
        /* a text that reads like a name is spelled with its backslash; others stand as they are */
        bool spelled = named || (text.size > 0 && text.data[0] == '(');
        int rc = spelled ? odd_embedding_spell(e, (uint32_t)id, ODD_AS_IS, &name) : 0;
        odd_span meant = spelled ? (odd_span){name.data, name.size} : text;
        json_t *item = rc ? NULL : odd_text_to_json(meant.data, meant.size);
        if (json_array_append_new(list, item) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    odd_bytes_free(&name);
    return list;
}

/* The column's name where it is UTF-8, else column_N, as in model files. */
static int tensor_name(const odd_embedding *e, const char *before, odd_bytes *out)
{
    odd_bytes_clear(out);
    if (odd_utf8_valid(e->name, strlen(e->name)))
        return odd_bytes_print(out, "%s%s", before, e->name);
    return odd_bytes_print(out, "%scolumn_%zu", before, e->column + 1);
}

static int add_entry(json_t *header, const char *name, const char *type, json_t *shape, size_t from,
                     size_t size)
{
    size_t end = from + size;
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", type, "shape", shape, "data_offsets",
                              (json_int_t)from, (json_int_t)end);
    return entry ? json_object_set_new(header, name, entry) : -1;
}

/* Where the next tensors lie: counts first, in eight bytes each, so that all are aligned without
 * holes, which the format forbids. */
typedef struct offsets {
    size_t counts, vectors;
} offsets;

/* A table's entries in the header. */
static int add_table(json_t *header, const odd_embedding *e, bool counts, offsets *at,
                     odd_bytes *name)
{
    json_t *metadata = json_object_get(header, "__metadata__"), *values = values_json(e);
    char *text = values ? json_dumps(values, JSON_COMPACT) : NULL;
    size_t vectors = e->V * e->E * sizeof(float);
    int rc = text && !tensor_name(e, "values.", name)
                 ? json_object_set_new(metadata, name->data, json_string(text))
                 : -1;
    free(text);
    json_decref(values);
    if (!rc && counts) {
        rc = tensor_name(e, "count.", name);
        if (!rc)
            rc = add_entry(header, name->data, "F64", json_pack("[I]", (json_int_t)e->V),
                           at->counts, e->V * sizeof(double));
        at->counts += e->V * sizeof(double);
    }
    if (!rc)
        rc = tensor_name(e, "embedding.", name);
    if (!rc)
        rc = add_entry(header, name->data, "F32",
                       json_pack("[I, I]", (json_int_t)e->V, (json_int_t)e->E), at->vectors,
                       vectors);
    at->vectors += vectors;
    return rc;
}

/* The header with its length in front, padded to a multiple of eight bytes. */
static int header_bytes(const odd_embedding *tables, size_t count, bool counts, odd_bytes *out)
{
    json_t *header = json_pack("{s:{s:s}}", "__metadata__", "format", "oddrow-embeddings");
    odd_bytes name = {0};
    offsets at = {0};
    int rc = header ? 0 : -1;
    for (size_t i = 0; counts && i < count; i++)
        at.vectors += tables[i].V * sizeof(double);
    for (size_t i = 0; !rc && i < count; i++)
        rc = add_table(header, &tables[i], counts, &at, &name);
    char *text = rc ? NULL : json_dumps(header, JSON_COMPACT);
    if (text) {
        size_t size = strlen(text), padded = (size + 7) / 8 * 8;
        unsigned char prefix[8];
        for (int i = 0; i < 8; i++)
            prefix[i] = (unsigned char)((uint64_t)padded >> 8 * i);
        rc = odd_bytes_add(out, prefix, sizeof prefix) || odd_bytes_add(out, text, size) ||
             odd_bytes_add(out, "       ", padded - size);
    }
    bool made = text && !rc;
    free(text);
    json_decref(header);
    odd_bytes_free(&name);
    return made ? 0 : ODDROW_ENOMEM;
}

static int write_tensors(odd_output *out, const odd_embedding *tables, size_t count, bool counts,
                         oddrow_error *err)
{
    int rc = 0;
    for (size_t i = 0; counts && i < count; i++)
        for (size_t id = 0; !rc && id < tables[i].V; id++) {
            double number = (double)tables[i].vocabulary->counts[id];
            rc = odd_output_write(out, &number, sizeof number, err);
        }
    for (size_t i = 0; !rc && i < count; i++)
        rc = odd_output_write(out, tables[i].vectors, tables[i].V * tables[i].E * sizeof(float),
                              err);
    return rc;
}

int odd_export_safetensors(const odd_embedding *tables, size_t count, bool counts, const char *path,
                           oddrow_error *err)
{
    odd_bytes header = {0};
    odd_output *out = NULL;
    if (strcmp(path, "-") == 0)
        return odd_fail(err, ODDROW_EINVAL,
                        "this format cannot go to standard output: give -o a path");
    int rc = header_bytes(tables, count, counts, &header) ? odd_no_memory(err) : 0;
    if (!rc)
        rc = odd_output_open(path, &out, err);
    if (!rc)
        rc = odd_output_write(out, header.data, header.size, err);
    if (!rc)
        rc = write_tensors(out, tables, count, counts, err);
    odd_bytes_free(&header);
    return odd_output_finish(&out, rc, err);
}

/* ---- several tables ---- */

/* DIRECTORY/COLUMN.ending */
static int file_name(odd_bytes *out, const char *directory, const char *column, const char *ending)
{
    odd_bytes_clear(out);
    int rc = odd_bytes_print(out, "%s/", directory);
    for (size_t i = 0; column[i] && !rc; i++) {
        char c = column[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' ||
                     c == '-' || (c == '.' && i > 0);
        rc = plain ? odd_bytes_add(out, &c, 1)
                   : odd_bytes_print(out, "%%%02X", (unsigned char)column[i]);
    }
    return rc ? rc : odd_bytes_add(out, ending, strlen(ending) + 1);
}

int odd_export_directory(const odd_embedding *tables, size_t count, odd_table_format format,
                         bool counts, const char *path, oddrow_error *err)
{
    static const char *const endings[] = {".npy", ".csv", ".vec", ".tsv", ".safetensors"};
    odd_bytes name = {0};
    int rc = 0;
    if (strcmp(path, "-") == 0)
        return odd_fail(err, ODDROW_EINVAL,
                        "several tables cannot go to standard output: name one column, or give -o "
                        "a directory");
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return odd_fail(err, ODDROW_EIO, "%s: cannot make the directory: %s", path,
                        strerror(errno));
    for (size_t i = 0; !rc && i < count; i++) {
        rc = file_name(&name, path, tables[i].name, endings[format]) ? odd_no_memory(err) : 0;
        if (!rc)
            rc = odd_export_table(&tables[i], format, counts, name.data, err);
    }
    odd_bytes_free(&name);
    return rc;
}
