/* Exactly-once: which rows of a message are new, repeated or leave a gap, beside a plain set of row
 * numbers; and the store of clients' places in front of the journal. */
#include "made.h"
#include "worker/places.h"

static oddrow_error err;

static void must(int rc)
{
    if (rc)
        fail_msg("%s", err.message);
}

static void check_admission(odd_place place, uint64_t first, size_t rows, size_t repeated,
                            uint64_t expected, odd_place after)
{
    odd_admission a = odd_place_admit(place, first, rows);
    if (a.repeated != repeated || a.expected != expected || a.place.known != after.known ||
        a.place.last != after.last)
        fail_msg("%zu rows from %llu on: %zu repeated, %llu expected, place %d %llu", rows,
                 (unsigned long long)first, a.repeated, (unsigned long long)a.expected,
                 a.place.known, (unsigned long long)a.place.last);
}

static void test_new_client(void **state)
{
    (void)state;
    const odd_place none = {0};
    check_admission(none, 1, 1, 0, 0, (odd_place){true, 1});
    check_admission(none, 1, 256, 0, 0, (odd_place){true, 256});
    check_admission(none, 0, 1, 0, 0, (odd_place){true, 0});
    check_admission(none, 0, 10, 0, 0, (odd_place){true, 9});
    check_admission(none, 2, 10, 10, 1, none);
    check_admission(none, UINT64_MAX, 1, 1, 1, none);
}

static void test_known_client(void **state)
{
    (void)state;
    const odd_place at = {true, 100};
    check_admission(at, 101, 1, 0, 0, (odd_place){true, 101});
    check_admission(at, 101, 50, 0, 0, (odd_place){true, 150});
    check_admission(at, 100, 1, 1, 0, at); /* all repeated */
    check_admission(at, 1, 100, 100, 0, at);
    check_admission(at, 1, 50, 50, 0, at);
    check_admission(at, 91, 20, 10, 0, (odd_place){true, 110}); /* the second half is new */
    check_admission(at, 1, 101, 100, 0, (odd_place){true, 101});
    check_admission(at, 102, 1, 1, 101, at); /* gaps */
    check_admission(at, 500, 20, 20, 101, at);
    check_admission((odd_place){true, 0}, 0, 3, 1, 0, (odd_place){true, 2});
    check_admission((odd_place){true, 0}, 1, 1, 0, 0, (odd_place){true, 1});
}

/* At the end of the numbers nothing wraps around. */
static void test_last_numbers(void **state)
{
    (void)state;
    const uint64_t most = UINT64_MAX;
    const odd_place near = {true, most - 3}, end = {true, most - 1};
    check_admission(near, most - 2, 2, 0, 0, end);
    check_admission(near, most - 2, 3, 3, most - 2, near);
    check_admission(near, most - 5, 5, 3, 0, end);
    check_admission(near, most - 5, 6, 6, most - 2, near);
    check_admission(near, most, 1, 1, most - 2, near);
    check_admission(end, most - 1, 1, 1, 0, end);
    check_admission(end, most, 1, 1, most, end);
}

/* Messages at random, held against the set of the rows that are safe. */
static void test_set(void **state)
{
    (void)state;
    enum { ROWS = 60, TURNS = 20000 };
    odd_random random;
    bool safe[2 * ROWS] = {0};
    odd_place place = {0};
    uint64_t next = 1;
    odd_random_start(&random, 5, 1);
    for (int turn = 0; turn < TURNS; turn++) {
        uint64_t first = 1 + odd_random_below(&random, ROWS),
                 rows = 1 + odd_random_below(&random, 20);
        odd_admission a = odd_place_admit(place, first, rows);
        size_t repeated = 0;
        while (repeated < rows && safe[first + repeated])
            repeated++;
        if (first > next) {
            assert_int_equal(a.expected, next);
            assert_int_equal(a.repeated, rows);
        } else {
            assert_int_equal(a.expected, 0);
            assert_int_equal(a.repeated, repeated);
            for (size_t i = a.repeated; i < rows; i++) {
                assert_false(safe[first + i]); /* no row twice */
                safe[first + i] = true;
                next = first + i + 1;
            }
        }
        place = a.place;
        assert_int_equal(place.known, next > 1);
        assert_int_equal(place.last, next - 1);
        if (next > ROWS) {
            memset(safe, 0, sizeof safe);
            place = (odd_place){0};
            next = 1;
        }
    }
}

/* ---- the store ---- */

typedef struct fixture {
    odd_journal *journal;
    odd_places *places;
} fixture;

enum { BATCH = 1000 };

static fixture begin(const char *name)
{
    fixture f = {0};
    must(odd_journal_open(made_path(name), NULL, &f.journal, &err));
    must(odd_places_new(f.journal, BATCH, &f.places, &err));
    return f;
}

static void end(fixture *f)
{
    odd_places_free(&f->places);
    odd_journal_close(&f->journal);
    assert_null(f->places);
}

static size_t find(fixture *f, const char *name)
{
    size_t index = SIZE_MAX;
    must(odd_places_find(f->places, (odd_span){name, strlen(name)}, &index, &err));
    return index;
}

static void commit(fixture *f)
{
    size_t count;
    const odd_client_place *changes = odd_places_changes(f->places, &count);
    must(odd_journal_commit(f->journal, NULL, 0, changes, count, 0, &err));
    odd_places_settle(f->places, true);
}

static void check_place(fixture *f, const char *name, bool known, uint64_t last)
{
    odd_place place = odd_places_get(f->places, find(f, name));
    assert_int_equal(place.known, known);
    assert_int_equal(place.last, last);
}

/* What is not committed is gone; what is, is in the journal. */
static void test_settle(void **state)
{
    (void)state;
    fixture f = begin("settle.db");
    size_t count, a = find(&f, "a"), b = find(&f, "b");
    assert_int_equal(find(&f, "a"), a);
    assert_true(a != b);
    odd_places_set(f.places, b, (odd_place){true, 0});
    odd_places_set(f.places, a, (odd_place){true, 7});
    odd_places_set(f.places, b, (odd_place){true, 9});
    const odd_client_place *changes = odd_places_changes(f.places, &count);
    assert_int_equal(count, 2);
    assert_int_equal(changes[0].last, 9);
    assert_memory_equal(changes[0].name.data, "b", 1);
    assert_int_equal(changes[1].last, 7);
    odd_places_settle(f.places, false);
    odd_places_changes(f.places, &count);
    assert_int_equal(count, 0);
    check_place(&f, "a", false, 0);
    check_place(&f, "b", false, 0);

    odd_places_set(f.places, find(&f, "a"), (odd_place){true, 7});
    check_place(&f, "a", true, 7);
    commit(&f);
    odd_places_set(f.places, find(&f, "a"), (odd_place){true, 8});
    odd_places_set(f.places, find(&f, "b"), (odd_place){true, 1});
    odd_places_settle(f.places, false);
    check_place(&f, "a", true, 7);
    check_place(&f, "b", false, 0);
    end(&f);

    f = begin("settle.db");
    check_place(&f, "a", true, 7);
    check_place(&f, "b", false, 0);
    size_t index;
    char name[ODD_CLIENT_NAME_MAX + 1] = {0};
    assert_int_equal(odd_places_find(f.places, (odd_span){name, sizeof name}, &index, &err),
                     ODDROW_EINVAL);
    end(&f);
}

/* More clients than the store keeps, round after round. */
static void test_many(void **state)
{
    (void)state;
    enum { MANY = 70000 };
    fixture f = begin("many.db");
    char name[24];
    for (int round = 0; round < 2; round++)
        for (int k = 0; k < MANY; k++) {
            snprintf(name, sizeof name, "client-%d", k);
            size_t index = find(&f, name);
            odd_place place = odd_places_get(f.places, index);
            assert_int_equal(place.known, round);
            assert_int_equal(place.last, round ? k : 0);
            odd_places_set(f.places, index, (odd_place){true, (uint64_t)k});
            if (k % BATCH == BATCH - 1)
                commit(&f);
        }
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_client),   cmocka_unit_test(test_known_client),
        cmocka_unit_test(test_last_numbers), cmocka_unit_test(test_set),
        cmocka_unit_test(test_settle),       cmocka_unit_test(test_many)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
