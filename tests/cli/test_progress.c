/* Where a command stands: a bar on a terminal, nothing when quiet, numbers in groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "capture.h"
#include "cli/progress.h"

static void test_grouped(void **state)
{
    (void)state;
    char text[32];
    assert_string_equal(odd_grouped(0, text), "0");
    assert_string_equal(odd_grouped(999, text), "999");
    assert_string_equal(odd_grouped(1000, text), "1,000");
    assert_string_equal(odd_grouped(UINT64_MAX, text), "18,446,744,073,709,551,615");
}

static char *shown(odd_progress_view *view, const odd_progress *progress, size_t count)
{
    capture c = capture_start(stderr);
    for (size_t i = 0; i < count; i++)
        odd_progress_show(view, &progress[i]);
    odd_progress_end(view);
    return capture_end(&c);
}

static void test_bar(void **state)
{
    (void)state;
    const odd_progress steps[] = {
        {.stage = "train", .fraction = 0.5, .rows = 1234, .epoch = 1, .epochs = 2, .loss = 0.25},
        {.stage = "train", .fraction = 0.51}, /* too soon after the first: not drawn */
        {.stage = "calibrate", .fraction = -1},
    };
    odd_progress_view view = {.terminal = true};
    char *text = shown(&view, steps, 3);
    assert_non_null(strstr(text, "\rtrain      [############............]  50%  1,234 rows"));
    assert_non_null(strstr(text, "epoch 1/2  loss 0.2500"));
    assert_null(strstr(text, "51%"));
    assert_non_null(strstr(text, "\rcalibrate  "));
    assert_string_equal(text + strlen(text) - 4, "\r\033[K"); /* the line is empty at the end */
    free(text);
}

static void test_elsewhere(void **state)
{
    (void)state;
    const odd_progress steps[] = {{.stage = "train", .fraction = 0.5},
                                  {.stage = "train", .fraction = 1}};
    odd_progress_view log = {0}, quiet = {.quiet = true, .terminal = true};
    char *text = shown(&log, steps, 2);
    assert_string_equal(text, ""); /* a short stage leaves no line */
    free(text);
    text = shown(&quiet, steps, 2);
    assert_string_equal(text, "");
    free(text);
    log.last -= 100;
    text = shown(&log, steps, 1);
    assert_string_equal(text, "oddrow: train 50%  \n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grouped),
        cmocka_unit_test(test_bar),
        cmocka_unit_test(test_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
