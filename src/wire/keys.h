/* wire/keys.h: CURVE key files, in the form of czmq's and pyzmq's certificates.
 *
 * A directory of keys holds curve.key (the public key), curve.key_secret (both keys, mode 0600),
 * clients/ (*.key: public keys of the clients that a worker serves) and, for a client, server.key
 * (the public key of the worker). zmq.auth.load_certificate reads all of them. */
#ifndef ODD_WIRE_KEYS_H
#define ODD_WIRE_KEYS_H

#include <stdbool.h>

#include "oddrow.h"

enum { ODD_KEY_SIZE = 41 }; /* 40 characters of Z85 and a NUL */

typedef struct odd_keys {
    char public_key[ODD_KEY_SIZE], secret_key[ODD_KEY_SIZE];
    char server_key[ODD_KEY_SIZE]; /* "" where there is no server.key */
} odd_keys;

/* Makes DIR (0700), DIR/clients, and a new pair in it. ODDROW_EINVAL when DIR holds keys already,
 * which are never overwritten; ODDROW_EIO. */
int odd_keys_make(const char *directory, oddrow_error *err);

/* Reads the pair, and server.key if there is one. ODDROW_EFORMAT with file and line; ODDROW_EINVAL:
 * others may use the file of the secret key. No error message shows a key. */
int odd_keys_read(const char *directory, odd_keys *out, oddrow_error *err);

/* Overwrites the keys in a way that the compiler does not remove. */
void odd_keys_wipe(odd_keys *keys);

/* Reads the public key of one certificate file. */
int odd_keys_read_public(const char *path, char key[ODD_KEY_SIZE], oddrow_error *err);

/* Makes a socket a CURVE server (server true; ZAP domain "oddrow"), or a client of
 * keys->server_key. ODDROW_EINVAL when a client has no server.key. Call it before bind or connect.
 */
int odd_keys_apply(const odd_keys *keys, bool server, void *socket, oddrow_error *err);

#endif
