/* Spelled texts: each escape by itself, any bytes there and back, and no memory. */
#include "base/spell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "oddrow.h"

static void spells_by_its_form(void **state)
{
    (void)state;
    static const struct {
        const char *text, *as_is, *line, *word;
    } cases[] = {
        {"plain", "plain", "plain", "plain"},
        {"", "", "", ""},
        {"a b", "a b", "a b", "a\\_b"},
        {"a\\b", "a\\b", "a\\\\b", "a\\\\b"},
        {"\n\r\t", "\n\r\t", "\\n\\r\\t", "\\n\\r\\t"},
        {"\x01\x7f", "\x01\x7f", "\\u0001\\u007f", "\\u0001\\u007f"},
        {"\xc2\x85\xe2\x80\xa8", "\xc2\x85\xe2\x80\xa8", "\\u0085\\u2028", "\\u0085\\u2028"},
        {"\xc2\xa0\xe3\x80\x80", "\xc2\xa0\xe3\x80\x80", "\xc2\xa0\xe3\x80\x80", "\\u00a0\\u3000"},
        {"\xff\xc3", "\\xff\\xc3", "\\xff\\xc3", "\\xff\\xc3"},
        {"caf\xc3\xa9", "caf\xc3\xa9", "caf\xc3\xa9", "caf\xc3\xa9"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *want[] = {cases[i].as_is, cases[i].line, cases[i].word};
        for (int spelling = ODD_AS_IS; spelling <= ODD_AS_WORD; spelling++) {
            odd_bytes out = {0};
            odd_bytes_add(&out, "<", 1);
            assert_int_equal(odd_bytes_check(&out, NULL), 0);
            odd_spell(cases[i].text, strlen(cases[i].text), (odd_spelling)spelling, &out);
            assert_int_equal(odd_bytes_check(&out, NULL), 0);
            odd_bytes_add(&out, "", 1);
            assert_int_equal(odd_bytes_check(&out, NULL), 0);
            assert_string_equal(out.data + 1, want[spelling]); /* appended */
            odd_bytes_free(&out);
        }
    }
}

static void reads_escapes_alone(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"\\_\\n\\r\\t\\\\\\(", " \n\r\t\\("},
        {"\\x41\\xe9", "A\xe9"},
        {"\\u0041\\u00e9\\u07ff\\u0800\\u20ac", "A\xc3\xa9\xdf\xbf\xe0\xa0\x80\xe2\x82\xac"},
        {"\\\\x41", "\\x41"},
        /* none of these is an escape */
        {"\\", "\\"},
        {"a\\", "a\\"},
        {"\\q", "\\q"},
        {"\\x", "\\x"},
        {"\\x4", "\\x4"},
        {"\\x4g", "\\x4g"},
        {"\\xE9", "\\xE9"},
        {"\\u20a", "\\u20a"},
        {"\\u 0ac", "\\u 0ac"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        odd_bytes out = {0};
        size_t size = strlen(cases[i][0]);
        char *text = malloc(size); /* without its NUL: nothing behind the end is read */
        assert_non_null(text);
        memcpy(text, cases[i][0], size);
        odd_bytes_add(&out, "<", 1);
        assert_int_equal(odd_bytes_check(&out, NULL), 0);
        odd_unspell(text, size, &out);
        assert_int_equal(odd_bytes_check(&out, NULL), 0);
        odd_bytes_add(&out, "", 1);
        assert_int_equal(odd_bytes_check(&out, NULL), 0);
        assert_string_equal(out.data + 1, cases[i][1]);
        odd_bytes_free(&out);
        free(text);
    }
}

static void comes_back_whatever_the_bytes(void **state)
{
    (void)state;
    odd_random r;
    odd_random_start(&r, 5, 0);
    for (int round = 0; round < 3000; round++) {
        char text[24];
        size_t size = odd_random_below(&r, sizeof text);
        for (size_t i = 0; i < size; i++)
            text[i] = "\\xun_(\0\xc2\x85\xe2\x80\xa8\xff ab41"[odd_random_below(&r, 19)];
        for (int spelling = ODD_AS_LINE; spelling <= ODD_AS_WORD; spelling++) {
            odd_bytes spelled = {0}, back = {0};
            odd_spell(text, size, (odd_spelling)spelling, &spelled);
            assert_int_equal(odd_bytes_check(&spelled, NULL), 0);
            odd_unspell(spelled.data, spelled.size, &back);
            assert_int_equal(odd_bytes_check(&back, NULL), 0);
            assert_int_equal(back.size, size);
            if (size)
                assert_memory_equal(back.data, text, size);
            odd_bytes_free(&spelled);
            odd_bytes_free(&back);
        }
    }
}

static bool always(void *context, size_t size)
{
    (void)context;
    (void)size;
    return true;
}

static void says_when_memory_ends(void **state)
{
    (void)state;
    odd_bytes out = {0};
    odd_memory_hook(always, NULL);
    odd_spell("a", 1, ODD_AS_WORD, &out);
    assert_int_equal(odd_bytes_check(&out, NULL), ODDROW_ENOMEM);
    odd_spell("\xff", 1, ODD_AS_WORD, &out);
    assert_int_equal(odd_bytes_check(&out, NULL), ODDROW_ENOMEM);
    odd_unspell("\\x41", 4, &out);
    assert_int_equal(odd_bytes_check(&out, NULL), ODDROW_ENOMEM);
    odd_memory_hook(NULL, NULL);
    assert_int_equal(out.size, 0);
    odd_bytes_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spells_by_its_form), cmocka_unit_test(reads_escapes_alone),
        cmocka_unit_test(comes_back_whatever_the_bytes), cmocka_unit_test(says_when_memory_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
