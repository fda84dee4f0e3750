/* tests/wire/made.h: a small schema and a decoder over it, for the tests and the fuzzer. */
#ifndef ODD_TEST_WIRE_MADE_H
#define ODD_TEST_WIRE_MADE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/payload.h"

enum { MADE_COLUMNS = 5 };

/* Without cmocka: the fuzzer has none. */
static inline void made_must(bool holds)
{
    if (!holds)
        abort();
}

/* city: categorical, Rome, " Oslo" and "a,b"; n and x: numeric; user: id; note: ignored. */
static inline odd_schema *made_schema(void)
{
    static const char *const names[MADE_COLUMNS] = {"city", "n", "x", "user", "note"};
    static const odd_kind kinds[MADE_COLUMNS] = {ODD_CATEGORICAL, ODD_NUMERIC, ODD_NUMERIC, ODD_ID,
                                                 ODD_IGNORE};
    static const odd_span cities[] = {{"Rome", 4}, {" Oslo", 5}, {"a,b", 3}};
    static const uint64_t counts[] = {50, 30, 20};
    double quantiles[ODD_QUANTILES];
    odd_schema *s = NULL;
    made_must(odd_schema_new(MADE_COLUMNS, &s, NULL) == 0);
    s->rows = 100;
    for (size_t i = 0; i < ODD_QUANTILES; i++)
        quantiles[i] = (double)i;
    for (size_t k = 0; k < MADE_COLUMNS; k++) {
        s->columns[k].name = odd_schema_keep(s, names[k], strlen(names[k]));
        s->columns[k].kind = kinds[k];
        if (kinds[k] != ODD_NUMERIC)
            continue;
        made_must(
            odd_scaler_from(&s->columns[k].scaler, ODD_GAUSS_RANK, quantiles, 128, 70, NULL) == 0);
        s->columns[k].maximum = 256;
    }
    made_must(odd_vocabulary_new_from(cities, counts, 3, 0, 0, &s->columns[0].vocabulary, NULL) ==
              0);
    s->columns[0].embedding = 2;
    made_must(odd_schema_index(s, NULL) == 0);
    return s;
}

#endif
