#!/usr/bin/env python3
"""Checks the embeddings of Adult (default flags, seeds 1 to 3). Counts for how many of the 16 levels of
`education` the nearest other level, by cosine, is within two years of schooling. The schooling of a level
is the mean `education-num` of its rows. Also checks that no table has collapsed.

The row spread of a table is the root of the mean squared difference between an entry and the mean of its
column, over the rows of values that training saw."""
import csv, json, math, os, struct
import common


def read_safetensors(path):
    """Returns the metadata, and the two-dimensional float32 tensors by name as lists of rows."""
    with open(path, "rb") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(size))
        data = f.read()
    metadata = json.loads(header.pop("__metadata__")["oddrow"])
    tensors = {}
    for name, t in header.items():
        begin, end = t["data_offsets"]
        if t["dtype"] == "F32" and len(t["shape"]) == 2:
            width = t["shape"][1]
            flat = struct.unpack(f"<{(end - begin) // 4}f", data[begin:end])
            tensors[name] = [flat[i : i + width] for i in range(0, len(flat), width)]
    return metadata, tensors


def schooling():
    """Returns the mean education-num of each level of education."""
    years = {}
    with open(common.adult(), newline="") as f:
        for row in csv.DictReader(f, skipinitialspace=True):
            if row["education"].strip() and row["education-num"].strip():
                years.setdefault(row["education"].strip(), []).append(float(row["education-num"]))
    return {level: sum(v) / len(v) for level, v in years.items()}


def cosine(x, y):
    return sum(a * b for a, b in zip(x, y)) / (math.hypot(*x) * math.hypot(*y) + 1e-30)


def row_spread(rows):
    means = [sum(column) / len(rows) for column in zip(*rows)]
    return math.sqrt(sum((v - m) ** 2 for r in rows for v, m in zip(r, means)) / (len(rows) * len(means)))


a = common.arguments(__doc__)
table = common.Table()
years = schooling()
quick = ["--epochs", "2", "--min-steps", "0"] if a.quick else []
with common.folder() as folder:
    model = os.path.join(folder, "model")
    for seed in (1, 2, 3):
        common.run([a.bin, "train", common.adult(), "-o", model, *quick, "--seed", str(seed), "--threads", "2", "--quiet"])
        metadata, tensors = read_safetensors(model)
        # Row 0 is unknown, and row i + 1 belongs to vocabulary[i]. There, null means missing and an object means rare.
        entries = {c["name"]: c["vocabulary"] for c in metadata["schema"]["columns"] if c["kind"] == "categorical"}
        levels = {v: tensors["embedding.education"][i + 1] for i, v in enumerate(entries["education"]) if isinstance(v, str)}
        if set(levels) != set(years):
            common.die("the levels in the model are not those of the file")
        near = 0
        for level, x in levels.items():
            nearest = max((l for l in levels if l != level), key=lambda l: cosine(x, levels[l]))
            apart = abs(years[level] - years[nearest])
            near += apart <= 2
            print(f"  seed {seed}  {level:14s} {years[level]:5.2f}   {nearest:14s} {years[nearest]:5.2f}{'' if apart <= 2 else '   far'}")
        table.row(f"education levels beside a level within two years, seed {seed}", f"≥ 13 of {len(levels)}", f"{near}", near >= 13)
        least = min((row_spread(tensors["embedding." + name][1:]), name) for name, values in entries.items() if len(values) > 1)
        table.row(f"least row spread of {len(entries)} tables, seed {seed}", "> 0.01", f"{least[0]:.3f} ({least[1]})", least[0] > 0.01)
table.end()
