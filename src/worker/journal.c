/* worker/journal.c: the writer of the journal; journal_file.h has the form of the file. */
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "worker/journal_file.h"
#include "worker/journal_lock.h"

enum {
    PATIENCE = 1000, /* milliseconds that another program may hold the file's write lock */
    /* Bytes; 4 KiB and 16 KiB were slower with long segments, 16 KiB also with single entries. */
    PAGE = 8192,
    FOLD_BYTES = 4 * 1024 * 1024,        /* of WAL, then it is folded into the file */
    FOLD_PATIENCE = 20,                  /* milliseconds that readers are waited for */
    TRIM_SEGMENTS = 1024,                /* removed by one call of trim, at most, */
    TRIM_BYTES = 64 * ODD_SEGMENT_BYTES, /* or as many bytes */
    KEPT = 1024 * 1024                   /* bytes of buffer kept after one large entry */
};

enum {
    BEGIN,
    COMMIT,
    ROLLBACK,
    ADD_SEGMENT,
    SET_PLACE,
    GET_PLACE,
    GET_OLDEST,
    REMOVE_SEGMENT,
    SET_NEXT,
    PAGES_ALL,
    PAGES_FREE,
    STATEMENTS
};

static const char *const statement_texts[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [ADD_SEGMENT] = "INSERT INTO feed(first, count, time, topics, entries) VALUES (?, ?, ?, ?, ?)",
    [SET_PLACE] = "REPLACE INTO clients(name, number) VALUES (?, ?)",
    [GET_PLACE] = "SELECT number FROM clients WHERE name = ?",
    [GET_OLDEST] = "SELECT first, count, time FROM feed ORDER BY first LIMIT 1",
    [REMOVE_SEGMENT] = "DELETE FROM feed WHERE first = ?",
    [SET_NEXT] = "REPLACE INTO meta(key, value) VALUES ('next', ?)",
    [PAGES_ALL] = "PRAGMA page_count",
    [PAGES_FREE] = "PRAGMA freelist_count"};

struct odd_journal {
    odd_journal_lock file;
    odd_journal_options options;
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    uint64_t next, oldest, page;
    uint64_t commits, failures;
    double seconds, last_seconds; /* spent in commits */
    int frames, fold_at;          /* pages in the WAL; when to fold it next */
    odd_bytes segment;
};

/* ---- the file ---- */

static int fail(odd_journal *j, const char *what, oddrow_error *err)
{
    return odd_journal_fail(j->db, j->file.path, what, err);
}

/* Runs a statement that gives no rows. An SQLite code. */
static int run(odd_journal *j, int which)
{
    sqlite3_step(j->statements[which]);
    return sqlite3_reset(j->statements[which]);
}

/* SQLite says how many pages the WAL holds after a commit. */
static int count_frames(void *context, sqlite3 *db, const char *name, int frames)
{
    (void)db, (void)name;
    ((odd_journal *)context)->frames = frames;
    return SQLITE_OK;
}

/* Folds the WAL into the file when it has grown: measured on an ext4 disk, after 4 MiB this held a
 * commit up for 2 to 3 ms between small commits and for some 6 to 17 ms under full load, after
 * 16 MiB for 10 and 25 ms, with the same throughput. The WAL begins anew only at a moment when no
 * reader uses it: where there was none for long, the readers, whose transactions are short, are
 * waited for. While one of another program stays, or the disk is full, the next try is another
 * FOLD_BYTES later. */
static void fold(odd_journal *j)
{
    int step = FOLD_BYTES / (int)j->page;
    if (j->frames < step)
        j->fold_at = step;
    if (j->frames < j->fold_at)
        return;
    bool wait = j->frames >= 4 * step;
    if (wait)
        sqlite3_busy_timeout(j->db, FOLD_PATIENCE);
    sqlite3_wal_checkpoint_v2(
        j->db, NULL, wait ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (wait)
        sqlite3_busy_timeout(j->db, PATIENCE);
    j->fold_at = j->frames + step;
}

static int begin(odd_journal *j, oddrow_error *err)
{
    return run(j, BEGIN) == SQLITE_OK ? 0 : fail(j, "write the journal", err);
}

/* Ends a transaction: commits it when rc is 0. SQLite has rolled some errors back by itself. */
static int end(odd_journal *j, int rc, oddrow_error *err)
{
    if (!rc && run(j, COMMIT) != SQLITE_OK)
        rc = fail(j, "write the journal", err);
    for (int k = 0; rc && k < STATEMENTS; k++)
        sqlite3_reset(j->statements[k]);
    if (rc && !sqlite3_get_autocommit(j->db))
        run(j, ROLLBACK);
    if (!rc)
        fold(j);
    j->failures += rc != 0;
    return rc;
}

/* Makes the tables in an empty database. */
static int make_tables(odd_journal *j, oddrow_error *err)
{
    char *sql = sqlite3_mprintf(
        "BEGIN IMMEDIATE;"
        "CREATE TABLE feed(first INTEGER PRIMARY KEY, count INTEGER NOT NULL,"
        " time INTEGER NOT NULL, topics INTEGER NOT NULL, entries BLOB NOT NULL);"
        "CREATE TABLE clients(name BLOB PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
        "INSERT INTO meta VALUES ('next', 1);"
        "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
        ODD_JOURNAL_ID, ODD_JOURNAL_FORMAT);
    if (!sql)
        return odd_no_memory(err);
    int failure = sqlite3_exec(j->db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return failure ? fail(j, "make the journal", err) : 0;
}

static int open_database(odd_journal *j, oddrow_error *err)
{
    int failure =
        sqlite3_open_v2(j->file.path, &j->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (!j->db)
        return odd_no_memory(err);
    if (failure)
        return fail(j, "open the journal", err);
    sqlite3_busy_timeout(j->db, PATIENCE);
    odd_journal_harden(j->db);
    int rc = odd_journal_check(j->db, j->file.path, err);
    if (rc < 0)
        return rc;
    /* No mmap: a file cut short by somebody else must be an error, not a SIGBUS. */
    char sql[300];
    sqlite3_snprintf(sizeof sql, sql,
                     "PRAGMA page_size = %d; PRAGMA journal_mode = WAL; PRAGMA synchronous = %s;"
                     "PRAGMA mmap_size = 0; PRAGMA journal_size_limit = %d",
                     PAGE, j->options.power ? "FULL" : "NORMAL", 2 * FOLD_BYTES);
    if (sqlite3_exec(j->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return fail(j, "prepare the journal", err);
    sqlite3_wal_hook(j->db, count_frames, j);
    return rc == 1 ? make_tables(j, err) : 0;
}

static int ask(odd_journal *j, const char *sql, uint64_t *out, oddrow_error *err)
{
    return odd_journal_ask(j->db, j->file.path, sql, out, err);
}

static int read_state(odd_journal *j, oddrow_error *err)
{
    uint64_t used = 1, end = 1;
    int rc;
    for (int k = 0; k < STATEMENTS; k++)
        if (sqlite3_prepare_v3(j->db, statement_texts[k], -1, SQLITE_PREPARE_PERSISTENT,
                               &j->statements[k], NULL) != SQLITE_OK)
            return fail(j, "read the journal", err);
    j->page = PAGE;
    if ((rc = ask(j, "SELECT value FROM meta WHERE key = 'next'", &used, err)) ||
        (rc = ask(j, "SELECT first + count FROM feed ORDER BY first DESC LIMIT 1", &end, err)) ||
        (rc = ask(j, "PRAGMA page_size", &j->page, err)))
        return rc;
    j->next = j->oldest = used > end ? used : end;
    if (!j->next || j->next > INT64_MAX)
        return odd_fail(err, ODDROW_EFORMAT, "%s: its sequence numbers are damaged", j->file.path);
    return ask(j, "SELECT first FROM feed ORDER BY first LIMIT 1", &j->oldest, err);
}

int odd_journal_open(const char *path, const odd_journal_options *options, odd_journal **out,
                     oddrow_error *err)
{
    odd_journal *j = odd_alloc(1, sizeof *j);
    int rc;
    *out = j;
    if (!j)
        return odd_no_memory(err);
    if (options)
        j->options = *options;
    if ((rc = odd_journal_lock_open(path, &j->file, err)) || (rc = open_database(j, err)) ||
        (rc = read_state(j, err)))
        odd_journal_close(out);
    return rc;
}

void odd_journal_close(odd_journal **journal)
{
    if (!journal || !*journal)
        return;
    odd_journal *j = *journal;
    for (int k = 0; k < STATEMENTS; k++)
        sqlite3_finalize(j->statements[k]);
    if (j->db && !*j->file.directory)
        sqlite3_wal_checkpoint_v2(j->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_close(j->db);
    odd_journal_lock_close(&j->file);
    odd_bytes_free(&j->segment);
    odd_free(j);
    *journal = NULL;
}

const char *odd_journal_path(const odd_journal *j)
{
    return j->file.path;
}

uint64_t odd_journal_next(const odd_journal *j)
{
    return j->next;
}

/* ---- places and entries ---- */

static void bind_name(sqlite3_stmt *s, odd_span name)
{
    /* A NULL pointer would bind NULL, not the empty name. */
    sqlite3_bind_blob(s, 1, name.size ? name.data : "", (int)name.size, SQLITE_STATIC);
}

/* One message for reading and for committing a name. */
static int check_name(odd_span name, oddrow_error *err)
{
    if (name.size <= ODD_CLIENT_NAME_MAX)
        return 0;
    return odd_fail(err, ODDROW_EINVAL, "a client's name of %zu bytes; %d are allowed", name.size,
                    ODD_CLIENT_NAME_MAX);
}

int odd_journal_client(odd_journal *j, odd_span name, uint64_t *last, oddrow_error *err)
{
    *last = 0;
    if (check_name(name, err))
        return ODDROW_EINVAL;
    sqlite3_stmt *s = j->statements[GET_PLACE];
    bind_name(s, name);
    int answer = sqlite3_step(s), rc = answer == SQLITE_ROW;
    if (answer == SQLITE_ROW)
        *last = (uint64_t)sqlite3_column_int64(s, 0);
    else if (answer != SQLITE_DONE)
        rc = fail(j, "read a client's place", err);
    sqlite3_reset(s);
    return rc;
}

/* Makes one segment of entries[*at …] and moves *at past them. */
static int add_segment(odd_journal *j, const odd_entry *entries, size_t count, size_t *at,
                       int64_t time, oddrow_error *err)
{
    odd_bytes *b = &j->segment;
    size_t from = *at;
    unsigned topics = 0;
    if (b->capacity > KEPT)
        odd_bytes_free(b);
    odd_bytes_clear(b);
    for (; *at < count; ++*at) {
        const odd_entry *e = &entries[*at];
        if (b->size && b->size + ODD_ENTRY_HEAD + e->json.size > ODD_SEGMENT_BYTES)
            break;
        unsigned char head[ODD_ENTRY_HEAD] = {(unsigned char)e->topic};
        odd_put(head + 1, 4, (uint32_t)e->json.size);
        odd_bytes_add(b, head, sizeof head);
        odd_bytes_span(b, e->json);
        topics |= 1U << e->topic;
    }
    if (b->failed)
        return odd_no_memory(err);
    sqlite3_stmt *s = j->statements[ADD_SEGMENT];
    sqlite3_bind_int64(s, 1, (sqlite3_int64)entries[from].sequence);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)(*at - from));
    sqlite3_bind_int64(s, 3, time);
    sqlite3_bind_int64(s, 4, topics);
    if (sqlite3_bind_blob64(s, 5, b->data, b->size, SQLITE_STATIC) == SQLITE_OK &&
        run(j, ADD_SEGMENT) == SQLITE_OK)
        return 0;
    return fail(j, "write the journal", err);
}

static int set_place(odd_journal *j, const odd_client_place *place, oddrow_error *err)
{
    sqlite3_stmt *s = j->statements[SET_PLACE];
    bind_name(s, place->name);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)place->last);
    return run(j, SET_PLACE) == SQLITE_OK ? 0 : fail(j, "write a client's place", err);
}

static int check_commit(const odd_journal *j, const odd_entry *entries, size_t count,
                        const odd_client_place *places, size_t place_count, oddrow_error *err)
{
    int rc = 0;
    for (size_t k = 0; k < count; k++)
        if (entries[k].sequence != j->next + k || (unsigned)entries[k].topic >= ODD_TOPICS ||
            entries[k].json.size > INT32_MAX / 2)
            return odd_fail(err, ODDROW_EINVAL, "entry %llu does not fit the journal",
                            (unsigned long long)entries[k].sequence);
    for (size_t k = 0; !rc && k < place_count; k++)
        rc = check_name(places[k].name, err);
    return rc;
}

int odd_journal_commit(odd_journal *j, const odd_entry *entries, size_t count,
                       const odd_client_place *places, size_t place_count, int64_t time,
                       oddrow_error *err)
{
    int rc = check_commit(j, entries, count, places, place_count, err);
    if (rc || (!count && !place_count))
        return rc;
    double start = odd_clock();
    rc = begin(j, err);
    for (size_t at = 0; !rc && at < count;)
        rc = add_segment(j, entries, count, &at, time, err);
    for (size_t k = 0; !rc && k < place_count; k++)
        rc = set_place(j, &places[k], err);
    rc = end(j, rc, err);
    if (rc)
        return rc;
    j->next += count;
    j->commits++;
    j->last_seconds = odd_clock() - start;
    j->seconds += j->last_seconds;
    return 0;
}

/* ---- keeping it small ---- */

/* Bytes of the file that are in use, or would be once the WAL is folded. */
static int used_bytes(odd_journal *j, uint64_t *out, oddrow_error *err)
{
    static const int which[2] = {PAGES_ALL, PAGES_FREE};
    uint64_t pages[2] = {0};
    for (int k = 0; k < 2; k++) {
        sqlite3_stmt *s = j->statements[which[k]];
        if (sqlite3_step(s) == SQLITE_ROW)
            pages[k] = (uint64_t)sqlite3_column_int64(s, 0);
        if (sqlite3_reset(s) != SQLITE_OK)
            return fail(j, "read the journal", err);
    }
    *out = (pages[0] - pages[1]) * j->page;
    return 0;
}

/* Whether the oldest segment may go: 1 with what it is, 0, or a code. The newest one stays. */
static int look_at_oldest(odd_journal *j, int64_t now, uint64_t *first, uint64_t *count,
                          oddrow_error *err)
{
    uint64_t used = 0;
    int rc = j->options.retain_bytes ? used_bytes(j, &used, err) : 0;
    if (rc)
        return rc;
    sqlite3_stmt *s = j->statements[GET_OLDEST];
    int answer = sqlite3_step(s);
    int64_t time = 0;
    if (answer == SQLITE_ROW) {
        *first = (uint64_t)sqlite3_column_int64(s, 0);
        *count = (uint64_t)sqlite3_column_int64(s, 1);
        time = sqlite3_column_int64(s, 2);
    }
    sqlite3_reset(s);
    if (answer != SQLITE_ROW)
        return answer == SQLITE_DONE ? 0 : fail(j, "read the journal", err);
    if (*first + *count >= j->next)
        return 0;
    bool old = j->options.retain_seconds > 0 &&
               (double)now - (double)time > j->options.retain_seconds * 1e6;
    return old || (j->options.retain_bytes && used > j->options.retain_bytes);
}

/* Inside a transaction: removes segments while they may go. 1 when there are more, 0, a code. */
static int remove_segments(odd_journal *j, int64_t now, uint64_t *oldest, oddrow_error *err)
{
    uint64_t first = 0, count = 0, before = 0, after = 0;
    int rc = used_bytes(j, &before, err);
    for (int k = 0; !rc; k++) {
        int more = look_at_oldest(j, now, &first, &count, err);
        if (more != 1 || (rc = used_bytes(j, &after, err)))
            return more == 1 ? rc : more;
        if (k == TRIM_SEGMENTS || before - after >= TRIM_BYTES)
            return 1;
        sqlite3_bind_int64(j->statements[REMOVE_SEGMENT], 1, (sqlite3_int64)first);
        if (run(j, REMOVE_SEGMENT) != SQLITE_OK)
            rc = fail(j, "trim the journal", err);
        *oldest = first + count;
    }
    return rc;
}

int odd_journal_trim(odd_journal *j, int64_t now, oddrow_error *err)
{
    uint64_t first, count, oldest = j->oldest;
    int more = look_at_oldest(j, now, &first, &count, err), rc;
    if (more != 1)
        return more;
    if (!(rc = begin(j, err))) {
        more = remove_segments(j, now, &oldest, err);
        sqlite3_bind_int64(j->statements[SET_NEXT], 1, (sqlite3_int64)j->next);
        rc = more < 0 ? more : run(j, SET_NEXT) ? fail(j, "write the journal", err) : 0;
    }
    if ((rc = end(j, rc, err)))
        return rc;
    j->oldest = oldest;
    return more;
}

odd_journal_state odd_journal_state_of(odd_journal *j)
{
    odd_journal_state state = {.next = j->next,
                               .oldest = j->oldest,
                               .commits = j->commits,
                               .failures = j->failures,
                               .commit_seconds = j->seconds,
                               .last_commit_seconds = j->last_seconds};
    struct stat info;
    if (!stat(j->file.path, &info))
        state.bytes = (uint64_t)info.st_size;
    if (!stat(j->file.wal, &info))
        state.bytes += (uint64_t)info.st_size;
    return state;
}
