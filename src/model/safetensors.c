/* model/safetensors.c: reads a file of tensors and distrusts it; writes one. */
#include "model/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "model/fields.h"

enum { PREFIX = 8 };
/* A header is vocabularies and names: 1 GiB is absurd. */
static const uint64_t MAX_HEADER = 1u << 30;

struct odd_safetensors {
    json_t *header; /* owns the names and the metadata text */
    char *data;
    size_t data_size;
    odd_stored *tensors; /* by rising offset */
    size_t count;
};

static size_t dtype_size(odd_dtype dtype)
{
    return dtype == ODD_F32 ? sizeof(float) : sizeof(double);
}

size_t odd_stored_count(const odd_stored *tensor)
{
    size_t count = 1;
    for (size_t i = 0; i < tensor->dimensions; i++)
        count *= tensor->shape[i];
    return count;
}

void odd_safetensors_free(odd_safetensors **file)
{
    if (!file || !*file)
        return;
    json_decref((*file)->header);
    odd_free((*file)->data);
    odd_free((*file)->tensors);
    odd_free(*file);
    *file = NULL;
}

static int read_shape(const char *name, const json_t *shape, odd_stored *tensor, oddrow_error *err)
{
    size_t total = 1;
    if (!json_is_array(shape) || json_array_size(shape) > ODD_TENSOR_MAX_DIMENSIONS)
        return odd_fail(err, ODDROW_EFORMAT, "tensor %s: shape is not a list of at most %d sizes",
                        name, ODD_TENSOR_MAX_DIMENSIONS);
    tensor->dimensions = json_array_size(shape);
    for (size_t i = 0; i < tensor->dimensions; i++) {
        const json_t *item = json_array_get(shape, i);
        json_int_t value = json_integer_value(item);
        if (!json_is_integer(item) || value < 0 || value > INT_MAX)
            return odd_fail(err, ODDROW_EFORMAT, "tensor %s: bad size in shape", name);
        tensor->shape[i] = (size_t)value;
        if (__builtin_mul_overflow(total, (size_t)value, &total))
            return odd_fail(err, ODDROW_EFORMAT, "tensor %s: shape is too large", name);
    }
    return 0;
}

static int read_tensor(const char *name, const json_t *entry, size_t data_size, odd_stored *tensor,
                       size_t *begin, oddrow_error *err)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const json_t *offsets = json_object_get(entry, "data_offsets");
    if (!json_is_object(entry) || !dtype || json_array_size(offsets) != 2 ||
        !json_is_integer(json_array_get(offsets, 0)) ||
        !json_is_integer(json_array_get(offsets, 1)))
        return odd_fail(err, ODDROW_EFORMAT, "tensor %s: needs dtype, shape and data_offsets",
                        name);
    if (strcmp(dtype, "F32") != 0 && strcmp(dtype, "F64") != 0)
        return odd_fail(err, ODDROW_EFORMAT, "tensor %s: dtype %.20s is not F32 or F64", name,
                        dtype);
    tensor->name = name;
    tensor->dtype = strcmp(dtype, "F32") == 0 ? ODD_F32 : ODD_F64;
    int rc = read_shape(name, json_object_get(entry, "shape"), tensor, err);
    if (rc)
        return rc;
    json_int_t first = json_integer_value(json_array_get(offsets, 0));
    json_int_t last = json_integer_value(json_array_get(offsets, 1));
    size_t bytes;
    if (first < 0 || last < first || (uint64_t)last > data_size)
        return odd_fail(err, ODDROW_EFORMAT,
                        "tensor %s: offsets %" PRId64 " to %" PRId64 " lie outside the %zu bytes",
                        name, (int64_t)first, (int64_t)last, data_size);
    if (__builtin_mul_overflow(odd_stored_count(tensor), dtype_size(tensor->dtype), &bytes) ||
        bytes != (size_t)(last - first))
        return odd_fail(err, ODDROW_EFORMAT, "tensor %s: its offsets do not match its shape", name);
    if ((size_t)first % dtype_size(tensor->dtype) != 0)
        return odd_fail(err, ODDROW_EFORMAT, "tensor %s: offset is not aligned", name);
    *begin = (size_t)first;
    return 0;
}

static int check_finite(const odd_stored *tensor, oddrow_error *err)
{
    size_t count = odd_stored_count(tensor);
    for (size_t i = 0; i < count; i++) {
        double value = tensor->dtype == ODD_F32 ? (double)((const float *)tensor->data)[i]
                                                : ((const double *)tensor->data)[i];
        if (!isfinite(value))
            return odd_fail(err, ODDROW_EFORMAT, "tensor %s: number %zu is not finite",
                            tensor->name, i);
    }
    return 0;
}

static int by_offset(const void *a, const void *b)
{
    const odd_stored *x = a, *y = b;
    if (x->data != y->data)
        return (const char *)x->data < (const char *)y->data ? -1 : 1;
    return (odd_stored_count(x) > 0) - (odd_stored_count(y) > 0); /* empty ones first */
}

/* The tensors must tile the data: nothing shared, nothing left out. */
static int check_tiling(odd_safetensors *file, oddrow_error *err)
{
    size_t expected = 0;
    qsort(file->tensors, file->count, sizeof *file->tensors, by_offset);
    for (size_t i = 0; i < file->count; i++) {
        const odd_stored *tensor = &file->tensors[i];
        size_t begin = (size_t)((const char *)tensor->data - file->data);
        if (begin != expected)
            return odd_fail(err, ODDROW_EFORMAT, "tensor %s: %s the tensor before it", tensor->name,
                            begin < expected ? "overlaps" : "leaves a hole after");
        expected = begin + odd_stored_count(tensor) * dtype_size(tensor->dtype);
    }
    if (expected != file->data_size)
        return odd_fail(err, ODDROW_EFORMAT, "%zu bytes after the last tensor",
                        file->data_size - expected);
    return 0;
}

static int read_header(odd_safetensors *file, const char *text, size_t size, oddrow_error *err)
{
    int rc = odd_json_parse(text, size, "header", &file->header, err);
    if (rc)
        return rc;
    if (!json_is_object(file->header))
        return odd_fail(err, ODDROW_EFORMAT, "header is not a JSON object");
    file->tensors = odd_alloc(json_object_size(file->header) + 1, sizeof *file->tensors);
    if (!file->tensors)
        return odd_no_memory(err);
    const char *name;
    json_t *entry;
    json_object_foreach(file->header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        size_t begin = 0;
        odd_stored *tensor = &file->tensors[file->count];
        rc = read_tensor(name, entry, file->data_size, tensor, &begin, err);
        if (rc)
            return rc;
        tensor->data = file->data + begin;
        rc = check_finite(tensor, err);
        if (rc)
            return rc;
        file->count++;
    }
    return check_tiling(file, err);
}

int odd_safetensors_parse(const void *bytes, size_t size, odd_safetensors **out, oddrow_error *err)
{
    const unsigned char *prefix = bytes;
    uint64_t header_size = 0;
    *out = NULL;
    if (size < PREFIX)
        return odd_fail(err, ODDROW_EFORMAT, "%zu bytes are too few for a safetensors file", size);
    for (int i = PREFIX - 1; i >= 0; i--)
        header_size = header_size << 8 | prefix[i];
    if (header_size > MAX_HEADER || header_size > size - PREFIX)
        return odd_fail(err, ODDROW_EFORMAT,
                        "header of %" PRIu64
                        " bytes in a file of %zu: truncated, or not safetensors",
                        header_size, size);
    odd_safetensors *file = *out = odd_alloc(1, sizeof *file);
    if (!file)
        return odd_no_memory(err);
    file->data_size = size - PREFIX - (size_t)header_size;
    file->data = odd_alloc(file->data_size + 1, 1);
    int rc = file->data ? 0 : odd_no_memory(err);
    if (!rc) {
        memcpy(file->data, (const char *)bytes + PREFIX + header_size, file->data_size);
        rc = read_header(file, (const char *)bytes + PREFIX, (size_t)header_size, err);
    }
    if (rc)
        odd_safetensors_free(out);
    return rc;
}

static int read_all(const char *path, char **bytes, size_t *size, oddrow_error *err)
{
    struct stat info = {0};
    ssize_t got = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
    bool there = fd >= 0 && fstat(fd, &info) == 0;
    if (there && !S_ISREG(info.st_mode))
        rc = odd_fail(err, ODDROW_EIO, "not a regular file");
    else if (there && !(*bytes = odd_alloc((size_t)info.st_size + 1, 1)))
        rc = odd_no_memory(err);
    else if (!there || (got = odd_read(fd, *bytes, (size_t)info.st_size)) < 0)
        rc = odd_fail(err, ODDROW_EIO, "%s", strerror(errno));
    *size = got < 0 ? 0 : (size_t)got; /* less than st_size where it shrank: judged as it is */
    if (fd >= 0)
        close(fd);
    return rc;
}

int odd_safetensors_load(const char *path, odd_safetensors **out, oddrow_error *err)
{
    char *bytes = NULL;
    size_t size = 0;
    *out = NULL;
    int rc = read_all(path, &bytes, &size, err);
    if (!rc)
        rc = odd_safetensors_parse(bytes, size, out, err);
    odd_free(bytes);
    return odd_prefix(err, rc, "%s: ", path);
}

const char *odd_safetensors_metadata(const odd_safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

const odd_stored *odd_safetensors_find(const odd_safetensors *file, const char *name)
{
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->tensors[i].name, name) == 0)
            return &file->tensors[i];
    return NULL;
}

size_t odd_safetensors_count(const odd_safetensors *file)
{
    return file->count;
}

const odd_stored *odd_safetensors_at(const odd_safetensors *file, size_t index)
{
    return index < file->count ? &file->tensors[index] : NULL;
}

/* Bytes of its numbers. */
static size_t bytes_of(const odd_stored *tensor)
{
    return odd_stored_count(tensor) * dtype_size(tensor->dtype);
}

/* What the header says of one tensor, whose data begin at `offset`. NULL: out of memory. */
static json_t *entry_of(const odd_stored *tensor, size_t offset)
{
    json_t *shape = json_array();
    for (size_t d = 0; d < tensor->dimensions; d++)
        json_array_append_new(shape, json_integer((json_int_t)tensor->shape[d]));
    size_t end = offset + bytes_of(tensor);
    json_t *entry =
        json_pack("{s:s, s:O, s:[I, I]}", "dtype", tensor->dtype == ODD_F32 ? "F32" : "F64",
                  "shape", shape, "data_offsets", (json_int_t)offset, (json_int_t)end);
    bool whole = json_array_size(shape) == tensor->dimensions;
    json_decref(shape);
    if (whole)
        return entry;
    json_decref(entry);
    return NULL;
}

/* The header text, padded with blanks so that the data starts on a multiple of eight bytes. */
static int header_text(const odd_stored *tensors, size_t count, json_t *metadata, odd_bytes *out,
                       oddrow_error *err)
{
    size_t next[] = {[ODD_F64] = 0, [ODD_F32] = 0}; /* where the next data of a kind begin */
    for (size_t i = 0; i < count; i++)
        next[ODD_F32] += tensors[i].dtype == ODD_F64 ? bytes_of(&tensors[i]) : 0;
    json_t *header = json_pack("{s:O}", "__metadata__", metadata);
    bool whole = header != NULL;
    for (size_t i = 0; whole && i < count; i++) {
        size_t *offset = &next[tensors[i].dtype];
        whole = !json_object_set_new(header, tensors[i].name, entry_of(&tensors[i], *offset));
        *offset += bytes_of(&tensors[i]);
    }
    char *text = whole ? json_dumps(header, JSON_COMPACT) : NULL;
    size_t size = text ? strlen(text) : 0, padded = (size + 7) / 8 * 8;
    for (int i = 0; i < PREFIX; i++)
        odd_bytes_char(out, (char)((uint64_t)padded >> 8 * i & 255));
    odd_bytes_add(out, text, size);
    odd_bytes_add(out, "       ", padded - size);
    int rc = text ? odd_bytes_check(out, err) : odd_no_memory(err);
    json_decref(header);
    free(text);
    return rc;
}

int odd_safetensors_write(const char *path, const odd_stored *tensors, size_t count,
                          json_t *metadata, oddrow_error *err)
{
    static const odd_dtype order[] = {ODD_F64, ODD_F32};
    odd_bytes header = {0};
    odd_output *output = NULL;
    int rc = header_text(tensors, count, metadata, &header, err);
    if (!rc)
        rc = odd_output_open(path, &output, err);
    if (!rc)
        rc = odd_output_write(output, header.data, header.size, err);
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t i = 0; !rc && i < count; i++)
            if (tensors[i].dtype == order[pass])
                rc = odd_output_write(output, tensors[i].data, bytes_of(&tensors[i]), err);
    odd_bytes_free(&header);
    return odd_output_finish(&output, rc, err);
}

int odd_safetensors_save(const char *path, const odd_stored *tensors, size_t count, const char *key,
                         const char *metadata, oddrow_error *err)
{
    json_t *entries = json_pack("{s:s}", key, metadata);
    int rc =
        entries ? odd_safetensors_write(path, tensors, count, entries, err) : odd_no_memory(err);
    json_decref(entries);
    return rc;
}
