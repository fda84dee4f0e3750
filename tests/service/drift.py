#!/usr/bin/python3
"""Drift, end to end. Rows with one shifted column cause a drift entry, and normal rows after them cause another.
The metrics page agrees. The window is 10,000 rows, in parts of 1,000."""
import service
import zmq
from service import check

WINDOW = 10000


def push(w, made):
    """Pushes the rows and waits until they are counted."""
    before = w.metric("oddrow_rows_total")
    with service.connect(zmq.PUSH, w.pull) as s:
        for i in range(0, len(made), 500):
            s.send("".join(map(service.line, made[i:i + 500])).encode())
        service.wait_for("the rows", lambda: w.metric("oddrow_rows_total") == before + len(made))
    check(w.metric("oddrow_rows_total", outcome="rejected") == 0, "rows were rejected")


def drifts(w):
    return [(e["column"], e["drifting"]) for e in w.entries("drift")]


def shifted(made, column, change):
    at = service.COLUMNS.index(column)
    return [[*row[:at], change(row[at]), *row[at + 1:]] for row in made]


def numbers():
    normal = service.rows(WINDOW + 2000, seed=23)
    with service.folder() as directory, service.Worker(directory) as w:
        push(w, normal)
        check(drifts(w) == [], f"rows like those of training drift: {drifts(w)}")
        check(w.metric("oddrow_drifting") == 0 and 0 < w.metric("oddrow_drift_psi", column="price") < 0.1, "the page")
        push(w, shifted(normal[:5000], "weight", lambda text: text and f"{float(text) + 0.5:.3f}"))
        check(drifts(w) == [("weight", True)], f"a shifted column: {drifts(w)}")
        check(w.metric("oddrow_drifting") == w.metric("oddrow_drifting", column="weight") == 1, "the page")
        entry = w.entries("drift")[0]
        check(entry["psi"] > 0.25 and set(entry) == {"seq", "time", "topic", "column", "drifting", "psi", "unseen",
                                                     "missing", "trained_unseen", "trained_missing"}, f"the entry {entry}")
        push(w, normal)
        check(drifts(w) == [("weight", True), ("weight", False)], f"normal rows again: {drifts(w)}")
        check(w.metric("oddrow_drifting") == 0 and w.entries("drift")[1]["psi"] < 0.25, "the page, or the entry")
        check(w.stderr().count(" drift: ") == 2, "drift is in the log")


def shares():
    """Shares of unseen and of missing values that rise while the known values keep their distribution."""
    normal = service.rows(WINDOW, seed=29)
    with service.folder() as directory, service.Worker(directory) as w:
        push(w, normal)
        some = service.random.Random(31)
        push(w, shifted(shifted(normal[:5000], "country", lambda text: "ZZ" if some.random() < 0.5 else text),
                        "price", lambda text: "" if some.random() < 0.5 else text))
        found = {e["column"]: e for e in w.entries("drift")}
        check(sorted(found) == ["country", "price"] and all(e["drifting"] for e in found.values()),
              f"drift of {sorted(found)}")
        check(found["country"]["unseen"] > 0.05 and found["price"]["missing"] > 0.05, f"the shares: {found}")
        push(w, normal)
        check(sorted(drifts(w)[2:]) == [("country", False), ("price", False)], f"normal rows again: {drifts(w)}")


service.run(numbers, shares)
