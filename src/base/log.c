/* base/log.c: lines composed in place, without memory, and events that are written too often. */
#include "base/log.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    LINE = 2000,  /* bytes of a line, its newline among them */
    TAIL = 40,    /* kept free for what follows the message */
    EVENT = 64,   /* bytes of an event's name that are written */
    NAMES = 32,   /* events that are counted on their own; the rest share one slot */
    A_SECOND = 10 /* lines of one event */
};

/* How often one event was written lately. */
typedef struct slot {
    const char *event;
    double written[A_SECOND]; /* odd_clock of the last lines, a ring */
    size_t count, next;       /* filled entries of the ring; the oldest once it is full */
    uint64_t suppressed;      /* since the last line */
} slot;

struct odd_log {
    int fd;
    bool json;
    odd_log_level least;
    pthread_mutex_t lock; /* of what follows */
    slot slots[NAMES + 1];
    size_t names;
};

/* A line in the making. */
typedef struct line {
    char text[LINE];
    size_t size;
} line;

int odd_log_new(int fd, bool json, odd_log_level least, odd_log **out, oddrow_error *err)
{
    *out = NULL;
    odd_log *log = odd_alloc(1, sizeof *log);
    if (!log)
        return odd_no_memory(err);
    log->fd = fd;
    log->json = json;
    log->least = least;
    if (pthread_mutex_init(&log->lock, NULL)) {
        odd_free(log);
        return odd_fail(err, ODDROW_ENOMEM, "cannot make a lock for the log");
    }
    *out = log;
    return 0;
}

void odd_log_free(odd_log **log)
{
    if (!log || !*log)
        return;
    pthread_mutex_destroy(&(*log)->lock);
    odd_free(*log);
    *log = NULL;
}

static slot *find_slot(odd_log *log, const char *event)
{
    for (size_t i = 0; i < log->names; i++)
        if (!strcmp(log->slots[i].event, event))
            return &log->slots[i];
    if (log->names == NAMES)
        return &log->slots[NAMES];
    slot *s = &log->slots[log->names++];
    s->event = event;
    return s;
}

/* Whether a line of this event may be written now; then how many were left out before it. */
static bool admit(odd_log *log, const char *event, uint64_t *suppressed)
{
    double now = odd_clock();
    pthread_mutex_lock(&log->lock);
    slot *s = find_slot(log, event);
    bool yes = s->count < A_SECOND || now - s->written[s->next] >= 1;
    if (yes) {
        *suppressed = s->suppressed;
        s->suppressed = 0;
        s->written[s->next] = now;
        s->next = (s->next + 1) % A_SECOND;
        s->count += s->count < A_SECOND;
    } else {
        s->suppressed++;
    }
    pthread_mutex_unlock(&log->lock);
    return yes;
}

/* False, and nothing added, when the text would reach into the tail. */
static bool add(line *l, const char *text, size_t size)
{
    if (size > LINE - TAIL - l->size)
        return false;
    memcpy(l->text + l->size, text, size);
    l->size += size;
    return true;
}

/* Characters that move a terminal's cursor or that some reader takes for the end of a line: C0,
 * DEL, C1 (U+0080 to U+009F), U+2028 and U+2029. */
static bool is_control(const char *s, size_t size)
{
    const unsigned char *u = (const unsigned char *)s;
    if (size == 1)
        return u[0] < 0x20 || u[0] == 0x7f;
    if (size == 2)
        return u[0] == 0xc2 && u[1] < 0xa0;
    return size == 3 && u[0] == 0xe2 && u[1] == 0x80 && (u[2] == 0xa8 || u[2] == 0xa9);
}

/* The message, or as many whole characters as fit. */
static void add_clean(line *l, const char *s, size_t n, bool json)
{
    size_t size;
    for (bool fits = true; n && fits; s += size, n -= size) {
        size = odd_utf8_size(s, n);
        if (!size) {
            size = 1;
            fits = add(l, ODD_UTF8_REPLACEMENT, 3);
        } else if (is_control(s, size)) {
            fits = add(l, " ", 1);
        } else if (json && (*s == '"' || *s == '\\')) {
            fits = add(l, (char[]){'\\', *s}, 2);
        } else {
            fits = add(l, s, size);
        }
    }
}

static void compose(line *l, bool json, odd_log_level level, const char *event, const char *message,
                    size_t size, uint64_t suppressed)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    const char *name = level >= ODD_LOG_DEBUG && level <= ODD_LOG_ERROR ? names[level] : "error";
    char time[ODD_CLOCK_TEXT], tail[TAIL] = "";
    odd_clock_text(time, odd_clock_utc());
    l->size = (size_t)snprintf(l->text, LINE,
                               json ? "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"" : "%s %s ",
                               time, name);
    add_clean(l, event, strnlen(event, EVENT), json);
    add(l, json ? "\",\"message\":\"" : ": ", json ? 13 : 2);
    add_clean(l, message, size, json);
    if (suppressed)
        snprintf(tail, sizeof tail, json ? ",\"suppressed\":%" PRIu64 : " (suppressed %" PRIu64 ")",
                 suppressed);
    l->size += (size_t)snprintf(l->text + l->size, LINE - l->size, "%s%s%s\n", json ? "\"" : "",
                                tail, json ? "}" : "");
}

void odd_log_write(odd_log *log, odd_log_level level, const char *event, const char *format, ...)
{
    uint64_t suppressed = 0;
    if (!log || level < log->least)
        return;
    int before = errno;
    if (admit(log, event, &suppressed)) {
        char message[LINE + 4]; /* a character cut here is beyond the line's end */
        line l;
        va_list arguments;
        va_start(arguments, format);
        int size = vsnprintf(message, sizeof message, format, arguments);
        va_end(arguments);
        size_t kept = size < 0 ? 0 : (size_t)size;
        if (kept >= sizeof message)
            kept = sizeof message - 1;
        compose(&l, log->json, level, event, message, kept, suppressed);
        /* A log that cannot be written (full disk, closed pipe) must not stop the work. */
        while (write(log->fd, l.text, l.size) < 0 && errno == EINTR)
            continue;
    }
    errno = before;
}
