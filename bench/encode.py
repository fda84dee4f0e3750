#!/usr/bin/env python3
"""Compares encoding Adult, repeated 40 times, to a design matrix with scoring the same file, and measures
the memory of encoding.

Whole processes with two threads take turns: `encode -o X.npy`, `encode -o X.csv`, `score -o OUT`. The
rates are printed and never make the command fail; the bound is 0.7 of score's rows per second. The
memory is the peak resident set of encode for the file and for a fourth of it. It must not grow with the
file."""
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
    common.run(score)  # every command reads from a warm page cache
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
