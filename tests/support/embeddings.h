/* tests/support/embeddings.h: models for the tests of the rooms tables, files and embed. */
#ifndef ODD_TEST_EMBEDDINGS_H
#define ODD_TEST_EMBEDDINGS_H

#include "made.h"
#include "tables/embedding.h"

/* Values that formats have trouble with; as CSV fields. */
static const char *const hostile[] = {
    "\"a b\"",
    "\"line\nbreak\"",
    "\"tab\there\"",
    "\"say \"\"hi\"\", twice\"",
    "(missing)",
    "\\x41",
    "\"<script>alert(1)</script>&'\"",
    "\xc3\xa9t\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac",
    "bad\xff byte",
    "\xc2\xa0nbsp\xe2\x80\xa8ls",
    "back\\slash",
    "a_b",
    "\"\r\"",
    "]]>",
    "\xef\xbf\xbe"
    "fffe",
};
enum { HOSTILE = sizeof hostile / sizeof hostile[0] };

/* A model of two categorical columns, one with such values, and a number. */
static inline odd_model *hostile_model(uint64_t seed)
{
    odd_bytes table = {0};
    odd_random r;
    odd_train_options options = made_options();
    odd_random_start(&r, seed, 3);
    odd_bytes_print(&table, "\"odd <name>\",colour,level\n");
    assert_int_equal(odd_bytes_check(&table, NULL), 0);
    for (size_t row = 0; row < 600; row++) {
        size_t at = odd_random_below(&r, HOSTILE + 2);
        const char *value = at < HOSTILE ? hostile[at] : at == HOSTILE ? "" : "plain";
        odd_bytes_print(&table, "%s,%s,%.2f\n", value,
                        at % 3   ? "red"
                        : at % 2 ? "green"
                                 : "blue",
                        (double)at + odd_random_normal(&r));
        assert_int_equal(odd_bytes_check(&table, NULL), 0);
    }
    odd_model *model = made_train(&table, &options);
    odd_bytes_free(&table);
    return model;
}

static inline odd_embedding table_of(const odd_model *model, const char *name)
{
    odd_embedding e = {0};
    oddrow_error err = {0};
    if (odd_embedding_find(model, name, &e, &err))
        fail_msg("%s", err.message);
    return e;
}

#endif
