#!/usr/bin/env python3
"""Gives ten million rows to one worker, half pulled and half sent, as fast as it takes them, in rounds of a
quarter of a million. Every round has CSV, JSON and MessagePack, with one row per message and with 256, asked
rows one after another, reads of replay and reads of the pages. Each of these is a client that comes and goes.
One row in ten is called odd (--alerts 0.1), so that explanations, journal and feed have work, and the journal
grows beyond --retain and removes entries.

Resident memory is sampled ten times a second. The figure is its greatest value after the first million rows,
divided by its greatest value before. Descriptors are counted when the clients of a round are gone. 1 MB is
10^6 bytes."""
import json, os, subprocess, threading, time, urllib.request
import common

a = common.arguments(__doc__)
table = common.Table()
load = common.program(a, "worker_load")
ROUNDS = 8 if a.quick else 41
FORMS = [(form, per) for form in ("csv", "json", "msgpack") for per in ("1", "256")]
EACH = 256 * (8 if a.quick else 81)  # rows of each form that are pulled in a round; as many are sent
ROUND = 2 * len(FORMS) * EACH + 100
FIRST = 4  # rounds in which memory may still grow: one million rows


class Memory(threading.Thread):
    """Samples the resident bytes of a process, and keeps the greatest value of each round."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.greatest, self.over = pid, [0], threading.Event()

    def sample(self):
        with open(f"/proc/{self.pid}/status") as f:
            now = next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS:"))
        self.greatest[-1] = max(self.greatest[-1], now)

    def run(self):
        while not self.over.wait(0.1):
            self.sample()


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def settled(pid, most):
    """Returns the number of open descriptors, after waiting up to 2 s for those of gone clients to close."""
    end = time.monotonic() + 2
    while descriptors(pid) > most and time.monotonic() < end:
        time.sleep(0.05)
    return descriptors(pid)


def metric(at, name):
    text = urllib.request.urlopen(at["http"] + "/metrics", timeout=60).read().decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


with common.folder() as folder:
    model = common.adult_model(a, folder)
    data = common.repeat_adult(os.path.join(folder, "rows.csv"), EACH)
    few = common.repeat_adult(os.path.join(folder, "few.csv"), 100)
    any_port = "tcp://127.0.0.1:*"
    worker = subprocess.Popen(
        [a.bin, "serve", model, "--pull", any_port, "--rows", any_port, "--feed", any_port, "--replay", any_port,
         "--http", "127.0.0.1:0", "--journal", os.path.join(folder, "journal.db"), "--retain", "64M", "--alerts", "0.1"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        at, rows, start = json.loads(worker.stdout.readline()), 0, time.perf_counter()
        memory, opened = Memory(worker.pid), []
        memory.start()
        for n in range(ROUNDS):
            for form, per in FORMS:
                common.run([load, "push", at["pull"], at["feed"], common.adult(), str(EACH), per, form])
                common.run([a.bin, "send", at["rows"], data, "--client", f"soak-{n}-{form}-{per}", "--format", form, "--batch", per, "--quiet"])
            common.run([a.bin, "ask", at["rows"], few, "--quiet"])
            newest = int(metric(at, "oddrow_feed_sequence"))
            common.run([a.bin, "watch", at["feed"], "--replay", at["replay"], "--from", str(max(1, newest - 999)),
                        "--count", str(min(1000, newest)), "--format", "json", "--quiet"])
            rows += ROUND
            memory.sample()
            opened.append(settled(worker.pid, opened[0] if opened else 0))
            print(f"  {rows:,} rows: {memory.greatest[-1] / common.MB:.1f} MB, {opened[-1]} descriptors", flush=True)
            memory.greatest.append(0)
        memory.over.set()
        memory.join()
        seconds, levels = time.perf_counter() - start, memory.greatest[:-1]
        counted = int(metric(at, "oddrow_rows_total")) - int(metric(at, 'oddrow_rows_total{socket="pull",outcome="rejected"}'))
    finally:
        worker.terminate()
        status = worker.wait(20)
    before, after = max(levels[:FIRST]), max(levels[FIRST:])
    table.row(f"worker, resident memory, {rows:,} rows in {seconds:.0f} s, over that of the first {FIRST * ROUND:,}", "≤ 1.05",
              f"{after / before:.3f}: {before / common.MB:.1f} MB, then {after / common.MB:.1f}", None if a.quick else after <= 1.05 * before)
    table.row("worker, descriptors left open by clients that went", "0", str(max(0, opened[-1] - opened[0])), opened[-1] <= opened[0])
    table.row("worker, rows counted of those given to it", f"{rows:,}", f"{counted:,}", counted == rows)
    table.row("worker, exit status after it", "0", str(status), status == 0)
table.end()
