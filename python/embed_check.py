#!/usr/bin/env python3
"""Opens the files that `oddrow embeddings export --with-counts` wrote, each format with its own tools,
and compares every value, count and number with the model file.

    embed_check.py MODEL DIRECTORY

DIRECTORY holds npy/, csv/, word2vec/ and projector/, each with one file per column, and
all.safetensors. numpy, pandas, gensim's KeyedVectors and safetensors read their formats. The
projector's files are checked by the rules of its documentation
(https://www.tensorflow.org/tensorboard/tensorboard_projector_plugin): there are as many lines of
metadata as of vectors, tabs separate cells, and there is a header exactly if there is more than one
column. Numbers must agree to 1e-6. The spelling of values follows docs/embeddings.md. The exit status
is 1 on a difference.
"""
import json
import os
import re
import struct
import sys

import numpy as np
import pandas as pd
from gensim.models import KeyedVectors
from safetensors.numpy import load_file
from safetensors import safe_open


# ---- the model file, as docs/format.md describes it

def text_of(value):
    return value.encode() if isinstance(value, str) else bytes.fromhex(value["bytes"])


def read_model(path):
    """Returns a list of (name, tensor, values, counts, vectors). A value is bytes, or a str such as "(rare)"."""
    with open(path, "rb") as file:
        data = file.read()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    tables = []
    for k, column in enumerate(json.loads(header["__metadata__"]["oddrow"])["schema"]["columns"], 1):
        if column["kind"] != "categorical":
            continue
        name = text_of(column["name"])
        tensor = column["name"] if isinstance(column["name"], str) else f"column_{k}"
        entry = header["embedding." + tensor]
        begin, end = entry["data_offsets"]
        vectors = np.frombuffer(data[8 + size + begin:8 + size + end], "<f4").reshape(entry["shape"])
        values = ["(unknown)"]
        for value in column["vocabulary"]:
            rare = isinstance(value, dict) and "rare" in value
            values.append("(missing)" if value is None else "(rare)" if rare else text_of(value))
        tables.append((name, tensor, values, [0] + column["counts"], vectors))
    return tables


# ---- spelling

NAMES = ("(unknown)", "(missing)", "(rare)")


def unspell(text):
    """Returns a spelled value as bytes, or unchanged if it is one of NAMES."""
    if text in NAMES:
        return text

    def meant(match):
        code = match.group(1)
        if code[0] == "x":
            return bytes([int(code[1:], 16)])
        if code[0] == "u":
            return chr(int(code[1:], 16)).encode()
        return {"n": b"\n", "r": b"\r", "t": b"\t", "_": b" ", "\\": b"\\", "(": b"("}[code]

    out, at = b"", 0
    for match in re.finditer(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|[nrt_\\(])", text):
        out += text[at:match.start()].encode() + meant(match)
        at = match.end()
    return out + text[at:].encode()


def as_is(value):
    """Returns a value as CSV and JSON spell it: NUL and bytes that are not UTF-8 become \\xHH."""
    if isinstance(value, str):
        return value
    text = value.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return "\\" + text if text in NAMES else text


def file_of(name):
    return "".join(chr(c) if chr(c).isascii() and (chr(c).isalnum() or c in b"_-" or (c == 46 and i))
                   else f"%{c:02X}" for i, c in enumerate(name))


# ---- the formats

def check(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: {found!r} is not {expected!r}")


def check_vectors(what, found, expected):
    check(what + " shape", tuple(np.shape(found)), expected.shape)
    worst = np.abs(np.asarray(found, dtype=np.float64) - expected).max()
    if not worst <= 1e-6:
        sys.exit(f"{what}: off by {worst}")


def check_npy(base, name, values, counts, vectors):
    check_vectors("npy", np.load(base + ".npy", allow_pickle=False), vectors)
    check("npy counts", np.load(base + ".counts.npy", allow_pickle=False).tolist(), counts)
    text = open(base + ".txt", encoding="utf-8").read()
    lines = text.splitlines()
    check("npy lines", lines, text.split("\n")[:-1])  # no reader sees a line end in a value
    check("npy values", [unspell(line) for line in lines], values)


def check_csv(base, name, values, counts, vectors):
    frame = pd.read_csv(base + ".csv", keep_default_na=False, dtype={"value": str})
    check("csv header", list(frame.columns),
          ["value", "count"] + [f"{as_is(name)}[{j}]" for j in range(vectors.shape[1])])
    check("csv values", frame["value"].tolist(), [as_is(v) for v in values])
    check("csv counts", frame["count"].tolist(), counts)
    check_vectors("csv", frame.iloc[:, 2:].to_numpy(), vectors)


def check_word2vec(base, name, values, counts, vectors):
    words = KeyedVectors.load_word2vec_format(base + ".vec", fvocab=base + ".vec.vocab", binary=False)
    check("word2vec words", [unspell(word) for word in words.index_to_key], values)
    check_vectors("word2vec", words.vectors, vectors)
    check("word2vec counts", [words.get_vecattr(word, "count") for word in words.index_to_key], counts)
    for i, word in enumerate(words.index_to_key):
        check_vectors("word2vec by word", words[word], vectors[i])


def check_projector(base, name, values, counts, vectors):
    lines = open(base + ".vectors.tsv", encoding="utf-8").read().split("\n")
    check("projector end", lines.pop(), "")
    check_vectors("projector", [[float(x) for x in line.split("\t")] for line in lines], vectors)
    rows = open(base + ".metadata.tsv", encoding="utf-8", newline="").read().split("\n")
    check("projector end", rows.pop(), "")
    check("projector header", rows.pop(0), "value\tcount")
    check("projector lines", len(rows), len(lines))
    cells = [row.split("\t") for row in rows]
    check("projector cells", {len(row) for row in cells}, {2})
    check("projector values", [unspell(row[0]) for row in cells], values)
    check("projector counts", [int(row[1]) for row in cells], counts)


def check_safetensors(path, tables):
    tensors = load_file(path)
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    check("safetensors names", sorted(tensors),
          sorted(kind + t[1] for t in tables for kind in ("embedding.", "count.")))
    for name, tensor, values, counts, vectors in tables:
        check_vectors("safetensors", tensors["embedding." + tensor], vectors)
        check("safetensors counts", tensors["count." + tensor].tolist(), counts)
        stored = json.loads(metadata["values." + tensor])
        meant = []
        for text in stored:
            raw = text_of(text)
            if raw.decode("utf-8", "replace") in NAMES:
                meant.append(raw.decode())
            else:
                meant.append(raw[1:] if raw[1:].decode("utf-8", "replace") in NAMES and raw[:1] == b"\\" else raw)
        check("safetensors values", meant, values)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    model, directory = sys.argv[1:]
    tables = read_model(model)
    for name, _, values, counts, vectors in tables:
        for kind in ("npy", "csv", "word2vec", "projector"):
            base = os.path.join(directory, kind, file_of(name))
            globals()["check_" + kind](base, name, values, counts, vectors)
    check_safetensors(os.path.join(directory, "all.safetensors"), tables)
    print(f"{len(tables)} tables, {sum(len(t[2]) for t in tables)} values: all formats agree with the model")


if __name__ == "__main__":
    main()
