/* Schemas built by hand, as from a model file, and the encoder's binding to a header. */
#include "cases.h"

#include <math.h>

#include "column/encode.h"
#include "column/schema.h"

static double quantiles[ODD_QUANTILES];

/* city: categorical with missing and rare; n: numeric 0 .. 256; when: timestamp; c: constant "5";
 * e: constant missing; user: id. */
static odd_schema *built(void)
{
    static const char *const names[] = {"city", "n", "when", "c", "e", "user"};
    static const odd_kind kinds[] = {ODD_CATEGORICAL, ODD_NUMERIC,  ODD_TIMESTAMP,
                                     ODD_CONSTANT,    ODD_CONSTANT, ODD_ID};
    const odd_span cities[] = {span("Rome"), {"", 0}, span("Oslo"), {"", 0}};
    const uint64_t counts[] = {50, 30, 15, 5};
    odd_schema *s;
    assert_int_equal(odd_schema_new(6, &s, NULL), 0);
    s->rows = 100;
    for (size_t k = 0; k < 6; k++) {
        s->columns[k].name = odd_schema_keep(s, names[k], strlen(names[k]));
        s->columns[k].kind = kinds[k];
    }
    for (size_t i = 0; i < ODD_QUANTILES; i++)
        quantiles[i] = (double)i;
    odd_column *c = s->columns;
    assert_int_equal(odd_vocabulary_new_from(cities, counts, 4, 2, 4, &c[0].vocabulary, NULL), 0);
    c[0].embedding = odd_embedding_width(ODD_EMBEDDING_HALF, 5);
    c[1].missing = 7;
    c[1].unparsed = 2;
    c[1].count = 91;
    for (size_t k = 1; k < 3; k++) {
        assert_int_equal(odd_scaler_from(&c[k].scaler, k == 1 ? ODD_GAUSS_RANK : ODD_STANDARD,
                                         quantiles, 128, 70, NULL),
                         0);
        c[k].maximum = 256;
    }
    c[3].constant = odd_schema_keep(s, "5", 1);
    c[3].constant_size = 1;
    return s;
}

static void index_computes_places(void **state)
{
    (void)state;
    odd_schema *s = built();
    assert_int_equal(odd_schema_index(s, NULL), 0);
    assert_int_equal(odd_schema_index(s, NULL), 0); /* again is fine */
    assert_int_equal(s->C, 1);
    assert_int_equal(s->F, 8);
    assert_int_equal(s->M, 2);
    assert_int_equal(s->D, 2);
    assert_int_equal(s->columns[2].first_feature, 1);
    assert_int_equal(s->columns[2].features, 7);
    assert_int_equal(s->columns[2].numeric, 1);
    assert_int_equal(s->columns[4].constant_index, 1);
    assert_true(fabs(s->columns[1].missing_loss + log(10.0 / 102)) < 1e-12);
    assert_true(fabs(s->columns[3].differs_loss - log(101)) < 1e-12);
    assert_int_equal(s->target, SIZE_MAX);
    assert_int_equal(odd_schema_outputs(s), 0);
    s->columns[1].kind = ODD_TARGET; /* of numbers */
    assert_int_equal(odd_schema_index(s, NULL), 0);
    assert_int_equal(s->target, 1);
    assert_int_equal(odd_schema_outputs(s), 1);
    assert_int_equal(s->F, 7);
    s->columns[1].kind = ODD_IGNORE;
    s->columns[0].kind = ODD_TARGET; /* of classes */
    s->columns[0].vocabulary->missing_id = s->columns[0].vocabulary->rare_id = 0;
    assert_int_equal(odd_schema_index(s, NULL), 0);
    assert_int_equal(s->target, 0);
    assert_int_equal(odd_schema_outputs(s), s->columns[0].vocabulary->size - 1);
    assert_int_equal(s->C, 0);
    odd_schema_free(&s);
    assert_null(s);
}

/* Each of these is a model file that somebody damaged. */
static void index_refuses_damage(void **state)
{
    (void)state;
    for (int damage = 0; damage < 18; damage++) {
        odd_schema *s = built();
        odd_column *c = s->columns;
        oddrow_error err = {0};
        switch (damage) {
        case 0:
            c[1].name = NULL;
            break;
        case 1:
            c[1].name = c[0].name;
            break;
        case 2:
            c[1].kind = (odd_kind)ODD_KINDS;
            break;
        case 3:
            c[1].kind = ODD_CATEGORICAL;
            break;
        case 4:
            c[0].kind = ODD_NUMERIC;
            break;
        case 5:
            c[0].embedding = 0;
            break;
        case 6:
            c[0].embedding = 4097;
            break;
        case 7:
            c[1].minimum = 300;
            break;
        case 8:
            c[2].maximum = NAN;
            break;
        case 9:
            c[1].count = 92;
            break;
        case 10:
            c[1].missing = UINT64_MAX;
            break;
        case 11:
            c[3].differing = 101;
            break;
        case 12:
            c[1].kind = (odd_kind)-1;
            break;
        case 15: /* two targets */
            c[0].kind = c[1].kind = ODD_TARGET;
            break;
        case 16: /* neither classes nor numbers */
            c[3].kind = ODD_TARGET;
            break;
        case 17:
            c[0].kind = ODD_TARGET;
            c[0].vocabulary->missing_id = 1;
            break;
        }
        if (damage == 13)
            c[3].constant_size = 0;
        if (damage == 14)
            c[3].constant_size = 2;
        assert_int_equal(odd_schema_index(s, &err), ODDROW_EFORMAT);
        assert_true(strlen(err.message) > 0);
        odd_schema_free(&s);
    }
    odd_schema *s;
    assert_int_equal(odd_schema_new(SIZE_MAX, &s, NULL), ODDROW_EFORMAT);
}

static void embedding_widths(void **state)
{
    (void)state;
    static const size_t half[][2] = {{0, 2}, {2, 2}, {3, 2},   {4, 2},    {5, 3},
                                     {8, 4}, {9, 5}, {99, 50}, {100, 50}, {SIZE_MAX, 50}};
    for (size_t i = 0; i < sizeof half / sizeof *half; i++)
        assert_int_equal(odd_embedding_width(ODD_EMBEDDING_HALF, half[i][0]), half[i][1]);
    assert_int_equal(odd_embedding_width(ODD_EMBEDDING_POWER, 2), 2);    /* 1.6 */
    assert_int_equal(odd_embedding_width(ODD_EMBEDDING_POWER, 11), 6);   /* 5.81 */
    assert_int_equal(odd_embedding_width(ODD_EMBEDDING_POWER, 101), 21); /* 21.09 */
    assert_int_equal(odd_embedding_width(ODD_EMBEDDING_POWER, 5000), 50);
}

static void encodes_and_flags(void **state)
{
    (void)state;
    static const char *const header[] = {"more", "e", "c", "when", "n", "city", "also"};
    const odd_span cells[] = {
        span("m"),    span(""),     span("5"),    span("1970-01-01"), span("128"), span("Oslo"),
        span(""),     span("m"),    span("x"),    span("5.0"),        span("-1"),  span(""),
        span(""),     span(""),     span("m"),    span("?"),          span("6"),   span("soon"),
        span("1,5"),  span("Bonn"), span(""),     span("m"),          span(" "),   span(""),
        span("NA"),   span("999"),  span("rome"), span(""),           span("m"),   span(""),
        span("five"), span("256"),  span(" 0 "),  span("Rome"),       span("")};
    static const uint8_t flags[5][6] = {
        {0, 0, 0, 0, 0, 0}, /* city, n, when, c, e, user */
        {ODD_FLAG_MISSING, ODD_FLAG_MISSING, ODD_FLAG_OUT_OF_RANGE, 0, ODD_FLAG_UNSEEN, 0},
        {ODD_FLAG_UNSEEN, ODD_FLAG_UNPARSED, ODD_FLAG_UNPARSED, ODD_FLAG_OUT_OF_RANGE, 0, 0},
        {ODD_FLAG_UNSEEN, ODD_FLAG_OUT_OF_RANGE, ODD_FLAG_MISSING, ODD_FLAG_MISSING, 0, 0},
        {0, 0, 0, ODD_FLAG_UNSEEN, 0, 0}};
    static const uint32_t ids[5] = {3, 2, 4, 4, 1};
    static const uint8_t missing[10] = {0, 0, 1, 0, 1, 1, 0, 1, 0, 0};
    static const uint8_t differs[10] = {0, 0, 0, 1, 1, 0, 1, 0, 1, 0};
    odd_schema *s = built();
    odd_encoder *e;
    odd_rows *b;
    assert_int_equal(odd_schema_index(s, NULL), 0);
    assert_int_equal(odd_encoder_new(s, header, 7, &e, NULL), 0);
    char notes[200];
    odd_encoder_note_extra(e, notes, sizeof notes);
    assert_string_equal(notes, "2 columns are not in the model and ignored: more, also");
    odd_encoder_note_extra(e, notes, 120); /* no room for a name */
    assert_string_equal(notes, "2 columns are not in the model and ignored: ");
    assert_int_equal(odd_encoder_source(e, 0), 5);
    assert_true(odd_encoder_source(e, 5) == SIZE_MAX);
    assert_int_equal(odd_rows_new(s, 5, true, &b, NULL), 0);
    odd_encode(e, cells, 5, b);
    assert_int_equal(b->count, 5);
    assert_memory_equal(b->flags, flags, sizeof flags);
    assert_memory_equal(b->ids, ids, sizeof ids);
    assert_memory_equal(b->missing, missing, sizeof missing);
    assert_memory_equal(b->differs, differs, sizeof differs);
    assert_true(fabsf(b->values[0]) < 1e-6f && b->values[8] == 0 && b->values[16] == 0);
    assert_true(b->values[17] == 0 && b->values[23] == 0); /* "soon": all seven are 0 */
    assert_true(b->values[24] == odd_scaler_apply(&s->columns[1].scaler, 999));
    odd_rows_free(&b);
    odd_encoder_free(&e);
    odd_schema_free(&s);
}

static void binding_names_what_is_absent(void **state)
{
    (void)state;
    static const char *const absent[] = {"city", "n", "c", "e"};
    static const char *const twice[] = {"city", "n", "when", "c", "e", "n"};
    static const char *const fine[] = {"city", "n", "when", "c", "e", "more", "more"};
    odd_schema *s = built();
    odd_encoder *e;
    oddrow_error err;
    assert_int_equal(odd_schema_index(s, NULL), 0);
    assert_int_equal(odd_encoder_new(s, absent, 4, &e, &err), ODDROW_ESCHEMA);
    assert_non_null(strstr(err.message, "'when'"));
    assert_null(e);
    assert_int_equal(odd_encoder_new(s, twice, 6, &e, &err), ODDROW_ESCHEMA);
    assert_non_null(strstr(err.message, "'n'"));
    assert_int_equal(odd_encoder_new(s, fine, 7, &e, &err), 0);
    odd_encoder_free(&e);
    odd_schema_free(&s);
}

static odd_schema *shared;

static int bind_and_index(void)
{
    static const char *const header[] = {"city", "n", "when", "c", "e", "x", "y"};
    odd_encoder *e = NULL;
    odd_rows *b = NULL;
    int code = odd_schema_index(shared, NULL);
    if (code == 0)
        code = odd_encoder_new(shared, header, 7, &e, NULL);
    if (code == 0)
        code = odd_rows_new(shared, 3, true, &b, NULL);
    odd_encoder_free(&e);
    odd_rows_free(&b);
    return code;
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    shared = built();
    sweep(bind_and_index);
    odd_schema_free(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(index_computes_places),
        cmocka_unit_test(index_refuses_damage),
        cmocka_unit_test(embedding_widths),
        cmocka_unit_test(encodes_and_flags),
        cmocka_unit_test(binding_names_what_is_absent),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests_name("column/schema", tests, NULL, NULL);
}
