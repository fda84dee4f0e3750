#!/usr/bin/python3
"""A full disk under the journal. The worker acknowledges nothing, answers asked rows with an error and /readyz
with 503, and stays alive. When there is room again, every sent row is in the feed once. Tested on a small
tmpfs that fills up and then grows, and with a limit on file size that is raised."""
import os, resource, subprocess, sys

import service
import zmq
from service import check

INNER = "ODDROW_TEST_DISK"  # set inside the mount namespace: the directory to mount in
COUNT = 6000  # rows whose entries do not fit into 1 MB
ROW = service.line(service.rows(1)[0]).encode()


def fill_and_free(directory, worker, free, what):
    made = service.rows(COUNT, seed=11)
    data = service.write_csv(os.path.join(directory, "rows.csv"), made)
    sender = service.spawn(worker.send_command(data, "--client", "full", "--batch", "50", "--quiet"))
    service.wait_for("the full disk", lambda: worker.get("/readyz")[0] == 503)
    check("journal" in worker.get("/readyz")[1], f"/readyz says {worker.get('/readyz')}")
    check(worker.get("/healthz")[0] == 200, "/healthz")
    reached = worker.metrics()["oddrow_feed_sequence"]
    check(0 < reached < COUNT, f"{reached} entries before the disk was full, of {COUNT} rows: this proves nothing")
    # a client that asks gets an error; a client that sends waits
    for _ in range(5):
        answer = worker.ask(ROW)
        check(len(answer) == 1 and "error" in answer[0], f"an ask on a full disk: {answer}")
    with service.connect(zmq.DEALER, worker.rows) as s:
        s.send_multipart([b"other", (1).to_bytes(8, "big"), ROW])
        check(not s.poll(1500), "a row was acknowledged that is not in the journal")
    check(sender.poll() is None, "oddrow send has ended")
    m = worker.metrics()
    check(m["oddrow_feed_sequence"] == reached, "the feed goes on")
    check(m["oddrow_journal_stalled"] == 1 and m["oddrow_journal_failures_total"] > 0, "/metrics does not tell")
    check(worker.alive(), f"the worker has ended:\n{worker.stderr()[-2000:]}")
    stalled = worker.stderr().count("stalled:")
    check(stalled == 1, f"the log says {stalled} times that it is stalled")
    told = [e for e in worker.entries() if e["seq"] > reached]
    check(not told, f"replay has more than was committed: {told[:1]}")

    free()
    service.wait_for("the recovery", lambda: worker.get("/readyz")[0] == 200)
    check(sender.wait(service.PATIENCE) == 0, f"oddrow send ended with {sender.returncode}")
    with service.connect(zmq.DEALER, worker.rows) as s:
        s.send_multipart([b"other", (1).to_bytes(8, "big"), ROW])
        kind, number = service.receive(s, "the acknowledgement")
        check((kind, int.from_bytes(number, "big")) == (b"ACK", 1), f"got {kind}")
    check("score" in worker.ask(ROW)[0], "asks are not answered again")
    entries = worker.entries()
    check([e["seq"] for e in entries] == list(range(1, len(entries) + 1)), "the sequence of the feed has holes or repeats")
    own = [e for e in entries if e.get("client") == "full"]
    check([e["number"] for e in own] == list(range(1, COUNT + 1)), f"{len(own)} entries for {COUNT} rows")
    service.check_scores(own, service.batch_scores(worker.model, data), what)
    check(len([e for e in entries if e.get("client") == "other"]) == 1, "the other client's row is not there once")
    print(f"  {what}: full after {reached:.0f} entries, {len(entries)} in the end", flush=True)


def send_until_silent(worker, made):
    """Sends one message after another, as the protocol requires, until one is not acknowledged. Returns the
    highest row number that was acknowledged."""
    safe = 0
    with service.connect(zmq.DEALER, worker.rows) as s:
        while safe < len(made):
            payload = "".join(map(service.line, made[safe:safe + 50])).encode()
            s.send_multipart([b"raw", (safe + 1).to_bytes(8, "big"), payload])
            if not s.poll(1500):
                break
            kind, number = s.recv_multipart()
            check(kind == b"ACK", f"got {kind}")
            safe = int.from_bytes(number, "big")
    return safe


def fill_and_end(worker, end, what):
    """The worker ends while the disk is full and starts again with room. All that it acknowledged is there."""
    made = service.rows(COUNT, seed=11)
    safe = send_until_silent(worker, made)
    check(0 < safe < COUNT, f"{safe} rows of {COUNT} were acknowledged: this proves nothing")
    check(worker.get("/readyz")[0] == 503, "a silent worker says that it is ready")
    end()
    worker.start()
    own = [e["number"] for e in worker.scored() if e["client"] == "raw"]
    check(own == list(range(1, len(own) + 1)) and len(own) >= safe, f"{len(own)} entries, {safe} rows were acknowledged")
    check(send_until_silent(worker, made) == COUNT, "not all rows are acknowledged in the end")
    own = [e["number"] for e in worker.scored() if e["client"] == "raw"]
    check(own == list(range(1, COUNT + 1)), f"{len(own)} entries for {COUNT} rows")
    print(f"  {what}: {safe} rows were acknowledged, all of them are there", flush=True)


def inside(directory):
    """Runs in a mount namespace of its own, with a tmpfs that grows."""
    mounted = os.path.join(directory, "small")
    os.mkdir(mounted)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M,mode=700", "oddrow-test", mounted], capture_output=True, text=True)
    if done.returncode:
        print(f"  no tmpfs can be mounted: {done.stderr.strip()}")
        sys.exit(77)
    filler = os.path.join(mounted, "filler")
    try:
        # room comes back because the file system grows
        with service.Worker(directory, "--publish", "all", journal="small/grown.db") as w:
            fill_and_free(directory, w, lambda: subprocess.run(["mount", "-o", "remount,size=64M", mounted], check=True), "a tmpfs that grew")
        # room comes back because a file is removed
        with service.Worker(directory, "--publish", "all", journal="small/freed.db") as w:
            free = os.statvfs(mounted)
            with open(filler, "wb") as f:
                f.write(b"x" * (free.f_bavail * free.f_bsize - 1000000))
            fill_and_free(directory, w, lambda: os.remove(filler), "a file removed")
        with service.Worker(directory, "--publish", "all", journal="small/ended.db") as w:
            free = os.statvfs(mounted)
            with open(filler, "wb") as f:
                f.write(b"x" * (free.f_bavail * free.f_bsize - 1000000))

            def end():
                check(w.stop() < 10, "SIGTERM on a full disk took 10 s or more")
                os.remove(filler)

            fill_and_end(w, end, "SIGTERM on the full tmpfs")
    finally:
        subprocess.run(["umount", mounted], check=True)


def tmpfs():
    possible = subprocess.run(["unshare", "-m", "true"], capture_output=True, text=True)
    if os.geteuid() != 0 or possible.returncode:  # limit() covers this case
        print(f"  left out: a tmpfs cannot be mounted here: {possible.stderr.strip() or 'not root'}")
        return
    with service.folder() as directory:
        done = subprocess.run(["unshare", "-m", sys.executable, __file__], env={**os.environ, INNER: directory}, timeout=500)
        if done.returncode == 77:  # a container that must not mount; limit() covers this case
            print("  left out: mounting is not possible here")
            return
        check(done.returncode == 0, "the part in the mount namespace failed")


def limit():
    size = 1 << 20
    with service.folder() as directory:
        limited = ["prlimit", f"--fsize={size}:unlimited"]
        service.model()
        with service.Worker(directory, "--publish", "all", prefix=limited) as w:
            unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            fill_and_free(directory, w, lambda: resource.prlimit(w.process.pid, resource.RLIMIT_FSIZE, unlimited), "a limit on files")
        with service.Worker(directory, "--publish", "all", journal="killed.db", prefix=limited) as w:
            def end():
                w.kill()
                w.prefix = []

            fill_and_end(w, end, "SIGKILL at the limit")


def in_namespace():
    inside(os.environ[INNER])


if INNER in os.environ:
    sys.argv[1:] = []
    service.run(in_namespace)
service.run(tmpfs, limit)
