#!/usr/bin/env python3
"""Measures the cost per row from 10^4 to 10^7 rows: Adult repeated, CSV file to CSV file, default flags,
two threads.

`scoring` is the time inside odd_score_files (from score_parts). `process` is the time of the whole
command, with its start and the loading of the model. Both are medians. A file of one row shows the fixed
cost. The cost per row is printed with the fixed cost and without it."""
import os, statistics
import common

a = common.arguments(__doc__)
table = common.Table()
parts = common.program(a, "score_parts")
SIZES = ((1, 15), (10**4, 15), (10**5, 9)) if a.quick else ((1, 15), (10**4, 15), (10**5, 9), (10**6, 5), (10**7, 3))
scoring = {}
with common.folder() as folder:
    model, out, data = common.adult_model(a, folder), os.path.join(folder, "scores.csv"), os.path.join(folder, "data.csv")
    for rows, runs in SIZES:
        if rows == 10**7 and not common.disk_has(5, "10^7 rows"):
            continue
        common.repeat_adult(data, rows)
        inside, whole = [], []
        for _ in range(runs):
            lines = dict(l.split()[:2] for l in common.output([parts, model, data, out, "2"]).splitlines())
            inside.append(float(lines["seconds"]))
            whole.append(common.run([a.bin, "score", model, data, "-o", out, "--threads", "2", "--quiet"]))
        scoring[rows], process = statistics.median(inside), statistics.median(whole)
        print(f"  {rows:>10,} rows: scoring {scoring[rows] * 1e3:8.1f} ms, {rows / scoring[rows]:>10,.0f} rows/s; "
              f"process {process * 1e3:8.1f} ms, {rows / process:>10,.0f} rows/s", flush=True)
start = scoring.pop(1)
largest = max(scoring)
for what, fixed in (("all of it", 0), (f"beyond the {start * 1e3:.1f} ms of a file of one row", start)):
    cost = {rows: (seconds - fixed) / rows for rows, seconds in scoring.items()}
    table.row(f"scoring, cost per row over that at {largest:,} rows, {what}", "flat, about 1",
              ", ".join(f"{rows:,}: {cost[rows] / cost[largest]:.2f}" for rows in cost))
table.end()
