#!/usr/bin/env python3
"""Compares the worker with ZeroMQ alone: rows per second and round trips, over tcp://127.0.0.1.

Rates: raw_forward.c (PUSH to PULL to PUB to SUB, no work, one row per message) and the worker on rows of
Adult take turns for several rounds. worker_load pushes rows and reads the feed until a marker that it pushed
after the last row comes out. For sent rows, the time is that of `oddrow send` as a whole process, from a CSV
file, until all rows are acknowledged and in the journal (durability process).

Latency: raw_rtt.c, and one asked row after another on an idle worker; then one asked row every half
millisecond, while pushed rows (one per message) use half of the worker's highest rate. Everything runs on two
processors, including senders and subscriber."""
import json, os, statistics, subprocess, time
import common

a = common.arguments(__doc__)
table = common.Table()
load = common.program(a, "worker_load")
rounds = 1 if a.quick else 5
scale = 20 if a.quick else 1


def compiled(folder, name):
    """Builds one of the peers' programs as their README says, and returns its path."""
    out = os.path.join(folder, name)
    common.run(["cc", "-O2", "-o", out, common.shared("peers", name + ".c"), "-lzmq", "-lpthread", "-w"])
    return out


class Worker:
    """A worker on free ports, with a journal in `folder`."""

    def __init__(self, folder, model, *options):
        any_port = "tcp://127.0.0.1:*"
        for name in os.listdir(folder):
            if name.startswith("journal"):
                os.remove(os.path.join(folder, name))
        self.child = subprocess.Popen(
            [a.bin, "serve", model, "--pull", any_port, "--rows", any_port, "--feed", any_port, "--replay", any_port,
             "--http", "127.0.0.1:0", "--journal", os.path.join(folder, "journal.db"), *options],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.at = json.loads(self.child.stdout.readline())

    def __enter__(self):
        return self.at

    def __exit__(self, *_):
        self.child.terminate()
        if self.child.wait(20):
            common.die(f"the worker ended with {self.child.returncode}")


def push(at, rows, per, form):
    return float(common.output([load, "push", at["pull"], at["feed"], common.adult(), str(rows // scale), str(per), form]).split()[0])


def send(at, data, form, number=[0]):
    """Returns the rows per second of the whole process."""
    number[0] += 1
    rows = sum(1 for _ in open(data)) - 1
    seconds = common.run([a.bin, "send", at["rows"], data, "--client", f"bench-{number[0]}", "--format", form, "--quiet"])
    return rows / seconds


def quantiles(text):
    words = text.split()
    return float(words[words.index("p50") + 1]), float(words[words.index("p99") + 1])


with common.folder() as folder:
    model = common.adult_model(a, folder)
    forward, rtt = compiled(folder, "raw_forward"), compiled(folder, "raw_rtt")
    data = common.repeat_adult(os.path.join(folder, "rows.csv"), 1302440 // scale)
    ways = {
        "pulled, CSV, 1 row a message": (0.6, [], lambda at: push(at, 1000000, 1, "csv")),
        "pulled, CSV, 256 rows a message": (1.2, [], lambda at: push(at, 2000000, 256, "csv")),
        "pulled, JSON, 1 row a message": (0.3, [], lambda at: push(at, 500000, 1, "json")),
        "pulled, JSON, 256 rows a message": (0.6, [], lambda at: push(at, 1000000, 256, "json")),
        "sent, CSV, 256 rows a message": (0.4, [], lambda at: send(at, data, "csv")),
        "sent, JSON, 256 rows a message": (0.2, [], lambda at: send(at, data, "json")),
        "pulled, CSV, 1 row a message, --publish all": (0.35, ["--publish", "all"], lambda at: push(at, 500000, 1, "csv")),
        "pulled, CSV, 256 rows a message, --publish all": (0.35, ["--publish", "all"], lambda at: push(at, 500000, 256, "csv")),
    }
    ratios, rates = {name: [] for name in ways}, {name: [] for name in ways}
    for _ in range(rounds):
        raw = float(common.output([forward, str(1000000 // scale)]).split()[2])
        for name, (bound, options, measure) in ways.items():
            with Worker(folder, model, *options) as at:
                rate = measure(at)
            print(f"  {name}: {rate:,.0f} rows/s, raw {raw:,.0f}", flush=True)
            ratios[name].append(rate / raw)
            rates[name].append(rate)
    for name, (bound, *_) in ways.items():
        middle = statistics.median(ratios[name])
        table.row(f"worker, {name}, over the raw rate", f"≥ {bound}",
                  f"{common.spread(ratios[name])}: {statistics.median(rates[name]):,.0f} rows/s")

    half, mids, tails = statistics.median(rates["pulled, CSV, 1 row a message"]) / 2, [], []
    busy = []
    for _ in range(rounds):
        raw50, raw99 = quantiles(common.output([rtt]))
        with Worker(folder, model) as at:
            ours50, ours99 = quantiles(common.output([load, "ask", at["rows"], common.adult(), str(20000 // scale)]))
        with Worker(folder, model) as at:
            loaded = quantiles(common.output([load, "ask", at["rows"], common.adult(), str(10000 // scale), at["pull"], str(int(half))]))
        print(f"  asked: p50 {ours50} us, p99 {ours99} us; raw {raw50}, {raw99}; at half load p50 {loaded[0]}, p99 {loaded[1]}", flush=True)
        mids.append(ours50 / raw50)
        tails.append(ours99 / raw99)
        busy.append(loaded[1] / 1000)
    table.row("worker, one asked row, idle, p50 over the raw round trip's", "≤ 1.5", common.spread(mids))
    table.row("worker, one asked row, idle, p99 over the raw round trip's", "≤ 2", common.spread(tails))
    table.row("worker, one asked row at half the greatest load, p99, ms", "≤ 5", common.spread(busy))
table.end()
