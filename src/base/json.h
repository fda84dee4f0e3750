/* base/json.h: JSON text, appended to growable bytes. */
#ifndef ODD_BASE_JSON_H
#define ODD_BASE_JSON_H

#include "base/bytes.h"

/* A text in the making: {.out = &bytes}. The writer puts the commas: `comma` says that the next
 * value needs one in front, so a writer may go on where bytes end in the middle of an object
 * ({.out = &bytes, .comma = true} behind a value). It leaves no blanks. Brackets are not counted:
 * the caller closes what it opens. Failures stay in *out; see odd_bytes_check. */
typedef struct odd_json {
    odd_bytes *out;
    bool comma;
    bool capitals; /* \u001F as jansson has it, for files; otherwise \u001f, for the feed */
} odd_json;

/* Each call writes one value. key: its name in an object, a literal that needs no escapes; NULL in
 * an array, at the top and behind odd_json_name. */

/* An opening bracket, '{' or '[', and the closing one. */
void odd_json_open(odd_json *j, const char *key, char bracket);
void odd_json_close(odd_json *j, char bracket);

/* A name in an object that comes from outside; its value follows with the key NULL. */
void odd_json_name(odd_json *j, odd_span name);

/* A text. Quotes, backslashes and control characters are escaped, bytes that are not UTF-8 become
 * U+FFFD, all other characters stay. A NULL string is written as null. */
void odd_json_text(odd_json *j, const char *key, odd_span text);
void odd_json_string(odd_json *j, const char *key, const char *text);

/* Numbers, the second as odd_number_format writes it; null when it is not finite. */
void odd_json_whole(odd_json *j, const char *key, uint64_t value);
void odd_json_number(odd_json *j, const char *key, double value);

void odd_json_bool(odd_json *j, const char *key, bool value);

/* A value that is JSON already; an empty one is written as null. */
void odd_json_raw(odd_json *j, const char *key, odd_span json);

#endif
