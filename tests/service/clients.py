#!/usr/bin/python3
"""Runs the programs of docs/protocol.md unchanged against a worker: ask.py, send.py (across a SIGKILL of the
worker), watch.py, replay.py and keys.py, with CSV and JSON payloads."""
import ast, contextlib, json, os, re, shutil, subprocess, sys

import service
from service import check

MADE = service.rows(300, seed=11, odd=0.03)
LONGEST = 20  # a program has at most this many lines


def programs(directory):
    """Writes the blocks of the page to files. Each begins with a comment that names it. Returns paths by name."""
    with open(os.path.join(service.SOURCE, "docs/protocol.md")) as f:
        blocks = re.findall(r"^```python\n(.*?)^```$", f.read(), re.M | re.S)
    found = {}
    for block in blocks:
        name = re.match(r"# (\w+\.py) ", block)
        check(name, f"a program without its name:\n{block}")
        check(len(block.splitlines()) <= LONGEST, f"{name[1]} has {len(block.splitlines())} lines")
        found[name[1]] = os.path.join(directory, name[1])
        with open(found[name[1]], "w") as f:
            f.write(block)
    check(sorted(found) == ["ask.py", "keys.py", "replay.py", "send.py", "watch.py"], f"programs: {sorted(found)}")
    return found


def run(program, *arguments, input=b""):
    """Runs a program to its end and returns the lines that it prints."""
    done = subprocess.run([sys.executable, program, *map(str, arguments)], input=input, capture_output=True,
                          timeout=service.PATIENCE)
    check(done.returncode == 0, f"{program} ended with {done.returncode}:\n{done.stderr.decode()[-2000:]}")
    return done.stdout.decode().splitlines()


@contextlib.contextmanager
def started(program, *arguments, stdin=subprocess.DEVNULL):
    """Starts a program, and kills it at the end of the block if it is still running."""
    process = subprocess.Popen([sys.executable, program, *map(str, arguments)], stdin=stdin, stdout=subprocess.PIPE)
    with process:
        try:
            yield process
        finally:
            process.kill()


def expected_of(directory, made):
    return service.batch_scores(service.model(), service.write_csv(os.path.join(directory, "rows.csv"), made))


def lines(made):
    return "".join(map(service.line, made)).encode()


def ask():
    with service.folder() as directory, service.Worker(directory) as w:
        program, expected = programs(directory)["ask.py"], expected_of(directory, MADE)
        typed = service.objects(MADE)
        for payload, count in [(lines(MADE), len(MADE)), (json.dumps(typed).encode(), len(MADE)),
                               (lines(MADE[:1]), 1), (json.dumps(typed[0]).encode(), 1)]:
            shown = run(program, w.rows, input=payload)
            check(len(shown) == count, f"{len(shown)} lines for {count} rows")
            for text, e in zip(shown, expected):
                check(abs(float(text) - e["score"]) <= 1e-6 * max(1, abs(e["score"])), f"{text} is not {e['score']}")
        shown = run(program, w.rows, input=json.dumps([typed[0], {"order": "x"}]).encode())
        check(float(shown[0]) == expected[0]["score"] and shown[1] == "column 'country' is absent", f"a bad row: {shown}")


def check_sent(entries, name, made, expected):
    """Checks that each row is there once, by its number, with its score."""
    entries = [e for e in entries if e["topic"] in ("odd", "score") and e["client"] == name]
    check([e["number"] for e in entries] == list(range(1, len(made) + 1)),
          f"{len(entries)} entries, not the rows 1 to {len(made)} once each")
    service.check_scores(entries, expected, name)


def send():
    """Sends CSV lines and JSON objects. Sending them again adds nothing, and a rejected row takes a number."""
    with service.folder() as directory, service.Worker(directory, "--publish", "all") as w:
        program, expected = programs(directory)["send.py"], expected_of(directory, MADE)
        objects = b"\n".join(json.dumps(o).encode() for o in service.objects(MADE))
        for name, payload in [("csv", lines(MADE)), ("json", objects)]:
            for _ in range(2):
                shown = run(program, w.rows, name, input=payload)
                check(shown == [f"{len(MADE)} rows are safe"], f"it says {shown}")
            check_sent(w.entries(), name, MADE, expected)
        shown = run(program, w.rows, "mixed", input=lines(MADE[:2]) + b"no row\n" + lines(MADE[2:4]))
        check(shown == ["5 rows are safe"], f"it says {shown}")
        numbers = [(e["topic"], e["number"]) for e in w.entries() if e.get("client") == "mixed"]
        check([n for _, n in numbers] == [1, 2, 3, 4, 5] and numbers[2][0] == "reject", f"numbers {numbers}")


def send_while_killed():
    """The worker dies while rows are being sent, and comes back."""
    times = max(1, service.scaled(40))
    ports = {name: f"tcp://127.0.0.1:{service.free_port()}" for name in service.Worker.NAMES}
    with service.folder() as directory, service.Worker(directory, "--publish", "all", endpoints=ports) as w:
        program, expected = programs(directory)["send.py"], expected_of(directory, MADE)
        data = os.path.join(directory, "lines.csv")
        with open(data, "wb") as f:
            f.write(lines(MADE) * times)
        with open(data, "rb") as stdin, started(program, w.rows, "keen", stdin=stdin) as sender:
            service.wait_for("rows", lambda: w.metrics()["oddrow_feed_sequence"] > 1000 or sender.poll() is not None)
            w.kill()
            check(sender.poll() is None, "all was sent before the worker died: this proves nothing")
            w.start()
            shown = sender.stdout.read().decode()
        check(shown == f"{len(MADE) * times} rows are safe\n", f"it says {shown}")
        check_sent(w.entries(), "keen", MADE * times, expected * times)


def check_shown(shown, entries, sequences):
    """Checks that the lines of watch.py and replay.py are the entries in the journal."""
    check(len(shown) == len(entries), f"{len(shown)} lines for {len(entries)} entries")
    for text, entry in zip(shown, entries):
        sequence, _, rest = text.partition(" ") if sequences else (None, None, text)
        topic, _, value = rest.partition(" ")
        check({**ast.literal_eval(value), "topic": topic} == entry, f"{text}\nis not {entry}")
        check(sequence is None or int(sequence) == entry["seq"], f"{text} is not of {entry['seq']}")


def watch_and_replay():
    with service.folder() as directory, service.Worker(directory, "--publish", "all") as w:
        found = programs(directory)
        service.wait_for("the status", w.entries)
        with started(found["watch.py"], w.feed, len(MADE) + 1) as watch:
            service.wait_for("the subscription", lambda: w.metric("oddrow_feed_subscriptions"))
            w.ask(json.dumps(service.objects(MADE)).encode())
            w.ask(b"no row\n")
            shown = watch.stdout.read().decode().splitlines()
        entries = w.entries()
        check({e["topic"] for e in entries} == {"status", "score", "odd", "reject"}, "some kinds of entries are not there")
        check_shown(shown, entries[-len(MADE) - 1:], True)
        check_shown(run(found["replay.py"], w.replay, 1), entries, False)
        check_shown(run(found["replay.py"], w.replay, 100), entries[99:], False)
        check_shown(run(found["replay.py"], w.replay, 10**9), [], False)


def keys():
    with service.folder() as directory:
        own, worker = os.path.join(directory, "own"), os.path.join(directory, "worker")
        for place in (own, worker):
            service.tool("keygen", place)
        shutil.copy(os.path.join(own, "curve.key"), os.path.join(worker, "clients/own.key"))
        shutil.copy(os.path.join(worker, "curve.key"), os.path.join(own, "server.key"))
        with service.Worker(directory, "--keys", worker) as w:
            program, expected = programs(directory)["keys.py"], expected_of(directory, MADE)
            for payload in (lines(MADE), json.dumps(service.objects(MADE)).encode()):
                shown = run(program, w.rows, own, input=payload)
                service.check_scores(json.loads(shown[0]), expected, "keys.py")


service.run(ask, send, send_while_killed, watch_and_replay, keys)
