/* The journal: what was committed is there after everything, once; what was not is not. */
#include "worker/journal.h"

#include "base/clock.h"
#include "base/memory.h"
#include "worker/journal_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BATCH = 2000, SECOND = 1000000 };

static char directory[64], path[100];
static oddrow_error err;

static void sweep(const char *name)
{
    DIR *d = opendir(name);
    struct dirent *e;
    char file[400];
    while ((e = readdir(d)))
        if (e->d_name[0] != '.') {
            snprintf(file, sizeof file, "%s/%s", name, e->d_name);
            unlink(file);
        }
    closedir(d);
}

static int setup(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/oddrow-journal-test-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/j.db", directory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sweep(directory);
    return rmdir(directory);
}

static odd_span span(const char *text)
{
    return (odd_span){text, strlen(text)};
}

static odd_journal *open_with(odd_journal_options options)
{
    odd_journal *j;
    int status = odd_journal_open(path, &options, &j, &err);
    if (status)
        fail_msg("%s", err.message);
    return j;
}

static odd_journal *reopen(odd_journal *j)
{
    odd_journal_close(&j);
    assert_null(j);
    return open_with((odd_journal_options){0});
}

/* The JSON that entry `sequence` has in these tests: `size` bytes that tell it from its neighbours.
 */
static void make_json(char *out, size_t size, uint64_t sequence)
{
    memset(out, 'a' + (int)(sequence % 26), size);
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)sequence);
    memcpy(out, digits, (size_t)n < size ? (size_t)n : size);
}

/* odd_journal_read until it has an answer. */
static int read_next(odd_journal_reader *r, uint64_t from, unsigned topics, odd_entry *out,
                     uint64_t *next, oddrow_error *error)
{
    int status;
    while ((status = odd_journal_read(r, from, topics, out, next, error)) == 2)
        from = *next;
    return status;
}

/* Commits count entries of `size` bytes, topics in turn, and the client's place. */
static int commit(odd_journal *j, size_t count, size_t size, const char *client, uint64_t number,
                  int64_t time)
{
    odd_entry *entries = calloc(count + 1, sizeof *entries);
    char *json = malloc(count * size + 1);
    for (size_t k = 0; k < count; k++) {
        uint64_t sequence = odd_journal_next(j) + k;
        make_json(json + k * size, size, sequence);
        entries[k] =
            (odd_entry){(odd_topic)(sequence % ODD_TOPICS), sequence, {json + k * size, size}};
    }
    odd_client_place place = {span(client ? client : ""), number};
    int status = odd_journal_commit(j, entries, count, &place, client != NULL, time, &err);
    free(entries);
    free(json);
    return status;
}

static void must(int status)
{
    if (status)
        fail_msg("%s", err.message);
}

/* Reads everything from `from` on: gapless, each as make_json made it. Returns how many. */
static uint64_t read_all(const char *file, uint64_t from, size_t size)
{
    odd_journal_reader *r;
    must(odd_journal_reader_open(file, &r, &err));
    odd_entry e;
    uint64_t next = from, count = 0;
    char *json = malloc(size + 1);
    int status;
    while ((status = read_next(r, next, ~0U, &e, &next, &err)) == 1) {
        assert_int_equal(e.sequence, from + count);
        assert_int_equal(e.topic, e.sequence % ODD_TOPICS);
        assert_int_equal(e.json.size, size);
        make_json(json, size, e.sequence);
        assert_memory_equal(e.json.data, json, size);
        next = e.sequence + 1;
        count++;
    }
    must(status);
    assert_int_equal(next, from + count);
    free(json);
    odd_journal_reader_close(&r);
    assert_null(r);
    return count;
}

static uint64_t place_of(odd_journal *j, const char *name)
{
    uint64_t number = 77;
    int status = odd_journal_client(j, span(name), &number, &err);
    if (status < 0)
        fail_msg("%s", err.message);
    if (!status)
        assert_int_equal(number, 0);
    return status ? number : UINT64_MAX;
}

static void keeps_what_was_committed(void **state)
{
    (void)state;
    odd_journal *j = open_with((odd_journal_options){0});
    assert_int_equal(odd_journal_next(j), 1);
    assert_int_equal(place_of(j, "a"), UINT64_MAX);
    must(commit(j, 3, 40, "a", 3, SECOND));
    must(commit(j, 0, 0, "", UINT64_MAX - 5, SECOND));
    must(commit(j, 1, 0, "a", (uint64_t)1 << 63, SECOND));
    must(commit(j, 0, 0, NULL, 0, SECOND));
    assert_int_equal(odd_journal_next(j), 5);
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(place_of(j, "a"), (uint64_t)1 << 63);
        assert_int_equal(place_of(j, ""), UINT64_MAX - 5);
        assert_int_equal(place_of(j, "b"), UINT64_MAX);
        j = reopen(j);
    }
    odd_journal_state s = odd_journal_state_of(j);
    assert_int_equal(s.next, 5);
    assert_int_equal(s.oldest, 1);
    assert_int_equal(s.commits, 0);
    assert_true(s.bytes > 0);
    must(commit(j, 1, 40, NULL, 0, SECOND));
    s = odd_journal_state_of(j);
    assert_int_equal(s.commits, 1);
    assert_true(s.commit_seconds > 0 && s.commit_seconds == s.last_commit_seconds);
    odd_journal_close(&j);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(read_all(path, 5, 40), 1);
}

static void takes_names_of_any_bytes(void **state)
{
    (void)state;
    odd_journal *j = open_with((odd_journal_options){.power = true});
    char name[ODD_CLIENT_NAME_MAX + 1] = {0};
    for (int turn = 0; turn < 2; turn++) {
        for (size_t k = 3; k <= ODD_CLIENT_NAME_MAX; k += 4) {
            odd_client_place place = {{name, k}, k};
            uint64_t number;
            if (turn == 0)
                must(odd_journal_commit(j, NULL, 0, &place, 1, 0, &err));
            assert_int_equal(odd_journal_client(j, place.name, &number, &err), 1);
            assert_int_equal(number, k);
        }
        j = reopen(j);
    }
    uint64_t number;
    odd_client_place place = {{name, sizeof name}, 1};
    assert_int_equal(odd_journal_client(j, place.name, &number, &err), ODDROW_EINVAL);
    assert_int_equal(odd_journal_commit(j, NULL, 0, &place, 1, 0, &err), ODDROW_EINVAL);
    odd_journal_close(&j);
}

static void refuses_entries_out_of_order(void **state)
{
    (void)state;
    odd_journal *j = open_with((odd_journal_options){0});
    odd_entry e[2] = {{ODD_TOPIC_ODD, 1, {"x", 1}}, {ODD_TOPIC_ODD, 3, {"x", 1}}};
    assert_int_equal(odd_journal_commit(j, e, 2, NULL, 0, 0, &err), ODDROW_EINVAL);
    e[1].sequence = 2;
    e[1].topic = ODD_TOPICS;
    assert_int_equal(odd_journal_commit(j, e, 2, NULL, 0, 0, &err), ODDROW_EINVAL);
    assert_int_equal(odd_journal_next(j), 1);
    must(odd_journal_commit(j, e, 1, NULL, 0, 0, &err));
    odd_journal_close(&j);
}

static void remembers_more_clients_than_it_keeps_in_memory(void **state)
{
    (void)state;
    enum { MANY = 70000 };
    odd_journal *j = open_with((odd_journal_options){0});
    odd_client_place *places = calloc(MANY, sizeof *places);
    char(*names)[24] = calloc(MANY, sizeof *names);
    for (int round = 0; round < 2; round++) {
        for (int k = 0; k < MANY; k++) {
            snprintf(names[k], sizeof names[k], "client-%d", k);
            places[k] = (odd_client_place){span(names[k]), (uint64_t)(k + round)};
        }
        must(odd_journal_commit(j, NULL, 0, places, MANY, 0, &err));
        for (int k = 0; k < MANY; k++)
            assert_int_equal(place_of(j, names[k]), k + round);
    }
    odd_journal_close(&j);
    free(places);
    free(names);
}

static void reads_from_anywhere(void **state)
{
    (void)state;
    odd_journal *j = open_with((odd_journal_options){0});
    must(commit(j, BATCH, 500, "a", 1, 0)); /* several segments */
    must(commit(j, 1, 3000000, "a", 2, 0)); /* one long one */
    must(commit(j, 10, 200000, "a", 2, 0)); /* one entry each */
    must(commit(j, BATCH, 0, NULL, 0, 0));  /* entries without bytes */
    uint64_t last = odd_journal_next(j) - 1, next, seed = 1;
    odd_journal_reader *r;
    must(odd_journal_reader_open(path, &r, &err));
    odd_entry e;
    for (int k = 0; k < 3000; k++) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        uint64_t from = k % 2 ? (seed >> 33) % (last + 3) : (uint64_t)k % (last + 3);
        unsigned topics = k % 3 ? 1U << k % ODD_TOPICS : ~0U;
        uint64_t expected = from ? from : 1;
        while (expected <= last && !(topics >> expected % ODD_TOPICS & 1U))
            expected++;
        int status = read_next(r, from, topics, &e, &next, &err);
        assert_int_equal(status, expected <= last);
        if (status)
            assert_int_equal(e.sequence, expected);
        else
            assert_int_equal(next, last + 1);
    }
    assert_int_equal(read_next(r, UINT64_MAX, ~0U, &e, &next, &err), 0);
    assert_int_equal(next, last + 1);
    assert_int_equal(read_next(r, 1, 0, &e, &next, &err), 0);
    assert_int_equal(next, last + 1);
    must(commit(j, 1, 7, NULL, 0, 0)); /* a reader sees what came after it was opened */
    assert_int_equal(read_next(r, next, ~0U, &e, &next, &err), 1);
    assert_int_equal(e.sequence, last + 1);
    odd_journal_reader_close(&r);
    odd_journal_close(&j);
}

static void passes_segments_of_other_topics(void **state)
{
    (void)state;
    odd_journal *j = open_with((odd_journal_options){0});
    for (uint64_t k = 1; k <= 3000; k++) { /* more than are looked at in one transaction */
        odd_entry e = {k == 2990 ? ODD_TOPIC_DRIFT : ODD_TOPIC_SCORE, k, {"{}", 2}};
        must(odd_journal_commit(j, &e, 1, NULL, 0, 0, &err));
    }
    odd_journal_reader *r;
    odd_entry e;
    uint64_t next;
    must(odd_journal_reader_open(path, &r, &err));
    assert_int_equal(odd_journal_read(r, 1, 1U << ODD_TOPIC_DRIFT, &e, &next, &err), 2);
    assert_true(next > 1 && next < 2990);
    assert_int_equal(read_next(r, 1, 1U << ODD_TOPIC_DRIFT, &e, &next, &err), 1);
    assert_int_equal(e.sequence, 2990);
    assert_int_equal(read_next(r, 2991, 1U << ODD_TOPIC_DRIFT, &e, &next, &err), 0);
    assert_int_equal(next, 3001);
    odd_journal_reader_close(&r);
    odd_journal_close(&j);
}

static void locks_out_a_second_worker(void **state)
{
    (void)state;
    odd_journal *j = open_with((odd_journal_options){0}), *second;
    pid_t child = fork();
    if (!child) {
        int status = odd_journal_open(path, NULL, &second, &err);
        _exit(status == ODDROW_EIO && !second && strstr(err.message, path) &&
                      strstr(err.message, "another worker")
                  ? 0
                  : 1);
    }
    int result;
    waitpid(child, &result, 0);
    assert_int_equal(result, 0);
    j = reopen(j);
    must(commit(j, 1, 1, NULL, 0, 0));
    odd_journal_close(&j);
}

static void execute(const char *file, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message))
        fail_msg("%s", message);
    sqlite3_close(db);
}

static void check_refusal(const char *file, int code, const char *text)
{
    odd_journal *j;
    odd_journal_reader *r;
    assert_int_equal(odd_journal_open(file, NULL, &j, &err), code);
    assert_null(j);
    assert_non_null(strstr(err.message, file));
    assert_non_null(strstr(err.message, text));
    assert_int_equal(odd_journal_reader_open(file, &r, &err), code);
    assert_null(r);
    assert_non_null(strstr(err.message, file));
}

static void refuses_what_is_no_journal(void **state)
{
    (void)state;
    FILE *f = fopen(path, "w");
    for (int k = 0; k < 1000; k++)
        fputs("age,workclass\n", f);
    fclose(f);
    check_refusal(path, ODDROW_EFORMAT, "not a database");
    unlink(path);
    execute(path, "CREATE TABLE feed(x)");
    check_refusal(path, ODDROW_EFORMAT, "no journal");
    sweep(directory);
    odd_journal *j = open_with((odd_journal_options){0});
    odd_journal_close(&j);
    execute(path, "PRAGMA user_version = 2");
    check_refusal(path, ODDROW_EFORMAT, "format 2");
    execute(path, "PRAGMA user_version = 1; DROP TABLE clients");
    check_refusal(path, ODDROW_EFORMAT, "no journal");
    assert_int_equal(odd_journal_open(directory, NULL, &j, &err), ODDROW_EIO);
    assert_int_equal(odd_journal_open("/no/such/place.db", NULL, &j, &err), ODDROW_EIO);
    assert_non_null(strstr(err.message, "/no/such/place.db: "));
}

static void is_gone_when_temporary(void **state)
{
    (void)state;
    setenv("TMPDIR", directory, 1);
    odd_journal *j;
    must(odd_journal_open(NULL, NULL, &j, &err));
    unsetenv("TMPDIR");
    char file[400];
    snprintf(file, sizeof file, "%s", odd_journal_path(j));
    assert_memory_equal(file, directory, strlen(directory));
    must(commit(j, 100, 10, "a", 100, 0));
    assert_int_equal(read_all(file, 1, 10), 100);
    odd_journal_close(&j);
    assert_int_equal(access(file, F_OK), -1);
    *strrchr(file, '/') = 0;
    assert_int_equal(access(file, F_OK), -1);
}

static void trims_by_age(void **state)
{
    (void)state;
    odd_journal *j = open_with((odd_journal_options){.retain_seconds = 10});
    for (int k = 1; k <= 3000; k++)
        must(commit(j, 2, 20, "a", (uint64_t)k, (int64_t)k * SECOND));
    assert_int_equal(odd_journal_trim(j, (int64_t)10 * SECOND, &err), 0);
    assert_int_equal(odd_journal_state_of(j).oldest, 1);
    assert_int_equal(odd_journal_trim(j, (int64_t)2510 * SECOND, &err), 1); /* a part of it */
    int calls = 1, more;
    while ((more = odd_journal_trim(j, (int64_t)2510 * SECOND, &err)) == 1)
        calls++;
    assert_int_equal(more, 0);
    assert_in_range(calls, 2, 10);
    assert_int_equal(odd_journal_state_of(j).oldest, 2499 * 2 + 1);
    assert_int_equal(read_all(path, 2499 * 2 + 1, 20), 1002);
    odd_journal_reader *r;
    odd_entry e;
    uint64_t next;
    must(odd_journal_reader_open(path, &r, &err));
    assert_int_equal(read_next(r, 0, ~0U, &e, &next, &err), 1); /* passes what is gone */
    assert_int_equal(e.sequence, 2499 * 2 + 1);
    odd_journal_reader_close(&r);
    while ((more = odd_journal_trim(j, (int64_t)99999 * SECOND, &err)) == 1)
        continue;
    assert_int_equal(more, 0);
    assert_int_equal(odd_journal_state_of(j).oldest, 5999); /* the newest stays */
    j = reopen(j);
    assert_int_equal(odd_journal_state_of(j).oldest, 5999);
    assert_int_equal(odd_journal_next(j), 6001);
    assert_int_equal(place_of(j, "a"), 3000);
    odd_journal_close(&j);
    /* Whatever else took entries away, the numbers go on. */
    execute(path, "DELETE FROM feed");
    assert_int_equal(read_all(path, 6001, 20), 0);
    j = open_with((odd_journal_options){0});
    assert_int_equal(odd_journal_next(j), 6001);
    assert_int_equal(odd_journal_state_of(j).oldest, 6001);
    must(commit(j, 1, 20, NULL, 0, 0));
    assert_int_equal(read_all(path, 6001, 20), 1);
    odd_journal_close(&j);
}

static void trims_by_size(void **state)
{
    (void)state;
    enum { BOUND = 4 << 20, SLACK = 24 << 20 };
    odd_journal *j = open_with((odd_journal_options){.retain_bytes = BOUND});
    for (int k = 0; k < 60; k++) {
        must(commit(j, BATCH, 500, NULL, 0, 0));
        int more;
        while ((more = odd_journal_trim(j, 0, &err)) == 1)
            continue;
        assert_int_equal(more, 0);
        assert_true(odd_journal_state_of(j).bytes < BOUND + SLACK);
    }
    odd_journal_state s = odd_journal_state_of(j);
    uint64_t kept = s.next - s.oldest;
    assert_true(kept * 500 < BOUND && kept * 500 > BOUND * 3 / 4);
    assert_int_equal(read_all(path, s.oldest, 500), kept);
    odd_journal_close(&j);
}

/* Commits until it fails, then, after `relieve`, once more; all of what was said to be safe and
 * nothing else is there. */
static void fill_and_recover(odd_journal *j, int code, void (*relieve)(void))
{
    uint64_t number = 0;
    int status = 0;
    while (number < 10000 && !(status = commit(j, 100, 200, "a", number + 1, 0)))
        number++;
    assert_int_equal(status, code);
    assert_true(number > 0);
    for (int k = 0; k < 3; k++) {
        assert_int_equal(commit(j, 100, 20000, "a", number + 1, 0), code);
        assert_int_equal(commit(j, 100, 20000, "b", 1, 0), code);
        assert_int_equal(place_of(j, "a"), number);
        assert_int_equal(place_of(j, "b"), UINT64_MAX);
        assert_int_equal(odd_journal_next(j), number * 100 + 1);
    }
    assert_true(odd_journal_state_of(j).failures >= 7);
    assert_int_equal(odd_journal_state_of(j).commits, number);
    assert_int_equal(read_all(odd_journal_path(j), 1, 200), number * 100);
    relieve();
    for (int k = 0; k < 50; k++)
        must(commit(j, 100, 200, "a", ++number, 0));
    assert_int_equal(read_all(odd_journal_path(j), 1, 200), number * 100);
    char file[200];
    snprintf(file, sizeof file, "%s", odd_journal_path(j));
    odd_journal_close(&j);
    must(odd_journal_open(file, NULL, &j, &err));
    assert_int_equal(place_of(j, "a"), number);
    assert_int_equal(odd_journal_next(j), number * 100 + 1);
    assert_int_equal(read_all(file, 1, 200), number * 100);
    odd_journal_close(&j);
}

static struct rlimit file_limit;

static void lift_file_limit(void)
{
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &file_limit), 0);
}

static void survives_a_limit_on_files(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &file_limit), 0);
    odd_journal *j = open_with((odd_journal_options){0});
    struct rlimit small = file_limit;
    small.rlim_cur = 1 << 20;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    fill_and_recover(j, ODDROW_EIO, lift_file_limit);
    sweep(directory);
    signal(SIGXFSZ, SIG_DFL);
}

static char mounted[100], ballast[120];

static void remove_ballast(void)
{
    assert_int_equal(unlink(ballast), 0);
}

static void survives_a_full_disk(void **state)
{
    (void)state;
    snprintf(mounted, sizeof mounted, "%s/disk", directory);
    snprintf(ballast, sizeof ballast, "%s/ballast", mounted);
    assert_int_equal(mkdir(mounted, 0700), 0);
    if (mount("tmpfs", mounted, "tmpfs", 0, "size=12m")) {
        print_message("survives_a_full_disk: cannot mount a tmpfs: %s\n", strerror(errno));
        assert_int_equal(rmdir(mounted), 0);
        skip();
    }
    char file[120];
    snprintf(file, sizeof file, "%s/j.db", mounted);
    int fd = open(ballast, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(posix_fallocate(fd, 0, 8 << 20), 0);
    close(fd);
    odd_journal *j;
    must(odd_journal_open(file, NULL, &j, &err));
    fill_and_recover(j, ODDROW_EIO, remove_ballast);
    assert_int_equal(umount(mounted), 0);
    assert_int_equal(rmdir(mounted), 0);
}

/* Commits until it is killed and reports each number that is safe. */
static void commit_until_killed(int pipe)
{
    odd_journal *j;
    if (odd_journal_open(path, NULL, &j, &err))
        _exit(1);
    uint64_t number = 0;
    odd_journal_client(j, span("a"), &number, &err);
    for (;;) {
        size_t count = 1 + number % 700;
        if (commit(j, count, 500, "a", ++number, 0))
            _exit(2);
        uint64_t report[2] = {odd_journal_next(j) - 1, number};
        if (write(pipe, report, sizeof report) != sizeof report)
            _exit(3);
        if (number % 64 == 0 && odd_journal_trim(j, 0, &err) < 0)
            _exit(4);
    }
}

static void survives_sigkill(void **state)
{
    (void)state;
    uint64_t report[2] = {0}, seed = (uint64_t)odd_clock_utc();
    for (int round = 0; round < 10; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (!child)
            commit_until_killed(ends[1]);
        close(ends[1]);
        assert_int_equal(read(ends[0], report, sizeof report), sizeof report); /* it is under way */
        seed = seed * 6364136223846793005ULL + 1;
        usleep((useconds_t)(seed >> 33) % 60000); /* the random moment is what is tested */
        kill(child, SIGKILL);
        int result;
        waitpid(child, &result, 0);
        assert_true(WIFSIGNALED(result));
        while (read(ends[0], report, sizeof report) == sizeof report)
            continue;
        close(ends[0]);
        odd_journal *j = open_with((odd_journal_options){0});
        uint64_t number = place_of(j, "a");
        /* The last commit may have been safe and not reported, no more. */
        assert_in_range(number, report[1], report[1] + 1);
        uint64_t last = report[0] + (number > report[1] ? 1 + (number - 1) % 700 : 0);
        assert_int_equal(odd_journal_next(j), last + 1);
        assert_int_equal(read_all(path, 1, 500), last);
        odd_journal_close(&j);
    }
}

static void tells_damaged_segments(void **state)
{
    (void)state;
    static const char *const damages[] = {
        "UPDATE feed SET entries = x'00000000ff41'", /* a length beyond the end */
        "UPDATE feed SET entries = x'09000000014141'",
        "UPDATE feed SET entries = x''",
        "UPDATE feed SET entries = 'text'",
        "UPDATE feed SET count = 9223372036854775807",
        "UPDATE feed SET count = -1",
        "UPDATE feed SET first = -5"};
    for (size_t k = 0; k < sizeof damages / sizeof *damages; k++) {
        odd_journal *j = open_with((odd_journal_options){0});
        must(commit(j, 2, 1, NULL, 0, 0));
        odd_journal_close(&j);
        execute(path, damages[k]);
        odd_journal_reader *r;
        odd_entry e;
        uint64_t next = 0;
        must(odd_journal_reader_open(path, &r, &err));
        int status = 1;
        for (int n = 0; n < 5 && status == 1; n++)
            status = read_next(r, next, ~0U, &e, &next, &err), next = e.sequence + 1;
        if (k < 6 || status)
            assert_int_equal(status, ODDROW_EFORMAT);
        odd_journal_reader_close(&r);
        sweep(directory);
    }
}

/* Any bytes of the file changed: errors, never a crash. */
static void survives_changed_bytes(void **state)
{
    (void)state;
    odd_journal *j = open_with((odd_journal_options){0});
    must(commit(j, 300, 100, "a", 1, 0));
    odd_journal_close(&j);
    FILE *f = fopen(path, "rb");
    static unsigned char good[1 << 20], bad[1 << 20];
    size_t size = fread(good, 1, sizeof good, f);
    fclose(f);
    uint64_t seed = 7, damaged = 0;
    for (int k = 0; k < 100; k++) {
        memcpy(bad, good, size);
        for (int n = 0; n < 1 + k % 20; n++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            bad[(seed >> 33) % size] = (unsigned char)(seed >> 20);
        }
        f = fopen(path, "wb");
        fwrite(bad, 1, k % 5 ? size : size / 2, f);
        fclose(f);
        if (odd_journal_open(path, NULL, &j, &err)) {
            damaged++;
        } else {
            uint64_t number;
            odd_journal_client(j, span("a"), &number, &err);
            damaged += commit(j, 10, 10, "a", 9, 0) != 0;
            odd_journal_trim(j, 0, &err);
            odd_journal_reader *r;
            if (!odd_journal_reader_open(path, &r, &err)) {
                odd_entry e;
                uint64_t next = 1;
                for (int n = 0; n < 400; n++) {
                    int status = read_next(r, next, ~0U, &e, &next, &err);
                    damaged += status < 0;
                    if (status != 1)
                        break;
                    next = e.sequence + 1;
                }
                odd_journal_reader_close(&r);
            }
            odd_journal_close(&j);
        }
        sweep(directory);
    }
    assert_true(damaged > 10);
}

static bool fail_nth(void *context, size_t size)
{
    (void)size;
    return --*(int *)context == 0;
}

static void survives_without_memory(void **state)
{
    (void)state;
    bool done = false;
    for (int nth = 1; !done; nth++) {
        assert_true(nth < 200);
        int countdown = nth;
        odd_journal *j;
        odd_journal_reader *r = NULL;
        odd_memory_hook(fail_nth, &countdown);
        int status = odd_journal_open(path, NULL, &j, &err);
        if (!status)
            status = commit(j, 10, 100, "a", 1, 0);
        if (!status) {
            assert_int_equal(place_of(j, "a"), 1);
            status = odd_journal_reader_open(path, &r, &err);
        }
        odd_entry e;
        uint64_t next;
        if (!status && (status = read_next(r, 1, ~0U, &e, &next, &err)) == 1)
            status = 0;
        odd_memory_hook(NULL, NULL);
        if (status)
            assert_int_equal(status, ODDROW_ENOMEM);
        done = !status && countdown > 0;
        odd_journal_reader_close(&r);
        odd_journal_close(&j);
        sweep(directory);
    }
}

enum { FOLLOWED = 400 };

static void *follow(void *context)
{
    odd_journal_reader *r = context;
    odd_entry e;
    uint64_t next = 1, expected = 1;
    while (expected <= FOLLOWED * 500) {
        int status = read_next(r, next, ~0U, &e, &next, NULL);
        if (status < 0 || (status == 1 && e.sequence != expected))
            return NULL;
        expected += (uint64_t)status;
        next = expected;
    }
    return context;
}

static void reads_while_it_is_written(void **state)
{
    (void)state;
    odd_journal *j = open_with((odd_journal_options){0});
    odd_journal_reader *r;
    pthread_t thread;
    uint64_t most = 0;
    must(odd_journal_reader_open(path, &r, &err));
    assert_int_equal(pthread_create(&thread, NULL, follow, r), 0);
    for (int k = 0; k < FOLLOWED; k++) {
        must(commit(j, 500, 500, NULL, 0, 0));
        struct stat info;
        char wal[120];
        snprintf(wal, sizeof wal, "%s-wal", path);
        if (!stat(wal, &info) && (uint64_t)info.st_size > most)
            most = (uint64_t)info.st_size;
    }
    void *result;
    pthread_join(thread, &result);
    assert_ptr_equal(result, r);
    assert_true(most < (uint64_t)FOLLOWED * 500 * 500 / 2); /* it is folded on the way */
    odd_journal_reader_close(&r);
    odd_journal_close(&j);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(keeps_what_was_committed),
                                       TEST(takes_names_of_any_bytes),
                                       TEST(refuses_entries_out_of_order),
                                       TEST(remembers_more_clients_than_it_keeps_in_memory),
                                       TEST(reads_from_anywhere),
                                       TEST(passes_segments_of_other_topics),
                                       TEST(locks_out_a_second_worker),
                                       TEST(refuses_what_is_no_journal),
                                       TEST(is_gone_when_temporary),
                                       TEST(trims_by_age),
                                       TEST(trims_by_size),
                                       TEST(survives_a_limit_on_files),
                                       TEST(survives_a_full_disk),
                                       TEST(survives_sigkill),
                                       TEST(tells_damaged_segments),
                                       TEST(survives_changed_bytes),
                                       TEST(survives_without_memory),
                                       TEST(reads_while_it_is_written)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
