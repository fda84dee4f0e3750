#!/usr/bin/env python3
"""Compares training on Adult, in rows per second, with Keras and with the matrix products of a step alone.

oddrow, seed_keras.py and gemm_roofline take turns, with two threads, batches of 256 and the default widths.
oddrow's rate is the median over the epochs of its report, which counts training steps only. Keras's rate is
that of fit() after one epoch of warm-up. The OPENBLAS_ variables of the shell are removed, because
OPENBLAS_CORETYPE could slow down the products and so raise the share."""
import json, os, statistics
import common

a = common.arguments(__doc__)
table = common.Table()
roofline = common.program(a, "gemm_roofline")
shape = ["--epochs", "3", "--min-steps", "0"] if a.quick else []
keras_over, share = [], []
with common.folder() as folder:
    report, model = os.path.join(folder, "report.json"), os.path.join(folder, "model")
    for turn in range(1 if a.quick else 5):
        common.run([a.bin, "train", common.adult(), "-o", model, *common.adult_columns(), *shape, "--threads", "2",
                    "--batch-size", "256", "--report", report, "--quiet"])
        epochs = [e["rows_per_second"] for e in json.load(open(report))["epochs"]]
        ours = statistics.median(epochs)
        products = float(common.output([roofline, "2", "256"]))
        keras = common.peer("seed_keras.py", "train", common.adult(), common.shared("data", "adult.columns.json"),
                            "--batch", "256", "--epochs", "1" if a.quick else "3")
        print(f"  oddrow {ours:,.0f} ({min(epochs):,.0f} to {max(epochs):,.0f} over {len(epochs)} epochs), Keras {keras:,.0f}, products alone {products:,.0f} rows/s", flush=True)
        keras_over.append(ours / keras)
        share.append(100 * ours / products)
table.row("training, rows/s over Keras's, Adult", "≥ 10", common.spread(keras_over, "{:.1f}"))
table.row("training, share of the matrix products alone", "≥ 60 %", common.spread(share, "{:.0f} %"))
table.end()
