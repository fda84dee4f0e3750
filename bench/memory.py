#!/usr/bin/env python3
"""Measures peak resident memory, as the kernel counts it: of scoring 1.3 million and 10^7 rows, and of
training with --memory 256M on 1.3 million rows. 1 MB is 10^6 bytes."""
import os
import common

a = common.arguments(__doc__)
table = common.Table()
measure = common.program(a, "peak")


def peak(*command):
    return int(common.output([measure, a.bin, *command, "--threads", "2", "--quiet"])) / common.MB


many = (2 if a.quick else 40) * common.ADULT_ROWS
with common.folder() as folder:
    model, data, out = common.adult_model(a, folder), os.path.join(folder, "data.csv"), os.path.join(folder, "out")
    common.repeat_adult(data, many)
    used = peak("train", data, "-o", out, *common.adult_columns(), "--memory", "256M", "--epochs", "2", "--min-steps", "0")
    table.row(f"peak memory, train --memory 256M, {many:,} rows", "< 320 MB", f"{used:.0f} MB", used < 320)
    for rows in (many, 10**5 if a.quick else 10**7):
        if rows == 10**7 and not common.disk_has(5, "10^7 rows"):
            continue
        common.repeat_adult(data, rows)
        used = peak("score", model, data, "-o", out)
        table.row(f"peak memory, score, {rows:,} rows", "< 128 MB", f"{used:.0f} MB", used < 128)
table.end()
