/* oddrow serve: the worker, until it is told to end. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/command.h"
#include "http/server.h"
#include "worker/worker.h"

typedef struct service {
    odd_worker *worker;
    odd_log *log;
    odd_http *http;
    odd_bytes token;
    pthread_t signals;
    bool listening;
} service;

/* ---- pages ---- */

static int healthz(void *context, odd_bytes *body)
{
    (void)context;
    odd_bytes_text(body, "ok\n");
    return 200;
}

static int readyz(void *context, odd_bytes *body)
{
    service *s = context;
    const char *why = odd_worker_unready(s->worker);
    odd_bytes_print(body, "%s\n", why ? why : "ready");
    return why ? 503 : 200;
}

static int metrics(void *context, odd_bytes *body)
{
    service *s = context;
    odd_worker_metrics(s->worker, body);
    return 200;
}

static int promote(void *context, odd_bytes *body)
{
    service *s = context;
    oddrow_error err = {0};
    int rc = odd_worker_promote_now(s->worker, &err);
    if (!rc)
        odd_worker_models(s->worker, body);
    else
        odd_bytes_print(body, "%s\n", err.message);
    return !rc ? 200 : rc == ODDROW_EINVAL ? 409 : 503;
}

static const odd_http_page pages[] = {
    {"GET", "/healthz", "text/plain; charset=utf-8", healthz},
    {"GET", "/readyz", "text/plain; charset=utf-8", readyz},
    {"GET", "/metrics", "text/plain; version=0.0.4; charset=utf-8", metrics},
    {"POST", "/promote", "application/json", promote},
    {NULL, NULL, NULL, NULL}};

/* ---- signals ---- */

static void fill(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGUSR1);
    sigaddset(set, SIGUSR2); /* ends the thread itself */
}

static void *listen_to_signals(void *context)
{
    service *s = context;
    sigset_t set;
    int number = 0;
    fill(&set);
    while (sigwait(&set, &number) == 0 && number != SIGUSR2) {
        if (number == SIGHUP)
            odd_worker_reload(s->worker);
        else if (number == SIGUSR1)
            odd_worker_promote(s->worker);
        else
            odd_worker_stop(s->worker);
    }
    return NULL;
}

/* All threads that start later inherit the mask: signals reach the one that waits for them. */
static int start_signals(service *s, oddrow_error *err)
{
    if (pthread_create(&s->signals, NULL, listen_to_signals, s) != 0)
        return odd_fail(err, ODDROW_ENOMEM, "no thread to wait for signals");
    s->listening = true;
    return 0;
}

/* ---- the command ---- */

static json_t *bound_or_null(const char *endpoint)
{
    return *endpoint ? json_string(endpoint) : json_null();
}

/* {"ready":true,"pull":…}, one line, once everything is bound. */
static int say_ready(const service *s, oddrow_error *err)
{
    const odd_worker_endpoints *b = odd_worker_bound(s->worker);
    char http[ODD_ENDPOINT_SIZE] = "";
    if (s->http)
        snprintf(http, sizeof http, "http://%s", odd_http_address(s->http));
    json_t *line =
        json_pack("{s:b, s:o, s:o, s:o, s:o, s:o}", "ready", 1, "pull", bound_or_null(b->pull),
                  "rows", bound_or_null(b->rows), "feed", bound_or_null(b->feed), "replay",
                  bound_or_null(b->replay), "http", bound_or_null(http));
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    json_decref(line);
    if (!text)
        return odd_no_memory(err);
    puts(text);
    free(text);
    return odd_finish_output(err);
}

static int start_http(service *s, const odd_options *o, oddrow_error *err)
{
    if (strcmp(o->worker.http, "none") == 0)
        return 0;
    int rc = o->worker.http_token ? odd_http_read_token(o->worker.http_token, &s->token, err) : 0;
    if (rc)
        return rc;
    odd_http_options options = {.address = o->worker.http,
                                .token = s->token.size ? s->token.data : NULL,
                                .pages = pages,
                                .context = s,
                                .log = s->log};
    return odd_http_start(&options, &s->http, err);
}

static int run(odd_arguments *arguments, oddrow_error *err)
{
    service s = {0};
    odd_worker_options options = arguments->options.worker;
    sigset_t set;
    if (arguments->word_count != 1)
        return odd_fail(err, ODDROW_EINVAL, "one model: oddrow serve MODEL [OPTION...]");
    fill(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    options.model = arguments->words[0];
    int rc =
        odd_log_new(STDERR_FILENO, options.log_form == ODD_FORM_JSON, ODD_LOG_INFO, &s.log, err);
    options.log = s.log;
    if (!rc)
        rc = odd_worker_new(&options, &s.worker, err);
    if (!rc)
        rc = start_http(&s, &arguments->options, err);
    if (!rc)
        rc = start_signals(&s, err);
    if (!rc)
        rc = say_ready(&s, err);
    if (!rc)
        rc = odd_worker_run(s.worker, err);
    odd_http_free(&s.http);
    if (s.listening) {
        pthread_kill(s.signals, SIGUSR2);
        pthread_join(s.signals, NULL);
    }
    odd_worker_free(&s.worker);
    if (!rc)
        odd_log_write(s.log, ODD_LOG_INFO, "stopped", "everything accepted is finished");
    odd_log_free(&s.log);
    odd_bytes_free(&s.token);
    return rc;
}

const odd_command odd_command_serve = {
    .name = "serve",
    .bit = ODD_COMMAND_SERVE,
    .usage = "serve MODEL [--journal FILE.db] [--pipeline FILE.yaml] [OPTION...]",
    .summary = "score rows that arrive over ZeroMQ and publish a feed",
    .about = "Takes rows on two sockets (PULL: without an answer; ROUTER: acknowledged or\n"
             "answered), scores them and publishes a feed with the topics odd, score, reject,\n"
             "drift and status. The replay socket gives the feed again from any sequence number.\n"
             "When the worker is ready it prints one JSON line with the addresses it has bound.\n"
             "SIGTERM and SIGINT finish what was accepted, then end the worker; SIGHUP loads the\n"
             "model again; SIGUSR1 swaps it with --shadow. docs/protocol.md describes the wire,\n"
             "docs/operations.md how to run a worker.",
    .examples = "  oddrow serve orders.model --journal orders.db\n"
                "  oddrow serve orders.model --pull 'tcp://127.0.0.1:*' --rows none\n"
                "  oddrow keygen keys; oddrow serve orders.model --rows 'tcp://*:5556' --keys keys",
    .run = run,
};
