/* column/rows.c: encoded rows in memory. */
#include "column/rows.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "column/schema.h"

int odd_rows_new(const odd_schema *s, size_t capacity, bool cells, odd_rows **out,
                 oddrow_error *err)
{
    size_t room = capacity > 0 ? capacity : 1;
    bool target = s->target != SIZE_MAX;
    odd_rows *r = odd_alloc(1, sizeof *r);
    *out = r;
    if (!r)
        return odd_no_memory(err);
    *r = (odd_rows){.capacity = capacity, .C = s->C, .F = s->F, .M = s->M, .D = s->D, .K = s->K};
    r->ids = odd_alloc(room, s->C * sizeof *r->ids);
    r->values = odd_alloc(room, s->F * sizeof *r->values);
    r->missing = odd_alloc(room, s->M);
    r->differs = cells ? odd_alloc(room, s->D) : NULL;
    r->flags = cells ? odd_alloc(room, s->K) : NULL;
    r->targets = target ? odd_alloc(room, sizeof *r->targets) : NULL;
    if (r->ids && r->values && r->missing && (!cells || (r->differs && r->flags)) &&
        (!target || r->targets))
        return 0;
    odd_rows_free(out);
    return odd_no_memory(err);
}

void odd_rows_free(odd_rows **rows)
{
    if (!rows || !*rows)
        return;
    odd_free((*rows)->ids);
    odd_free((*rows)->values);
    odd_free((*rows)->missing);
    odd_free((*rows)->differs);
    odd_free((*rows)->flags);
    odd_free((*rows)->targets);
    odd_free(*rows);
    *rows = NULL;
}

odd_rows odd_rows_slice(const odd_rows *rows, size_t first, size_t count)
{
    odd_rows r = *rows;
    r.count = r.capacity = count;
    r.ids += first * r.C;
    r.values += first * r.F;
    r.missing = r.missing ? r.missing + first * r.M : NULL;
    r.differs = r.differs ? r.differs + first * r.D : NULL;
    r.flags = r.flags ? r.flags + first * r.K : NULL;
    r.targets = r.targets ? r.targets + first : NULL;
    return r;
}

void odd_rows_to_front(odd_rows *r, size_t from, size_t count)
{
    memmove(r->ids, r->ids + from * r->C, count * r->C * sizeof *r->ids);
    memmove(r->values, r->values + from * r->F, count * r->F * sizeof *r->values);
    memmove(r->missing, r->missing + from * r->M, count * r->M);
    if (r->targets)
        memmove(r->targets, r->targets + from, count * sizeof *r->targets);
}
