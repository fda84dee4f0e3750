/* base/prometheus.c: families and samples as text. */
#include "base/prometheus.h"

#include "base/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* Escapes as the format asks: backslash and newline, in label values double quotes too. Column
 * names come from other people's files: what is not UTF-8 becomes U+FFFD. */
static void add_escaped(odd_bytes *out, const char *s, bool quotes)
{
    for (size_t n = strlen(s), size; n; s += size, n -= size) {
        size = odd_utf8_size(s, n);
        if (!size) {
            size = 1;
            odd_bytes_text(out, ODD_UTF8_REPLACEMENT);
        } else if (*s == '\n') {
            odd_bytes_text(out, "\\n");
        } else {
            if (*s == '\\' || (quotes && *s == '"'))
                odd_bytes_char(out, '\\');
            odd_bytes_add(out, s, size);
        }
    }
}

/* Enough digits to read the same double back; a locale's decimal mark (of any length) becomes a
 * point. */
static void add_number(odd_bytes *out, double value)
{
    static const char own[] = "0123456789+-e";
    char text[64];
    if (!isfinite(value)) {
        odd_bytes_text(out, isnan(value) ? "NaN" : value < 0 ? "-Inf" : "+Inf");
        return;
    }
    bool whole = value == floor(value) && fabs(value) < 1e19;
    snprintf(text, sizeof text, whole ? "%.0f" : "%.17g", value);
    for (const char *at = text; *at; at += strcspn(at, own)) {
        size_t size = strspn(at, own);
        odd_bytes_add(out, at, size);
        at += size;
        if (*at)
            odd_bytes_char(out, '.');
    }
}

void odd_prometheus_family(odd_prometheus *p, const char *name, const char *type, const char *help)
{
    p->name = name;
    odd_bytes_print(p->out, "# HELP %s ", name);
    add_escaped(p->out, help, false);
    odd_bytes_print(p->out, "\n# TYPE %s %s\n", name, type);
}

void odd_prometheus_sample(odd_prometheus *p, const char *suffix, double value, ...)
{
    va_list labels;
    const char *name, *before = "{";
    odd_bytes_print(p->out, "%s%s", p->name, suffix);
    va_start(labels, value);
    while ((name = va_arg(labels, const char *))) {
        const char *text = va_arg(labels, const char *);
        odd_bytes_print(p->out, "%s%s=\"", before, name);
        add_escaped(p->out, text ? text : "", true);
        odd_bytes_char(p->out, '"');
        before = ",";
        if (!text)
            break; /* the list's end in place of a value: our own slip, and nothing may follow */
    }
    va_end(labels);
    odd_bytes_text(p->out, *before == ',' ? "} " : " ");
    add_number(p->out, value);
    odd_bytes_char(p->out, '\n');
}
