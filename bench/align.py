#!/usr/bin/env python3
"""Trains on Adult with two seeds and aligns the second model to the first. Prints the mean cosine of the
old and new vectors of `education` and `occupation` before and after, and how far the scores moved."""
import csv, os
import common

a = common.arguments(__doc__)
table = common.Table()
with common.folder() as folder:
    path = lambda name: os.path.join(folder, name)
    quick = ["--epochs", "2", "--min-steps", "0"] if a.quick else []
    for seed in ("1", "2"):
        common.run([a.bin, "train", common.adult(), "-o", path(seed), *common.adult_columns(), "--seed", seed, "--quiet", *quick])
    lines = common.output([a.bin, "embeddings", "align", path("1"), path("2"), "-o", path("aligned")]).splitlines()
    cosines = {l.split()[0]: l.split()[2:4] for l in lines[1:]}
    for column in ("education", "occupation"):
        before, after = map(float, cosines[column])
        table.row(f"mean cosine of {column} to the old model's, before and after align", "rises", f"{before:.3f}, {after:.3f}", after > before)
    scores = []
    for model in ("2", "aligned"):
        common.run([a.bin, "score", path(model), common.adult(), "-o", path("scores"), "--quiet"])
        scores.append([float(r["score"]) for r in csv.DictReader(open(path("scores")))])
    moved = max(abs(x - y) / max(abs(x), 1) for x, y in zip(*scores))
    table.row("scores of an aligned model, greatest relative change", "≤ 1e-4", f"{moved:.1e}", moved <= 1e-4)
table.end()
