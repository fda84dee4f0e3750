/* column/kind.c: names of kinds and flags. */
#include "column/kind.h"

#include <string.h>

static const char *const kinds[ODD_KINDS] = {"categorical", "numeric", "timestamp", "constant",
                                             "id",          "label",   "ignore",    "target"};
static const char *const flags[ODD_FLAGS] = {"", "missing", "unseen", "unparsed", "out-of-range"};

const char *odd_kind_name(odd_kind kind)
{
    return (size_t)kind < ODD_KINDS ? kinds[kind] : "?";
}

bool odd_kind_parse(const char *name, odd_kind *kind)
{
    for (size_t i = 0; i < ODD_KINDS; i++)
        if (strcmp(name, kinds[i]) == 0) {
            *kind = (odd_kind)i;
            return true;
        }
    return false;
}

const char *odd_flag_name(odd_flag flag)
{
    return (size_t)flag < ODD_FLAGS ? flags[flag] : "?";
}
