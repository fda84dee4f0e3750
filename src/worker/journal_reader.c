/* worker/journal_reader.c: reading the journal while it is written, and what its files share. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "worker/journal_file.h"

enum {
    LOOK = 1024,       /* segments looked at in one read transaction */
    PATIENCE = 5000,   /* milliseconds: only a recovery or a closing writer locks readers out */
    KEPT = 1024 * 1024 /* bytes of buffer kept after a segment of one large entry */
};

struct odd_journal_reader {
    char *path;
    sqlite3 *db;
    sqlite3_stmt *segments, *used;
    /* The segment at hand: entries first … first + count - 1; none when count is 0. The next one to
     * decode is number `at`, `offset` bytes in. */
    uint64_t first, count, at;
    size_t offset;
    odd_bytes bytes;
};

int odd_journal_fail(sqlite3 *db, const char *path, const char *what, oddrow_error *err)
{
    int reason = sqlite3_errcode(db) & 0xff;
    int rc = reason == SQLITE_CORRUPT || reason == SQLITE_NOTADB ? ODDROW_EFORMAT
             : reason == SQLITE_NOMEM                            ? ODDROW_ENOMEM
                                                                 : ODDROW_EIO;
    return odd_fail(err, rc, "%s: cannot %s: %s", path, what, sqlite3_errmsg(db));
}

void odd_journal_harden(sqlite3 *db)
{
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, (int *)NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, (int *)NULL);
}

int odd_journal_ask(sqlite3 *db, const char *path, const char *sql, uint64_t *out,
                    oddrow_error *err)
{
    sqlite3_stmt *s = NULL;
    int answer = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (answer == SQLITE_OK && (answer = sqlite3_step(s)) == SQLITE_ROW)
        *out = (uint64_t)sqlite3_column_int64(s, 0);
    int rc = answer == SQLITE_ROW || answer == SQLITE_DONE
                 ? 0
                 : odd_journal_fail(db, path, "read the journal", err);
    sqlite3_finalize(s);
    return rc;
}

int odd_journal_check(sqlite3 *db, const char *path, oddrow_error *err)
{
    uint64_t id = 0, format = 0, tables = 0, all = 0;
    int rc;
    if ((rc = odd_journal_ask(db, path, "PRAGMA application_id", &id, err)) ||
        (rc = odd_journal_ask(db, path, "PRAGMA user_version", &format, err)) ||
        (rc = odd_journal_ask(db, path, "SELECT count(*) FROM sqlite_master", &all, err)) ||
        (rc = odd_journal_ask(db, path,
                              "SELECT count(*) FROM sqlite_master WHERE type = 'table'"
                              " AND name IN ('feed', 'clients', 'meta')",
                              &tables, err)))
        return rc;
    if (!id && !format && !all)
        return 1;
    if (id != ODD_JOURNAL_ID || (format == ODD_JOURNAL_FORMAT && tables != 3))
        return odd_fail(err, ODDROW_EFORMAT, "%s: is no journal of oddrow", path);
    if (format != ODD_JOURNAL_FORMAT)
        return odd_fail(err, ODDROW_EFORMAT,
                        "%s: is a journal of format %lld; this version knows %d", path,
                        (long long)format, ODD_JOURNAL_FORMAT);
    return 0;
}

static int open_file(odd_journal_reader *r, const char *path, oddrow_error *err)
{
    /* An absolute path, so that no name means something else to SQLite (":memory:", "file:x"). */
    char *whole = realpath(path, NULL);
    if (!whole)
        return odd_fail(err, ODDROW_EIO, "%s: cannot open the journal: no such file", path);
    int failure = sqlite3_open_v2(whole, &r->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    free(whole);
    if (!r->db)
        return odd_no_memory(err);
    if (failure)
        return odd_journal_fail(r->db, path, "open the journal", err);
    sqlite3_busy_timeout(r->db, PATIENCE);
    odd_journal_harden(r->db);
    int rc = odd_journal_check(r->db, path, err);
    if (rc)
        return rc < 0 ? rc : odd_fail(err, ODDROW_EFORMAT, "%s: is no journal of oddrow", path);
    /* A segment's bytes are fetched only where a topic of it is wanted. */
    failure = sqlite3_prepare_v3(
        r->db,
        "SELECT first, count, CASE WHEN topics & ?2 AND first + count > ?1 THEN entries END"
        " FROM feed WHERE first >= coalesce((SELECT max(first) FROM feed WHERE first <= ?1), ?1) "
        "ORDER BY first",
        -1, SQLITE_PREPARE_PERSISTENT, &r->segments, NULL);
    if (!failure)
        failure = sqlite3_prepare_v3(r->db, "SELECT value FROM meta WHERE key = 'next'", -1,
                                     SQLITE_PREPARE_PERSISTENT, &r->used, NULL);
    return failure ? odd_journal_fail(r->db, path, "read the journal", err) : 0;
}

int odd_journal_reader_open(const char *path, odd_journal_reader **out, oddrow_error *err)
{
    odd_journal_reader *r = odd_alloc(1, sizeof *r);
    *out = r;
    if (!r)
        return odd_no_memory(err);
    r->path = odd_copy(path, strlen(path));
    int rc = r->path ? open_file(r, path, err) : odd_no_memory(err);
    if (rc)
        odd_journal_reader_close(out);
    return rc;
}

void odd_journal_reader_close(odd_journal_reader **reader)
{
    if (!reader || !*reader)
        return;
    odd_journal_reader *r = *reader;
    sqlite3_finalize(r->segments);
    sqlite3_finalize(r->used);
    sqlite3_close(r->db);
    odd_bytes_free(&r->bytes);
    odd_free(r->path);
    odd_free(r);
    *reader = NULL;
}

static int damaged(const odd_journal_reader *r, uint64_t sequence, oddrow_error *err)
{
    return odd_fail(err, ODDROW_EFORMAT, "%s: the segment with sequence %llu is damaged", r->path,
                    (unsigned long long)sequence);
}

/* Takes the segment of the current row: copied, so that the read transaction can end. */
static int take(odd_journal_reader *r, uint64_t first, uint64_t count, oddrow_error *err)
{
    if (sqlite3_column_type(r->segments, 2) != SQLITE_BLOB)
        return damaged(r, first, err);
    const void *data = sqlite3_column_blob(r->segments, 2);
    size_t size = (size_t)sqlite3_column_bytes(r->segments, 2);
    if (!data && sqlite3_errcode(r->db) == SQLITE_NOMEM)
        return odd_no_memory(err);
    if (size / ODD_ENTRY_HEAD < count)
        return damaged(r, first, err);
    if (r->bytes.capacity > KEPT)
        odd_bytes_free(&r->bytes);
    odd_bytes_clear(&r->bytes);
    odd_bytes_add(&r->bytes, data, size);
    if (odd_bytes_check(&r->bytes, err))
        return ODDROW_ENOMEM;
    r->first = first;
    r->count = count;
    r->at = r->offset = 0;
    return 0;
}

/* The number that the next entry will have when there is no segment to tell it. */
static int read_next(odd_journal_reader *r, uint64_t *next, oddrow_error *err)
{
    int answer = sqlite3_step(r->used);
    sqlite3_int64 used = answer == SQLITE_ROW ? sqlite3_column_int64(r->used, 0) : 0;
    *next = used > 0 ? (uint64_t)used : 1;
    if (answer != SQLITE_ROW && answer != SQLITE_DONE)
        return odd_journal_fail(r->db, r->path, "read the journal", err);
    sqlite3_reset(r->used);
    return 0;
}

/* Looks for the first segment that holds sequences >= from and a wanted topic: 1 taken, 0 at the
 * end, 2 not yet; *next as odd_journal_read says. */
static int look(odd_journal_reader *r, uint64_t from, unsigned topics, uint64_t *next,
                oddrow_error *err)
{
    uint64_t end = 0; /* of the segments seen */
    int rc = 0, answer = SQLITE_ROW;
    bool found = false;
    sqlite3_bind_int64(r->segments, 1, (sqlite3_int64)from);
    sqlite3_bind_int64(r->segments, 2, topics);
    for (int k = 0; k < LOOK && !found && !rc; k++) {
        if ((answer = sqlite3_step(r->segments)) != SQLITE_ROW)
            break;
        sqlite3_int64 first = sqlite3_column_int64(r->segments, 0);
        sqlite3_int64 count = sqlite3_column_int64(r->segments, 1);
        if (first < 1 || count < 1 || count > INT64_MAX - first || (uint64_t)first < end)
            rc = damaged(r, first < 1 ? 0 : (uint64_t)first, err);
        end = (uint64_t)first + (uint64_t)count;
        found = !rc && end > from && sqlite3_column_type(r->segments, 2) != SQLITE_NULL;
        if (found)
            rc = take(r, (uint64_t)first, (uint64_t)count, err);
    }
    if (answer != SQLITE_ROW && answer != SQLITE_DONE)
        rc = odd_journal_fail(r->db, r->path, "read the journal", err);
    sqlite3_reset(r->segments);
    if (rc || found)
        return rc ? rc : 1;
    *next = end;
    if (answer == SQLITE_ROW)
        return 2;
    return end ? 0 : read_next(r, next, err);
}

/* Decodes the segment's next entry. */
static int decode(odd_journal_reader *r, odd_entry *out, oddrow_error *err)
{
    const char *data = r->bytes.data + r->offset;
    size_t left = r->bytes.size - r->offset;
    uint64_t sequence = r->first + r->at;
    size_t size = left >= ODD_ENTRY_HEAD ? (uint32_t)odd_get(data + 1, 4) : 0;
    if (left < ODD_ENTRY_HEAD || (unsigned char)data[0] >= ODD_TOPICS ||
        size > left - ODD_ENTRY_HEAD) {
        r->count = 0;
        return damaged(r, sequence, err);
    }
    *out = (odd_entry){(odd_topic)data[0], sequence, {data + ODD_ENTRY_HEAD, size}};
    r->offset += ODD_ENTRY_HEAD + size;
    r->at++;
    return 0;
}

int odd_journal_read(odd_journal_reader *r, uint64_t from, unsigned topics, odd_entry *out,
                     uint64_t *next, oddrow_error *err)
{
    if (from > INT64_MAX)
        from = INT64_MAX;
    /* An entry's bit alone: a segment without it is not even fetched. */
    topics &= (1U << ODD_TOPICS) - 1;
    /* At most one segment without a match, although it has the topic's bit, before the next look:
     * the entry wanted may lie in front of from. */
    for (int turn = 0; turn < 2; turn++) {
        if (from < r->first || from - r->first >= r->count) {
            r->count = 0;
            int rc = look(r, from, topics, next, err);
            if (rc != 1)
                return rc;
        } else if (from - r->first < r->at) {
            r->at = r->offset = 0;
        }
        while (r->at < r->count) {
            int rc = decode(r, out, err);
            if (rc)
                return rc;
            if (out->sequence >= from && topics >> out->topic & 1U)
                return 1;
        }
        from = r->first + r->count;
    }
    *next = from;
    return 2;
}
