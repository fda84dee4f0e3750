/* model/fields.h: JSON: texts of any bytes, and fields listed once for writing and for reading. */
#ifndef ODD_MODEL_FIELDS_H
#define ODD_MODEL_FIELDS_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/error.h"
#include "oddrow.h"

/* Parses `size` bytes, refusing keys that come twice. ODDROW_EFORMAT with "WHAT is not JSON: …", or
 * ODDROW_ENOMEM as far as jansson says so. */
int odd_json_parse(const char *text, size_t size, const char *what, json_t **out,
                   oddrow_error *err);

/* Text as a JSON string, or {"bytes": "6869ff"} when it is not UTF-8. NULL: out of memory. */
json_t *odd_text_to_json(const char *data, size_t size);

/* The reverse: appends to `out`. */
int odd_text_from_json(const json_t *json, odd_bytes *out, oddrow_error *err);

/* An object, or a list and its next item; borrowed. */
typedef struct odd_place {
    json_t *json;
    size_t item;
} odd_place;

/* The fields of an object. A function names them one after the other; each call writes *value under
 * its key, or reads and checks it, as `reading` says. In a list the key is NULL, and each call is
 * about the next item. The first failure stays in rc; the calls behind it do nothing. */
typedef struct odd_fields {
    odd_place at; /* where the next field is */
    bool reading;
    int rc;
    oddrow_error *err;
} odd_fields;

/* Whole numbers from low to high; any real number. */
void odd_field_whole(odd_fields *f, const char *key, uint64_t *value, uint64_t low, uint64_t high);
void odd_field_size(odd_fields *f, const char *key, size_t *value, size_t low, size_t high);
void odd_field_real(odd_fields *f, const char *key, double *value);
void odd_field_float(odd_fields *f, const char *key, float *value);

/* A short text that is a name: writes `name` and returns it, or returns the one that is there; ""
 * where there is none. */
const char *odd_field_name(odd_fields *f, const char *key, const char *name);

/* Writing: sets a value, which it takes over. NULL, as of an allocation that failed, fails. */
void odd_field_set(odd_fields *f, const char *key, json_t *value);

/* Goes into an object ('{') or list ('['), which writing makes. Returns the place before, which the
 * caller puts back into f->at. */
odd_place odd_fields_enter(odd_fields *f, const char *key, char bracket);

/* Reading: what was read will not do. The message as in odd_fail, with EFORMAT. */
void odd_fields_fail(odd_fields *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The object of new fields: writing from {0}, which the caller frees with json_decref. */
#define ODD_FIELDS_WRITE(object, error)                                                            \
    ((odd_fields){.at = {(object), 0}, .rc = (object) ? 0 : odd_no_memory(error), .err = (error)})
#define ODD_FIELDS_READ(object, error)                                                             \
    ((odd_fields){.at = {(json_t *)(object), 0}, .reading = true, .err = (error)})

#endif
