#!/usr/bin/env bash
# Compares the scores of the binary with those that python/recompute.py computes in NumPy from the model
# file: on generated tables and, if ../shared has them, on Adult and NSL-KDD. Needs a Python with numpy:
# ODDROW_PYTHON, python3, or that of the PyTorch check. With CI=true, the test makes one.
set -euo pipefail
source=$ODDROW_SOURCE
oddrow=$ODDROW_BINARY
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python=
for candidate in "${ODDROW_PYTHON:-python3}" "$source/build/torch-venv/bin/python" "$ODDROW_BUILD/numpy-venv/bin/python"; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import numpy' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ] && [ "${CI:-}" = true ]; then
    python3 -m venv --clear "$ODDROW_BUILD/numpy-venv"
    "$ODDROW_BUILD/numpy-venv/bin/pip" install --quiet --disable-pip-version-check numpy
    python=$ODDROW_BUILD/numpy-venv/bin/python
fi
if [ -z "$python" ]; then
    echo "skipped: no Python with numpy (python3 -m venv DIR; DIR/bin/pip install numpy; ODDROW_PYTHON=DIR/bin/python)"
    exit 77
fi

train() { "$oddrow" train "$@" --quiet --epochs 2 --min-steps 120; }
check() { # MODEL DATA [score options that recompute.py knows too]
    local model=$1 data=$2
    shift 2
    echo "-- $(basename "$model") $*"
    "$oddrow" score "$model" "$data" -o "$work/scores" --quiet --explain 3 "$@"
    "$python" "$source/python/recompute.py" "$model" "$data" "$work/scores" "$@"
}
generate() { python3 "$source/tests/files/generate.py" "$@"; }
columns=(--id order --label anomaly)

generate 2500 1 >"$work/clean.csv"
generate 1500 2 --odd 0.05 --bad >"$work/new.csv"
train "$work/clean.csv" -o "$work/row.model" "${columns[@]}"
for kind in both reconstruction rarity loss; do
    check "$work/row.model" "$work/new.csv" --score $kind
done
check "$work/row.model" "$work/new.csv" --masked
check "$work/row.model" "$work/new.csv" --masked --score loss
check "$work/row.model" "$work/new.csv" --alerts 0.05
# The check must also be able to fail: scores of one kind must not pass as another kind.
if "$python" "$source/python/recompute.py" "$work/row.model" "$work/new.csv" "$work/scores" --masked >/dev/null 2>&1; then
    echo "recompute.py finds plain scores to be masked ones"
    exit 1
fi

train "$work/clean.csv" -o "$work/mse.model" "${columns[@]}" --objective embedding-mse --activation silu --widths 20,5,20
check "$work/mse.model" "$work/new.csv"
check "$work/mse.model" "$work/new.csv" --masked --score loss
for activation in relu elu gelu tanh linear; do
    train "$work/clean.csv" -o "$work/$activation.model" "${columns[@]}" --activation $activation --widths 12,3,12
    check "$work/$activation.model" "$work/new.csv"
done
train "$work/clean.csv" -o "$work/robust.model" "${columns[@]}" --scaler robust --min-count 40 --max-vocab 20
check "$work/robust.model" "$work/new.csv"
train "$work/clean.csv" -o "$work/standard.model" "${columns[@]}" --scaler standard --projection 3 --embedding-rule power
check "$work/standard.model" "$work/new.csv"
train "$work/new.csv" -o "$work/dump.model" "${columns[@]}" --contamination 0.05
check "$work/dump.model" "$work/new.csv"
check "$work/dump.model" "$work/new.csv" --score rarity

generate 600 3 --bytes --delimiter ';' >"$work/bytes.csv"
train "$work/bytes.csv" -o "$work/bytes.model" --delimiter ';' --numeric level
check "$work/bytes.model" "$work/bytes.csv" --delimiter ';'
printf 'only\n' >"$work/one.csv"
for i in $(seq 300); do echo "v$((i * i % 7))"; done >>"$work/one.csv"
train "$work/one.csv" -o "$work/one.model"
check "$work/one.model" "$work/one.csv"

# With many columns, the Mahalanobis distance uses only variances.
awk 'BEGIN { srand(4); for (c = 1; c < 1100; c++) printf "a%d,", c; print "end"
    for (r = 0; r < 60; r++) { for (c = 1; c < 1100; c++) printf "%s,", substr("abcdefgh", 1 + int(rand() * 8), 1); print r % 7 } }' \
    >"$work/wide.csv"
"$oddrow" train "$work/wide.csv" -o "$work/wide.model" --quiet --epochs 1 --min-steps 3 --widths 8
check "$work/wide.model" "$work/wide.csv"

shared=$source/../shared/data
if [ -f "$shared/adult.csv" ]; then
    train "$shared/adult.csv" -o "$work/adult.model"
    check "$work/adult.model" "$shared/adult.csv"
    train "$shared/nsl-kdd/train.csv" -o "$work/nsl.model"
    check "$work/nsl.model" "$shared/nsl-kdd/test.csv"
elif [ "${CI:-}" = true ]; then
    echo "../shared/data is not there"
    exit 1
fi
