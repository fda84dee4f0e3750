#!/usr/bin/python3
"""Pulls and sends rows for a while, with clients and subscribers that come and go. The worker's resident memory
stays flat, and no descriptor is left open. bench/worker_soak.py is the long form."""
import os

import service
import zmq
from service import check

ROWS = service.scaled(300000)
ROUNDS = 10
SLACK = 5_000_000  # bytes of memory pages that come and go


def resident(process):
    """Returns the resident memory in bytes."""
    with open(f"/proc/{process.pid}/status") as f:
        return next(int(l.split()[1]) * 1024 for l in f if l.startswith("VmRSS:"))


def descriptors(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def soak():
    made = service.rows(ROWS // ROUNDS // 2, seed=21)
    payloads = ["".join(map(service.line, made[i:i + 200])).encode() for i in range(0, len(made), 200)]
    with service.folder() as directory, service.Worker(directory, "--publish", "all", "--retain", "8M") as w:
        data = service.write_csv(os.path.join(directory, "rows.csv"), made)
        done, levels, opened = 0, [], []
        for n in range(ROUNDS):
            with service.connect(zmq.SUB, w.feed), service.connect(zmq.PUSH, w.pull) as push:
                for payload in payloads:
                    push.send(payload)
                w.send(data, "--client", f"c{n}", "--format", ["csv", "json", "msgpack"][n % 3])
                for _ in range(20):  # clients come and go
                    w.ask(payloads[0][:payloads[0].index(b"\n")])
                done += 2 * len(made) + 20
                service.wait_for("all rows", lambda: w.metric("oddrow_rows_total") >= done)
            service.wait_for("the subscriber's end", lambda: w.metric("oddrow_feed_subscriptions") == 0)
            levels.append(resident(w.process))
            opened.append(descriptors(w.process))
        check(w.metric("oddrow_rows_total") == done, "rows are counted twice")
        print(f"  {done} rows; MB: {' '.join(f'{l / 1e6:.1f}' for l in levels)}; descriptors: {' '.join(map(str, opened))}", flush=True)
        settled = levels[2]
        check(service.SANITIZED or max(levels[3:]) <= settled + SLACK, f"memory grew from {settled / 1e6:.1f} to {max(levels) / 1e6:.1f} MB")
        service.wait_for("descriptors to be closed", lambda: descriptors(w.process) <= opened[0] + 2)


service.run(soak)
