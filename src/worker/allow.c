/* worker/allow.c: the keys of clients, read from their files and sorted. */
#include "worker/allow.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "wire/keys.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

typedef struct entry {
    unsigned char key[ODD_ALLOW_KEY];
    char user[ODD_ALLOW_USER];
} entry;

/* By key, each once. */
typedef struct list {
    entry *entries;
    size_t count, capacity;
} list;

struct odd_allow {
    char directory[PATH_MAX]; /* DIR/clients */
    list list;
    uint64_t print;    /* of names, sizes and times of the files read */
    int complained_of; /* errno of the last failure to read the directory, so as to say it once */
};

static bool is_key_name(const char *name)
{
    return *name != '.' && odd_path_ends(name, ".key");
}

/* Mixes one file into the print, whatever the order in which the directory tells them. */
static uint64_t print_of(DIR *d, const char *name)
{
    struct stat info;
    int64_t facts[6] = {0};
    if (!fstatat(dirfd(d), name, &info, 0)) {
        facts[0] = info.st_mtim.tv_sec, facts[1] = info.st_mtim.tv_nsec;
        facts[2] = info.st_ctim.tv_sec, facts[3] = info.st_ctim.tv_nsec;
        facts[4] = info.st_size, facts[5] = (int64_t)info.st_ino;
    }
    return odd_hash(facts, sizeof facts, odd_hash(name, strlen(name), 1));
}

static int take_print(const char *directory, uint64_t *print)
{
    DIR *d = opendir(directory);
    if (!d)
        return errno;
    *print = 1;
    const struct dirent *e;
    while ((e = readdir(d)))
        if (is_key_name(e->d_name))
            *print += print_of(d, e->d_name);
    closedir(d);
    return 0;
}

static int add_file(const odd_allow *a, const char *name, list *out, odd_log *log,
                    oddrow_error *err)
{
    char path[PATH_MAX + NAME_MAX + 2], key[ODD_KEY_SIZE];
    oddrow_error problem = {0};
    if (out->count == ODD_ALLOW_MAX) {
        odd_log_write(log, ODD_LOG_ERROR, "key", "%s: more than %d keys: %s is passed over",
                      a->directory, ODD_ALLOW_MAX, name);
        return 0;
    }
    snprintf(path, sizeof path, "%s/%s", a->directory, name);
    if (odd_keys_read_public(path, key, &problem)) {
        odd_log_write(log, ODD_LOG_ERROR, "key", "passed over: %s", problem.message);
        return 0;
    }
    int rc = odd_grow(&out->entries, &out->capacity, out->count + 1, sizeof *out->entries, err);
    if (rc)
        return rc;
    entry *e = &out->entries[out->count++];
    zmq_z85_decode(e->key, key); /* odd_keys_read_public did */
    snprintf(e->user, sizeof e->user, "%.*s", (int)(strlen(name) - strlen(".key")), name);
    return 0;
}

static int by_key(const void *a, const void *b)
{
    return memcmp(((const entry *)a)->key, ((const entry *)b)->key, ODD_ALLOW_KEY);
}

static void sort(list *l)
{
    size_t kept = 0;
    if (l->count)
        qsort(l->entries, l->count, sizeof *l->entries, by_key);
    for (size_t i = 0; i < l->count; i++)
        if (!kept || by_key(&l->entries[kept - 1], &l->entries[i]))
            l->entries[kept++] = l->entries[i];
    l->count = kept;
}

/* Puts what the files hold in place of the list, or leaves it. */
static int read_all(odd_allow *a, odd_log *log, oddrow_error *err)
{
    list fresh = {0};
    int rc = 0;
    DIR *d = opendir(a->directory);
    if (!d)
        return odd_fail(err, ODDROW_EIO, "%s: cannot read the allow list: %s", a->directory,
                        strerror(errno));
    const struct dirent *e;
    while (!rc && (e = readdir(d)))
        if (is_key_name(e->d_name))
            rc = add_file(a, e->d_name, &fresh, log, err);
    closedir(d);
    if (!rc)
        sort(&fresh);
    odd_free(rc ? fresh.entries : a->list.entries);
    if (!rc)
        a->list = fresh;
    return rc;
}

int odd_allow_open(const char *directory, odd_log *log, odd_allow **out, oddrow_error *err)
{
    odd_allow *a = *out = odd_alloc(1, sizeof *a);
    if (!a)
        return odd_no_memory(err);
    int rc, size = snprintf(a->directory, sizeof a->directory, "%s/clients", directory);
    if (size < 0 || (size_t)size >= sizeof a->directory) {
        rc = odd_fail(err, ODDROW_EINVAL, "the path of the key directory is too long");
    } else {
        /* The print first: what changes while the files are read is seen at the next refresh. */
        (void)take_print(a->directory, &a->print);
        rc = read_all(a, log, err);
    }
    if (rc)
        odd_allow_free(out);
    return rc;
}

static void complain(odd_allow *a, int failure, odd_log *log)
{
    if (failure != a->complained_of)
        odd_log_write(log, ODD_LOG_ERROR, "key", "%s: cannot read the allow list: %s%s",
                      a->directory, strerror(failure),
                      failure == ENOENT ? ": nobody is served" : ": the old one stays");
    a->complained_of = failure;
}

void odd_allow_refresh(odd_allow *a, odd_log *log)
{
    uint64_t print = 0;
    oddrow_error problem = {0};
    int failure = take_print(a->directory, &print);
    if (failure) {
        complain(a, failure, log);
        if (failure == ENOENT)
            a->list.count = 0, a->print = 0;
        return;
    }
    a->complained_of = 0;
    if (print == a->print)
        return;
    if (read_all(a, log, &problem)) {
        odd_log_write(log, ODD_LOG_ERROR, "key", "%s: the old allow list stays", problem.message);
        return;
    }
    a->print = print;
    odd_log_write(log, ODD_LOG_INFO, "keys", "%s: %zu clients are listed", a->directory,
                  a->list.count);
}

const char *odd_allow_find(const odd_allow *a, const unsigned char key[ODD_ALLOW_KEY])
{
    const list *l = &a->list;
    const entry *found =
        l->count ? bsearch(key, l->entries, l->count, sizeof *found, by_key) : NULL;
    return found ? found->user : NULL;
}

size_t odd_allow_count(const odd_allow *a)
{
    return a->list.count;
}

void odd_allow_free(odd_allow **a)
{
    if (!a || !*a)
        return;
    odd_free((*a)->list.entries);
    odd_free(*a);
    *a = NULL;
}
