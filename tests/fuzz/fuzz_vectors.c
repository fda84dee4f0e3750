/* Any bytes as a text of vectors: either vectors as wide as was said, each value once, or an error
 * with its place. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tables/vectors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct seen {
    size_t width, count;
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
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    seen s = {0};
    const odd_word_sink sink = {width, take, &s};
    oddrow_error err = {0};
    odd_input *input = NULL;
    if (odd_input_open_memory("text", data, size, &input, &err))
        return 0;
    int rc = odd_word_vectors_read(input, &sink, &err);
    odd_input_free(&input);
    if (rc ? err.code != rc || strncmp(err.message, "text:", 5) != 0 : s.count == 0)
        abort();
    return 0;
}
