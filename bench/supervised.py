#!/usr/bin/env python3
"""Compares oddrow with Keras on a target of Adult, by the area under the ROC curve on rows that neither has
seen.

A fifth of the rows is set aside, the same for both. Both learn salary from the other columns, with five
seeds. Both use the same rule for embeddings, a dense layer of 10 over the normal scores and missing flags
of the numbers, hidden layers of 64 and 32, and softmax. Initial weights, masks, one-cycle rate, batches of
256 and 20 epochs are the same too, and a tenth of the rows is held out to choose the epoch.
ODDROW_PEERS_PYTHON needs tensorflow."""
import csv, os, random, statistics
import common

TARGET = "salary"


def area(p, truth):
    """Returns the area under the ROC curve. Ties count half."""
    rows = sorted(zip(p, truth))
    below = right = 0.0
    at = 0
    while at < len(rows):
        end = at
        while end < len(rows) and rows[end][0] == rows[at][0]:
            end += 1
        tied = sum(t for _, t in rows[at:end])
        right += tied * (below + (end - at - tied) / 2)
        below += end - at - tied
        at = end
    return right / (below * (len(rows) - below))


a = common.arguments(__doc__)
table = common.Table()
epochs = "2" if a.quick else "20"
ours, keras = [], []
with common.folder() as folder:
    path = {n: os.path.join(folder, n + ".csv") for n in ("train", "test", "out")}
    with open(common.adult(), newline="") as f:
        head, *rows = csv.reader(f)
    random.Random(7).shuffle(rows)
    for name, part in (("test", rows[: len(rows) // 5]), ("train", rows[len(rows) // 5:])):
        with open(path[name], "w", newline="") as f:
            csv.writer(f).writerows([head, *part])
    at = common.adult_columns().index("--categorical") + 1
    columns = common.adult_columns()
    columns[at] = ",".join(c for c in columns[at].split(",") if c != TARGET)
    for seed in range(1, 2 if a.quick else 6):
        model = os.path.join(folder, "model")
        common.run([a.bin, "train", path["train"], "-o", model, *columns, "--target", TARGET, "--seed", str(seed),
                    "--epochs", epochs, "--threads", "2", "--quiet"])
        common.run([a.bin, "predict", model, path["test"], "-o", path["out"], "--threads", "2", "--quiet"])
        with open(path["out"], newline="") as f:
            out = list(csv.DictReader(f))
        ours.append(area([float(r["probability_>=50k"]) for r in out], [r[TARGET] == ">=50k" for r in out]))
        said = common.output([common.peers_python(), os.path.join(os.path.dirname(os.path.abspath(__file__)), "supervised_keras.py"),
                              path["train"], path["test"], common.shared("data", "adult.columns.json"), TARGET, str(seed), epochs])
        keras.append(float(said.split()[-1]))
        print(f"  seed {seed}: oddrow {ours[-1]:.4f}, Keras {keras[-1]:.4f}", flush=True)
gap = statistics.mean(ours) - statistics.mean(keras)
table.row("supervised, AUROC on held-out rows of Adult, five seeds", "≥ 0.905", common.spread(ours, "{:.4f}"),
          None if a.quick else min(ours) >= 0.905)
table.row("supervised, mean AUROC less Keras's with the same network and schedule", "within 0.005",
          f"{gap:+.4f} (Keras {common.spread(keras, '{:.4f}')})", None if a.quick else abs(gap) <= 0.005)
table.end()
