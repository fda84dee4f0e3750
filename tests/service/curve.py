#!/usr/bin/python3
"""Keys. A client that is not listed, has the wrong server key or has no keys gets nothing from any socket, and
is counted. A listed client is served by all of them. Beyond loopback, the worker binds no socket without keys
and no HTTP without a token. No key is ever in the log."""
import contextlib, json, os, shutil, signal, stat, struct, subprocess

import service
import zmq, zmq.auth
from service import check

MADE = service.rows(200, seed=17, odd=0.03)
ROW = service.line(MADE[0]).encode()
SILENCE = 0.3  # a refused client must hear nothing for this many seconds after it is counted


def keygen(directory, name):
    place = os.path.join(directory, name)
    service.tool("keygen", place)
    return place


def give(path, to):
    """Copies a file so that it appears whole, as the docs tell operators to do."""
    shutil.copy(path, to + ".new")
    os.replace(to + ".new", to)


def prepare(directory):
    """Makes the keys of a worker and of a client on its list."""
    worker, client = keygen(directory, "worker"), keygen(directory, "client")
    give(f"{client}/curve.key", f"{worker}/clients/client.key")
    give(f"{worker}/curve.key", f"{client}/server.key")
    return worker, client


def keys_of(directory, server=None):
    """Returns the socket options of a client with these keys. server: another file with the server's public key."""
    public, secret = zmq.auth.load_certificate(f"{directory}/curve.key_secret")
    server, _ = zmq.auth.load_certificate(server or f"{directory}/server.key")
    return {"curve_publickey": public, "curve_secretkey": secret, "curve_serverkey": server}


def check_log(w, *directories):
    """Checks that the log contains no part of a secret key and no whole public key."""
    log = w.stderr()
    for directory in directories:
        public, secret = zmq.auth.load_certificate(f"{directory}/curve.key_secret")
        for key in (public.decode(), secret.decode()[:8], secret.decode()[-8:]):
            check(key not in log, f"a key of {directory} is in the log")


def handshakes(w, outcome):
    return w.metric("oddrow_handshakes_total", outcome=outcome)


def check_refused(w, outcome, options):
    """Checks that each of the four sockets refuses the client, counts it and sends it nothing."""
    with contextlib.ExitStack() as stack:
        opened = []
        for kind, endpoint, frames in [(zmq.PUSH, w.pull, [ROW]), (zmq.DEALER, w.rows, [ROW]), (zmq.SUB, w.feed, None),
                                       (zmq.DEALER, w.replay, [struct.pack(">Q", 1), struct.pack(">I", 9), b""])]:
            before = handshakes(w, outcome)
            s = stack.enter_context(service.connect(kind, endpoint, **options))
            with contextlib.suppress(zmq.Again):
                if frames:
                    s.send_multipart(frames, zmq.DONTWAIT)
            service.wait_for(f"a refusal counted as {outcome} at {endpoint}", lambda: handshakes(w, outcome) > before)
            opened.append(s)
        for s in opened[1:]:
            check(not s.poll(SILENCE * 1000), "who is refused was told something")
    check(w.metric("oddrow_rows_total") == 0 and w.metric("oddrow_replay_requests_total") == 0 and
          w.metric("oddrow_feed_subscriptions") == 0, "who is refused was served")


def check_served(w, options, before):
    """Checks that all four sockets serve. before: the number of rows before."""
    with service.connect(zmq.REQ, w.rows, **options) as s:
        s.send(ROW)
        check("score" in json.loads(service.receive(s, "an answer")[0])[0], "an answer without a score")
    with service.connect(zmq.SUB, w.feed, **options) as feed, service.connect(zmq.PUSH, w.pull, **options) as push:
        service.wait_for("the subscription", lambda: w.metric("oddrow_feed_subscriptions") > 0)
        push.send(ROW)
        check(service.receive(feed, "the feed")[0] in (b"odd", b"score"), "the feed")
    with service.connect(zmq.DEALER, w.replay, **options) as s:
        s.send_multipart([struct.pack(">Q", 1), struct.pack(">I", 9), b"s"])
        check(service.receive(s, "replay")[0] == b"status", "replay")
    check(w.metric("oddrow_rows_total") == before + 2, "rows are not counted")


def refused():
    """Clients with an unlisted key, a wrong server key, PLAIN or no keys are refused and counted; listed ones are served."""
    with service.folder() as directory:
        worker, client = prepare(directory)
        stranger, other = keygen(directory, "stranger"), keygen(directory, "other")
        give(f"{worker}/curve.key", f"{stranger}/server.key")
        with service.Worker(directory, "--publish", "all", "--keys", worker) as w:
            check(w.metric("oddrow_listed_clients") == 1, "one client is listed")
            check_refused(w, "unlisted", keys_of(stranger))
            check(handshakes(w, "failed") == 0, "an unlisted key is counted as something else")
            unlisted = handshakes(w, "unlisted")
            check_refused(w, "failed", keys_of(client, f"{other}/curve.key"))
            check_refused(w, "failed", {})
            check_refused(w, "failed", {"plain_username": b"admin", "plain_password": b"admin"})
            check(handshakes(w, "unlisted") == unlisted and handshakes(w, "allowed") == 0,
                  "refusals are counted as something else")
            check_served(w, keys_of(client), 0)
            check(handshakes(w, "allowed") == 4, "four handshakes succeeded")
            check_log(w, worker, client, stranger, other)


def listed_later():
    """One client is listed and another is removed while the worker runs. Bad files in the list disturb nobody."""
    with service.folder() as directory:
        worker, client = prepare(directory)
        late = keygen(directory, "late")
        give(f"{worker}/curve.key", f"{late}/server.key")
        with service.Worker(directory, "--publish", "all", "--keys", worker) as w:
            check_refused(w, "unlisted", keys_of(late))
            give(f"{late}/curve.key", f"{worker}/clients/late.key")
            service.wait_for("the list", lambda: w.metric("oddrow_listed_clients") == 2)
            check_served(w, keys_of(late), 0)
            with open(f"{worker}/clients/nonsense.key", "w") as f:
                f.write("curve\n    public-key = \"short\"\n\0" * 100)
            os.remove(f"{worker}/clients/client.key")
            service.wait_for("the list", lambda: w.metric("oddrow_listed_clients") == 1)
            before = handshakes(w, "unlisted")
            with service.connect(zmq.DEALER, w.rows, **keys_of(client)) as s:
                s.send(ROW)
                service.wait_for("the refusal", lambda: handshakes(w, "unlisted") > before)
                check(not s.poll(SILENCE * 1000), "a client off the list was answered")
            check_served(w, keys_of(late), 2)
            check_log(w, worker, client, late)


def commands():
    """oddrow send, ask and watch work with --keys. Without keys, or with an unlisted key, they give up or wait."""
    with service.folder() as directory:
        worker, client = prepare(directory)
        stranger = keygen(directory, "stranger")
        give(f"{worker}/curve.key", f"{stranger}/server.key")
        data = service.write_csv(os.path.join(directory, "rows.csv"), MADE)
        expected = service.batch_scores(service.model(), data)
        with service.Worker(directory, "--publish", "all", "--keys", worker) as w:
            w.send(data, "--keys", client, "--client", "listed")
            text = service.tool("ask", w.rows, data, "--quiet", "--keys", client)
            service.check_scores([json.loads(t) for t in text.splitlines()], expected, "oddrow ask --keys")
            count = 2 * len(MADE) + 1
            text = service.tool("watch", w.feed, "--replay", w.replay, "--from", "1", "--count", str(count),
                                "--format", "json", "--keys", client)
            check(len(text.splitlines()) == count, "oddrow watch --keys")
            for keys in ([], ["--keys", stranger]):
                for command in (["ask", w.rows, data], ["send", w.rows, data]):
                    done = subprocess.run([service.BINARY, *command, "--quiet", "--patience", "1s", *keys],
                                          capture_output=True, timeout=60)
                    check(done.returncode not in (0, 2) and not done.stdout,
                          f"{command[0]} with {keys} ended with {done.returncode}")
            check(w.metric("oddrow_rows_total") == 2 * len(MADE), "rows of strangers were taken")
            check_log(w, worker, client, stranger)


def serve_refused(directory, *words, options=(), status=2):
    """Checks that serve ends at once with these words on standard error and nothing on standard output."""
    flags = [f for name in ("pull", "rows", "feed", "replay") for f in (f"--{name}", "tcp://127.0.0.1:*")]
    done = subprocess.run([service.BINARY, "serve", service.model(), *flags, "--http", "127.0.0.1:0", *options],
                          capture_output=True, text=True, timeout=service.PATIENCE, cwd=directory)
    check(done.returncode == status and not done.stdout, f"{options}: exit {done.returncode}, {done.stdout}{done.stderr}")
    check(all(word in done.stderr for word in words), f"{options}: it says {done.stderr}")
    check(not service.REPORTS.search(done.stderr), done.stderr)


def binding():
    """Beyond loopback, the worker binds only with keys."""
    with service.folder() as directory:
        worker, client = prepare(directory)
        for name in ("pull", "rows", "feed", "replay"):
            for endpoint in ("tcp://0.0.0.0:*", "tcp://*:*", "tcp://[::]:*"):
                serve_refused(directory, endpoint, "'keys'", "oddrow keygen", "127.0.0.1", options=[f"--{name}", endpoint])
        # files that are not keys, and keys that others may read
        serve_refused(directory, "missing", "oddrow keygen", options=["--keys", f"{directory}/missing"], status=1)
        secret = f"{worker}/curve.key_secret"
        check(stat.S_IMODE(os.stat(secret).st_mode) == 0o600, "keygen's secret file is not 0600")
        check(stat.S_IMODE(os.stat(f"{worker}/curve.key").st_mode) & 0o022 == 0, "others may write the public key")
        os.chmod(secret, 0o644)
        serve_refused(directory, "curve.key_secret", "chmod", options=["--keys", worker])
        os.chmod(secret, 0o600)
        done = subprocess.run([service.BINARY, "keygen", worker], capture_output=True, timeout=60)
        check(done.returncode != 0, "keygen overwrites keys")
        with service.Worker(directory, "--publish", "all", "--keys", worker,
                            endpoints={n: "tcp://0.0.0.0:*" for n in service.Worker.NAMES}) as w:
            for name in w.NAMES:
                setattr(w, name, getattr(w, name).replace("0.0.0.0", "127.0.0.1"))
            check_refused(w, "failed", {})
            check_served(w, keys_of(client), 0)


def token():
    """Beyond loopback, the worker serves HTTP only with a token."""
    with service.folder() as directory:
        path, secret = os.path.join(directory, "token"), "correct-horse-battery-staple"
        for address in ("0.0.0.0:0", "[::]:0"):
            serve_refused(directory, "http-token", options=["--http", address])
        with open(path, "w") as f:
            f.write(secret + "\n")
        os.chmod(path, 0o644)
        serve_refused(directory, "chmod", options=["--http", "0.0.0.0:0", "--http-token", path])
        os.chmod(path, 0o600)
        with service.Worker(directory, "--http-token", path, "--shadow", service.model("other"),
                            endpoints={"http": "0.0.0.0:0"}) as w:
            for page in ("/healthz", "/readyz", "/metrics", "/nothing"):
                for header in (None, "Bearer wrong", "Bearer " + secret[:-1], "Bearer " + secret + "x",
                               "Basic " + secret, secret, "Bearer "):
                    status, text = w.get(page, headers={"Authorization": header} if header else {})
                    check(status == 401 and "oddrow_" not in text, f"{page} with {header}: {status}")
            bearer = {"Authorization": "Bearer " + secret}
            for page, wanted in [("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/nothing", 404)]:
                check(w.get(page, headers=bearer)[0] == wanted, page)
            check(w.get("/promote", b"", {"X-Oddrow": "1"})[0] == 401, "a promotion without the token")
            check(w.get("/promote", b"", {"X-Oddrow": "1", **bearer})[0] == 200, "a promotion with it")
            check(secret not in w.stderr(), "the token is in the log")


service.run(refused, listed_later, commands, binding, token)
