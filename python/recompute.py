#!/usr/bin/env python3
"""Recomputes the scores of oddrow in NumPy from the model file and the CSV alone.

    recompute.py MODEL DATA.csv SCORES [--score both|reconstruction|rarity|loss] [--masked]

MODEL is a file that oddrow train wrote. SCORES is a file that oddrow score wrote for DATA.csv, in CSV or
JSON lines, not compressed. If it has the columns of --explain, the parts and surprises are compared as
well. Everything here follows docs/format.md, and the comments name its sections. Nothing is taken from
the C sources. All arithmetic is in float64, where oddrow uses float32.

A number a of oddrow and its recomputation b agree if |a - b| <= 1e-5 + 1e-5 |b| + s. The slack s is the
distance by which the tails move b if the raw measures and losses move by their float32 error (about 3e-6
of their size). A tail rises steeply where many held-out rows nearly tie, so s can matter there. The
program prints how many numbers needed s. --tolerance replaces both 1e-5. The exit status is 0 if all
numbers agree, 1 after a difference (the program prints the worst row), and 2 on wrong usage.
"""
import argparse
import datetime
import json
import re
import statistics
import struct
import sys

import numpy as np

FLOAT32 = 3e-6  # relative error allowed for a measure, a sum of some hundred float32 products


# ---- "Container"

def read_model(path):
    with open(path, "rb") as file:
        data = file.read()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    meta = json.loads(header.pop("__metadata__")["oddrow"])
    names = [c["name"] for c in meta["schema"]["columns"]]
    for k, column in enumerate(meta["schema"]["columns"], 1):
        column["tensor"] = column["name"]
        if not isinstance(column["name"], str):
            column["tensor"] = f"column_{k}"
            while column["tensor"] in names:
                column["tensor"] += "_"
    tensors = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32", name
        begin, end = entry["data_offsets"]
        flat = np.frombuffer(data[8 + size + begin:8 + size + end], dtype="<f4")
        tensors[name] = flat.reshape(entry["shape"]).astype(np.float64)
    return meta, tensors


def text_of(value):
    """Returns a JSON text, a string or {"bytes": HEX}, as bytes."""
    return value.encode() if isinstance(value, str) else bytes.fromhex(value["bytes"])


# ---- "Rows of a CSV file"

LINE_END = re.compile(rb"\r\n|\n|\r")


def split_quoted(data, at, delimiter):
    """Splits the record at `at`, which contains a quote. Returns (cells or None, offset of the next record)."""
    cells, cell, state, first_line, bad = [], bytearray(), "field", None, False
    blanks = b" \t".replace(delimiter, b"")
    while at < len(data):
        c = data[at:at + 1]
        ends = c in b"\r\n"
        if state == "quoted":
            if c == b'"' and data[at + 1:at + 2] == b'"':
                cell += b'"'
                at += 1
            elif c == b'"':
                state = "closed"
            else:
                if ends and first_line is None:
                    first_line = LINE_END.match(data, at).end()
                cell += c
        elif ends:
            at = LINE_END.match(data, at).end()
            break
        elif c == delimiter:
            cells.append(bytes(cell if state == "closed" else cell.strip(blanks)))
            cell, state = bytearray(), "field"
        elif state == "closed":
            bad = bad or c not in blanks
        elif state == "field" and c == b'"':
            cell, state = bytearray(), "quoted"
        else:
            state = "field" if state == "field" and c in blanks else "text"
            cell += c
        bad = bad or c == b"\0"
        at += 1
    if state == "quoted":  # the quote is never closed: the first physical line is the bad record
        return None, first_line if first_line is not None else len(data)
    cells.append(bytes(cell if state == "closed" else cell.strip(blanks)))
    return (None if bad else cells), at


def read_csv(path, delimiter):
    """Returns (names, [(row number, cells)]). Rejected rows take a number, blank lines do not."""
    with open(path, "rb") as file:
        data = file.read()
    at = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    if delimiter is None:
        first = LINE_END.split(data[at:at + 65536], maxsplit=1)[0]
        delimiter = max((b",", b";", b"\t", b"|"), key=first.count)
    blanks = b" \t".replace(delimiter, b"")
    names, rows, number = None, [], 0
    while at < len(data):
        end = LINE_END.search(data, at)
        stop, after = (end.start(), end.end()) if end else (len(data), len(data))
        line = data[at:stop]
        if not line.strip(blanks):
            at = after
            continue
        if b'"' in line:
            cells, at = split_quoted(data, at, delimiter)
        else:
            cells = None if b"\0" in line else [c.strip(blanks) for c in line.split(delimiter)]
            at = after
        if names is None:
            names = cells
            continue
        number += 1
        if cells is not None and len(cells) == len(names):
            rows.append((number, cells))
    names = [n or b"column_%d" % (i + 1) for i, n in enumerate(names)]
    return names, rows


# ---- "Cells"

MISSING = {b"", b"NA", b"N/A", b"NaN", b"nan", b"null", b"NULL", b"None", b"?"}
NUMBER = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
ISO = re.compile(rb"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[Tt ]([0-9]{2}):([0-9]{2})"
                 rb"(?::([0-9]{2})(?:[.,]([0-9]+))?)?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?")
EPOCH = datetime.date(1970, 1, 1).toordinal()
FIRST, LAST = -62135596800.0, 253402300799.999  # the years 1 to 9999


def number_of(cell):
    """Returns the number in a cell, None if it is missing, NaN if it is unparsed."""
    cell = cell.strip(b" \t")
    if cell in MISSING:
        return None
    if not NUMBER.fullmatch(cell):
        return np.nan
    x = float(cell)
    return x if abs(x) < np.inf else np.nan


def iso_of(cell):
    match = ISO.fullmatch(cell.strip(b" \t\r\n"))
    if not match:
        return None
    year, month, day, hour, minute, second = (int(g or 0) for g in match.groups()[:6])
    fraction, zone = (match.group(7) or b"")[:15], match.group(8) or b"Z"
    try:
        days = datetime.date(year, month, day).toordinal() - EPOCH
    except ValueError:
        return None
    east = 0
    if zone not in b"Zz":
        digits = zone[1:].replace(b":", b"").ljust(4, b"0")
        if int(digits[:2]) > 23 or int(digits[2:]) > 59:
            return None
        east = (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * (-1 if zone[:1] == b"-" else 1)
    if hour > 23 or minute > 59 or second > 60:
        return None
    of_day = hour * 3600 + minute * 60 + second + (int(fraction) / 10 ** len(fraction)
                                                   if fraction else 0)
    seconds = days * 86400.0 + of_day - east
    return seconds if FIRST <= seconds <= LAST else None


def time_of(cell):
    seconds = iso_of(cell)
    if seconds is not None:
        return seconds
    x = number_of(cell)
    return x if x is None or np.isnan(x) or FIRST <= x <= LAST else np.nan


def limited(x):
    """Returns the number, or NaN (unparsed) if it is beyond 1e140."""
    return np.nan if x is not None and abs(x) > 1e140 else x


# ---- "Encoding": the scalers

def scale(column, x):
    q = np.array(column["quantiles"], dtype=np.float64)
    center, width = column["center"], column["scale"]
    if column["scaler"] != "gauss-rank":
        low, high = (q[0] - center) / width - 5, (q[-1] - center) / width + 5
        return np.clip((x - center) / width, max(low, -1e6), min(high, 1e6))
    knots, first = np.unique(q, return_index=True)
    last = np.r_[first[1:] - 1, 256]
    rank = np.interp(x, knots, (first + last) / 512)
    inverse = statistics.NormalDist().inv_cdf
    z = np.array([inverse(min(max(p, 1 / 512), 511 / 512)) for p in rank])
    z = np.where(x > knots[-1], z + np.minimum((x - knots[-1]) / width, 5), z)
    return np.where(x < knots[0], z - np.minimum((knots[0] - x) / width, 5), z)


def time_features(column, seconds):
    """Returns the trend, then the sine and cosine of the time of day, of week and of year."""
    days = np.floor(seconds / 86400)
    of_day = (seconds - days * 86400) / 86400
    of_year = np.empty_like(of_day)
    for i, day in enumerate(days):
        date = datetime.date.fromordinal(int(day) + EPOCH)
        start = datetime.date(date.year, 1, 1).toordinal()
        length = 366 if (date.year % 4 == 0 and date.year % 100 != 0) or date.year % 400 == 0 else 365
        of_year[i] = (date.toordinal() - start + of_day[i]) / length
    of_week = ((days + 3) % 7 + of_day) / 7
    features = [scale(column, np.clip(seconds, column["quantiles"][0], column["quantiles"][-1]))]
    for turn in (of_day, of_week, of_year):
        features += [np.sin(2 * np.pi * turn), np.cos(2 * np.pi * turn)]
    return np.stack(features, axis=1)


# ---- "Encoding": the rows

def encode_texts(column, cells):
    ids = {}
    missing = rare = 0
    for i, entry in enumerate(column["vocabulary"], 1):
        if entry is None:
            missing = i
        elif isinstance(entry, dict) and "rare" in entry:
            rare = i
        else:
            ids[text_of(entry)] = i
    return np.array([missing if c.strip(b" \t") in MISSING else ids.get(c, rare) for c in cells],
                    dtype=np.int64)


def encode_numbers(column, cells):
    """Returns (values (B, features), missing (B))."""
    read = number_of if column["kind"] == "numeric" else time_of
    x = np.array([np.nan if v is None else v for v in (limited(read(c)) for c in cells)], dtype=float)
    missing = np.isnan(x)
    x[missing] = column["minimum"]
    z = scale(column, x)[:, None] if column["kind"] == "numeric" else time_features(column, x)
    z = z.astype(np.float32).astype(np.float64)
    z[missing] = 0
    return z, missing


def differs(column, cell):
    """Says whether a cell of a constant column has another value."""
    own = column["constant"]
    own = None if own is None else text_of(own)
    if cell == own:
        return False
    if cell.strip(b" \t") in MISSING or own is None:
        return (cell.strip(b" \t") in MISSING) != (own is None)
    for read in (number_of, time_of):
        a, b = limited(read(own)), limited(read(cell))
        if a is not None and b is not None and not np.isnan(a) and not np.isnan(b):
            return a != b
    return True


class Rows:
    """The encoded rows of a file. texts and numbers list the schema's columns of those kinds."""

    def __init__(self, schema, names, rows):
        self.columns = schema["columns"]
        place = {name: i for i, name in enumerate(names)}
        self.count = len(rows)
        self.ids, self.values, self.missing, self.differing = [], [], [], []
        self.texts = [c for c in self.columns if c["kind"] == "categorical"]
        self.numbers = [c for c in self.columns if c["kind"] in ("numeric", "timestamp")]
        self.constants = [c for c in self.columns if c["kind"] == "constant"]
        for column in self.columns:
            if column["kind"] in ("id", "label", "ignore"):
                continue
            at = place[text_of(column["name"])]
            cells = [row[1][at] for row in rows]
            if column["kind"] == "categorical":
                self.ids.append(encode_texts(column, cells))
            elif column["kind"] == "constant":
                self.differing.append(np.array([differs(column, c) for c in cells], dtype=bool))
            else:
                z, missing = encode_numbers(column, cells)
                self.values.append(z)
                self.missing.append(missing)


# ---- "Network"

ACTIVATIONS = {
    "leaky-relu": lambda a, slope: np.where(a > 0, a, slope * a),
    "relu": lambda a, slope: np.maximum(a, 0),
    "elu": lambda a, slope: np.where(a > 0, a, np.expm1(np.minimum(a, 0))),
    "gelu": lambda a, slope: a / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (a + 0.044715 * a ** 3))),
    "silu": lambda a, slope: a / (1 + np.exp(-a)),
    "tanh": lambda a, slope: np.tanh(a),
    "linear": lambda a, slope: a,
}


class Network:
    def __init__(self, meta, tensors):
        self.meta, self.t = meta["network"], tensors
        self.columns = meta["schema"]["columns"]
        self.rows = meta["schema"]["rows"]

    def run(self, rows, part, hidden=None):
        """Returns x and the column losses (B, L) of rows[part], with one input column hidden."""
        t, texts, numbers = self.t, rows.texts, rows.numbers
        embeddings = [t[f"embedding.{c['tensor']}"] for c in texts]
        pieces = [e[np.zeros_like(ids[part]) if hidden == i else ids[part]]
                  for i, (e, ids) in enumerate(zip(embeddings, rows.ids))]
        if numbers:
            values = [np.zeros_like(v[part]) if hidden == len(texts) + m else v[part]
                      for m, v in enumerate(rows.values)]
            missing = [np.ones_like(f[part]) if hidden == len(texts) + m else f[part]
                       for m, f in enumerate(rows.missing)]
            inputs = np.hstack(values + [np.stack(missing, axis=1).astype(np.float64)])
            pieces.append(inputs @ t["projection.weight"].T + t["projection.bias"])
        x = h = np.hstack(pieces)
        for layer in range(len(self.meta["widths"])):
            a = h @ t[f"dense.{layer}.weight"].T + t[f"dense.{layer}.bias"]
            h = ACTIVATIONS[self.meta["activation"]](a, self.meta["slope"])
        if self.meta["objective"] == "row":
            losses = self.row_losses(rows, part, embeddings, h)
            return x, losses, losses.mean(axis=1)
        y = h @ t["output.weight"].T + t["output.bias"]
        square = (y - x) ** 2
        at = np.cumsum([0] + [p.shape[1] for p in pieces])
        slices = [square[:, a:b].mean(axis=1) for a, b in zip(at, at[1:])]
        slices += [slices[-1]] * (len(numbers) - 1)
        return x, np.stack(slices, axis=1), square.mean(axis=1)

    def row_losses(self, rows, part, embeddings, h):
        t, losses = self.t, []
        for column, table, ids in zip(rows.texts, embeddings, rows.ids):
            name = f"head.{column['tensor']}."
            query = h @ t[name + "weight"].T + t[name + "bias"]
            logits = query @ table.T + t[name + "logit_bias"]
            most = logits.max(axis=1)
            total = np.log(np.exp(logits - most[:, None]).sum(axis=1)) + most
            losses.append(total - logits[np.arange(len(h)), ids[part]])
        if rows.numbers:
            y = h @ t["numeric.weight"].T + t["numeric.bias"]
        at = 0
        for values in rows.values:
            e = y[:, at:at + values.shape[1]] - values[part]
            losses.append((e ** 2).mean(axis=1))
            at += values.shape[1]
        return np.stack(losses, axis=1)

    def missing_loss(self, column):
        loss = -np.log((column["missing"] + column["unparsed"] + 1) / (self.rows + 2))
        return np.float64(np.float32(loss))  # the value with which the held-out rows were calibrated

    def losses(self, rows, part, masked):
        """Returns (x, column losses, mean loss), with the loss of a missing number filled in."""
        x, losses, mean = self.run(rows, part)
        if masked:
            losses = np.stack([self.run(rows, part, hidden)[1][:, hidden]
                               for hidden in range(losses.shape[1])], axis=1)
        for m, column in enumerate(rows.numbers):
            losses[rows.missing[m][part], len(rows.texts) + m] = self.missing_loss(column)
        if masked or self.meta["objective"] == "row":
            mean = losses.mean(axis=1)
        return x, losses, mean


# ---- "Measures"

def squares(t, name, rows):
    """Returns |W (row - mean)|^2 and its float32 error, which grows because terms of both signs cancel."""
    w, centred = t[name + ".whiten"], rows - t[name + ".mean"]
    size = np.abs(rows) + np.abs(t[name + ".mean"])
    y = centred @ w.T if w.ndim == 2 else centred * w
    terms = size @ np.abs(w).T if w.ndim == 2 else size * np.abs(w)
    return (y ** 2).sum(axis=1), 2 ** -23 * (2 * np.abs(y) * terms).sum(axis=1)


def nearest(x, prototypes):
    out = np.empty(len(x))
    for i in range(0, len(x), 64):
        d = x[i:i + 64, None, :] - prototypes[None]
        out[i:i + 64] = np.sqrt((d ** 2).sum(axis=2).min(axis=1))
    return out


def category_margins(column, rows, hinge):
    counts = np.array([0] + column["counts"], dtype=np.float64)
    below = np.array([counts[1:][counts[1:] <= c].sum() for c in counts])
    share = (below + 1) / (rows + 1)
    share[0] = 1 / (rows + 1)
    return np.maximum(-np.log(share) - hinge, 0)


def margins(network, meta, rows, part):
    constants = meta["score"]["constants"]
    hinge, n = constants["hinge"], network.rows
    total = np.zeros(len(range(*part.indices(rows.count))))
    for column, ids in zip(rows.texts, rows.ids):
        total += category_margins(column, n, hinge)[ids[part]]
    for column, values, missing in zip(rows.numbers, rows.values, rows.missing):
        nats = np.zeros(len(total))
        if column["kind"] == "numeric":
            table = network.t[f"margin.{column['tensor']}"]
            grid = np.arange(len(table)) / constants["steps"] - constants["reach"]
            nats = np.interp(values[part, 0], grid, table)
        absent = max(network.missing_loss(column) - hinge, 0)
        total += np.where(missing[part], absent, nats)
    for column, differing in zip(rows.constants, rows.differing):
        loss = -np.log((column["differing"] + 1) / (n + 1))
        total += differing[part] * max(loss - hinge, 0)
    return total


def forest(t, meta, rows, part):
    """Returns 2^(-mean path / usual path). The path is that of a row through a tree."""
    about = meta["score"]["forest"]
    size = len(range(*part.indices(rows.count)))
    if about is None:
        return np.zeros(size)
    node = t["forest"]
    ids = [i[part] for i in rows.ids]
    values = np.hstack([v[part] for v in rows.values]) if rows.values else None
    path = np.zeros(size)
    for root in range(about["trees"]):
        waiting = [(root, np.arange(size))]
        while waiting:
            at, here = waiting.pop()
            feature, split, left, right = node[at]
            if feature < 0:
                path[here] += split
            elif len(here):
                f = int(feature)
                goes_left = (ids[f][here] != split if f < len(ids)
                             else values[here, f - len(ids)] <= split)
                waiting += [(int(left), here[goes_left]), (int(right), here[~goes_left])]
    n = about["sample"]
    usual = 2 * sum(1 / i for i in range(1, n)) - 2 * (n - 1) / n if n > 1 else 1.0
    return 2 ** (-path / about["trees"] / usual)


# ---- "Tails"

class Tail:
    def __init__(self, meta, tensors, name, cap):
        self.value, self.nats = tensors[name + ".value"], tensors[name + ".surprise"]
        self.threshold, self.top = meta["threshold"], meta["surprise"]
        self.scale, self.cap = meta["scale"], cap

    def __call__(self, x):
        knots, nats = self.value, self.nats
        if self.threshold > knots[-1]:
            knots, nats = np.r_[knots, self.threshold], np.r_[nats, self.top]
        beyond = self.top + (x - self.threshold) / self.scale
        return np.where(x > self.threshold, np.minimum(beyond, self.cap), np.interp(x, knots, nats))

    def near(self, x, error):
        """Returns the surprise, and how far it moves if x moves by `error`."""
        y = self(x)
        return y, np.maximum(np.abs(self(x + error) - y), np.abs(self(x - error) - y))


class Scores:
    """What oddrow prints for rows[part]. The docstring of the module explains the slack."""

    def __init__(self, meta, tensors, rows, part, kind, masked):
        network = Network(meta, tensors)
        which = "masked" if masked else "plain"
        calibration, cap = meta["calibration"][which], meta["score"]["constants"]["cap"]

        def tail(name):
            return Tail(calibration["tails"][name], tensors, f"calibration.{which}.tail.{name}", cap)

        x, losses, mean = network.losses(rows, part, masked)
        prefix = f"calibration.{which}."
        root, weight = np.sqrt(losses), tensors[prefix + "loss_weight"]
        size = np.zeros_like(losses)  # a loss is (y - value)^2, and the value may be large
        for m, values in enumerate(rows.values):
            size[:, len(rows.texts) + m] = np.abs(values[part]).max(axis=1)
        errors = FLOAT32 * (1 + root) * (1 + root + size)
        shape, shape_error = squares(tensors, "shape", x)
        raw = {"reconstruction": (losses * weight).mean(axis=1),
               "local": nearest(x, tensors["prototypes"]),
               "shape": shape,
               "margins": margins(network, meta, rows, part),
               "forest": forest(tensors, meta, rows, part)}
        nats, slack = {}, {}
        for name, measure in meta["score"]["measures"].items():
            error = FLOAT32 * (1 + np.abs(raw[name]))
            error += {"reconstruction": (errors * weight).mean(axis=1), "shape": shape_error}.get(name, 0)
            surprise, moves = tail(name).near(raw[name], error)
            nats[name] = measure["weight"] * np.maximum(surprise - measure["hinge"], 0)
            slack[name] = measure["weight"] * moves
        rest = ("shape", "margins", "forest")
        self.parts = {"reconstruction": (nats["reconstruction"], slack["reconstruction"]),
                      "local_rarity": (nats["local"], slack["local"]),
                      "global_rarity": (sum(nats[m] for m in rest), sum(slack[m] for m in rest))}
        chosen = {"both": tuple(self.parts), "reconstruction": ("reconstruction",),
                  "rarity": ("local_rarity", "global_rarity"), "loss": ()}[kind]
        self.score = sum((self.parts[p][0] for p in chosen), np.zeros(len(x)))
        self.slack = sum((self.parts[p][1] for p in chosen), np.zeros(len(x)))
        name = {"both": "score", "loss": "loss"}.get(kind, f"score_{kind}")
        if kind == "loss":
            self.score, self.slack = mean, errors.mean(axis=1)
        surprise, moves = tail(name).near(self.score, self.slack + FLOAT32 * (1 + self.score))
        self.p_value, self.p_slack = np.exp(-surprise), np.exp(-surprise) * np.expm1(moves)
        self.surprise = self.surprises(network, rows, part, losses, errors, calibration, prefix,
                                       cap)

    def surprises(self, network, rows, part, losses, errors, calibration, prefix, cap):
        out = {}
        for at, column in enumerate(rows.texts + rows.numbers):
            tail = Tail(calibration["columns"][at], network.t,
                        f"{prefix}tail.column.{column['tensor']}", cap)
            out[text_of(column["name"])] = tail.near(losses[:, at], errors[:, at])
        for column, differing in zip(rows.constants, rows.differing):
            loss = -np.log((column["differing"] + 1) / (network.rows + 1))
            out[text_of(column["name"])] = (differing[part] * loss, np.zeros(len(losses)))
        return out


# ---- comparing

def read_scores(path):
    """Returns {row: {name: bytes or number}} in the order of the file."""
    with open(path, "rb") as file:
        data = file.read()
    if data.startswith(b"{"):
        lines = [json.loads(line) for line in data.decode().splitlines()]
        return [{k: v.encode() if isinstance(v, str) else v for k, v in line.items()}
                for line in lines]
    names, rows = read_csv(path, b",")
    names = [n.decode("utf-8", "surrogateescape") for n in names]
    return [dict(zip(names, cells)) for _, cells in rows]


class Comparison:
    def __init__(self, tolerance):
        self.tolerance, self.worst, self.where = tolerance, 0.0, ""
        self.count = self.slack = 0

    def hold(self, row, what, theirs, ours, slack):
        theirs = float(theirs)
        strict = self.tolerance * (1 + abs(ours))
        allowed = strict + slack
        excess = abs(theirs - ours) / allowed if np.isfinite(theirs) else np.inf
        self.count += 1
        self.slack += abs(theirs - ours) > strict
        if excess > self.worst:
            self.worst = excess
            self.where = (f"row {row}, {what}: oddrow {theirs!r}, recomputed {float(ours)!r}, "
                          f"off by {abs(theirs - ours):.3g}, allowed {allowed:.3g}")


def compare(lines, numbers, scores, first, alerts, kind, comparison):
    for i, number in enumerate(numbers[first:first + len(scores.score)]):
        line = lines.get(number)
        if line is None:
            continue
        comparison.hold(number, "score", line["score"], scores.score[i], scores.slack[i])
        comparison.hold(number, "p_value", line["p_value"], scores.p_value[i], scores.p_slack[i])
        odd = line["odd"] in (b"1", True)
        if abs(scores.p_value[i] - alerts) > scores.p_slack[i] + 1e-5 * alerts:
            comparison.hold(number, "odd", odd, bool(scores.p_value[i] < alerts), 0)
        if "reconstruction" not in line:
            continue
        for part, (nats, slack) in scores.parts.items():
            comparison.hold(number, part, line[part], nats[i], slack[i])
        k = 1
        while line.get(f"column_{k}"):
            name = line[f"column_{k}"]
            nats, slack = scores.surprise[name]
            comparison.hold(number, f"surprise of {name.decode(errors='replace')}",
                            line[f"surprise_{k}"], nats[i], slack[i])
            k += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("scores")
    parser.add_argument("--score", default="both",
                        choices=("both", "reconstruction", "rarity", "loss"))
    parser.add_argument("--masked", action="store_true")
    parser.add_argument("--alerts", type=float, help="the model's own by default")
    parser.add_argument("--delimiter", help="of DATA.csv; found in its first line by default")
    parser.add_argument("--some", action="store_true", help="SCORES need not hold every row")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    arguments = parser.parse_args()

    meta, tensors = read_model(arguments.model)
    assert meta["format"] == 1
    for name, tensor in tensors.items():
        assert np.isfinite(tensor).all(), name
    delimiter = arguments.delimiter.encode() if arguments.delimiter else None
    names, csv_rows = read_csv(arguments.data, delimiter)
    rows = Rows(meta["schema"], names, csv_rows)
    numbers = [number for number, _ in csv_rows]
    listed = read_scores(arguments.scores)
    lines = {int(line["row"]): line for line in listed}
    if len(lines) != len(listed) or not set(lines) <= set(numbers):
        sys.exit("recompute: a row is there twice, or was never in the data")
    if not arguments.some and len(lines) != len(numbers):
        sys.exit(f"recompute: {len(lines)} rows scored, {len(numbers)} in the data")
    comparison = Comparison(arguments.tolerance)
    alerts = arguments.alerts or meta["score"]["alerts"]
    for first in range(0, rows.count, 2048):
        scores = Scores(meta, tensors, rows, slice(first, min(first + 2048, rows.count)),
                        arguments.score, arguments.masked)
        compare(lines, numbers, scores, first, alerts, arguments.score, comparison)
    if comparison.worst > 1:
        sys.exit("recompute: " + comparison.where)
    print(f"recompute: {comparison.count} numbers of {len(lines)} rows agree to "
          f"{arguments.tolerance:g}, {comparison.slack} of them with the tails' slack; the worst: "
          f"{comparison.where or 'none differs'}")


if __name__ == "__main__":
    main()
