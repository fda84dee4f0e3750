#!/usr/bin/python3
"""Subscribers that stop reading under full load. The worker's memory does not grow, another subscriber is still
served, and the stopped subscriber gets every message in the end through replay. Also oddrow watch with --state:
it prints each sequence number once, over its own restarts and the worker's."""
import contextlib, os, random, re, signal, struct, subprocess, threading, time

import service
import zmq
from hostile import instrumented, resident
from service import check

MADE = service.rows(1000, seed=19)
LINES = [service.line(row).encode() for row in MADE]
ROWS = 20  # rows in a message; the 10,000 messages that wait in the worker's queue stay small
PAYLOADS = [b"".join(LINES[i:i + ROWS]) for i in range(0, len(LINES), ROWS)]
FLAT = 64 << 20
STOPPED = service.scaled(3, 30)  # seconds without reading
LEAST = 60000  # messages in this time: more than all the queues on the way hold
RATE = None if service.FULL else 40000  # rows per second
LONG = 900 if service.FULL else service.PATIENCE


class Loop(threading.Thread):
    """Calls a function again and again until the block ends. If it fails, the test fails."""

    def __init__(self, act):
        super().__init__(daemon=True)
        self.act, self.ended, self.failure = act, threading.Event(), None

    def run(self):
        try:
            while not self.ended.is_set():
                self.act()
        except Exception as why:
            self.failure = why

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        self.ended.set()
        self.join()
        if self.failure and kind is None:
            raise self.failure


class Subscriber:
    """A SUB socket that a thread reads while `reading` is set, and the sequence numbers that it got."""

    def __init__(self, w, **options):
        self.socket = service.connect(zmq.SUB, w.feed, **options)
        self.got, self.reading = [], True

    def act(self):
        if not self.reading:
            time.sleep(0.01)
            return
        if self.socket.poll(100):
            with contextlib.suppress(zmq.Again):
                while self.reading:
                    self.got.append(struct.unpack(">Q", self.socket.recv_multipart(zmq.DONTWAIT)[1])[0])

    def last(self):
        return self.got[-1] if self.got else 0


class Load:
    """Pushes rows as fast as the worker takes them, or at most `rate` rows per second."""

    def __init__(self, w, rate=None):
        self.socket = service.connect(zmq.PUSH, w.pull, sndhwm=100)
        self.socket.sndtimeo = service.PATIENCE * 1000
        self.sent, self.rate, self.start = 0, rate, None

    def act(self):
        self.start = self.start or time.monotonic()
        if self.rate and self.sent * ROWS > self.rate * (time.monotonic() - self.start):
            time.sleep(0.002)
        elif self.socket.poll(100, zmq.POLLOUT):
            self.put(10)

    def put(self, count=1):
        for _ in range(count):
            self.socket.send(PAYLOADS[self.sent % len(PAYLOADS)])
            self.sent += 1


def sequence(w):
    return int(w.metrics()["oddrow_feed_sequence"])


@contextlib.contextmanager
def watching(w, directory, *options):
    """Runs oddrow watch, which appends its output to that of earlier runs, and ends it with SIGTERM."""
    with open(os.path.join(directory, "watched"), "ab") as out, open(os.path.join(directory, "watch.log"), "ab") as log:
        process = subprocess.Popen([service.BINARY, "watch", w.feed, "--replay", w.replay, "--format", "json", *options],
                                   stdout=out, stderr=log)
        try:
            yield process
            check(process.poll() is None, f"watch ended with {process.returncode}: {watch_log(directory)}")
            process.terminate()
            ended = process.wait(service.PATIENCE)  # the signal itself ends it if it does not listen to signals yet
            check(ended in (0, -signal.SIGTERM), f"watch ended with {process.returncode}: {watch_log(directory)}")
        finally:
            process.kill()
            process.wait()
    check(not service.REPORTS.search(watch_log(directory)), watch_log(directory))


def watch_log(directory):
    with open(os.path.join(directory, "watch.log"), errors="replace") as f:
        return f.read()[-3000:]


def watched(directory):
    """Returns the sequence numbers that the runs of watch printed."""
    with open(os.path.join(directory, "watched")) as f:
        return [int(re.search(r'"seq":(\d+)', text)[1]) for text in f if text.endswith("\n")]


def last_watched(directory):
    """Returns the last sequence number, without reading the whole file."""
    with open(os.path.join(directory, "watched"), "a+b") as f:
        f.seek(max(0, f.seek(0, os.SEEK_END) - (1 << 16)))
        found = re.findall(rb'"seq":(\d+).*\n', f.read())
        return int(found[-1]) if found else 0


def check_all(found, last, who):
    check(len(found) == last, f"{who} has {len(found)} messages of {last}, {len(set(found))} different ones")
    check(found == list(range(1, last + 1)), f"{who} has them out of order, or some twice")


def fill_gaps(w, got, last):
    """Fills the gaps in what a subscriber has from replay. Returns all sequence numbers, and how many were lost."""
    whole, following, lost = [], 1, 0
    with service.connect(zmq.DEALER, w.replay) as s:
        for stop in [*got, last + 1]:
            while following < stop:
                s.send_multipart([struct.pack(">Q", following), struct.pack(">I", min(10000, stop - following)), b""])
                while (message := service.receive(s, "replay"))[0] != b"END":
                    whole.append(struct.unpack(">Q", message[1])[0])
                    lost += 1
                check(struct.unpack(">Q", message[1])[0] > following, "replay does not go on")
                following = struct.unpack(">Q", message[1])[0]
            if stop <= last:
                whole.append(stop)
                following = stop + 1
    return whole, lost


def stopped():
    with service.folder() as directory, service.Worker(directory, "--publish", "all", "--retain", "100G") as w:
        with watching(w, directory, "--from", "1") as watch:
            other, victim, load = Subscriber(w, rcvhwm=0), Subscriber(w), Load(w, RATE)
            with other.socket, victim.socket, load.socket, Loop(other.act), Loop(victim.act):
                service.wait_for("subscriptions", lambda: w.metric("oddrow_feed_subscriptions"))
                with Loop(load.act):
                    service.wait_for("load", lambda: other.last() > LEAST / 3)
                    start, first = time.monotonic(), other.last()
                    service.wait_for("more load", lambda: time.monotonic() - start > STOPPED / 3)
                    usual = (other.last() - first) / (time.monotonic() - start)
                    before = resident(w)
                    # both stop reading
                    victim.reading = False
                    watch.send_signal(signal.SIGSTOP)
                    most, start, first, began = 0, time.monotonic(), other.last(), sequence(w)
                    while time.monotonic() - start < STOPPED or sequence(w) - began < LEAST:
                        most = max(most, resident(w))
                        check(time.monotonic() - start < STOPPED + service.PATIENCE, "the worker does not publish enough")
                        time.sleep(0.05)
                    rate = (other.last() - first) / (time.monotonic() - start)
                # both continue after the load has ended
                service.wait_for("the last of the load", lambda: w.metric("oddrow_rows_total") == load.sent * ROWS, LONG)
                last = sequence(w)
                service.wait_for("the other subscriber", lambda: other.last() >= last, LONG)
                victim.reading = True
                watch.send_signal(signal.SIGCONT)
                service.wait_for("what waits for the stopped one", lambda: not victim.socket.poll(100))
            whole, lost = fill_gaps(w, [s for s in victim.got if s <= last], last)
            check(lost > 0, "the stopped subscriber lost nothing: this proves nothing")
            check_all(whole, last, "the stopped subscriber")
            service.wait_for("watch", lambda: last_watched(directory) >= last, LONG)
        check_all([s for s in watched(directory) if s <= last], last, "oddrow watch")
        grown = most - before
        print(f"{last} messages, {lost} lost by who stopped; to another one {usual:.0f} a second before, {rate:.0f} then; "
              f"memory {before >> 20} MiB and {grown >> 20} MiB", flush=True)
        check(instrumented() or grown < FLAT, f"the worker's memory grew by {grown >> 20} MiB")
        check(rate > usual / 3, f"another subscriber was slowed from {usual:.0f} to {rate:.0f} a second")


def restarts():
    """watch ends and starts again, and so does the worker. Rows arrive whether watch runs or not."""
    r = random.Random(service.SEED)
    ports = {name: f"tcp://127.0.0.1:{service.free_port()}" for name in service.Worker.NAMES}
    with service.folder() as directory, service.Worker(directory, "--publish", "all", endpoints=ports) as w:
        options = ["--from", "1", "--state", os.path.join(directory, "state")]
        load = Load(w)
        with load.socket:
            for i in range(service.scaled(8, 50)):
                with watching(w, directory, *options) as watch:
                    before = last_watched(directory)
                    load.put(r.randrange(1, 300))
                    service.wait_for("some of it", lambda: last_watched(directory) > before)
                    if i % 3 == 1:
                        w.kill()
                        w.start()
                    elif i % 3 == 2:
                        w.stop()
                        w.start()
                    load.put(r.randrange(300))
                    if i % 2:
                        reached = sequence(w)
                        service.wait_for(f"{reached}, in round {i}: {watch_log(directory)}",
                                         lambda: last_watched(directory) >= reached or watch.poll() is not None)
                load.put(r.randrange(100))
            with watching(w, directory, *options):
                w.ask(b"the end\n")
                end = sequence(w)  # pulled rows may still follow
                service.wait_for("the last of it", lambda: last_watched(directory) >= end)
        check_all(watched(directory), last_watched(directory), "oddrow watch")


def killed():
    """watch is killed with SIGKILL. It may print the messages of the last second again, and none is missing."""
    with service.folder() as directory, service.Worker(directory, "--publish", "all") as w:
        options = ["--from", "1", "--state", os.path.join(directory, "state")]
        load = Load(w)
        with load.socket:
            for _ in range(3):
                load.put(200)
                before = last_watched(directory)
                with contextlib.suppress(service.Failed), watching(w, directory, *options) as watch:
                    service.wait_for("some of it", lambda: last_watched(directory) > before)
                    watch.kill()
                    watch.wait()
            with watching(w, directory, *options):
                service.wait_for("the last of it", lambda: last_watched(directory) >= load.sent * ROWS)
                last = last_watched(directory)
        check(sorted(set(watched(directory))) == list(range(1, last + 1)), "messages are missing")


if __name__ == "__main__":
    service.run(stopped, restarts, killed)
