/* oddrow promote: make a running worker's shadow model its model. */
#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/print.h"
#include "http/server.h"

static const char address_by_default[] = "127.0.0.1:5580";

/* The worker's own words: "error" of a JSON body, or `otherwise`. A remote's control characters do
 * not reach the terminal. */
static int fail_with_reason(const char *address, const json_t *body, const char *otherwise,
                            oddrow_error *err)
{
    char reason[256];
    const char *text = json_string_value(json_object_get(body, "error"));
    size_t size = 0;
    if (!text || !*text)
        text = otherwise;
    for (; text[size] && size < sizeof reason - 1; size++)
        reason[size] = (unsigned char)text[size] < 0x20 || text[size] == 0x7f ? ' ' : text[size];
    reason[size] = '\0';
    return odd_fail(err, ODDROW_EIO, "%s: %s", address, reason);
}

/* What an answer means. */
static int judge(int status, const char *address, bool token, json_t *body, oddrow_error *err)
{
    switch (status) {
    case 200:
        return body ? odd_print_json(json_incref(body), err)
                    : odd_fail(err, ODDROW_EFORMAT,
                               "%s: the answer is not JSON: is this an oddrow worker?", address);
    case 401:
        return odd_fail(err, ODDROW_EIO,
                        token ? "%s: the worker rejects this token: give the file that it was "
                                "started with (--http-token FILE)"
                              : "%s: the worker asks for a token: give the file that it was "
                                "started with (--http-token FILE)",
                        address);
    case 403:
        return odd_fail(err, ODDROW_EIO,
                        "%s: refused: a worker without a token answers only to 127.0.0.1, [::1] "
                        "and localhost: use one of these, or start it with --http-token FILE",
                        address);
    case 404:
    case 405:
        return odd_fail(err, ODDROW_EIO,
                        "%s: this server cannot promote (HTTP %d): is it an oddrow worker?",
                        address, status);
    case 409:
        return fail_with_reason(
            address, body, "the worker has no shadow model: start it with --shadow MODEL", err);
    default:
        return odd_fail(err, ODDROW_EIO, "%s: the worker answered HTTP %d", address, status);
    }
}

static int promote(const char *address, const char *token, oddrow_error *err)
{
    odd_bytes body = {0};
    int status = odd_http_request(address, "POST", "/promote", token, &body, err);
    if (status > 0) {
        json_t *root = body.size ? json_loadb(body.data, body.size, 0, NULL) : NULL;
        status = judge(status, address, token != NULL, root, err);
        json_decref(root);
    }
    odd_bytes_free(&body);
    return status;
}

static int run(odd_arguments *arguments, oddrow_error *err)
{
    const char *file = arguments->options.worker.http_token;
    const char *address = arguments->word_count ? arguments->words[0] : address_by_default;
    odd_bytes token = {0};
    int rc = 0;

    if (arguments->word_count > 1)
        rc = odd_fail(err, ODDROW_EINVAL, "give one worker: oddrow promote HOST:PORT");
    if (rc == 0 && file)
        rc = odd_http_read_token(file, &token, err);
    if (rc == 0)
        rc = promote(address, file ? token.data : NULL, err);
    if (token.data)
        explicit_bzero(token.data, token.size);
    odd_bytes_free(&token);
    return rc;
}

const odd_command odd_command_promote = {
    .name = "promote",
    .bit = ODD_COMMAND_PROMOTE,
    .usage = "promote [HOST:PORT] [--http-token FILE]",
    .summary = "make a worker's shadow model its model",
    .about = "Asks the worker at the HTTP address HOST:PORT (default 127.0.0.1:5580) to swap its\n"
             "model and its shadow between two rows, and prints the answer. If the worker was\n"
             "started with --http-token, give the same file here. Exits with 1 if there is no\n"
             "worker, or no shadow.",
    .examples = "  oddrow promote\n"
                "  oddrow promote 127.0.0.1:5580 --http-token /etc/oddrow/token",
    .run = run,
};
