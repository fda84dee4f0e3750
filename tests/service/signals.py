#!/usr/bin/python3
"""The life of a worker: ready line, endpoints, pages, SIGTERM and SIGINT, SIGHUP with good and bad models, the
shadow and its promotion."""
import contextlib, json, os, shutil, signal, socket, sqlite3, statistics, subprocess

import service
import zmq
from service import check


def send_in_background(worker, data, *options):
    return service.spawn(worker.send_command(data, "--quiet", *options), stderr=subprocess.PIPE, text=True)


def finish(process):
    _, said = process.communicate(timeout=service.PATIENCE)
    check(process.returncode == 0 and not service.REPORTS.search(said), f"oddrow send ended with {process.returncode}: {said}")


def check_numbers(entries, client, count):
    numbers = [e["number"] for e in entries if e.get("client") == client]
    check(numbers == list(range(1, count + 1)), f"{client} has {len(numbers)} rows, {len(set(numbers))} of them different, of {count}")


def status(worker, event):
    """Returns the last status entry with this event, if there is one."""
    found = [e for e in worker.entries("status") if e["event"] == event]
    return found[-1] if found else None


def journal_is_closed(worker):
    wal = worker.journal + "-wal"
    size = os.path.getsize(wal) if os.path.exists(wal) else 0
    check(size == 0, f"{size} bytes are left in the -wal")
    with contextlib.closing(sqlite3.connect(worker.journal)) as db:
        check(db.execute("pragma integrity_check").fetchall() == [("ok",)], "the journal is damaged")


def ready_line():
    with service.folder() as directory, service.Worker(directory) as w:
        check(list(w.ready) == ["ready", "pull", "rows", "feed", "replay", "http"], f"ready line {w.ready}")
        for name in w.NAMES:
            host, _, port = w.ready[name].rpartition(":")
            check(host == "tcp://127.0.0.1" and 0 < int(port) < 65536, f"{name} is {w.ready[name]}")
        check(w.ready["http"].startswith("http://127.0.0.1:") and not w.ready["http"].endswith(":0"), w.ready["http"])
        check(len({w.ready[n] for n in w.NAMES}) == 4, "two sockets have one address")


def works(w, directory):
    """Checks that a row passes through every socket that is bound."""
    row = service.rows(1)[0]
    if w.rows:
        data = service.write_csv(os.path.join(directory, "one.csv"), [row])
        check("score" in w.ask(service.line(row).encode())[0], "no score")
        w.send(data, "--client", "one")
    if w.pull:
        before = len(w.scored()) if w.replay else 0
        with service.connect(zmq.PUSH, w.pull) as push:
            push.send(service.line(row).encode())
            if w.replay:
                service.wait_for("the pulled row", lambda: len(w.scored()) == before + 1)
            elif w.http:
                service.wait_for("the pulled row", lambda: w.metric("oddrow_rows_total", socket="pull") == 1)


def endpoints():
    with service.folder() as directory:
        for number, without in enumerate([["pull"], ["rows"], ["feed"], ["replay"], ["http"], ["rows", "feed", "replay"]]):
            none = {n: "none" for n in without}
            with service.Worker(directory, "--publish", "all", endpoints=none, journal=f"none-{number}.db") as w:
                for name, value in w.ready.items():
                    check((value is None) == (name in without), f"without {without}: {name} is {value}")
                works(w, directory)
        with service.Worker(directory, "--publish", "all", endpoints="ipc", journal="ipc.db") as w:
            check(w.ready["rows"] == f"ipc://{directory}/rows", f"rows is {w.ready['rows']}")
            works(w, directory)
            with service.connect(zmq.SUB, w.feed) as feed:
                service.wait_for("the subscription", lambda: w.metric("oddrow_feed_subscriptions") == 1)
                w.ask(service.line(service.rows(1)[0]).encode())
                check(service.receive(feed, "the feed")[0] in (b"odd", b"score"), "not the row's entry")
        try:
            with socket.socket(socket.AF_INET6) as s:
                s.bind(("::1", 0))
        except OSError as why:
            print(f"  no IPv6 here: {why}")
            return
        six = {n: "tcp://[::1]:*" for n in service.Worker.NAMES}
        with service.Worker(directory, "--publish", "all", endpoints={**six, "http": "[::1]:0"}, journal="six.db") as w:
            check(w.ready["rows"].startswith("tcp://[::1]:"), f"rows is {w.ready['rows']}")
            check(w.ready["http"].startswith("http://[::1]:"), f"http is {w.ready['http']}")
            works(w, directory)


def pages():
    with service.folder() as directory, service.Worker(directory, "--shadow", service.model("other")) as w:
        w.send(service.write_csv(os.path.join(directory, "rows.csv"), service.rows(100)), "--client", "c")
        w.ask(b"{")
        check(w.get("/healthz")[0] == 200, "/healthz")
        check(w.get("/readyz") == (200, "ready\n"), f"/readyz says {w.get('/readyz')}")
        check(w.get("/nothing")[0] == 404, "an unknown page")
        code, text = w.get("/metrics")
        check(code == 200, "/metrics")
        if shutil.which("promtool"):
            said = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
            check(said.returncode == 0 and not said.stdout + said.stderr, f"promtool: {said.stdout}{said.stderr}")
        else:
            service.check(not service.CI, "no promtool")
            print("  left out: promtool is not installed")
        m = w.metrics()
        rows = sum(v for n, v in m.items() if n.startswith('oddrow_rows_total{socket="rows"') and "rejected" not in n)
        check(rows == 100, f"{rows} rows are counted of 100")
        check(w.metric("oddrow_rejects_total", reason="json") == 1, "the reject is not counted")
        check(m["oddrow_latency_seconds_count"] == m['oddrow_latency_seconds_bucket{le="+Inf"}'] >= 2, "latency")
        check(w.metric("oddrow_model_info", role="model", hash=service.hash_of(w.model)) == 1, "model hash")


def ends():
    """SIGTERM and SIGINT, to an idle and to a busy worker: exit 0 within 10 s, nothing lost or repeated."""
    count = service.scaled(8000)
    with service.folder() as directory:
        data = service.write_csv(os.path.join(directory, "rows.csv"), service.rows(count, seed=3))
        for number in (signal.SIGTERM, signal.SIGINT):
            w = service.Worker(directory, "--publish", "all", journal=f"{number}.db")
            sender = send_in_background(w, data, "--client", "c", "--rate", str(count))
            service.wait_for("the first rows", lambda: w.metric("oddrow_feed_sequence") > 500)
            taken = w.stop(number)
            check(taken < 10, f"it took {taken:.1f} s to end")
            journal_is_closed(w)
            check(sender.poll() is None, "all rows were through before the signal: this proves nothing")
            w.start()
            finish(sender)
            check(w.stop(number) < 10, "an idle worker took long to end")
            journal_is_closed(w)
            w.start()
            entries = w.entries()
            check_numbers(entries, "c", count)
            events = [e["event"] for e in entries if e["topic"] == "status"]
            check(events == ["started", "stopping"] * 2 + ["started"], f"status: {events}")
            check([e["seq"] for e in entries] == list(range(1, len(entries) + 1)), "sequence numbers have holes")
            w.stop(number)


def reload_good():
    count = service.scaled(8000)
    with service.folder() as directory:
        path, data = os.path.join(directory, "m.model"), os.path.join(directory, "rows.csv")
        service.write_csv(data, service.rows(count, seed=4))
        shutil.copy(service.model(), path)
        with service.Worker(directory, "--publish", "all", model_path=path) as w:
            old, new = service.hash_of(service.model()), service.hash_of(service.model("other"))
            sender = send_in_background(w, data, "--client", "c", "--rate", str(count))
            service.wait_for("the first rows", lambda: w.metric("oddrow_feed_sequence") > 500)
            shutil.copy(service.model("other"), path + ".new")
            os.replace(path + ".new", path)
            w.tell(signal.SIGHUP)
            service.wait_for("the reload", lambda: w.metric("oddrow_reloads_total") == 1)
            finish(sender)
            entries = w.scored()
            check_numbers(entries, "c", count)
            hashes = [e["model"]["hash"] for e in entries]
            change = hashes.index(new) if new in hashes else None
            check(change and hashes == [old] * change + [new] * (count - change), "not one change from old model to new")
            check({e["model"]["name"] for e in entries} == {"m.model"}, f"name {entries[0]['model']}")
            service.check_scores(entries[:change], service.batch_scores(service.model(), data)[:change], "before the reload")
            service.check_scores(entries[change:], service.batch_scores(service.model("other"), data)[change:], "after it")
            told = status(w, "reloaded")
            check(told and told["model"]["hash"] == new, f"status: {told}")
            check(w.metric("oddrow_model_info", hash=new) == 1 and w.metric("oddrow_model_info", hash=old) == 0, "/metrics")


def reload_bad():
    with service.folder() as directory:
        path = os.path.join(directory, "m.model")
        shutil.copy(service.model(), path)
        with open(service.model(), "rb") as f:
            good = f.read()

        def write(content):
            with open(path + ".new", "wb") as f:
                f.write(content)
            os.replace(path + ".new", path)

        bad = {"cut short": lambda: write(good[:len(good) // 2]), "empty": lambda: write(b""),
               "noise": lambda: write(os.urandom(5000)), "another schema": lambda: shutil.copy(service.model("narrow"), path),
               "gone": lambda: os.remove(path)}
        with service.Worker(directory, "--publish", "all", model_path=path) as w:
            row = service.line(service.rows(1)[0]).encode()
            first = w.ask(row)[0]
            for n, (what, spoil) in enumerate(bad.items()):
                spoil()
                w.tell(signal.SIGHUP)
                service.wait_for(f"the refusal of a model that is {what}", lambda: w.metric("oddrow_failed_reloads_total") == n + 1)
                now = w.ask(row)[0]
                check((now["score"], now["model"]) == (first["score"], first["model"]), f"{what}: the model has changed")
                told = status(w, "reload-failed")
                check(told["message"] and told["model"] == first["model"], f"{what}: status says {told}")
                print(f"  {what}: {told['message'].replace(directory, '')}")
                if what == "another schema":
                    check("columns" in told["message"], f"status does not say why: {told['message']}")
                check(w.get("/readyz")[0] == 200, f"{what}: not ready")
            write(good)
            w.tell(signal.SIGHUP)
            service.wait_for("the reload", lambda: w.metric("oddrow_reloads_total") == 1)
            check(w.ask(row)[0]["score"] == first["score"], "the same model gives another score")


def ranks(values):
    order, result = sorted(range(len(values)), key=values.__getitem__), [0] * len(values)
    i = 0
    while i < len(order):
        j = i
        while j + 1 < len(order) and values[order[j + 1]] == values[order[i]]:
            j += 1
        for k in range(i, j + 1):
            result[order[k]] = (i + j) / 2
        i = j + 1
    return result


def shadow():
    count = 2000
    models = service.model(), service.model("other")
    hashes = [service.hash_of(m) for m in models]
    with service.folder() as directory:
        data = service.write_csv(os.path.join(directory, "rows.csv"), service.rows(count, seed=5, odd=0.05))
        with service.Worker(directory, "--publish", "all", "--shadow", models[1]) as w:
            w.send(data, "--client", "a")
            # what batch scoring with both models gives for these rows
            a, b = (service.batch_scores(m, data) for m in models)
            correlation = statistics.correlation(ranks([r["score"] for r in a]), ranks([r["score"] for r in b]))
            both, either = (sum(f((x["odd"], y["odd"])) for x, y in zip(a, b)) for f in (all, any))
            check(0 < both < either, "the models agree on all odd rows, or on none: this proves nothing")
            m = w.metrics()
            check(m["oddrow_shadow_rows_total"] == count, f"{m['oddrow_shadow_rows_total']} rows of {count}")
            check(abs(m["oddrow_shadow_rank_correlation"] - correlation) < 0.005, f"rank correlation {m['oddrow_shadow_rank_correlation']}, of batch scores {correlation}")
            check(abs(m["oddrow_shadow_overlap"] - both / either) < 1e-6, f"overlap {m['oddrow_shadow_overlap']}, of batch scores {both / either}")
            for role, path in zip(("model", "shadow"), models):
                text = service.tool("score", path, data, "-o", "-", "--quiet", "--score", "loss")
                column = text.splitlines()[0].split(",").index("score")
                loss = statistics.fmean(float(t.split(",")[column]) for t in text.splitlines()[1:])
                seen = m[f'oddrow_shadow_mean_loss{{role="{role}"}}']
                check(abs(seen - loss) < 1e-3 * abs(loss), f"mean loss of the {role} {seen}, of batch scores {loss}")
            service.check_scores(w.scored(), a, "with a shadow")
            # the swap by HTTP, and back by a signal
            said = json.loads(service.tool("promote", w.endpoints["http"]))
            check([said[k]["hash"] for k in ("model", "shadow")] == hashes[::-1], f"promote says {said}")
            told = service.wait_for("the status", lambda: status(w, "promoted"))
            check(told["model"]["hash"] == hashes[1] and told["shadow"]["model"]["hash"] == hashes[0], f"status: {told}")
            check({"rows", "rank_correlation", "overlap", "mean_loss", "shadow_mean_loss", "model"} == set(told["shadow"]), f"status: {told}")
            first = int(w.metrics()["oddrow_feed_sequence"]) + 1
            w.send(data, "--client", "b")
            service.check_scores(w.scored(first), b, "after promote")
            check(w.metrics()["oddrow_shadow_rows_total"] == count, "the comparison does not begin anew")
            w.tell(signal.SIGUSR1)
            service.wait_for("the swap back", lambda: w.metric("oddrow_model_info", role="model", hash=hashes[0]))
            first = int(w.metrics()["oddrow_feed_sequence"]) + 1
            w.send(data, "--client", "c")
            service.check_scores(w.scored(first), a, "after SIGUSR1")
            w.tell(signal.SIGHUP)  # both models are loaded again
            service.wait_for("the reload", lambda: w.metric("oddrow_reloads_total") == 1)
            check(w.metric("oddrow_model_info", role="shadow", hash=hashes[1]) == 1, "no shadow after a reload")
            check(w.get("/promote", data=b"")[0] in (400, 403), "a POST without X-Oddrow is taken")
        with service.Worker(directory, journal="plain.db") as w:
            service.tool("promote", w.endpoints["http"], status=1)
            check(w.get("/promote", data=b"", headers={"X-Oddrow": "1"})[0] == 409, "promote without a shadow")
            w.tell(signal.SIGUSR1)
            check(w.get("/healthz")[0] == 200 and "score" in w.ask(service.line(service.rows(1)[0]).encode())[0], "SIGUSR1 without a shadow")


def refused(directory, *options, **how):
    """Runs a worker that must not start, and returns its messages."""
    w = service.Worker(directory, *options, start=False, **how)
    done = subprocess.run(w.command(), capture_output=True, text=True, timeout=service.PATIENCE)
    check(done.returncode not in (0, None) and done.returncode > 0 and not done.stdout, f"it ended with {done.returncode}: {done.stdout}{done.stderr}")
    check(not service.REPORTS.search(done.stderr), done.stderr)
    print(f"  {done.stderr.strip().splitlines()[-1].replace(directory, '')}")
    return done.stderr


def refusals():
    with service.folder() as directory:
        with service.Worker(directory) as w:
            check("journal" in refused(directory), "a second worker on one journal: it does not say so")
            taken = refused(directory, journal="b.db", endpoints={"rows": w.rows})
            check(w.rows in taken, "a taken address: the message does not name it")
            check("score" in w.ask(service.line(service.rows(1)[0]).encode())[0], "the first worker is disturbed")
        check("columns" in refused(directory, "--shadow", service.model("narrow"), journal="c.db"), "a shadow of another schema")
        check("no.model" in refused(directory, model_path=os.path.join(directory, "no.model"), journal="d.db"), "no model")
        check("nowhere" in refused(directory, journal="nowhere/j.db"), "a journal that cannot be made")
        with open(os.path.join(directory, "text.db"), "w") as f:
            f.write("this is no database\n" * 500)
        check("text.db" in refused(directory, journal="text.db"), "a journal that is none")
        with service.Worker(directory):  # an ended worker leaves no lock
            pass


service.run(ready_line, endpoints, pages, ends, reload_good, reload_bad, shadow, refusals)
