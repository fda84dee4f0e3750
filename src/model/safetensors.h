/* model/safetensors.h: named tensors and a string of metadata in one file.
 *
 * The format (https://github.com/huggingface/safetensors, "Format"): 8 bytes little-endian size N
 * of the header; N bytes of JSON {"NAME": {"dtype", "shape", "data_offsets": [begin, end]}, …,
 * "__metadata__": {"KEY": "TEXT"}}; then the tensors, little-endian, row-major, without holes.
 * Reading trusts nothing: every size, offset, overlap and number is checked first. */
#ifndef ODD_MODEL_SAFETENSORS_H
#define ODD_MODEL_SAFETENSORS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "oddrow.h"

enum { ODD_TENSOR_MAX_DIMENSIONS = 4 };

typedef enum { ODD_F32, ODD_F64 } odd_dtype;

typedef struct odd_stored {
    const char *name;
    odd_dtype dtype;
    size_t dimensions;
    size_t shape[ODD_TENSOR_MAX_DIMENSIONS];
    const void *data; /* borrowed; aligned for its type */
} odd_stored;

typedef struct odd_safetensors odd_safetensors;

/* Elements of a tensor: the product of its shape. */
size_t odd_stored_count(const odd_stored *tensor);

/* Parses `size` bytes, which the result copies. All tensors are F32 or F64 with finite numbers. */
int odd_safetensors_parse(const void *bytes, size_t size, odd_safetensors **out, oddrow_error *err);

/* Reads a whole file; messages start with the path. */
int odd_safetensors_load(const char *path, odd_safetensors **out, oddrow_error *err);

void odd_safetensors_free(odd_safetensors **file);

/* The text under `key` in __metadata__, or NULL. Borrowed. */
const char *odd_safetensors_metadata(const odd_safetensors *file, const char *key);

/* A tensor by name, or NULL; and all of them in file order. Borrowed. */
const odd_stored *odd_safetensors_find(const odd_safetensors *file, const char *name);
size_t odd_safetensors_count(const odd_safetensors *file);
const odd_stored *odd_safetensors_at(const odd_safetensors *file, size_t index);

/* Writes tensors under a temporary name, syncs and renames. The header has them in this order; of
 * the data those of eight-byte numbers come first, so that all are aligned without holes. metadata:
 * an object of texts, borrowed. */
int odd_safetensors_write(const char *path, const odd_stored *tensors, size_t count,
                          json_t *metadata, oddrow_error *err);

/* The same with one entry of metadata. */
int odd_safetensors_save(const char *path, const odd_stored *tensors, size_t count, const char *key,
                         const char *metadata, oddrow_error *err);

#endif
