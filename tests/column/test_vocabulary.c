/* Vocabularies: growing, finishing, rebuilding. */
#include "cases.h"

#include <stdio.h>

#include "base/random.h"
#include "column/vocabulary.h"

static uint32_t add(odd_vocabulary *v, const char *text)
{
    return odd_vocabulary_add(v, text, strlen(text), SIZE_MAX, SIZE_MAX);
}

static void add_times(odd_vocabulary *v, const char *text, int times)
{
    while (times-- > 0)
        add(v, text);
}

static void ids_follow_first_appearance(void **state)
{
    (void)state;
    odd_vocabulary *v = odd_vocabulary_new();
    assert_int_equal(add(v, "b"), 1);
    assert_int_equal(add(v, "a"), 2);
    assert_int_equal(add(v, "b"), 1);
    assert_int_equal(v->size, 3);
    assert_int_equal(v->counts[1], 2);
    assert_int_equal(v->distinct, 2);
    assert_int_equal(odd_vocabulary_find(v, "a", 1), 2);
    assert_int_equal(odd_vocabulary_find(v, "c", 1), 0);
    assert_int_equal(odd_vocabulary_find(v, "", 0), 0);
    odd_vocabulary_free(&v);
    assert_null(v);
    odd_vocabulary_free(&v);
    odd_vocabulary_free(NULL);
}

/* Every length around the word sizes, texts that differ in one byte, and growth over many. */
static void finds_exactly_what_was_added(void **state)
{
    (void)state;
    char text[40];
    odd_vocabulary *v = odd_vocabulary_new();
    uint32_t id = 0;
    for (size_t n = 1; n < sizeof text; n++)
        for (size_t at = 0; at < n; at++) {
            memset(text, 'x', n);
            text[at] = (char)(at % 2 ? 0xff : 'y');
            assert_int_equal(odd_vocabulary_add(v, text, n, SIZE_MAX, SIZE_MAX), ++id);
        }
    for (int i = 0; i < 100000; i++) {
        int n = snprintf(text, sizeof text, "value %d", i);
        assert_int_equal(odd_vocabulary_add(v, text, (size_t)n, SIZE_MAX, SIZE_MAX), ++id);
    }
    for (int i = 0; i < 100000; i++) {
        snprintf(text, sizeof text, "value %d", i);
        uint32_t found = odd_vocabulary_find(v, text, strlen(text));
        odd_span back = odd_vocabulary_text(v, found);
        assert_int_equal(back.size, strlen(text));
        assert_memory_equal(back.data, text, back.size);
        snprintf(text, sizeof text, "absent %d", i);
        assert_int_equal(odd_vocabulary_find(v, text, strlen(text)), 0);
    }
    assert_int_equal(v->size, id + 1);
    odd_vocabulary_free(&v);
}

static void limits_turn_new_texts_away(void **state)
{
    (void)state;
    odd_vocabulary *v = odd_vocabulary_new();
    assert_int_equal(odd_vocabulary_add(v, "abc", 3, 2, 5), 1);
    assert_int_equal(odd_vocabulary_add(v, "defg", 4, 2, 5), 0);
    assert_int_equal(odd_vocabulary_add(v, "de", 2, 2, 5), 2);
    assert_int_equal(odd_vocabulary_add(v, "f", 1, 2, 50), 0);
    assert_int_equal(odd_vocabulary_add(v, "abc", 3, 2, 5), 1);
    assert_int_equal(odd_vocabulary_add(v, "much too long", 13, 9, 5), 0);
    odd_vocabulary_free(&v);
}

static void finish_orders_by_count_then_bytes(void **state)
{
    (void)state;
    odd_vocabulary *v = odd_vocabulary_new(), *done;
    uint32_t *map;
    odd_vocabulary_options options = {1, 10000};
    add_times(v, "once b", 1);
    add_times(v, "thrice", 3);
    add_times(v, "once", 1);
    add_times(v, "once a", 1);
    add_times(v, "twice", 2);
    assert_int_equal(odd_vocabulary_finish(v, &options, 0, 0, &done, &map, NULL), 0);
    const char *const order[] = {"", "thrice", "twice", "once", "once a", "once b"};
    assert_int_equal(done->size, 6);
    for (uint32_t id = 1; id < 6; id++) {
        odd_span text = odd_vocabulary_text(done, id);
        assert_int_equal(text.size, strlen(order[id]));
        assert_memory_equal(text.data, order[id], text.size);
        uint32_t grown = odd_vocabulary_find(v, text.data, text.size);
        assert_int_equal(map[grown], id);
        assert_int_equal(done->counts[id], v->counts[grown]);
    }
    assert_int_equal(done->missing_id, 0);
    assert_int_equal(done->rare_id, 0);
    assert_int_equal(map[0], 0);
    odd_vocabulary_free(&done);
    odd_free(map);

    /* missing (2) ties with "twice" and goes first; nothing is folded */
    assert_int_equal(odd_vocabulary_finish(v, &options, 2, 0, &done, &map, NULL), 0);
    assert_int_equal(done->missing_id, 2);
    assert_int_equal(done->counts[2], 2);
    assert_int_equal(odd_vocabulary_find(done, "twice", 5), 3);
    assert_int_equal(odd_vocabulary_text(done, 2).size, 0);
    odd_vocabulary_free(&done);
    odd_free(map);

    /* min_count folds three, and four cells were never tracked: 7 rare, first; missing 7 before */
    options.min_count = 2;
    assert_int_equal(odd_vocabulary_finish(v, &options, 7, 4, &done, &map, NULL), 0);
    assert_int_equal(done->missing_id, 1);
    assert_int_equal(done->rare_id, 2);
    assert_int_equal(done->counts[2], 7);
    assert_int_equal(done->size, 5);
    assert_int_equal(map[0], 2);
    assert_int_equal(map[1], 2);
    assert_int_equal(odd_vocabulary_find(done, "once", 4), 0);
    assert_int_equal(done->distinct, 5);
    odd_vocabulary_free(&done);
    odd_free(map);

    /* max_vocab keeps one text; rare has the other five rows */
    options = (odd_vocabulary_options){0, 1};
    assert_int_equal(odd_vocabulary_finish(v, &options, 0, 0, &done, &map, NULL), 0);
    assert_int_equal(done->size, 3);
    assert_int_equal(done->rare_id, 1);
    assert_int_equal(done->counts[1], 5);
    assert_int_equal(odd_vocabulary_find(done, "thrice", 6), 2);
    odd_vocabulary_free(&done);
    odd_free(map);
    odd_vocabulary_free(&v);
}

static void rebuilds_from_entries(void **state)
{
    (void)state;
    const odd_span entries[] = {span("x"), {NULL, 0}, span("y"), {NULL, 0}};
    const uint64_t counts[] = {4, 3, 2, 1};
    odd_vocabulary *v;
    oddrow_error err;
    assert_int_equal(odd_vocabulary_new_from(entries, counts, 4, 2, 4, &v, &err), 0);
    assert_int_equal(odd_vocabulary_find(v, "y", 1), 3);
    assert_int_equal(v->missing_id, 2);
    assert_int_equal(v->rare_id, 4);
    assert_int_equal(v->counts[3], 2);
    odd_vocabulary_free(&v);
    assert_int_equal(odd_vocabulary_new_from(entries, NULL, 4, 2, 4, &v, &err), 0);
    odd_vocabulary_free(&v);

    const odd_span twice[] = {span("x"), span("y"), span("x")};
    assert_int_equal(odd_vocabulary_new_from(twice, NULL, 3, 0, 0, &v, &err), ODDROW_EFORMAT);
    assert_null(v);
    assert_int_equal(odd_vocabulary_new_from(entries, NULL, 4, 0, 0, &v, &err), ODDROW_EFORMAT);
    assert_int_equal(odd_vocabulary_new_from(entries, NULL, 4, 5, 0, &v, &err), ODDROW_EFORMAT);
    assert_int_equal(odd_vocabulary_new_from(entries, NULL, 4, 2, 2, &v, &err), ODDROW_EFORMAT);
    assert_int_equal(odd_vocabulary_new_from(entries, NULL, SIZE_MAX, 0, 0, &v, &err),
                     ODDROW_EFORMAT);
    assert_int_equal(odd_vocabulary_new_from(NULL, NULL, 0, 0, 0, &v, &err), 0);
    assert_int_equal(v->size, 1);
    odd_vocabulary_free(&v);
}

static int grow_and_finish(void)
{
    odd_vocabulary *v = odd_vocabulary_new(), *done = NULL;
    uint32_t *map = NULL;
    int code = v ? 0 : ODDROW_ENOMEM;
    for (int i = 0; i < 40 && code == 0; i++) {
        char text[16];
        snprintf(text, sizeof text, "text %d", i);
        if (add(v, text) == ODD_VOCABULARY_NO_MEMORY)
            code = ODDROW_ENOMEM;
    }
    if (code == 0)
        code = odd_vocabulary_finish(v, &(odd_vocabulary_options){1, 20}, 3, 0, &done, &map, NULL);
    odd_vocabulary_free(&v);
    odd_vocabulary_free(&done);
    odd_free(map);
    return code;
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    sweep(grow_and_finish);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_follow_first_appearance),
        cmocka_unit_test(finds_exactly_what_was_added),
        cmocka_unit_test(limits_turn_new_texts_away),
        cmocka_unit_test(finish_orders_by_count_then_bytes),
        cmocka_unit_test(rebuilds_from_entries),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests_name("column/vocabulary", tests, NULL, NULL);
}
