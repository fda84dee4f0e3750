/* pipeline/nearest.c: the candidate nearest to a mistyped word. */
#include <string.h>

#include "pipeline/options.h"

enum { LONGEST = 40 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein distance, one row of the table at a time; words longer than LONGEST are far away. */
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), row[LONGEST + 1];
    if (n > LONGEST || m > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = least(change, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[m];
}

const char *odd_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t best_distance = LONGEST, length = strlen(word);
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(word, candidates[i]);
        /* the beginning of a name is near, however much is missing */
        if (length >= 3 && strncmp(word, candidates[i], length) == 0)
            d = least(d, 1);
        if (d < best_distance) {
            best = candidates[i];
            best_distance = d;
        }
    }
    return best_distance <= 1 + length / 4 ? best : NULL;
}
