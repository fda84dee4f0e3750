/* column/infer.c: one look at a block of cells, then the rules of infer.h in their order. */
#include "column/infer.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "column/cell.h"
#include "column/timestamp.h"
#include "column/vocabulary.h"

/* What the rules ask about. */
struct look {
    size_t rows, present, numbers, dates, distinct;
    double low, high, last;
    bool whole, rising, epoch;
};

/* The next word of a name: a run of letters and digits, ended also where a capital follows a small
 * letter (userId). Returns its size, 0 at the end; *word is moved past it by the caller. */
static size_t next_word(const char **word)
{
    const char *s = *word;
    while (*s && !isalnum((unsigned char)*s))
        s++;
    *word = s;
    size_t n = 0;
    while (isalnum((unsigned char)s[n]) &&
           !(n > 0 && isupper((unsigned char)s[n]) && islower((unsigned char)s[n - 1])))
        n++;
    return n;
}

static bool has_word(const char *name, const char *const *words, size_t count)
{
    for (size_t n; (n = next_word(&name)) > 0; name += n)
        for (size_t i = 0; i < count; i++)
            if (strlen(words[i]) == n && strncasecmp(words[i], name, n) == 0)
                return true;
    return false;
}

static bool names_time(const char *name)
{
    static const char *const words[] = {"ts"};
    return strcasestr(name, "time") || strcasestr(name, "date") || has_word(name, words, 1);
}

static bool names_id(const char *name)
{
    static const char *const words[] = {"id",  "uuid",  "guid", "key", "index", "idx",
                                        "row", "rowid", "no",   "nr",  "seq",   "sequence"};
    return *name == '\0' || strncasecmp(name, "unnamed", 7) == 0 ||
           has_word(name, words, sizeof words / sizeof *words);
}

static void look_at_number(struct look *l, double x)
{
    l->whole = l->whole && x == floor(x);
    l->rising = l->rising && (l->numbers == 0 || x > l->last);
    l->epoch = l->epoch && x >= 1e9 && x <= 4e9;
    l->low = l->numbers == 0 || x < l->low ? x : l->low;
    l->high = l->numbers == 0 || x > l->high ? x : l->high;
    l->last = x;
    l->numbers++;
}

static int look_at(struct look *l, const odd_span *cell, size_t rows, size_t stride,
                   oddrow_error *err)
{
    *l = (struct look){.rows = rows, .whole = true, .rising = true, .epoch = true};
    odd_vocabulary *texts = odd_vocabulary_new();
    bool memory = texts != NULL;
    for (size_t i = 0; memory && i < rows; i++, cell += stride) {
        double x;
        if (odd_cell_missing(*cell))
            continue;
        l->present++;
        if (odd_cell_number(*cell, &x) == ODD_NUMBER_OK)
            look_at_number(l, x);
        else if (odd_timestamp_iso(cell->data, cell->size, &x))
            l->dates++;
        /* A text too large for the table (0) is distinct enough. */
        uint32_t id = odd_vocabulary_add(texts, cell->data, cell->size, rows, UINT32_MAX);
        memory = id != ODD_VOCABULARY_NO_MEMORY;
        l->distinct += id == 0 || (memory && texts->counts[id] == 1);
    }
    odd_vocabulary_free(&texts);
    return memory ? 0 : odd_no_memory(err);
}

/* Writes the sentence, as printf makes it, and returns the kind that it gives a reason for. */
__attribute__((format(printf, 3, 4))) static odd_kind is(odd_kind kind, char *why,
                                                         const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(why, ODD_WHY_SIZE, format, list);
    va_end(list);
    return kind;
}

static odd_kind choose(const struct look *l, const char *name, char *why)
{
    char distinct[ODD_NUMBER_SIZE], all[ODD_NUMBER_SIZE], present[ODD_NUMBER_SIZE];
    double cells = l->present > 0 ? (double)l->present : 1;
    bool numbers = l->present > 0 && (double)l->numbers >= ODD_INFER_NUMBERS * cells;
    bool whole = numbers && l->numbers == l->present && l->whole;
    odd_grouped(l->distinct, distinct);
    odd_grouped(l->rows, all);
    odd_grouped(l->present, present);
    if (l->present > 0 && (double)l->dates >= ODD_INFER_DATES * cells)
        return is(ODD_TIMESTAMP, why, "%.4g %% of %s cells are dates",
                  100 * (double)l->dates / cells, present);
    if (numbers && l->epoch && names_time(name))
        return is(ODD_TIMESTAMP, why, "numbers from %.10g to %.10g under a name of time", l->low,
                  l->high);
    if (whole && l->rising && l->numbers >= ODD_INFER_ID_ROWS && names_id(name))
        return is(ODD_ID, why, "rising whole numbers, all different, under a name of ids");
    if (whole && l->distinct <= ODD_INFER_FEW && l->present >= ODD_INFER_FEW_ROWS)
        return is(ODD_CATEGORICAL, why, "only %s distinct whole numbers in %s rows", distinct, all);
    if (numbers)
        return is(ODD_NUMERIC, why, "%.4g %% of %s cells are numbers, from %.6g to %.6g",
                  100 * (double)l->numbers / cells, present, l->low, l->high);
    if (l->present >= ODD_INFER_ID_ROWS && (double)l->distinct > ODD_INFER_ID_SHARE * cells)
        return is(ODD_ID, why,
                  "%s distinct texts in %s rows: taken for an id and left out, a guess", distinct,
                  all);
    return is(ODD_CATEGORICAL, why, "%s distinct text%s in %s rows", distinct,
              l->distinct == 1 ? "" : "s", all);
}

int odd_infer_kind(const char *name, const odd_span *cells, size_t rows, size_t K, size_t column,
                   odd_kind *kind, char *why, oddrow_error *err)
{
    struct look l;
    int rc = look_at(&l, cells + column, rows, K, err);
    if (rc == 0)
        *kind = choose(&l, name, why);
    return rc;
}

odd_kind odd_infer_value(const char *data, size_t size)
{
    double x;
    odd_span cell = {data, size};
    if (odd_cell_number(cell, &x) == ODD_NUMBER_OK)
        return ODD_NUMERIC;
    return odd_timestamp_iso(data, size, &x) ? ODD_TIMESTAMP : ODD_CATEGORICAL;
}
