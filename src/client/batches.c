#include "client/batches.h"

#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "csv/chunk.h"
#include "csv/record.h"
#include "wire/frame.h"

struct odd_batches {
    char *path;
    odd_csv_options csv;
    odd_encoding encoding;
    bool regular;
    odd_csv_source *source;
    odd_csv_chunk chunk;
    size_t at, row, reject; /* next record of the chunk; next good one; next rejected one */
    uint64_t before;        /* records of the chunks before this one */
    uint64_t seen, rejected, counted; /* counted: records up to here went into `rejected` */
};

int odd_batches_open(const char *path, const odd_csv_options *csv, odd_encoding encoding,
                     odd_batches **out, oddrow_error *err)
{
    struct stat info;
    *out = NULL;
    odd_batches *b = odd_alloc(1, sizeof(*b));
    if (!b || !(b->path = odd_copy(path, strlen(path)))) {
        odd_free(b);
        return odd_fail(err, ODDROW_ENOMEM, "out of memory for %s", path);
    }
    b->csv = *csv;
    b->encoding = encoding;
    b->regular = strcmp(path, "-") != 0 && stat(path, &info) == 0 && S_ISREG(info.st_mode);
    b->csv.live = !b->regular;
    int code = odd_csv_open((const char *const *)&b->path, 1, &b->csv, &b->source, err);
    if (code)
        odd_batches_free(&b);
    *out = b;
    return code;
}

void odd_batches_free(odd_batches **b)
{
    if (!b || !*b)
        return;
    odd_csv_chunk_free(&(*b)->chunk);
    odd_csv_close(&(*b)->source);
    odd_free((*b)->path);
    odd_free(*b);
    *b = NULL;
}

int odd_batches_rewind(odd_batches *b, oddrow_error *err)
{
    odd_csv_close(&b->source);
    b->chunk.records = b->chunk.rows = b->chunk.reject_count = 0;
    b->at = b->row = b->reject = 0;
    b->before = 0;
    return odd_csv_open((const char *const *)&b->path, 1, &b->csv, &b->source, err);
}

int odd_batches_descriptor(const odd_batches *b)
{
    return b->at < b->chunk.records ? -1 : odd_csv_descriptor(b->source);
}

bool odd_batches_rewindable(const odd_batches *b)
{
    return b->regular;
}

uint64_t odd_batches_seen(const odd_batches *b)
{
    return b->seen;
}

uint64_t odd_batches_rejected(const odd_batches *b)
{
    return b->rejected;
}

double odd_batches_fraction(const odd_batches *b)
{
    uint64_t total = odd_csv_bytes_total(b->source);
    return total ? (double)odd_csv_bytes_read(b->source) / (double)total : -1;
}

/* Whether a rejected line, alone in a payload, is one CSV record for every reader: its quotes
 * close, nothing was cut off, and its first bytes say no other encoding. A line of a file with
 * another delimiter might be a good row when its commas are counted. */
static bool stands_alone(const odd_batches *b, odd_span line)
{
    odd_record_scanner scanner;
    odd_record record;
    size_t blank = 0;
    if (odd_csv_delimiter(b->source) != ',' || line.size >= ODD_CSV_EXCERPT)
        return false;
    while (blank < line.size && (line.data[blank] == ' ' || line.data[blank] == '\t'))
        blank++;
    if (blank == line.size || (unsigned char)line.data[blank] >= 0x80 ||
        odd_encoding_of(line) != ODD_ENCODING_CSV)
        return false;
    odd_record_start(&scanner, ',', ODD_CSV_EXCERPT);
    return odd_record_scan(&scanner, line.data, line.size, true, &record) == ODD_RECORD_GOOD &&
           record.size == line.size;
}

/* A record that is no row, as a payload that is one rejected row at the worker. */
static void write_reject(const odd_batches *b, const odd_csv_reject *reject, odd_bytes *out)
{
    odd_span line = reject->line;
    odd_json j = {.out = out};
    if (b->encoding == ODD_ENCODING_CSV && stands_alone(b, line)) {
        odd_bytes_span(out, line);
        return;
    }
    line.size = line.size < ODD_EXCERPT_MAX ? line.size : ODD_EXCERPT_MAX;
    odd_json_open(&j, NULL, '{');
    odd_json_string(&j, "_rejected", reject->reason);
    odd_json_text(&j, "_line", line);
    odd_json_close(&j, '}');
}

static bool at_reject(const odd_batches *b)
{
    return b->reject < b->chunk.reject_count && b->chunk.rejects[b->reject].record == b->at;
}

/* Moves the place in the chunk behind the records before record `from` of the file. */
static void pass_over(odd_batches *b, uint64_t from)
{
    const odd_csv_chunk *c = &b->chunk;
    if (from <= b->before + 1)
        return;
    uint64_t skip = from - 1 - b->before;
    size_t to = skip < c->records ? (size_t)skip : c->records;
    if (to <= b->at)
        return;
    b->at = to;
    while (b->reject < c->reject_count && c->rejects[b->reject].record < to)
        b->reject++;
    b->row = to - b->reject; /* every record is a row or a reject */
}

static void see(odd_batches *b)
{
    if (b->before + b->at > b->seen)
        b->seen = b->before + b->at;
}

int odd_batches_next(odd_batches *b, uint64_t from, size_t most, odd_bytes *payload,
                     uint64_t *first, size_t *count, oddrow_error *err)
{
    odd_csv_chunk *c = &b->chunk;
    *count = 0;
    odd_bytes_clear(payload);
    if (b->at == c->records) {
        b->before += c->records;
        c->records = b->at = b->row = b->reject = 0;
        int got = odd_csv_next(b->source, c, err);
        int code = got > 0 ? odd_csv_split(b->source, c, err) : got;
        if (code || got <= 0)
            return code;
    }
    pass_over(b, from);
    see(b);
    if (b->at == c->records)
        return 1;

    *first = b->before + b->at + 1;
    if (at_reject(b)) {
        write_reject(b, &c->rejects[b->reject++], payload);
        *count = 1;
        b->rejected += *first > b->counted;
    } else {
        size_t end = b->reject < c->reject_count ? c->rejects[b->reject].record : c->records;
        *count = end - b->at < most ? end - b->at : most;
        odd_payload_write(b->encoding, odd_csv_names(b->source), c->columns,
                          c->cells + b->row * c->columns, *count, payload);
        b->row += *count;
    }
    b->at += *count;
    if (b->before + b->at > b->counted)
        b->counted = b->before + b->at;
    see(b);
    int rc = odd_bytes_check(payload, err);
    return rc ? rc : 1;
}
