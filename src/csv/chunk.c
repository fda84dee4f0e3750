/* csv/chunk.c: has libcsv split the records of a chunk, and says of each reject where it stands and
 * why. */
#include "csv/chunk.h"

#include "base/error.h"
#include "base/memory.h"
#include "csv/record.h"

#include <assert.h>
#include <csv.h>
#include <stdio.h>

/* Bytes that a reason made of numbers may take. */
enum { REASON = 64 };

/* What libcsv's callbacks fill. */
typedef struct splitter {
    struct csv_parser parser;
    odd_csv_chunk *chunk;
    odd_span *row; /* cells of the row under way: columns of them are there */
    size_t fields; /* seen in that row */
    size_t columns;
    bool out_of_memory;
} splitter;

/* libcsv writes a field to the start of its buffer and hands it out. The buffer is moved behind
 * the field before the next one begins, so that the fields stay where libcsv put them and nothing
 * is copied. All fields together are no longer than what they are read from. */
static void take_field(void *data, size_t size, void *context)
{
    splitter *s = context;
    if (s->fields < s->columns)
        s->row[s->fields] = (odd_span){data, size};
    s->fields++;
    s->parser.entry_buf += size;
    s->parser.entry_size -= size;
}

/* Room for one more row behind those in chunk. */
static bool reserve_row(splitter *s)
{
    odd_csv_chunk *c = s->chunk;
    size_t used = c->rows * s->columns;
    if (odd_grow(&c->record_of_row, &c->row_capacity, c->rows + 1, sizeof *c->record_of_row,
                 NULL) ||
        odd_grow(&c->cells, &c->cell_capacity, used + s->columns, sizeof *c->cells, NULL))
        return false;
    s->row = c->cells + used;
    return true;
}

/* Place and text are found later where they are not known: `fields` stands in for the offset. */
static odd_csv_reject *add_reject(odd_csv_chunk *c)
{
    if (odd_grow(&c->rejects, &c->reject_capacity, c->reject_count + 1, sizeof *c->rejects, NULL))
        return NULL;
    odd_csv_reject *reject = &c->rejects[c->reject_count++];
    *reject = (odd_csv_reject){.record = c->records};
    return reject;
}

static void take_row(int terminator, void *context)
{
    splitter *s = context;
    odd_csv_chunk *c = s->chunk;
    (void)terminator;
    size_t fields = s->fields;
    s->fields = 0;
    if (s->out_of_memory)
        return;
    if (fields == s->columns) {
        c->record_of_row[c->rows++] = (uint32_t)c->records;
        s->out_of_memory = !reserve_row(s);
    } else {
        odd_csv_reject *reject = add_reject(c);
        s->out_of_memory = !reject;
        if (reject)
            reject->offset = fields;
    }
    c->records++;
}

/* libcsv must never grow its buffer: it is not on the heap alone. */
static void *refuse(void *p, size_t size)
{
    (void)p;
    (void)size;
    return NULL;
}

/* Whole good records, from data on. False when out of memory. */
static bool parse(splitter *s, const char *data, size_t size)
{
    if (!size)
        return true;
    return csv_parse(&s->parser, data, size, take_field, take_row, s) == size &&
           !csv_fini(&s->parser, take_field, take_row, s) && !s->out_of_memory;
}

/* raw with records to reject among the good ones, which go to libcsv in runs. */
static bool parse_marked(splitter *s, char delimiter, size_t max_record)
{
    odd_csv_chunk *c = s->chunk;
    odd_record_scanner scanner;
    odd_record_start(&scanner, delimiter, max_record);
    size_t run = 0, at = 0;
    while (at < c->raw.size) {
        odd_record record;
        odd_record_status status =
            odd_record_scan(&scanner, c->raw.data + at, c->raw.size - at, true, &record);
        if (status == ODD_RECORD_BAD || status == ODD_RECORD_LONG) {
            if (!parse(s, c->raw.data + run, at - run))
                return false;
            odd_csv_reject *reject = add_reject(c);
            if (!reject)
                return false;
            c->records++;
            reject->reason = record.reason ? record.reason : "too long";
            reject->offset = c->offset + at;
            reject->line = (odd_span){c->raw.data + at, record.text};
            run = at + record.size;
        }
        at += record.size;
    }
    return parse(s, c->raw.data + run, at - run);
}

/* Finds place and text of the records whose number of fields was wrong and words the reason. */
static bool locate_rejects(odd_csv_chunk *c, size_t columns, char delimiter, size_t max_record)
{
    size_t left = 0, next = 0, record_index = 0;
    for (size_t i = 0; i < c->reject_count; i++)
        left += !c->rejects[i].reason;
    if (!left)
        return true;
    odd_bytes_clear(&c->reasons);
    if (odd_bytes_reserve(&c->reasons, left * REASON))
        return false;
    odd_record_scanner scanner;
    odd_record_start(&scanner, delimiter, max_record);
    for (size_t at = 0; at < c->raw.size && next < c->reject_count;) {
        odd_record record;
        odd_record_status status =
            odd_record_scan(&scanner, c->raw.data + at, c->raw.size - at, true, &record);
        odd_csv_reject *reject = &c->rejects[next];
        if (status != ODD_RECORD_BLANK && record_index++ == reject->record) {
            if (!reject->reason) {
                char *reason = c->reasons.data + c->reasons.size;
                int size =
                    snprintf(reason, REASON, "%zu field%s, expected %zu", (size_t)reject->offset,
                             reject->offset == 1 ? "" : "s", columns);
                c->reasons.size += (size_t)size + 1;
                reject->reason = reason;
                reject->offset = c->offset + at;
                reject->line = (odd_span){c->raw.data + at, record.text};
            }
            next++;
        }
        at += record.size;
    }
    assert(next == c->reject_count);
    return true;
}

/* A chunk that is the beginning of one record too long. */
static bool reject_long(odd_csv_chunk *c)
{
    odd_csv_reject *reject = add_reject(c);
    odd_bytes_clear(&c->reasons);
    odd_bytes_print(&c->reasons, "longer than %zu bytes", c->too_long);
    if (!reject || c->reasons.failed)
        return false;
    c->records = 1;
    reject->reason = c->reasons.data;
    reject->offset = c->offset;
    reject->line = (odd_span){c->raw.data, c->raw.size};
    return true;
}

/* After one huge chunk the buffers go back to what the others need. */
static void shrink(odd_csv_chunk *c)
{
    enum { LARGE = 1024 * 1024 };
    if (c->text.capacity < LARGE || c->text.capacity / 8 < c->raw.size)
        return;
    odd_bytes_free(&c->text);
    odd_free(c->cells);
    c->cells = NULL;
    c->cell_capacity = 0;
}

static bool split(odd_csv_chunk *c, size_t columns, char delimiter, size_t max_record)
{
    splitter s = {.chunk = c, .columns = columns};
    if (c->too_long)
        return reject_long(c);
    /* One byte more than libcsv can fill: it asks for more as soon as the buffer is full. */
    if (odd_bytes_reserve(&c->text, c->raw.size + 1) || !reserve_row(&s))
        return false;
    if (csv_init(&s.parser, 0))
        return false;
    csv_set_delim(&s.parser, (unsigned char)delimiter);
    csv_set_realloc_func(&s.parser, refuse);
    s.parser.entry_buf = (unsigned char *)c->text.data;
    s.parser.entry_size = c->text.capacity;
    /* No csv_free: the buffer is the chunk's. */
    bool done =
        c->marked ? parse_marked(&s, delimiter, max_record) : parse(&s, c->raw.data, c->raw.size);
    return done && locate_rejects(c, columns, delimiter, max_record);
}

int odd_csv_chunk_split(odd_csv_chunk *chunk, size_t columns, char delimiter, size_t max_record,
                        oddrow_error *err)
{
    shrink(chunk);
    chunk->records = chunk->rows = chunk->reject_count = 0;
    chunk->columns = columns;
    if (!split(chunk, columns, delimiter, max_record)) {
        chunk->records = chunk->rows = chunk->reject_count = 0;
        return odd_no_memory(err);
    }
    for (size_t i = 0; i < chunk->reject_count; i++)
        if (chunk->rejects[i].line.size > ODD_CSV_EXCERPT)
            chunk->rejects[i].line.size = ODD_CSV_EXCERPT;
    return 0;
}

void odd_csv_chunk_free(odd_csv_chunk *c)
{
    if (!c)
        return;
    odd_bytes_free(&c->raw);
    odd_bytes_free(&c->text);
    odd_bytes_free(&c->reasons);
    odd_free(c->cells);
    odd_free(c->record_of_row);
    odd_free(c->rejects);
    *c = (odd_csv_chunk){0};
}
