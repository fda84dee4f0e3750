/* client/window.c: see window.h. */
#include "client/window.h"

enum { KEPT_BYTES = 1024 * 1024 /* of an empty slot's buffer */ };

bool odd_window_full(const odd_window *w)
{
    return w->count == ODD_WINDOW || w->bytes >= ODD_WINDOW_BYTES;
}

odd_window_message *odd_window_at(odd_window *w, size_t i)
{
    return &w->ring[(w->head + i) % ODD_WINDOW];
}

void odd_window_add(odd_window *w)
{
    w->bytes += odd_window_at(w, w->count)->payload.size;
    w->count++;
}

void odd_window_drop(odd_window *w)
{
    odd_window_message *m = odd_window_at(w, 0);
    w->bytes -= m->payload.size;
    odd_bytes_clear(&m->payload);
    if (m->payload.capacity > KEPT_BYTES)
        odd_bytes_free(&m->payload);
    w->head = (w->head + 1) % ODD_WINDOW;
    w->count--;
    w->sent -= w->sent > 0;
}

uint64_t odd_window_last(const odd_window_message *m)
{
    return m->first + m->rows - 1;
}

void odd_window_close(odd_window *w)
{
    for (size_t i = 0; i < ODD_WINDOW; i++)
        odd_bytes_free(&w->ring[i].payload);
    *w = (odd_window){0};
}
