#!/usr/bin/env python3
"""Measures detection on the labelled sets with the shared quality.py and default flags: trained on normal
rows; and trained on the dump that is then scored, with --contamination 0.05 and without."""
import re, subprocess, sys
import common

RUNS = (  # what, data, peers, flags of train, bounds of AUROC and of AUPRC, bound of sets at or above the best peer
    ("clean training", ("data",), "quality.json", "", 0.855, 0.670, 5),
    ("dumps, --contamination 0.05", ("data", "dumps"), "quality_dumps.json", "--contamination 0.05", 0.840, 0.400, None),
    ("dumps, no flag", ("data", "dumps"), "quality_dumps.json", "", 0.800, None, None),
)
LAST = re.compile(r"mean auroc ([\d.]+) auprc ([\d.]+);.*at or above the best peer on (\d+) of (\d+)")

a = common.arguments(__doc__)
table = common.Table()
for what, data, peers, flags, auroc, auprc, ahead in RUNS:
    if a.quick:
        ahead = None  # the bound is for all eight sets
        flags += " --epochs 1 --min-steps 0"
    command = [sys.executable, common.shared("peers", "quality.py"), "--bin", a.bin, "--data", common.shared(*data),
               "--peers", common.shared("peers", peers), f"--train-args={flags}"]
    child = subprocess.Popen(command + (["--sets", "adb-thyroid", "adb-cardio"] if a.quick else []), stdout=subprocess.PIPE, text=True)
    last = ""
    for last in child.stdout:
        print("  " + last, end="", flush=True)
    found = LAST.search(last)
    if child.wait() or not found:
        common.die(f"quality.py failed on {what}")
    table.row(f"mean AUROC, {what}", f"≥ {auroc:.3f}", found[1], float(found[1]) >= auroc)
    table.row(f"mean AUPRC, {what}", f"≥ {auprc:.3f}" if auprc else "none", found[2], float(found[2]) >= auprc if auprc else None)
    table.row(f"sets at or above the best peer, {what}", f"≥ {ahead} of 8" if ahead else "none", f"{found[3]} of {found[4]}",
              int(found[3]) >= ahead if ahead else None)
table.end()
