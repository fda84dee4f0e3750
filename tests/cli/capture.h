/* tests/cli/capture.h: what a piece of code prints on standard output or standard error. */
#ifndef ODD_TEST_CAPTURE_H
#define ODD_TEST_CAPTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct capture {
    FILE *stream, *file;
    int kept;
} capture;

static inline capture capture_start(FILE *stream)
{
    capture c = {stream, tmpfile(), 0};
    fflush(stream);
    c.kept = dup(fileno(stream));
    assert_non_null(c.file);
    assert_true(dup2(fileno(c.file), fileno(stream)) >= 0);
    return c;
}

/* The text, to be freed by the caller; the stream is as it was. */
static inline char *capture_end(capture *c)
{
    fflush(c->stream);
    dup2(c->kept, fileno(c->stream));
    close(c->kept);
    long size = (fseek(c->file, 0, SEEK_END), ftell(c->file));
    char *text = calloc((size_t)size + 1, 1);
    rewind(c->file);
    assert_int_equal(fread(text, 1, (size_t)size, c->file), size);
    fclose(c->file);
    return text;
}

#endif
