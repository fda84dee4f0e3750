/* csv/source.c: opens the files one after the other and cuts them into chunks of whole records. */
#include "csv/source.h"

#include "base/error.h"
#include "base/memory.h"
#include "csv/chunk.h"
#include "csv/header.h"
#include "csv/input.h"
#include "csv/record.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

enum { PROBE = 64 * 1024 }; /* what the delimiter is found in, whatever the chunk size */

struct odd_csv_source {
    char **paths;
    size_t files, file; /* file: index of the one that is open or comes next */
    char delimiter;
    size_t chunk_size, max_record;
    odd_csv_header header;

    odd_input *input; /* NULL between files */
    bool live;
    bool input_end;  /* it has nothing more */
    odd_bytes carry; /* bytes read from it and not handed out, from carry_at on */
    size_t carry_at;
    uint64_t offset; /* of the first byte not handed out, in the unpacked file */
    uint64_t sequence;

    uint64_t total, closed; /* stored bytes of all files; of those that are done with */
    _Atomic uint64_t taken;
};

/* A buffer that had to hold something huge is given back. */
static void shrink(odd_bytes *b, size_t usual)
{
    if (b->capacity / 8 > usual && b->capacity > 1024 * 1024)
        odd_bytes_free(b);
}

/* Appends up to size bytes of the file, fewer at its end; of a live one, what it has. */
static int read_into(odd_csv_source *s, odd_bytes *to, size_t size, oddrow_error *err)
{
    size_t got;
    if (odd_bytes_reserve(to, size))
        return odd_no_memory(err);
    int rc = s->live ? odd_input_read_some(s->input, to->data + to->size, size, &got, err)
                     : odd_input_read(s->input, to->data + to->size, size, &got, err);
    if (rc)
        return rc;
    to->size += got;
    s->input_end = s->live ? got == 0 : got < size;
    return 0;
}

/* Appends bytes to raw until it has `target` of them or the file ends. */
static int top_up(odd_csv_source *s, odd_bytes *raw, size_t target, bool *end, oddrow_error *err)
{
    size_t wanted = target - raw->size, left = s->carry.size - s->carry_at;
    size_t carried = left < wanted ? left : wanted;
    int rc = odd_bytes_reserve(raw, wanted) ? odd_no_memory(err) : 0;
    if (carried) /* the data may be NULL */
        odd_bytes_add(raw, s->carry.data + s->carry_at, carried);
    s->carry_at += carried;
    if (!rc && wanted > carried && !s->input_end && !(s->live && carried)) {
        rc = read_into(s, raw, wanted - carried, err);
        atomic_store_explicit(&s->taken, s->closed + odd_input_taken(s->input),
                              memory_order_relaxed);
    }
    *end = s->input_end && s->carry_at == s->carry.size;
    return rc;
}

/* Takes back what raw holds from `from` on; all of it came from top_up. */
static int give_back(odd_csv_source *s, odd_bytes *raw, size_t from, oddrow_error *err)
{
    size_t size = raw->size - from;
    raw->size = from;
    if (s->carry_at < s->carry.size) { /* then raw came from there alone */
        s->carry_at -= size;
        return 0;
    }
    s->carry.size = s->carry_at = 0;
    shrink(&s->carry, size + s->chunk_size);
    odd_bytes_add(&s->carry, raw->data + from, size);
    return odd_bytes_check(&s->carry, err);
}

/* ---- the header */

static int check_encoding(odd_csv_source *s, oddrow_error *err)
{
    const char *path = s->paths[s->file], *data = s->carry.data;
    if (s->carry.size >= 2 && (!memcmp(data, "\xff\xfe", 2) || !memcmp(data, "\xfe\xff", 2)))
        return odd_fail(err, ODDROW_EFORMAT, "%s: is UTF-16; convert it to UTF-8", path);
    if (s->carry.size >= 3 && !memcmp(data, "\xef\xbb\xbf", 3))
        s->carry_at = 3;
    return 0;
}

static int fail_header(odd_csv_source *s, odd_record_status status, const odd_record *record,
                       size_t line, oddrow_error *err)
{
    const char *path = s->paths[s->file];
    if (status == ODD_RECORD_LONG)
        return odd_fail(err, ODDROW_EFORMAT, "%s: line %zu: the header is longer than %zu bytes",
                        path, line, s->max_record);
    if (status == ODD_RECORD_BAD)
        return odd_fail(err, ODDROW_EFORMAT, "%s: line %zu: header: %s", path, line,
                        record->reason);
    return odd_fail(err, ODDROW_EFORMAT, "%s: is empty, without a header", path);
}

/* Leaves carry_at behind the header of the file just opened. */
static int read_header(odd_csv_source *s, odd_csv_header *header, size_t *line, oddrow_error *err)
{
    int rc = read_into(s, &s->carry, PROBE, err);
    if (!rc)
        rc = check_encoding(s, err);
    if (rc)
        return rc;
    size_t left = s->carry.size - s->carry_at;
    if (!s->delimiter &&
        !(s->delimiter = odd_csv_detect(s->carry.data + s->carry_at, left, s->input_end)))
        return odd_no_memory(err);
    odd_record_scanner scanner;
    odd_record_start(&scanner, s->delimiter, s->max_record);
    odd_record_status status = ODD_RECORD_BLANK;
    odd_record record = {0};
    *line = 1;
    for (;;) {
        const char *data = s->carry.data + s->carry_at;
        left = s->carry.size - s->carry_at;
        status = odd_record_scan(&scanner, data, left, s->input_end, &record);
        if (status == ODD_RECORD_GOOD)
            break;
        if (status == ODD_RECORD_MORE)
            rc = read_into(s, &s->carry, s->carry.size, err);
        else if (status != ODD_RECORD_BLANK || !record.size || record.text == left)
            rc = fail_header(s, status, &record, *line, err);
        if (rc)
            return rc;
        if (status == ODD_RECORD_BLANK) {
            s->carry_at += record.size;
            ++*line;
        }
    }
    rc = odd_csv_header_read(header, s->carry.data + s->carry_at, record.size, s->delimiter,
                             s->paths[s->file], *line, err);
    s->carry_at += record.size;
    s->offset = s->carry_at;
    return rc;
}

/* Begins s->file, whose bytes input gives. */
static int begin_file(odd_csv_source *s, oddrow_error *err)
{
    odd_csv_header header = {0};
    size_t line = 1;
    s->carry.size = s->carry_at = 0;
    s->input_end = false;
    int rc = read_header(s, &header, &line, err);
    if (!rc && !s->header.columns) {
        s->header = header;
        return 0;
    }
    if (!rc)
        rc = odd_csv_header_compare(&s->header, &header, s->paths[s->file], line, err);
    odd_csv_header_free(&header);
    return rc;
}

static int open_file(odd_csv_source *s, oddrow_error *err)
{
    int rc = odd_input_open(s->paths[s->file], &s->input, err);
    return rc ? rc : begin_file(s, err);
}

static void close_file(odd_csv_source *s)
{
    s->closed += odd_input_taken(s->input);
    atomic_store_explicit(&s->taken, s->closed, memory_order_relaxed);
    odd_input_free(&s->input);
    s->file++;
}

/* ---- opening and closing */

static int check_options(odd_csv_source *s, const odd_csv_options *o, oddrow_error *err)
{
    const size_t most = (size_t)1 << 30; /* so that a chunk's records are counted in 32 bits */
    s->chunk_size = o && o->chunk_size ? o->chunk_size : 256 * 1024;
    s->max_record = o && o->max_record ? o->max_record : 16 * 1024 * 1024;
    s->delimiter = o ? o->delimiter : 0;
    s->live = o && o->live;
    if (s->delimiter == '"' || s->delimiter == '\n' || s->delimiter == '\r')
        return odd_fail(err, ODDROW_EINVAL, "a quote or line end cannot be the delimiter");
    if (s->chunk_size > most || s->max_record > most)
        return odd_fail(err, ODDROW_EINVAL, "chunks and records may have at most %zu bytes", most);
    return 0;
}

/* Stored bytes of all files, 0 when one is not a regular file. */
static uint64_t count_bytes(const odd_csv_source *s)
{
    uint64_t total = 0;
    for (size_t i = 0; i < s->files; i++) {
        struct stat info;
        if (!strcmp(s->paths[i], "-") || stat(s->paths[i], &info) || !S_ISREG(info.st_mode))
            return 0;
        total += (uint64_t)info.st_size;
    }
    return total;
}

/* A source of nothing yet; also after a failure it is the caller's to close. */
static int make(const char *const *paths, size_t n, const odd_csv_options *options,
                odd_csv_source **out, oddrow_error *err)
{
    odd_csv_source *s = *out = n ? odd_alloc(1, sizeof *s) : NULL;
    if (!s)
        return n ? odd_no_memory(err) : odd_fail(err, ODDROW_EINVAL, "no CSV file given");
    int rc = check_options(s, options, err);
    if (!rc && !(s->paths = odd_alloc(n, sizeof *s->paths)))
        rc = odd_no_memory(err);
    for (; !rc && s->files < n; s->files++)
        if (!(s->paths[s->files] = odd_copy(paths[s->files], strlen(paths[s->files]))))
            rc = odd_no_memory(err);
    return rc;
}

int odd_csv_open(const char *const *paths, size_t n, const odd_csv_options *options,
                 odd_csv_source **out, oddrow_error *err)
{
    int rc = make(paths, n, options, out, err);
    if (!rc) {
        (*out)->total = count_bytes(*out);
        rc = open_file(*out, err);
    }
    if (rc)
        odd_csv_close(out);
    return rc;
}

int odd_csv_open_memory(const char *name, const void *data, size_t size,
                        const odd_csv_options *options, odd_csv_source **out, oddrow_error *err)
{
    int rc = make(&name, 1, options, out, err);
    if (!rc) {
        (*out)->total = size;
        rc = odd_input_open_memory(name, data, size, &(*out)->input, err);
    }
    if (!rc)
        rc = begin_file(*out, err);
    if (rc)
        odd_csv_close(out);
    return rc;
}

void odd_csv_close(odd_csv_source **source)
{
    if (!source || !*source)
        return;
    odd_csv_source *s = *source;
    odd_input_free(&s->input);
    odd_bytes_free(&s->carry);
    odd_csv_header_free(&s->header);
    for (size_t i = 0; i < s->files; i++)
        odd_free(s->paths[i]);
    odd_free(s->paths);
    odd_free(s);
    *source = NULL;
}

size_t odd_csv_columns(const odd_csv_source *s)
{
    return s->header.columns;
}

const char *const *odd_csv_names(const odd_csv_source *s)
{
    return s->header.names;
}

char odd_csv_delimiter(const odd_csv_source *s)
{
    return s->delimiter;
}

uint64_t odd_csv_bytes_total(const odd_csv_source *s)
{
    return s->total;
}

uint64_t odd_csv_bytes_read(const odd_csv_source *s)
{
    return atomic_load_explicit(&s->taken, memory_order_relaxed);
}

/* ---- chunks */

/* The search for the last record end in bytes that may still grow. */
typedef struct cutter {
    odd_record_scanner scanner;
    size_t looked;   /* bytes that were looked at for quotes and NULs */
    bool special;    /* there are some: only the scanner knows where records end */
    size_t cut;      /* end of the last whole record; 0 while there is none */
    bool marked;     /* some are to be rejected */
    size_t too_long; /* bytes of the record at 0 that is longer than allowed; else 0 */
} cutter;

/* Without quotes and NULs every line end ends a record; so does a file. */
static size_t last_line_end(const odd_bytes *raw, bool end)
{
    if (end)
        return raw->size;
    const char *last = memrchr(raw->data, '\n', raw->size);
    if (!last)
        last = memrchr(raw->data, '\r', raw->size);
    return last ? (size_t)(last - raw->data) + 1 : 0;
}

/* After a record that made raw grow, the scanner stops at the first end behind a usual chunk. */
static void find_cut(const odd_csv_source *s, cutter *k, const odd_bytes *raw, bool end)
{
    const char *fresh = raw->data + k->looked;
    size_t size = raw->size - k->looked;
    k->special = k->special || memchr(fresh, '"', size) || memchr(fresh, 0, size);
    k->looked = raw->size;
    if (!k->special && raw->size <= s->max_record) {
        k->cut = last_line_end(raw, end);
        return;
    }
    while (k->cut < raw->size && k->cut < s->chunk_size) {
        odd_record record;
        odd_record_status status =
            odd_record_scan(&k->scanner, raw->data + k->cut, raw->size - k->cut, end, &record);
        if (status == ODD_RECORD_LONG && !k->cut)
            k->too_long = record.size;
        if (status == ODD_RECORD_MORE || status == ODD_RECORD_LONG)
            return;
        k->marked |= status == ODD_RECORD_BAD;
        k->cut += record.size;
    }
}

/* Where the line ends that data[from] is in, behind its line end; 0 when it goes on. */
static size_t find_line_end(const odd_bytes *raw, size_t from)
{
    for (size_t i = from; i < raw->size; i++) {
        if (raw->data[i] == '\n')
            return i + 1;
        if (raw->data[i] == '\r')
            return i + 1 < raw->size && raw->data[i + 1] == '\n' ? i + 2 : i + 1;
    }
    return 0;
}

/* Makes the chunk the beginning of a record too long and goes on behind its line, without ever
 * holding all of it. */
static int skip_long(odd_csv_source *s, odd_csv_chunk *chunk, size_t too_long, bool end,
                     oddrow_error *err)
{
    int rc = 0;
    odd_bytes *raw = &chunk->raw, block = {0};
    size_t line_end = find_line_end(raw, too_long);
    s->offset += line_end ? line_end : raw->size;
    if (line_end)
        rc = give_back(s, raw, line_end, err);
    while (!rc && !line_end && !end) {
        odd_bytes_clear(&block);
        rc = top_up(s, &block, PROBE, &end, err);
        if (rc)
            break;
        line_end = find_line_end(&block, 0);
        s->offset += line_end ? line_end : block.size;
        if (line_end)
            rc = give_back(s, &block, line_end, err);
    }
    odd_bytes_free(&block);
    raw->size = too_long < ODD_CSV_EXCERPT ? too_long : ODD_CSV_EXCERPT;
    chunk->too_long = s->max_record;
    return rc;
}

/* The next chunk of the open file: 1, or 0 at its end. */
static int cut_chunk(odd_csv_source *s, odd_csv_chunk *chunk, oddrow_error *err)
{
    odd_bytes *raw = &chunk->raw;
    size_t target = s->chunk_size;
    bool end = false;
    cutter k = {0};
    odd_record_start(&k.scanner, s->delimiter, s->max_record);
    shrink(raw, s->chunk_size);
    odd_bytes_clear(raw);
    chunk->path = s->paths[s->file];
    chunk->file = s->file;
    chunk->offset = s->offset;
    chunk->too_long = 0;
    while (!k.cut && !k.too_long) {
        int rc = top_up(s, raw, target, &end, err);
        if (rc)
            return rc;
        if (!raw->size && end)
            return 0;
        find_cut(s, &k, raw, end);
        if (raw->size == target)
            target *= 2; /* for a record longer than a chunk; max_record ends it */
    }
    chunk->marked = k.marked;
    s->offset += k.cut;
    int rc = k.too_long ? skip_long(s, chunk, k.too_long, end, err) : give_back(s, raw, k.cut, err);
    return rc ? rc : 1;
}

int odd_csv_next(odd_csv_source *s, odd_csv_chunk *chunk, oddrow_error *err)
{
    chunk->records = chunk->rows = chunk->reject_count = 0;
    chunk->columns = s->header.columns;
    while (s->file < s->files) {
        int rc = s->input ? 0 : open_file(s, err);
        if (!rc)
            rc = cut_chunk(s, chunk, err);
        if (rc > 0)
            chunk->sequence = s->sequence++;
        if (rc)
            return rc;
        close_file(s);
    }
    return 0;
}

int odd_csv_descriptor(const odd_csv_source *s)
{
    size_t left = s->carry.size - s->carry_at;
    bool whole = left && memchr(s->carry.data + s->carry_at, '\n', left);
    return s->live && s->input && !s->input_end && !whole ? odd_input_descriptor(s->input) : -1;
}

int odd_csv_split(const odd_csv_source *s, odd_csv_chunk *chunk, oddrow_error *err)
{
    return odd_csv_chunk_split(chunk, s->header.columns, s->delimiter, s->max_record, err);
}
