/* client/batches.c: CSV records to payloads, those that are no rows among them. */
#include "client/batches.h"

#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "csv/record.h"
#include "wire/frame.h"

int odd_batches_open(odd_batches *b, const char *path, const odd_csv_options *csv,
                     odd_encoding encoding, oddrow_error *err)
{
    struct stat info;
    *b = (odd_batches){.path = path, .csv = *csv, .encoding = encoding};
    b->regular = strcmp(path, "-") != 0 && stat(path, &info) == 0 && S_ISREG(info.st_mode);
    b->csv.live = !b->regular;
    return odd_csv_open(&b->path, 1, &b->csv, &b->source, err);
}

void odd_batches_close(odd_batches *b)
{
    odd_csv_chunk_free(&b->chunk);
    odd_csv_close(&b->source);
}

int odd_batches_rewind(odd_batches *b, oddrow_error *err)
{
    odd_csv_close(&b->source);
    b->chunk.records = b->chunk.rows = b->chunk.reject_count = 0;
    b->at = b->row = b->reject = 0;
    b->before = 0;
    return odd_csv_open(&b->path, 1, &b->csv, &b->source, err);
}

int odd_batches_descriptor(const odd_batches *b)
{
    return b->at < b->chunk.records ? -1 : odd_csv_descriptor(b->source);
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
    while (blank < line.size && (line.data[blank] == ' ' || line.data[blank] == '\t'))
        blank++;
    if (odd_csv_delimiter(b->source) != ',' || line.size >= ODD_CSV_EXCERPT || blank == line.size ||
        (unsigned char)line.data[blank] >= 0x80 || odd_encoding_of(line) != ODD_ENCODING_CSV)
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

/* Moves on behind the records before record `from` of the file. */
static void pass_over(odd_batches *b, uint64_t from)
{
    const odd_csv_chunk *c = &b->chunk;
    uint64_t skip = from > b->before + 1 ? from - 1 - b->before : 0;
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
        int rc = got > 0 ? odd_csv_split(b->source, c, err) : got;
        if (rc || got <= 0)
            return rc;
    }
    pass_over(b, from);
    see(b);
    if (b->at == c->records)
        return 1;

    size_t stop = b->reject < c->reject_count ? c->rejects[b->reject].record : c->records;
    *first = b->before + b->at + 1;
    if (b->at == stop) {
        write_reject(b, &c->rejects[b->reject++], payload);
        *count = 1;
        b->rejected += *first > b->counted;
    } else {
        *count = stop - b->at < most ? stop - b->at : most;
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
