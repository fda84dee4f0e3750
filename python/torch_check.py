#!/usr/bin/env python3
"""Recomputes a training step of oddrow with PyTorch and compares losses, gradients and Adam.

usage: torch_check.py PROGRAM      PROGRAM is oddrow_dump_step from the build's tests/nn

Runs PROGRAM once for each objective and activation. PyTorch starts from the same parameters and rows,
in double precision. Its autograd and AdamW must agree to 1e-5, relative to the largest element of a
tensor. Prints one line per case, and exits with 1 on any difference. Needs torch and numpy.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F

TOLERANCE = 1e-5
OBJECTIVES = ("row", "embedding-mse", "classify", "regress")
ACTIVATIONS = ("leaky-relu", "relu", "elu", "gelu", "silu", "tanh", "linear")


def activate(name, slope, a):
    return {
        "leaky-relu": lambda: F.leaky_relu(a, slope),
        "relu": lambda: F.relu(a),
        "elu": lambda: F.elu(a),
        "gelu": lambda: F.gelu(a, approximate="tanh"),
        "silu": lambda: F.silu(a),
        "tanh": lambda: torch.tanh(a),
        "linear": lambda: a,
    }[name]()


class Dump:
    """The files of one step, as double tensors."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.step = json.loads((self.folder / "step.json").read_text())
        s = self.step
        self.ids = self.array("ids", np.uint32, np.int64).reshape(s["B"], s["C"])
        self.values = self.array("values").reshape(s["B"], s["F"])
        self.missing = self.array("missing", np.uint8).reshape(s["B"], s["M"])
        self.weights = self.array("weights")
        self.targets = self.array("targets")
        self.column_losses = self.array("column_losses").reshape(s["B"], -1)
        self.row_losses = self.array("row_losses")

    def array(self, name, kind=np.float32, to=np.float64):
        return torch.from_numpy(np.fromfile(self.folder / f"{name}.bin", kind).astype(to))

    def tensors(self, name):
        flat, out = self.array(name), {}
        for t in self.step["tensors"]:
            part = flat[t["offset"]:t["offset"] + t["rows"] * t["cols"]]
            out[t["name"]] = part.clone() if "bias" in t["name"] else part.clone().reshape(t["rows"], t["cols"])
        return out


def losses(d, w):
    """Returns the column losses (B, losses) and the row losses (B), by the formulas of src/nn."""
    s = d.step
    x = [w[f"embedding.{i}"][d.ids[:, i]] for i in range(s["C"])]
    x.append(F.linear(torch.cat([d.values, d.missing], 1), w["projection.weight"], w["projection.bias"]))
    h = x = torch.cat(x, 1)
    for layer in range(len(s["widths"])):
        h = activate(s["activation"], s["slope"], F.linear(h, w[f"dense.{layer}.weight"], w[f"dense.{layer}.bias"]))
    if s["objective"] == "embedding-mse":
        squares = (F.linear(h, w["output.weight"], w["output.bias"]) - x.detach()) ** 2
        parts = torch.split(squares, s["E"] + [s["P"]], 1)
        columns = [p.mean(1) for p in parts] + [parts[-1].mean(1)] * (s["M"] - 1)
        return torch.stack(columns, 1), squares.mean(1)
    if s["objective"] in ("classify", "regress"):
        y = F.linear(h, w["output.weight"], w["output.bias"])
        rows = F.cross_entropy(y, d.targets.long(), reduction="none") if s["objective"] == "classify" else (y[:, 0] - d.targets) ** 2
        return rows[:, None], rows
    columns = []
    for i in range(s["C"]):
        query = F.linear(h, w[f"head.{i}.weight"], w[f"head.{i}.bias"])
        logits = F.linear(query, w[f"embedding.{i}"], w[f"head.{i}.logit_bias"])
        columns.append(F.cross_entropy(logits, d.ids[:, i], reduction="none"))
    squares = (F.linear(h, w["numeric.weight"], w["numeric.bias"]) - d.values) ** 2
    feature_column = torch.tensor(s["feature_column"])
    for m in range(s["M"]):
        columns.append(squares[:, feature_column == m].mean(1) * (1 - d.missing[:, m]))
    columns = torch.stack(columns, 1)
    return columns, columns.mean(1)


def check(d):
    """Returns the differences that it finds, as text."""
    s, wrong = d.step, []

    def compare(name, got, want):
        worst = (got - want).abs().max().item()
        if not worst <= TOLERANCE * max(1e-3, want.abs().max().item()):
            wrong.append(f"{name} differs by {worst:.3g}; largest {want.abs().max().item():.3g}")

    w = {name: t.requires_grad_() for name, t in d.tensors("before").items()}
    columns, rows = losses(d, w)
    loss = (rows * d.weights).sum() / d.weights.sum()
    compare("column losses", d.column_losses, columns.detach())
    compare("row losses", d.row_losses, rows.detach())
    compare("loss", torch.tensor(s["loss"], dtype=torch.float64), loss.detach())
    loss.backward()
    gradient = d.tensors("gradient")
    for name, t in w.items():
        compare(f"gradient of {name}", gradient[name], t.grad)
        t.grad = gradient[name]  # Adam's first step is rate * sign(g): compare it on the same g
    decay = {t["name"] for t in s["tensors"] if t["decay"]}
    groups = [
        {"params": [t for n, t in w.items() if n in decay], "weight_decay": s["weight_decay"]},
        {"params": [t for n, t in w.items() if n not in decay], "weight_decay": 0.0},
    ]
    torch.optim.AdamW(groups, s["rate"], (s["beta1"], s["beta2"]), s["epsilon"]).step()
    after = d.tensors("after")
    for name, t in w.items():
        compare(f"{name} after Adam", after[name], t.detach())
    return wrong


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    failed = False
    for objective in OBJECTIVES:
        for activation in ACTIVATIONS:
            with tempfile.TemporaryDirectory() as folder:
                subprocess.run([sys.argv[1], folder, objective, activation], check=True)
                wrong = check(Dump(folder))
            print(f"{objective:14s} {activation:11s} {'FAILED' if wrong else 'ok'}")
            for line in wrong:
                print(f"    {line}")
            failed = failed or bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
