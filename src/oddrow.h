/* oddrow.h: the public API, the only installed header. */
#ifndef ODDROW_H
#define ODDROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ODDROW_API __attribute__((visibility("default")))

/* Result codes: every function that can fail returns 0 or one of these. */
enum {
    ODDROW_OK = 0,
    ODDROW_EINVAL = -1,  /* an argument or option out of its range */
    ODDROW_ENOMEM = -2,  /* out of memory */
    ODDROW_EIO = -3,     /* a file or pipe could not be read or written */
    ODDROW_EFORMAT = -4, /* a file's contents break its format */
    ODDROW_ESCHEMA = -5, /* data whose columns do not fit the model */
    ODDROW_ENUMERIC = -6 /* a loss or weight became not-a-number or infinite */
};

/* What went wrong, written by the lowest level that knows; callers may put file, line or column
 * in front of it. Passed last, may be NULL; the caller owns it and no memory hangs off it. */
typedef struct oddrow_error {
    int code;
    char message[1000];
} oddrow_error;

#ifdef __cplusplus
}
#endif
#endif
