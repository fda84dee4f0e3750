#!/usr/bin/env python3
"""Compares scoring Adult, repeated 40 times, from CSV file to CSV file, with score_ort.py, and shows where
the time goes.

oddrow's rate is that of the whole process: start, model, reading, scoring, writing. The peer's rate is the
one that it prints for its second run, without start, imports, vocabularies and session. Default flags, two
threads; the two take turns. The shares are shares of thread time, from score_parts on the same file."""
import os
import common

a = common.arguments(__doc__)
table = common.Table()
parts = common.program(a, "score_parts")
rows = (2 if a.quick else 40) * common.ADULT_ROWS
ratio = []
with common.folder() as folder:
    model, out = common.adult_model(a, folder), os.path.join(folder, "scores.csv")
    data = common.repeat_adult(os.path.join(folder, "data.csv"), rows)
    command = [a.bin, "score", model, data, "-o", out, "--threads", "2", "--quiet"]
    common.run(command)  # both sides read from a warm page cache
    for pair in range(1 if a.quick else 5):
        ours = rows / common.run(command)
        theirs = common.peer("score_ort.py", data, common.shared("data", "adult.columns.json"), out)
        print(f"  oddrow {ours:,.0f}, polars and ONNX Runtime {theirs:,.0f} rows/s", flush=True)
        ratio.append(ours / theirs)
    table.row(f"scoring, rows/s over polars and ONNX Runtime's, {rows:,} rows", "≥ 2", common.spread(ratio))
    lines = [l.split() for l in common.output([parts, model, data, out, "2"]).splitlines()]
    shares = {l[0]: float(l[2]) for l in lines if len(l) == 3}
    table.row("scoring, share of thread time", "printed", ", ".join(f"{k} {v:.0f} %" for k, v in shares.items()))
table.end()
