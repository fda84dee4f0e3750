/* Any bytes as a text of vectors, cut in two anywhere: either vectors as wide as was said, each
 * value once, or an error with its place; and the same whichever way it is cut. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tables/vectors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct seen {
    size_t width, count, bytes;
} seen;

static int width(void *context, size_t n, oddrow_error *err)
{
    seen *s = context;
    (void)err;
    if (n == 0 || s->width)
        abort();
    s->width = n;
    return 0;
}

static int take(void *context, const char *value, size_t size, const float *vector,
                oddrow_error *err)
{
    seen *s = context;
    (void)err;
    if (size == 0 || memchr(value, 0, size) || s->width == 0)
        abort();
    for (size_t i = 0; i < s->width; i++)
        if (!isfinite(vector[i]))
            abort();
    s->count++;
    s->bytes += size;
    return 0;
}

static int parse(const char *text, size_t size, size_t cut, seen *out, oddrow_error *err)
{
    const odd_vectors_sink sink = {width, take, out};
    odd_vectors *v = NULL;
    int rc = odd_vectors_new(&sink, &v, err);
    if (!rc)
        rc = odd_vectors_feed(v, text, cut, err);
    if (!rc)
        rc = odd_vectors_feed(v, text + cut, size - cut, err);
    if (!rc)
        rc = odd_vectors_end(v, err);
    odd_vectors_free(&v);
    if (rc && (err->code != rc || err->message[0] < '0' || err->message[0] > '9'))
        abort();
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    seen a = {0}, b = {0};
    oddrow_error err[2] = {{0}};
    size_t cut = size ? data[0] % size : 0;
    int whole = parse((const char *)data, size, size, &a, &err[0]);
    int parts = parse((const char *)data, size, cut, &b, &err[1]);
    if (whole != parts || memcmp(&a, &b, sizeof a) != 0 ||
        strcmp(err[0].message, err[1].message) != 0 || (!whole && a.count == 0))
        abort();
    return 0;
}
