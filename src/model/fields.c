/* model/fields.c: JSON values behind one list of fields, whichever way they go. */
#include "model/fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

int odd_json_parse(const char *text, size_t size, const char *what, json_t **out, oddrow_error *err)
{
    json_error_t problem;
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);
    if (*out)
        return 0;
    /* where jansson has no memory for a value it says nothing at all */
    if (!problem.text[0] || json_error_code(&problem) == json_error_out_of_memory)
        return odd_no_memory(err);
    return odd_fail(err, ODDROW_EFORMAT, "%s is not JSON: %s at byte %d", what, problem.text,
                    problem.position);
}

/* ---- texts ---- */

json_t *odd_text_to_json(const char *data, size_t size)
{
    if (odd_utf8_valid(data, size) && !memchr(data, 0, size))
        return json_stringn(data, size);
    odd_bytes hex = {0};
    for (size_t i = 0; i < size; i++)
        odd_bytes_print(&hex, "%02x", (unsigned char)data[i]);
    json_t *out = hex.failed ? NULL : json_pack("{s:s#}", "bytes", hex.data, (int)hex.size);
    odd_bytes_free(&hex);
    return out;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int odd_text_from_json(const json_t *json, odd_bytes *out, oddrow_error *err)
{
    const json_t *bytes = json_object_get(json, "bytes");
    const char *hex = json_string_value(bytes);
    size_t size = json_string_length(bytes);
    if (json_is_string(json)) {
        odd_bytes_add(out, json_string_value(json), json_string_length(json));
        return odd_bytes_check(out, err);
    }
    if (!hex || size % 2 != 0)
        return odd_fail(err, ODDROW_EFORMAT, "a text is neither a string nor {\"bytes\": HEX}");
    for (size_t i = 0; i < size; i += 2) {
        int high = digit_of(hex[i]), low = digit_of(hex[i + 1]);
        if (high < 0 || low < 0)
            return odd_fail(err, ODDROW_EFORMAT, "\"bytes\" is not hexadecimal");
        odd_bytes_char(out, (char)(high * 16 + low));
    }
    return odd_bytes_check(out, err);
}

/* ---- fields ---- */

void odd_fields_fail(odd_fields *f, const char *format, ...)
{
    char text[sizeof f->err->message];
    if (f->rc)
        return;
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    f->rc = odd_fail(f->err, ODDROW_EFORMAT, "%s", text);
}

void odd_field_set(odd_fields *f, const char *key, json_t *value)
{
    if (f->rc)
        json_decref(value);
    else if (key ? json_object_set_new(f->at.json, key, value)
                 : json_array_append_new(f->at.json, value))
        f->rc = odd_no_memory(f->err);
}

/* The value that is read. */
static json_t *value_of(odd_fields *f, const char *key)
{
    return key ? json_object_get(f->at.json, key) : json_array_get(f->at.json, f->at.item++);
}

odd_place odd_fields_enter(odd_fields *f, const char *key, char bracket)
{
    if (!f->reading)
        odd_field_set(f, key, bracket == '{' ? json_object() : json_array());
    json_t *json = value_of(f, key);
    odd_place before = f->at;
    f->at = (odd_place){json, 0};
    return before;
}

void odd_field_whole(odd_fields *f, const char *key, uint64_t *value, uint64_t low, uint64_t high)
{
    const json_t *json = f->reading ? value_of(f, key) : NULL;
    json_int_t number = json_integer_value(json);
    if (!f->reading)
        odd_field_set(f, key, json_integer((json_int_t)*value));
    else if (json_is_integer(json) && number >= 0 && (uint64_t)number >= low &&
             (uint64_t)number <= high)
        *value = (uint64_t)number;
    else
        odd_fields_fail(f, "%s is not a whole number, or out of range", key ? key : "an item");
}

void odd_field_size(odd_fields *f, const char *key, size_t *value, size_t low, size_t high)
{
    uint64_t whole = *value;
    odd_field_whole(f, key, &whole, low, high);
    if (f->reading)
        *value = (size_t)whole;
}

void odd_field_real(odd_fields *f, const char *key, double *value)
{
    const json_t *json = f->reading ? value_of(f, key) : NULL;
    if (!f->reading)
        odd_field_set(f, key, json_real(*value));
    else if (json_is_number(json))
        *value = json_number_value(json);
    else
        odd_fields_fail(f, "%s is not a number", key ? key : "an item");
}

void odd_field_float(odd_fields *f, const char *key, float *value)
{
    double wide = (double)*value;
    odd_field_real(f, key, &wide);
    if (f->reading)
        *value = (float)wide;
}

const char *odd_field_name(odd_fields *f, const char *key, const char *name)
{
    if (!f->reading) {
        odd_field_set(f, key, json_string(name));
        return name;
    }
    const char *found = json_string_value(value_of(f, key));
    return found ? found : "";
}
