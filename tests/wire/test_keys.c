/* Key files: made, read, refused, and kept out of messages. */
#include "wire/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char directory[64];

static const char *in_directory(const char *name)
{
    static char path[4][400];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", directory, name);
    return path[turn];
}

static int setup(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/oddrow-keys-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[200];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

static void write_bytes(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void write_text(const char *path, const char *text)
{
    write_bytes(path, text, strlen(text));
}

static unsigned mode_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 07777;
}

static void made_keys_are_read(void **state)
{
    (void)state;
    odd_keys keys;
    oddrow_error err = {0};
    char key[ODD_KEY_SIZE];
    const char *made = in_directory("worker");
    assert_int_equal(odd_keys_make(made, &err), 0);
    assert_int_equal(mode_of(made), 0700);
    assert_int_equal(mode_of(in_directory("worker/clients")), 0700);
    assert_int_equal(mode_of(in_directory("worker/curve.key_secret")), 0600);
    assert_int_equal(odd_keys_read(made, &keys, &err), 0);
    assert_int_equal(strlen(keys.public_key), 40);
    assert_int_equal(strlen(keys.secret_key), 40);
    assert_string_equal(keys.server_key, "");
    assert_int_equal(odd_keys_read_public(in_directory("worker/curve.key"), key, &err), 0);
    assert_string_equal(key, keys.public_key);
    odd_keys_wipe(&keys);
    for (size_t i = 0; i < sizeof keys; i++)
        assert_int_equal(((const char *)&keys)[i], 0);
    odd_keys_wipe(NULL);
}

static void public_file_holds_no_secret(void **state)
{
    (void)state;
    odd_keys keys;
    char text[2000] = "";
    assert_int_equal(odd_keys_make(in_directory("k"), NULL), 0);
    assert_int_equal(odd_keys_read(in_directory("k"), &keys, NULL), 0);
    FILE *f = fopen(in_directory("k/curve.key"), "rb");
    assert_non_null(f);
    assert_true(fread(text, 1, sizeof text - 1, f) > 40);
    fclose(f);
    assert_non_null(strstr(text, keys.public_key));
    assert_null(strstr(text, keys.secret_key));
    assert_null(strstr(text, "secret-key"));
}

static void nothing_is_overwritten(void **state)
{
    (void)state;
    odd_keys before, after;
    oddrow_error err = {0};
    const char *made = in_directory("k");
    assert_int_equal(odd_keys_make(made, NULL), 0);
    assert_int_equal(odd_keys_read(made, &before, NULL), 0);
    assert_int_equal(odd_keys_make(made, &err), ODDROW_EINVAL);
    assert_non_null(strstr(err.message, "never overwritten"));
    assert_int_equal(odd_keys_read(made, &after, NULL), 0);
    assert_memory_equal(&before, &after, sizeof before);
    /* One file of the two is enough, and nothing is made beside it. */
    assert_int_equal(mkdir(in_directory("half"), 0700), 0);
    write_text(in_directory("half/curve.key"), "mine");
    assert_int_equal(odd_keys_make(in_directory("half"), NULL), ODDROW_EINVAL);
    assert_int_equal(access(in_directory("half/curve.key_secret"), F_OK), -1);
    assert_int_equal(access(in_directory("half/clients"), F_OK), -1);
}

static void failure_removes_what_was_made(void **state)
{
    (void)state;
    oddrow_error err = {0};
    assert_int_equal(odd_keys_make(in_directory("no/such"), &err), ODDROW_EIO);
    assert_non_null(strstr(err.message, "no/such"));
    write_text(in_directory("file"), "x");
    assert_int_equal(odd_keys_make(in_directory("file"), &err), ODDROW_EIO);
    /* clients cannot be made: the directory itself goes again when it was new, here it stays. */
    assert_int_equal(mkdir(in_directory("k"), 0700), 0);
    write_text(in_directory("k/clients"), "x");
    assert_int_equal(odd_keys_make(in_directory("k"), &err), ODDROW_EIO);
    assert_int_equal(access(in_directory("k/curve.key_secret"), F_OK), -1);
    assert_int_equal(access(in_directory("k/curve.key"), F_OK), -1);
    char deep[5000];
    memset(deep, 'a', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    assert_int_equal(odd_keys_make(deep, &err), ODDROW_EINVAL);
}

static void loose_secrets_are_refused(void **state)
{
    (void)state;
    odd_keys keys;
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610};
    const char *made = in_directory("k"), *secret = in_directory("k/curve.key_secret");
    assert_int_equal(odd_keys_make(made, NULL), 0);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        oddrow_error err = {0};
        assert_int_equal(chmod(secret, modes[i]), 0);
        assert_int_equal(odd_keys_read(made, &keys, &err), ODDROW_EINVAL);
        assert_non_null(strstr(err.message, "chmod 600 "));
        assert_non_null(strstr(err.message, secret));
        assert_int_equal(*keys.secret_key, 0);
    }
    assert_int_equal(chmod(secret, 0400), 0);
    assert_int_equal(odd_keys_read(made, &keys, NULL), 0);
}

/* As zmq.auth.create_certificates of pyzmq 27 writes them. */
static const char pyzmq_public[] =
    "#   ****  Generated on 2026-11-21 09:46:57.399706 by pyzmq  ****\n"
    "#   ZeroMQ CURVE Public Certificate\n"
    "#   Exchange securely, or use a secure mechanism to verify the contents\n"
    "\nmetadata\ncurve\n"
    "    public-key = \"?W7&smIe)oOV-)$^8-x%Y1<?*C9C[qD)XcutFjR+\"\n";
static const char pyzmq_secret[] =
    "#   ZeroMQ CURVE **Secret** Certificate\n\nmetadata\ncurve\n"
    "    public-key = \"?W7&smIe)oOV-)$^8-x%Y1<?*C9C[qD)XcutFjR+\"\n"
    "    secret-key = \"xXh5P6:mYhQ17xm}dyYsojoG[BYr%ivxv/!?uK!=\"\n";

static void reads_the_files_of_others(void **state)
{
    (void)state;
    odd_keys keys;
    oddrow_error err = {0};
    char key[ODD_KEY_SIZE];
    write_text(in_directory("curve.key_secret"), pyzmq_secret);
    assert_int_equal(chmod(in_directory("curve.key_secret"), 0600), 0);
    write_text(in_directory("server.key"), pyzmq_public);
    assert_int_equal(odd_keys_read(directory, &keys, &err), 0);
    assert_string_equal(keys.secret_key, "xXh5P6:mYhQ17xm}dyYsojoG[BYr%ivxv/!?uK!=");
    assert_string_equal(keys.public_key, keys.server_key);
    /* czmq with metadata, Windows line ends, no last line end, a secret file as a public one. */
    write_text(in_directory("a.key"),
               "metadata\r\n    public-key = \"not this\"\r\n    name = \"A = b\"\r\ncurve\r\n"
               "    public-key = \"?W7&smIe)oOV-)$^8-x%Y1<?*C9C[qD)XcutFjR+\"");
    assert_int_equal(odd_keys_read_public(in_directory("a.key"), key, &err), 0);
    assert_string_equal(key, keys.public_key);
    assert_int_equal(odd_keys_read_public(in_directory("curve.key_secret"), key, &err), ODDROW_OK);
    assert_string_equal(key, keys.public_key);
}

static void check_broken(const char *text, size_t size, const char *expected)
{
    oddrow_error err = {0};
    char key[ODD_KEY_SIZE];
    write_bytes(in_directory("b.key"), text, size);
    assert_int_equal(odd_keys_read_public(in_directory("b.key"), key, &err), ODDROW_EFORMAT);
    if (!strstr(err.message, expected))
        fail_msg("\"%s\" is not in \"%s\"", expected, err.message);
    assert_int_equal(*key, 0);
    assert_null(strstr(err.message, "W7&smIe"));
}

static void broken_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", "no public-key"},
        {"\n\n# x\n", "no public-key"},
        {"curve\n", "no public-key"},
        {"public-key = \"?W7&smIe)oOV-)$^8-x%Y1<?*C9C[qD)XcutFjR+\"\n", "no public-key"},
        {"metadata\n    public-key = \"?W7&smIe)oOV-)$^8-x%Y1<?*C9C[qD)XcutFjR+\"\n",
         "no public-key"},
        {"curve\n    public-key =\n", "b.key:2: public-key must be 40"},
        {"curve\n    public-key = \"\n", "b.key:2: "},
        {"curve\n    public-key = \"?W7&smIe)oOV-)$^8-x%Y1<?*C9C[qD)XcutFjR\"\n", ":2: "},
        {"curve\n    public-key = \"?W7&smIe)oOV-)$^8-x%Y1<?*C9C[qD)XcutFjR++\"\n", ":2: "},
        {"curve\n\n    public-key = \"~W7&smIe)oOV-)$^8-x%Y1<?*C9C[qD)XcutFjR+\"\n",
         ":3: public-key is not Z85"},
        {"curve\n    public-key = \"\x80W7&smIe)oOV-)$^8-x%Y1<?*C9C[qD)XcutFjR+\"\n", "not Z85"},
        {"curve\n    public-key = \"####################?W7&smIe)oOV-)$^8-x%\"\n", "not Z85"},
        {"curve\n    public-key = \"?W7&smIe)oOV-)$^8-x%Y1<?*C9C[qD)XcutFjR+\"\n"
         "    public-key = \"?W7&smIe)oOV-)$^8-x%Y1<?*C9C[qD)XcutFjR+\"\n",
         ":3: public-key is given twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_broken(cases[i].text, strlen(cases[i].text), cases[i].expected);
    static char zeros[64 * 1024 + 1];
    check_broken(zeros, 1000, "no public-key");
    check_broken(zeros, sizeof zeros, "too large");
    char with_nul[] = "curve\n    public-key = \"?W7&smIe)oOV-)$^8-x%Y1<?*C9C[qD)XcutFjR+\"\n";
    *strstr(with_nul, "smIe") = 0;
    check_broken(with_nul, sizeof with_nul - 1, ":2: ");
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    oddrow_error err = {0};
    char key[ODD_KEY_SIZE];
    assert_int_equal(odd_keys_read_public(in_directory("none.key"), key, &err), ODDROW_EIO);
    assert_int_equal(odd_keys_read_public(directory, key, &err), ODDROW_EFORMAT);
    assert_int_equal(mkfifo(in_directory("fifo.key"), 0600), 0);
    assert_int_equal(odd_keys_read_public(in_directory("fifo.key"), key, &err), ODDROW_EFORMAT);
    odd_keys keys;
    assert_int_equal(odd_keys_read(directory, &keys, &err), ODDROW_EIO);
    assert_non_null(strstr(err.message, "oddrow keygen"));
}

static void halves_that_do_not_match_are_refused(void **state)
{
    (void)state;
    odd_keys keys;
    oddrow_error err = {0};
    char text[500], other[ODD_KEY_SIZE], secret[ODD_KEY_SIZE];
    assert_int_equal(zmq_curve_keypair(other, secret), 0);
    snprintf(text, sizeof text,
             "curve\n    public-key = \"%s\"\n"
             "    secret-key = \"xXh5P6:mYhQ17xm}dyYsojoG[BYr%%ivxv/!?uK!=\"\n",
             other);
    write_text(in_directory("curve.key_secret"), text);
    assert_int_equal(chmod(in_directory("curve.key_secret"), 0600), 0);
    assert_int_equal(odd_keys_read(directory, &keys, &err), ODDROW_EFORMAT);
    assert_null(strstr(err.message, "xXh5P6"));
    assert_int_equal(*keys.secret_key, 0);
    /* A public file under the secret's name. */
    write_text(in_directory("curve.key_secret"), pyzmq_public);
    assert_int_equal(odd_keys_read(directory, &keys, &err), ODDROW_EFORMAT);
    assert_non_null(strstr(err.message, "no secret-key"));
    /* A broken server.key is an error, not a missing one. */
    write_text(in_directory("curve.key_secret"), pyzmq_secret);
    write_text(in_directory("server.key"), "curve\n");
    assert_int_equal(odd_keys_read(directory, &keys, &err), ODDROW_EFORMAT);
    assert_non_null(strstr(err.message, "server.key"));
}

static void client_needs_a_server_key(void **state)
{
    (void)state;
    odd_keys keys;
    oddrow_error err = {0};
    void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_DEALER);
    assert_int_equal(odd_keys_make(in_directory("k"), NULL), 0);
    assert_int_equal(odd_keys_read(in_directory("k"), &keys, NULL), 0);
    assert_int_equal(odd_keys_apply(&keys, false, socket, &err), ODDROW_EINVAL);
    assert_non_null(strstr(err.message, "server.key"));
    memcpy(keys.server_key, keys.public_key, ODD_KEY_SIZE);
    assert_int_equal(odd_keys_apply(&keys, false, socket, &err), 0);
    int mechanism = 0;
    size_t size = sizeof mechanism;
    assert_int_equal(zmq_getsockopt(socket, ZMQ_MECHANISM, &mechanism, &size), 0);
    assert_int_equal(mechanism, ZMQ_CURVE);
    zmq_close(socket);
    socket = zmq_socket(context, ZMQ_ROUTER);
    assert_int_equal(odd_keys_apply(&keys, true, socket, &err), 0);
    int server = 0;
    assert_int_equal(zmq_getsockopt(socket, ZMQ_CURVE_SERVER, &server, &size), 0);
    assert_int_equal(server, 1);
    zmq_close(socket);
    zmq_ctx_term(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(made_keys_are_read),
        T(public_file_holds_no_secret),
        T(nothing_is_overwritten),
        T(failure_removes_what_was_made),
        T(loose_secrets_are_refused),
        T(reads_the_files_of_others),
        T(broken_files_are_refused),
        T(what_is_no_file_is_refused),
        T(halves_that_do_not_match_are_refused),
        T(client_needs_a_server_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
