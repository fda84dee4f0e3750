#!/usr/bin/env python3
"""The exact ten nearest of 1,000,000 vectors of width 50, in an .npy file that is mapped, beside a
plain sgemv over the same mapping; one thread, in turns, the least of 20 each. `anonymous` is memory
that is no file's: the vectors would be 200 MB of it."""
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
