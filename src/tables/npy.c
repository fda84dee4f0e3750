/* tables/npy.c: headers written and read; vectors mapped with their texts. */
#include "tables/npy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

enum { MAGIC = 6, LONGEST_HEADER = 1 << 16, STEP = 1024 /* lines between two marks */ };
static const char magic[MAGIC + 1] = "\x93NUMPY";

void odd_npy_header(char out[ODD_NPY_HEADER], const char *descr, uint64_t rows, size_t cols)
{
    enum { PREFIX = MAGIC + 4, DICTIONARY = ODD_NPY_HEADER - PREFIX };
    char text[DICTIONARY + 1], second[32] = "";
    if (cols)
        snprintf(second, sizeof second, " %zu", cols);
    int size = snprintf(text, sizeof text,
                        "{'descr': '%s', 'fortran_order': False, 'shape': (%" PRIu64 ",%s), }",
                        descr, rows, second);
    memset(out, ' ', ODD_NPY_HEADER);
    memcpy(out, magic, MAGIC);
    out[MAGIC] = 1;
    out[MAGIC + 1] = 0;
    out[MAGIC + 2] = DICTIONARY; /* the header ends on a multiple of 64, as the format asks */
    out[MAGIC + 3] = 0;
    memcpy(out + PREFIX, text, (size_t)size);
    out[ODD_NPY_HEADER - 1] = '\n';
}

/* What stands behind 'key': in the header, blanks skipped; NULL when the key is not there. */
static const char *value_of(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    if (!at)
        return NULL;
    at += strlen(key);
    at += strspn(at, " ");
    if (*at != ':')
        return NULL;
    at++;
    return at + strspn(at, " ");
}

static bool read_size(const char **at, size_t *out)
{
    char *end;
    if (**at < '0' || **at > '9')
        return false;
    errno = 0;
    unsigned long long number = strtoull(*at, &end, 10);
    *at = end + strspn(end, " ");
    *out = (size_t)number;
    return errno == 0;
}

/* (rows, cols) */
static bool read_shape(const char *at, size_t *rows, size_t *cols)
{
    if (*at != '(')
        return false;
    at++;
    at += strspn(at, " ");
    if (!read_size(&at, rows) || *at != ',')
        return false;
    at++;
    at += strspn(at, " ");
    if (!read_size(&at, cols))
        return false;
    if (*at == ',')
        at++;
    return at[strspn(at, " ")] == ')';
}

int odd_npy_parse(const char *bytes, size_t size, size_t *rows, size_t *cols, size_t *offset,
                  oddrow_error *err)
{
    const unsigned char *b = (const unsigned char *)bytes;
    if (size < MAGIC + 6 || memcmp(bytes, magic, MAGIC) != 0)
        return odd_fail(err, ODDROW_EFORMAT, "not a .npy file");
    int version = b[MAGIC];
    if (version < 1 || version > 3)
        return odd_fail(err, ODDROW_EFORMAT, ".npy version %d is not 1, 2 or 3", version);
    size_t start = version == 1 ? MAGIC + 4 : MAGIC + 6;
    size_t length = (size_t)b[MAGIC + 2] | (size_t)b[MAGIC + 3] << 8;
    if (version > 1)
        length |= (size_t)b[MAGIC + 4] << 16 | (size_t)b[MAGIC + 5] << 24;
    if (length > LONGEST_HEADER || length > size - start)
        return odd_fail(err, ODDROW_EFORMAT, ".npy header of %zu bytes: truncated, or too long",
                        length);
    char *text = odd_copy(bytes + start, length);
    if (!text)
        return odd_no_memory(err);
    const char *descr = value_of(text, "'descr'"), *order = value_of(text, "'fortran_order'"),
               *shape = value_of(text, "'shape'");
    int rc = 0;
    if (!descr || !order || !shape)
        rc = odd_fail(err, ODDROW_EFORMAT, ".npy header without descr, fortran_order or shape");
    else if (strncmp(descr, "'<f4'", 5) != 0)
        rc =
            odd_fail(err, ODDROW_EFORMAT, "its numbers are %.8s; '<f4' (float32) is needed", descr);
    else if (strncmp(order, "False", 5) != 0)
        rc = odd_fail(err, ODDROW_EFORMAT, "its array is in Fortran order; C order is needed");
    else if (!read_shape(shape, rows, cols) || *cols == 0)
        rc = odd_fail(err, ODDROW_EFORMAT, "its array has not two dimensions");
    odd_free(text);
    *offset = start + length;
    return rc;
}

/* ---- mapped files ---- */

bool odd_npy_is(const char *path)
{
    char start[MAGIC];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is = fd >= 0 && read(fd, start, MAGIC) == MAGIC && memcmp(start, magic, MAGIC) == 0;
    if (fd >= 0)
        close(fd);
    return is;
}

/* The whole of a regular file; an empty one is NULL with size 0. */
static int map_file(const char *path, void **out, size_t *size, oddrow_error *err)
{
    struct stat info;
    int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *out = NULL;
    *size = 0;
    if (fd < 0 || fstat(fd, &info) != 0) {
        rc = odd_fail(err, ODDROW_EIO, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(info.st_mode)) {
        rc = odd_fail(err, ODDROW_EIO, "%s: not a regular file", path);
    } else if (info.st_size > 0) {
        *size = (size_t)info.st_size;
        void *map = mmap(NULL, *size, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
            rc = odd_fail(err, ODDROW_EIO, "%s: cannot map: %s", path, strerror(errno));
        else
            *out = map;
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

static odd_span line_at(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    return (odd_span){at, (size_t)((newline ? newline : end) - at)};
}

/* Counts the lines, one a row, and marks every STEP-th of them. */
static int check_lines(odd_vectors *v, const char *path, oddrow_error *err)
{
    size_t lines = 0;
    v->marks = odd_alloc(v->rows / STEP + 1, sizeof *v->marks);
    if (!v->marks)
        return odd_no_memory(err);
    for (const char *at = v->text, *end = at + v->text_size; at < end; lines++) {
        if (lines % STEP == 0 && lines <= v->rows)
            v->marks[lines / STEP] = at;
        at += line_at(at, end).size + 1;
    }
    if (lines == v->rows)
        return 0;
    return odd_fail(err, ODDROW_EFORMAT, "%s: %zu lines for %zu vectors", path, lines, v->rows);
}

/* X.txt for X.npy, where there is one. */
static int open_texts(const char *path, odd_vectors *v, oddrow_error *err)
{
    odd_bytes name = {0};
    size_t size = strlen(path) - (odd_path_ends(path, ".npy") && path[4] ? 4 : 0);
    odd_bytes_print(&name, "%.*s.txt", (int)size, path);
    int rc = odd_bytes_check(&name, err);
    if (!rc && access(name.data, F_OK) == 0) {
        rc = map_file(name.data, &v->text_map, &v->text_size, err);
        v->text = v->text_map ? v->text_map : "";
        if (!rc)
            rc = check_lines(v, name.data, err);
    }
    odd_bytes_free(&name);
    return rc;
}

int odd_vectors_open(const char *path, odd_vectors *out, oddrow_error *err)
{
    size_t offset = 0, bytes = 0;
    *out = (odd_vectors){0};
    int rc = map_file(path, &out->map, &out->map_size, err);
    if (rc)
        return rc;
    rc = odd_npy_parse(out->map ? out->map : "", out->map_size, &out->rows, &out->width, &offset,
                       err);
    if (!rc &&
        (__builtin_mul_overflow(out->rows, out->width, &bytes) ||
         __builtin_mul_overflow(bytes, sizeof(float), &bytes) || bytes > out->map_size - offset))
        rc = odd_fail(err, ODDROW_EFORMAT, "%zu x %zu floats are more than the file holds",
                      out->rows, out->width);
    if (!rc && offset % sizeof(float) != 0)
        rc = odd_fail(err, ODDROW_EFORMAT, "its numbers are not aligned");
    rc = odd_prefix(err, rc, "%s: ", path);
    if (!rc) {
        out->data = (const float *)((const char *)out->map + offset);
        madvise(out->map, out->map_size, MADV_WILLNEED); /* an advice: it may be refused */
        rc = open_texts(path, out, err);
    }
    if (rc)
        odd_vectors_close(out);
    return rc;
}

void odd_vectors_close(odd_vectors *v)
{
    if (v->map)
        munmap(v->map, v->map_size);
    if (v->text_map)
        munmap(v->text_map, v->text_size);
    odd_free(v->marks);
    *v = (odd_vectors){0};
}

int odd_vectors_find(const odd_vectors *v, const char *value, size_t size, size_t *row,
                     oddrow_error *err)
{
    if (!v->text)
        return odd_fail(err, ODDROW_ESCHEMA, "there is no .txt of values beside the vectors");
    const char *at = v->text, *end = at + v->text_size;
    for (*row = 0; at < end; ++*row) {
        odd_span line = line_at(at, end);
        if (line.size == size && memcmp(line.data, value, size) == 0)
            return 0;
        at += line.size + 1;
    }
    return odd_fail(err, ODDROW_ESCHEMA, "no value '%.*s' in the .txt beside the vectors",
                    (int)(size < 200 ? size : 200), value);
}

odd_span odd_vectors_text(const odd_vectors *v, size_t row)
{
    if (!v->text || row >= v->rows)
        return (odd_span){"", 0};
    const char *at = v->marks[row / STEP], *end = v->text + v->text_size;
    for (row %= STEP; row > 0; row--)
        at += line_at(at, end).size + 1;
    return line_at(at, end);
}
