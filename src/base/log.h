/* base/log.h: one line an event, for people or as JSON. */
#ifndef ODD_BASE_LOG_H
#define ODD_BASE_LOG_H

#include <stdbool.h>

#include "oddrow.h"

typedef enum { ODD_LOG_DEBUG, ODD_LOG_INFO, ODD_LOG_WARN, ODD_LOG_ERROR } odd_log_level;

/* Writes lines to a descriptor, from any thread, each with one write(2). Events of one name are
 * written at most 10 times a second; the next line of that name counts those left out
 * ("suppressed"). */
typedef struct odd_log odd_log;

/* `fd` is borrowed; events below `least` are not written. Text: "2026-11-21T09:00:00.123456Z info
 * started: message"; JSON: {"time":…,"level":…,"event":…,"message":…}, with "suppressed" where
 * lines were left out. */
int odd_log_new(int fd, bool json, odd_log_level least, odd_log **out, oddrow_error *err);
void odd_log_free(odd_log **log);

/* event: a short static word. Control characters and bytes that are not UTF-8 are replaced in the
 * message, so that a peer cannot forge lines. A line is cut at 2,000 bytes. A NULL log writes
 * nothing. */
void odd_log_write(odd_log *log, odd_log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
