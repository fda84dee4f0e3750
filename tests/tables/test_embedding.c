/* Tables by column, ids by value, and texts that survive their spelling. */
#include "embeddings.h"

#include "base/utf8.h"

static void finds_tables(void **state)
{
    (void)state;
    odd_model *model = made_model(MADE_ALL, 300, 1);
    oddrow_error err = {0};
    odd_embedding e = table_of(model, "small");
    assert_int_equal(odd_embedding_count(model), model->schema->C);
    assert_int_equal(e.V, e.vocabulary->size);
    assert_ptr_equal(e.vectors, odd_network_tensor(model->network, 0));
    assert_string_equal(odd_embedding_at(model, 1).name, "large");
    assert_int_equal(odd_embedding_find(model, "number", &e, &err), ODDROW_EINVAL);
    assert_non_null(strstr(err.message, "numeric"));
    assert_int_equal(odd_embedding_find(model, "nothing", &e, &err), ODDROW_EINVAL);
    odd_model_free(&model);
}

static void finds_values(void **state)
{
    (void)state;
    odd_model *model = hostile_model(1);
    odd_embedding e = table_of(model, "odd <name>"), colour = table_of(model, "colour");
    uint32_t id;
    oddrow_error err = {0};
    assert_int_equal(odd_embedding_id(&e, "(unknown)", 9, &id, NULL), 0);
    assert_int_equal(id, 0);
    assert_int_equal(odd_embedding_id(&e, "(missing)", 9, &id, NULL), 0);
    assert_int_equal(id, e.vocabulary->missing_id);
    assert_int_equal(odd_embedding_id(&e, "\\(missing)", 10, &id, NULL), 0);
    assert_int_equal(id, odd_vocabulary_find(e.vocabulary, "(missing)", 9));
    assert_int_equal(odd_embedding_id(&e, "plain", 5, &id, NULL), 0);
    assert_int_equal(odd_embedding_id(&e, "none", 4, &id, &err), ODDROW_ESCHEMA);
    assert_int_equal(odd_embedding_id(&colour, "(missing)", 9, &id, &err), ODDROW_ESCHEMA);
    assert_int_equal(odd_embedding_id(&colour, "(rare)", 6, &id, &err), ODDROW_ESCHEMA);
    odd_model_free(&model);
}

/* Every value by every spelling: of its form, different from the others, and back again. */
static void spells(void **state)
{
    (void)state;
    odd_model *model = hostile_model(2);
    odd_embedding e = table_of(model, "odd <name>");
    for (int spelling = ODD_AS_IS; spelling <= ODD_AS_WORD; spelling++) {
        odd_bytes texts[HOSTILE + 4] = {0};
        assert_in_range(e.V, HOSTILE, HOSTILE + 4);
        for (uint32_t id = 0; id < e.V; id++) {
            odd_bytes back = {0};
            odd_embedding_spell(&e, id, (odd_spelling)spelling, &texts[id]);
            assert_int_equal(odd_bytes_check(&texts[id], NULL), 0);
            assert_true(odd_utf8_valid(texts[id].data, texts[id].size));
            for (size_t i = 0; i < texts[id].size && spelling != ODD_AS_IS; i++)
                assert_true((unsigned char)texts[id].data[i] >= 0x20);
            if (spelling == ODD_AS_WORD)
                assert_null(memchr(texts[id].data, ' ', texts[id].size));
            for (uint32_t other = 0; other < id; other++)
                assert_false(texts[id].size == texts[other].size &&
                             memcmp(texts[id].data, texts[other].data, texts[id].size) == 0);
            odd_span text = odd_vocabulary_text(e.vocabulary, id);
            odd_unspell(texts[id].data, texts[id].size, &back);
            assert_int_equal(odd_bytes_check(&back, NULL), 0);
            if (text.size && spelling != ODD_AS_IS) {
                assert_int_equal(back.size, text.size);
                assert_memory_equal(back.data, text.data, text.size);
            }
            odd_bytes_free(&back);
        }
        for (uint32_t id = 0; id < e.V; id++)
            odd_bytes_free(&texts[id]);
    }
    odd_model_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_tables),
                                       cmocka_unit_test(finds_values), cmocka_unit_test(spells)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
