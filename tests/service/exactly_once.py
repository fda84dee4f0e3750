#!/usr/bin/python3
"""Each sent row is in the feed exactly once, with the score that batch scoring gives. Three clients send, while
the worker and the clients are killed at random moments. The same is tested with SIGTERM and SIGHUP.

Full volume (ODDROW_TEST_FULL=1): 200,000 rows, 20 kills of the worker, 5 of a client.
"""
import os, random, shutil, signal, threading, time

import service
import zmq
from service import check

TOTAL = service.scaled(6000, 200000)
KILLS = 20 if service.FULL else 6
CLIENT_KILLS = 5 if service.FULL else 2
SECONDS = 40 if service.FULL else 4  # sending takes at least this long, and the kills happen within this time
CLIENTS = 3


class Client:
    """Runs oddrow send --resume, and starts it again when it was killed."""

    def __init__(self, worker, number, data, count):
        self.worker, self.name, self.data, self.count, self.kills = worker, f"c{number}", data, count, 0
        self.format = ["csv", "json", "msgpack"][number % 3]
        self.batch = [1, 16, 256][number % 3]
        self.log = os.path.join(worker.directory, f"{self.name}.log")
        self.start()

    def start(self):
        rate = max(1, self.count // SECONDS)
        command = self.worker.send_command(self.data, "--client", self.name, "--resume", "--format", self.format,
                                           "--batch", str(self.batch), "--rate", str(rate))
        with open(self.log, "ab") as log:
            self.process = service.spawn(command, stderr=log)

    def kill(self):
        """Kills it while it works. Says whether there was anything to kill."""
        if self.process.poll() is not None:
            return False
        self.process.kill()
        self.process.wait()
        self.kills += 1
        self.start()
        return True

    def end(self):
        self.process.wait(service.PATIENCE + 3 * SECONDS)
        with open(self.log, errors="replace") as f:
            said = f.read()
        check(self.process.returncode == 0 and not service.REPORTS.search(said),
              f"oddrow send of {self.name} ended with {self.process.returncode}:\n{said[-2000:]}")


def start_clients(worker, directory):
    clients = []
    for n in range(CLIENTS):
        count = TOTAL // CLIENTS + (n < TOTAL % CLIENTS)
        data = service.write_csv(os.path.join(directory, f"c{n}.csv"), service.rows(count, seed=100 + n))
        clients.append(Client(worker, n, data, count))
    return clients


def check_all(worker, clients, model=None):
    """Checks that every row of every client is in the feed once, in order, with the score of batch scoring."""
    entries = worker.entries()
    check([e["seq"] for e in entries] == list(range(1, len(entries) + 1)), "the sequence of the feed has holes or repeats")
    rejected = [e for e in entries if e["topic"] == "reject"]
    check(not rejected, f"rejected: {rejected[:2]}")
    for c in clients:
        own = [e for e in entries if e["topic"] in ("odd", "score") and e["client"] == c.name]
        numbers = [e["number"] for e in own]
        check(numbers == list(range(1, c.count + 1)),
              f"{c.name}: {len(numbers)} entries, {len(set(numbers))} numbers, for {c.count} rows")
        service.check_scores(own, service.batch_scores(model or worker.model, c.data), c.name)
    return entries


def disturb(disturbances, r):
    """Runs the disturbances in random order, at random moments while rows are being sent."""
    r.shuffle(disturbances)
    moments = sorted(r.uniform(0.05, 0.85) * SECONDS for _ in disturbances)
    begin = time.monotonic()
    for moment, act in zip(moments, disturbances):
        time.sleep(max(0, begin + moment - time.monotonic()))
        act()


def kill_at_publication(worker, feed):
    """Kills the worker as soon as the feed has a new entry: it is committed and most likely not acknowledged."""
    while feed.poll(0):
        feed.recv_multipart()
    feed.poll(2000)
    worker.kill()


def with_restarts(what, end):
    """Workers come and go, each with random options: in some, rows wait or commits take long."""
    r = random.Random(f"{service.SEED} {what}")
    with service.folder() as directory:
        port = {"rows": f"tcp://127.0.0.1:{service.free_port()}", "feed": f"tcp://127.0.0.1:{service.free_port()}"}
        with service.Worker(directory, endpoints=port, start=False) as w, service.connect(zmq.SUB, port["feed"], rcvhwm=0) as feed:
            duplicates, killed = 0, 0

            def start():
                waits = r.choice([[], ["--batch-wait", "50ms"], ["--durability", "power"], ["--batch-rows", "7"]])
                w.options = ["--publish", "all", *waits]
                w.start()

            def restart():
                nonlocal duplicates
                duplicates += w.metric("oddrow_duplicate_rows_total")
                end(w, feed, r)
                start()

            def kill_client():
                nonlocal killed
                alive = [c for c in clients if c.process.poll() is None]
                killed += bool(alive) and r.choice(alive).kill()

            start()
            clients = start_clients(w, directory)
            disturb([restart] * KILLS + [kill_client] * CLIENT_KILLS, r)
            for c in clients:
                c.end()
            # on a busy machine, clients may finish before it is their turn to be killed
            check(killed >= (CLIENT_KILLS if service.FULL else 1), f"only {killed} clients were there to be killed")
            duplicates += w.metric("oddrow_duplicate_rows_total")
            entries = check_all(w, clients)
            events = [e["event"] for e in entries if e["topic"] == "status"]
            check(events.count("started") == KILLS + 1, f"{events.count('started')} starts in the feed")
            print(f"  {TOTAL} rows; {KILLS} {what}s of the worker, {killed} SIGKILLs of clients; "
                  f"{duplicates:.0f} rows came again that were safe", flush=True)


def sigkill():
    with_restarts("SIGKILL", lambda w, feed, r: kill_at_publication(w, feed) if r.random() < 0.5 else w.kill())


def sigterm():
    with_restarts("SIGTERM", lambda w, feed, r: w.stop())


def sighup():
    """Reloads as fast as possible between two models of the same schema. Each score is that of one of them."""
    r = random.Random(f"{service.SEED} hup")
    with service.folder() as directory:
        path = os.path.join(directory, "m.model")
        shutil.copy(service.model(), path)
        with service.Worker(directory, "--publish", "all", model_path=path) as w:
            clients, over = start_clients(w, directory), threading.Event()
            pause = 1 if service.FULL else 0.02

            def reload():
                others = [service.model("other"), service.model()]
                while not over.is_set():
                    others.reverse()
                    shutil.copy(others[1], path + ".new")
                    os.replace(path + ".new", path)
                    w.tell(signal.SIGHUP)
                    over.wait(pause)

            thread = threading.Thread(target=reload)
            thread.start()
            try:
                disturb([lambda: r.choice(clients).kill()] * CLIENT_KILLS, r)
                for c in clients:
                    c.end()
            finally:
                over.set()
                thread.join()
            entries = w.entries()
            check([e["seq"] for e in entries] == list(range(1, len(entries) + 1)), "the sequence of the feed has holes or repeats")
            both = {service.hash_of(m): m for m in (service.model(), service.model("other"))}
            seen = set()
            for c in clients:
                expected = {h: service.batch_scores(m, c.data) for h, m in both.items()}
                own = [e for e in entries if e["topic"] in ("odd", "score") and e["client"] == c.name]
                check([e["number"] for e in own] == list(range(1, c.count + 1)), f"{c.name}: {len(own)} entries for {c.count} rows")
                service.check_scores(own, [expected[e["model"]["hash"]][i] for i, e in enumerate(own)], c.name)
                seen |= {e["model"]["hash"] for e in own}
            reloads = w.metric("oddrow_reloads_total")
            check(reloads > 3 and seen == set(both), f"{reloads} reloads, {len(seen)} models: this proves nothing")
            check(w.metric("oddrow_failed_reloads_total") == 0, "reloads failed")
            print(f"  {TOTAL} rows, {reloads:.0f} reloads", flush=True)


service.run(sigkill, sigterm, sighup)
