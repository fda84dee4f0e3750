/* tests/column/cases.h: what the column tests share. */
#ifndef ODD_TEST_COLUMN_CASES_H
#define ODD_TEST_COLUMN_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/memory.h"

static inline odd_span span(const char *text)
{
    return (odd_span){text, strlen(text)};
}

/* An allocation hook that fails the n-th allocation and all later ones. */
struct countdown {
    size_t left;
    bool failed;
};

static inline bool fail_after(void *context, size_t size)
{
    struct countdown *c = context;
    (void)size;
    if (c->left > 0) {
        c->left--;
        return false;
    }
    c->failed = true;
    return true;
}

/* Runs `work` with ever later allocation failures until none strikes; it returns 0 or an error. */
static inline void sweep(int (*work)(void))
{
    for (size_t n = 0;; n++) {
        struct countdown c = {n, false};
        odd_memory_hook(fail_after, &c);
        int code = work();
        odd_memory_hook(NULL, NULL);
        assert_int_equal(code, c.failed ? -2 : 0);
        if (!c.failed)
            break;
    }
}

#endif
