/* base/metrics.c: see metrics.h. */
#include "base/metrics.h"

#include "base/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void add(odd_metrics *m, const char *text, size_t size)
{
    if (!m->rc)
        m->rc = odd_bytes_add(m->out, text, size);
}

static void add_text(odd_metrics *m, const char *text)
{
    add(m, text, strlen(text));
}

/* Escapes as the format asks: backslash and newline, in label values double quotes too. Column
 * names come from other people's files: what is not UTF-8 becomes U+FFFD. */
static void add_escaped(odd_metrics *m, const char *s, bool quotes)
{
    size_t n = strlen(s), size;
    for (; n; s += size, n -= size) {
        size = odd_utf8_size(s, n);
        if (!size) {
            size = 1;
            add_text(m, ODD_UTF8_REPLACEMENT);
        } else if (*s == '\n') {
            add_text(m, "\\n");
        } else if (*s == '\\' || (quotes && *s == '"')) {
            add(m, (char[]){'\\', *s}, 2);
        } else {
            add(m, s, size);
        }
    }
}

/* Enough digits to read the same double back; a locale's decimal mark (of any length) becomes a
 * point. */
static void add_number(odd_metrics *m, double value)
{
    char text[64];
    if (isnan(value)) {
        add_text(m, "NaN");
        return;
    }
    if (isinf(value)) {
        add_text(m, value < 0 ? "-Inf" : "+Inf");
        return;
    }
    if (value == floor(value) && fabs(value) < 1e19)
        snprintf(text, sizeof text, "%.0f", value);
    else
        snprintf(text, sizeof text, "%.17g", value);
    for (const char *at = text; *at;) {
        size_t plain = strspn(at, "0123456789+-e");
        add(m, at, plain);
        at += plain;
        if (*at) {
            add_text(m, ".");
            at += strcspn(at, "0123456789+-e");
        }
    }
}

void odd_metrics_family(odd_metrics *m, const char *name, const char *type, const char *help)
{
    m->name = name;
    add_text(m, "# HELP ");
    add_text(m, name);
    add_text(m, " ");
    add_escaped(m, help, false);
    add_text(m, "\n# TYPE ");
    add_text(m, name);
    add_text(m, " ");
    add_text(m, type);
    add_text(m, "\n");
}

void odd_metrics_sample(odd_metrics *m, const char *suffix, double value, ...)
{
    va_list labels;
    bool any = false;
    const char *name;
    add_text(m, m->name);
    add_text(m, suffix);
    va_start(labels, value);
    while ((name = va_arg(labels, const char *))) {
        const char *text = va_arg(labels, const char *);
        add_text(m, any ? "," : "{");
        add_text(m, name);
        add_text(m, "=\"");
        add_escaped(m, text ? text : "", true);
        add_text(m, "\"");
        any = true;
        if (!text)
            break; /* the list's end in place of a value: our own slip, and nothing may follow */
    }
    va_end(labels);
    add_text(m, any ? "} " : " ");
    add_number(m, value);
    add_text(m, "\n");
}
