#!/usr/bin/env python3
"""Encoding Adult repeated 40 times to a design matrix, beside scoring the same file; and its memory.

Whole processes, two threads, alternating: `encode -o X.npy`, `encode -o X.csv`, `score -o OUT`. Rates
are times, so they are read and not judged: what is asked is 0.7 of score's rows a second. Memory is
the peak resident set of encode for the file and for a fourth of it: it must not grow with the file."""
import os
import common

a = common.arguments(__doc__)
table = common.Table()
peak = common.program(a, "peak")
rows = (2 if a.quick else 40) * common.ADULT_ROWS
ratio = {"npy": [], "csv": []}
with common.folder() as folder:
    model, scores = common.adult_model(a, folder), os.path.join(folder, "scores.csv")
    data = common.repeat_adult(os.path.join(folder, "data.csv"), rows)
    quarter = common.repeat_adult(os.path.join(folder, "quarter.csv"), rows // 4)
    rest = ["--threads", "2", "--quiet"]
    command = {kind: [a.bin, "encode", model, data, "-o", os.path.join(folder, "x." + kind), *rest] for kind in ratio}
    score = [a.bin, "score", model, data, "-o", scores, *rest]
    common.run(score)  # all read from a warm page cache
    for pair in range(1 if a.quick else 5):
        theirs = rows / common.run(score)
        for kind in ratio:
            ours = rows / common.run(command[kind])
            print(f"  encode to {kind} {ours:,.0f}, score {theirs:,.0f} rows/s", flush=True)
            ratio[kind].append(ours / theirs)
    for kind in ratio:
        table.row(f"encode to {kind}, rows/s over score's, {rows:,} rows", "≥ 0.7", common.spread(ratio[kind]))
    for kind in ratio:
        whole = int(common.output([peak, *command[kind]]).split()[-1])
        part = int(common.output([peak, *[quarter if word == data else word for word in command[kind]]]).split()[-1])
        table.row(f"encode to {kind}, peak memory of {rows:,} rows over that of a fourth", "≤ 1.1",
                  f"{whole / part:.2f} ({whole / common.MB:.1f} MB)", whole <= 1.1 * part)
table.end()
