#!/usr/bin/env python3
"""Compares the search for the exact ten nearest of 1,000,000 vectors of width 50, in an .npy file that is
mapped, with a plain sgemv over the same mapping. They take turns on one thread, and the least of 20 times
counts for each. `anonymous` is memory that belongs to no file; the vectors would take 200 MB of it."""
import os
import common

a = common.arguments(__doc__)
table = common.Table()
program = common.program(a, "neighbours_speed")
rows = 10**4 if a.quick else 10**6
with common.folder() as folder:
    found = dict(line.split() for line in common.output([program, os.path.join(folder, "v.npy"), str(rows)]).splitlines())
sgemv = float(found["sgemv"])
for metric in ("cosine", "euclidean"):
    table.row(f"ten nearest of {rows:,} x 50, {metric}", "< 60 ms or twice sgemv", f"{float(found[metric]):.1f} ms; sgemv {sgemv:.1f} ms")
anonymous = int(found["anonymous"]) / 1000
table.row("memory beside the mapped file", "< 20 MB", f"{anonymous:.1f} MB", anonymous < 20)
table.end()
