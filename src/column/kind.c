/* column/kind.c: the table of kinds and their traits, and the names of flags. */
#include "column/kind.h"

#include <string.h>

#include "column/timestamp.h"

typedef struct traits {
    const char *name, *cell;
    size_t features;
    bool category, constant, target, moves_on;
} traits;

static const traits kinds[ODD_KINDS] = {
    [ODD_CATEGORICAL] = {"categorical", "text", .category = true},
    [ODD_NUMERIC] = {"numeric", "number", 1},
    [ODD_TIMESTAMP] = {"timestamp", "time", ODD_TIMESTAMP_FEATURES, .moves_on = true},
    [ODD_CONSTANT] = {"constant", "text", .constant = true},
    [ODD_ID] = {"id", "text"},
    [ODD_LABEL] = {"label", "text"},
    [ODD_IGNORE] = {"ignore", "text"},
    [ODD_TARGET] = {"target", "number", .target = true},
};
static const char *const flags[ODD_FLAGS] = {"", "missing", "unseen", "unparsed", "out-of-range"};

static const traits *of(odd_kind kind)
{
    static const traits none = {"?", "?", 0, false, false, false, false};
    return (size_t)kind < ODD_KINDS ? &kinds[kind] : &none;
}

const char *odd_kind_name(odd_kind kind)
{
    return of(kind)->name;
}

bool odd_kind_parse(const char *name, odd_kind *kind)
{
    for (size_t i = 0; i < ODD_KINDS; i++)
        if (strcmp(name, kinds[i].name) == 0) {
            *kind = (odd_kind)i;
            return true;
        }
    return false;
}

bool odd_kind_is_input(odd_kind kind)
{
    return of(kind)->category || of(kind)->constant || of(kind)->features > 0;
}

bool odd_kind_is_category(odd_kind kind)
{
    return of(kind)->category;
}

bool odd_kind_is_number(odd_kind kind)
{
    return of(kind)->features > 0;
}

bool odd_kind_is_carried(odd_kind kind)
{
    return (size_t)kind < ODD_KINDS && !odd_kind_is_input(kind);
}

bool odd_kind_is_read(odd_kind kind)
{
    return odd_kind_is_input(kind) || of(kind)->target;
}

size_t odd_kind_features(odd_kind kind)
{
    return of(kind)->features;
}

bool odd_kind_moves_on(odd_kind kind)
{
    return of(kind)->moves_on;
}

const char *odd_kind_cell(odd_kind kind)
{
    return of(kind)->cell;
}

const char *odd_flag_name(odd_flag flag)
{
    return (size_t)flag < ODD_FLAGS ? flags[flag] : "?";
}
