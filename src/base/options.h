/* base/options.h: options of a room as one list, from which its struct, its defaults and the rows
 * of pipeline/table.c are made.
 *
 * A list is a macro of the room's header, a row an option:
 *
 *     #define ODD_SCORE_OPTIONS(X)                                                                \
 *         X(size_t, top, 0, COUNT, "top", SCORE, .high = 1e8, .value = "N", .help = "…")
 *
 * with the field's type, name and default; the type of its text (pipeline/options.h: ODD_OPTION_…);
 * the key; the commands that know it; then members of odd_option. Only the first three mean
 * something here. */
#ifndef ODD_BASE_OPTIONS_H
#define ODD_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* 2^64: every count is below it. */
#define ODD_ANY 18446744073709551616.0

#define ODD_OPTION_FIELD(type, name, initial, ...) type name;
#define ODD_OPTION_DEFAULT(type, name, initial, ...) .name = initial,

/* A list of texts; of whole numbers. */
typedef struct odd_names {
    const char *const *items;
    size_t count;
} odd_names;

typedef struct odd_sizes {
    const size_t *items;
    size_t count;
} odd_sizes;

/* For people, or one JSON object a line. */
typedef enum odd_form { ODD_FORM_TEXT, ODD_FORM_JSON } odd_form;

/* How much of something is kept; at most one bound is set. */
typedef struct odd_retain {
    double seconds; /* 0: no bound */
    size_t bytes;   /* 0: no bound */
} odd_retain;

#endif
