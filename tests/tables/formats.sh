#!/usr/bin/env bash
# Opens exported tables with the tools for their formats (python/embed_check.py): numpy, pandas, gensim,
# safetensors, and the rules of the projector. The texts are difficult for the formats; if ../shared has
# it, Adult is used as well. Needs a Python with these packages: ODDROW_PYTHON, python3, or one that this
# test made before. With CI=true, the test makes one.
set -euo pipefail
source=$ODDROW_SOURCE
oddrow=$ODDROW_BINARY
packages=(numpy pandas gensim safetensors)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python=
for candidate in "${ODDROW_PYTHON:-python3}" "$source/build/embed-venv/bin/python" "$ODDROW_BUILD/embed-venv/bin/python"; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import numpy, pandas, gensim, safetensors' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ] && [ "${CI:-}" = true ]; then
    python3 -m venv --clear "$ODDROW_BUILD/embed-venv"
    "$ODDROW_BUILD/embed-venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"
    python=$ODDROW_BUILD/embed-venv/bin/python
fi
if [ -z "$python" ]; then
    echo "skipped: no Python with ${packages[*]} (python3 -m venv DIR; DIR/bin/pip install ${packages[*]}; ODDROW_PYTHON=DIR/bin/python)"
    exit 77
fi

check() { # MODEL
    local out
    out=$work/$(basename "$1").tables
    mkdir "$out"
    for format in npy csv word2vec projector; do
        "$oddrow" embeddings export "$1" -o "$out/$format" --format $format --with-counts --quiet
    done
    "$oddrow" embeddings export "$1" -o "$out/all.safetensors" --format safetensors --with-counts --quiet
    "$python" "$source/python/embed_check.py" "$1" "$out"
}

"$python" - "$work/hostile.csv" <<'PYTHON'
import csv, random, sys
values = ["a b", "two  spaces", "line\nbreak", "carriage\rreturn", "tab\there", 'say "hi", twice', "(missing)", "(unknown)",
          "\\x41", "\\n", "back\\slash", "été", "日本 語", "\u00a0nbsp", "sep\u2028arator", "next\u0085line", "bad\udcff byte",
          "user_id", "_", "🙂", "\x0b\x0c\x1c", "'", "#", "%s", "-", "1.5", "=1+1"]
r = random.Random(1)
with open(sys.argv[1], "w", newline="", encoding="utf-8", errors="surrogateescape") as file:
    out = csv.writer(file)
    out.writerow(["odd / name", "farbe", "level", "dotted..name"])
    for row in range(3000):
        value = r.choice(values + [""] + [f"rare {row}"])
        out.writerow([value, r.choice(["rot", "grün", "blau"]), f"{len(value) + r.gauss(0, 1):.3f}", r.choice("xyz")])
PYTHON
train=(--categorical 'odd / name,farbe,dotted..name' --numeric level --quiet --epochs 1 --min-steps 50)
"$oddrow" train "$work/hostile.csv" -o "$work/hostile.model" "${train[@]}" --min-count 3
"$oddrow" embeddings list "$work/hostile.model"
check "$work/hostile.model"
# The check must also be able to fail.
"$oddrow" train "$work/hostile.csv" -o "$work/other.model" "${train[@]}" --min-count 3 --seed 5
if "$python" "$source/python/embed_check.py" "$work/other.model" "$work/hostile.model.tables" >/dev/null 2>&1; then
    echo "embed_check.py finds the tables of one model in another"
    exit 1
fi

# numpy and pandas must also read the rows of a design matrix.
"$oddrow" encode "$work/hostile.model" "$work/hostile.csv" -o "$work/x.npy" --quiet
"$oddrow" encode "$work/hostile.model" "$work/hostile.csv" -o "$work/x.csv.gz" --quiet
"$python" - "$work" <<'PYTHON'
import sys
import numpy as np, pandas as pd
x, frame = np.load(f"{sys.argv[1]}/x.npy", mmap_mode="r"), pd.read_csv(f"{sys.argv[1]}/x.csv.gz")
assert x.dtype == np.float32 and x.shape == frame.shape == (3000, x.shape[1]), (x.shape, frame.shape)
assert np.abs(x - frame.to_numpy()).max() <= 1e-6
assert open(f"{sys.argv[1]}/x.columns.txt").read().splitlines() == list(frame.columns)
PYTHON

adult=$source/../shared/data/adult.csv
if [ -f "$adult" ]; then
    "$oddrow" train "$adult" -o "$work/adult.model" --quiet --epochs 1 --min-steps 50
    check "$work/adult.model"
fi
