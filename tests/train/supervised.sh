#!/usr/bin/env bash
# Tests targets from end to end: train --target, predict, and tables from one model to the next. The bytes
# are the same for any number of threads and after a kill, memory stays bounded, and errors are reported.
. "$ODDROW_SOURCE/tests/files/common.sh"
columns=(--id order --target anomaly --task classify)

generate 3000 1 --odd 0.2 >plain.csv
generate 500 2 --odd 0.2 --bad >new.csv

say "a class: metrics are said, and are the model's"
"$oddrow" train plain.csv -o class.model "${columns[@]}" --epochs 3 --min-steps 0 2>said
grep -qE 'held-out rows: log-loss [0-9.]+, AUROC [0-9.]+, accuracy [0-9.]+$' said || fail "$(cat said)"
"$oddrow" inspect class.model >inspected
grep -qE '^  task +classify$' inspected && grep -qE '^  auroc +0\.' inspected || fail "$(cat inspected)"
grep -qE '^anomaly +target +2 classes' inspected || fail "$(cat inspected)"
"$oddrow" inspect class.model --json | python3 -c 'import json, sys
m = json.load(sys.stdin)
assert m["task"] == m["network"]["objective"] == "classify" and "score" not in m and "calibration" not in m'

say "predictions: carried columns, every record once, probabilities that sum to 1"
"$oddrow" predict class.model new.csv -o p.csv --rejects bad.csv 2>said
grep -qE 'predicted; [1-9][0-9]* rejected; wrote p.csv' said || fail "$(cat said)"
python3 - <<'PY'
import csv
rows = list(csv.reader(open("p.csv", newline="", encoding="utf-8")))
bad = list(csv.reader(open("bad.csv", newline="", encoding="utf-8", errors="replace")))
head, rows = rows[0], rows[1:]
assert head[:1] == ["order"] and "anomaly" in head and head[-4:-2] == ["row", "predicted"], head
assert {n.removeprefix("probability_") for n in head[-2:]} == {"0", "1"}, head
numbers = sorted([int(r[-4]) for r in rows] + [int(r[0]) for r in bad[1:]])
assert numbers == list(range(1, len(numbers) + 1))
for r in rows:
    p = [float(x) for x in r[-2:]]
    assert abs(sum(p) - 1) < 1e-6 and r[-3] == head[-2:][p.index(max(p))].removeprefix("probability_"), r
PY
"$oddrow" predict class.model new.csv -o strict.csv --quiet --strict && fail "strict" || is $? 3 strict
same p.csv strict.csv
for threads in 1 2 3; do
    "$oddrow" predict class.model new.csv -o - --quiet --threads $threads | cmp - p.csv || fail "threads"
done
"$oddrow" predict class.model new.csv -o p.csv.gz --quiet && gunzip -c p.csv.gz | cmp - p.csv || fail gz
"$oddrow" predict class.model - -o p.csv.zst --quiet <new.csv && zstd -dqc p.csv.zst | cmp - p.csv || fail zst
python3 - <<'PY'
import csv
rows = list(csv.reader(open("new.csv", newline="", encoding="utf-8", errors="surrogateescape")))
width, at = len(rows[0]), rows[0].index("anomaly")
with open("without.csv", "w", newline="", encoding="utf-8", errors="surrogateescape") as f:
    csv.writer(f).writerows([r[:at] + r[at + 1:] for r in rows if len(r) == width][:50])
PY
"$oddrow" predict class.model without.csv -o without.out --quiet # new rows do not have a target
is "$(head -1 without.out)" "$(head -1 p.csv | sed 's/anomaly,//')" "header without the target"

say "a number, in its own units"
generate 3000 3 >clean.csv
"$oddrow" train clean.csv -o number.model --id order --label anomaly --target amount --min-steps 600 2>said
grep -qE 'held-out rows: MSE [0-9.e+]+, MAE [0-9.]+, MAPE [0-9.]+ %$' said || fail "$(cat said)"
"$oddrow" predict number.model clean.csv -o n.csv --quiet
python3 - <<'PY'
import csv
rows = list(csv.DictReader(open("n.csv", newline="", encoding="utf-8")))
pairs = [(float(r["predicted"]), float(r["amount"])) for r in rows if r["amount"]]
mean = sum(t for _, t in pairs) / len(pairs)
error = sum((y - t) ** 2 for y, t in pairs)
spread = sum((t - mean) ** 2 for _, t in pairs)
assert error < 0.5 * spread, (error, spread)
low, high = min(t for _, t in pairs), max(t for _, t in pairs)
assert all(low - 1e-6 <= y <= high + 1e-6 for y, _ in pairs)
PY

say "the same model on any number of threads, and killed and resumed"
for threads in 1 2 3; do
    "$oddrow" train plain.csv -o t.$threads --threads $threads "${columns[@]}" --quiet --epochs 3 --min-steps 0 \
        --dropout 0.1 --class-weights balanced
done
same t.1 t.2 && same t.1 t.3
start=(--embeddings class.model --freeze land)
"$oddrow" train plain.csv -o whole.model --id order --label anomaly "${start[@]}" --epochs 100 --min-steps 0 --patience 0 --quiet
for _ in 1 2 3; do
    timeout -s KILL 1 "$oddrow" train plain.csv -o parts.model --id order --label anomaly "${start[@]}" --epochs 100 \
        --min-steps 0 --patience 0 --quiet --checkpoint run --resume || true
done
"$oddrow" train plain.csv -o parts.model --id order --label anomaly "${start[@]}" --epochs 100 --min-steps 0 \
    --patience 0 --quiet --checkpoint run --resume
same whole.model parts.model
refuses 2 "of other rows or options" "$oddrow" train plain.csv -o none --id order --label anomaly \
    --embeddings class.model --epochs 100 --min-steps 0 --patience 0 --quiet --checkpoint run --resume

say "two stages: frozen tables keep every byte, fine-tuned ones do not"
"$oddrow" train plain.csv -o frozen.model --id order --label anomaly --embeddings class.model --freeze all \
    --embedding-width land=2 "${quick[@]}" 2>said && fail "a width that differs" || true
grep -qE 'its vectors are [0-9]+ wide, the embedding of column .land. is 2 wide; embedding-width land=' said || fail "$(cat said)"
"$oddrow" train plain.csv -o frozen.model --id order --label anomaly --embeddings class.model --freeze all "${quick[@]}"
"$oddrow" train plain.csv -o tuned.model --id order --label anomaly --embeddings class.model "${quick[@]}"
cat >tables.py <<'PY'
import json, struct, sys
def tables(path):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    return {n: data[8 + size + t["data_offsets"][0]:8 + size + t["data_offsets"][1]]
            for n, t in header.items() if n.startswith("embedding.")}
a, frozen, tuned = map(tables, sys.argv[1:4])
assert a and a.keys() == frozen.keys() == tuned.keys()
assert all(a[n] == frozen[n] for n in a), "frozen tables changed"
assert all(a[n] != tuned[n] for n in a), "tuned tables did not change"
PY
python3 tables.py class.model frozen.model tuned.model
"$oddrow" score frozen.model new.csv -o scores.csv --quiet

say "texts of vectors: of a wider table, with values that are not there"
printf '3 6\nde 1 2 3 4 5 6\nfr 6 5 4 3 2 1\n日本 0 0 1 1 0 0\n' >land.txt
"$oddrow" train clean.csv -o text.model --id order --label anomaly --embedding-width land=6 --embeddings land=land.txt \
    --freeze land --epochs 1 --min-steps 0 2>said
grep -qF 'note: column land: 3 of its 6 values are not in land.txt and start from the mean: ca, us, br' said || fail "$(cat said)"
"$oddrow" train clean.csv -o clean.model --id order --label anomaly "${quick[@]}"
"$oddrow" train clean.csv -o twice.model --id order --label anomaly --embedding-width land=6 --embeddings clean.model \
    --embeddings land=land.txt "${quick[@]}" --freeze all # in clean.model, land has another width
printf 'de 1 2 3 4 5 6\nfr 6 5 4 3 2\n' >bad.txt
refuses 1 'bad.txt:2:13: 5 numbers, expected 6' "$oddrow" train clean.csv -o none --id order --label anomaly --quiet \
    --embedding-width land=6 --embeddings land=bad.txt

say "memory does not grow with the rows that are predicted"
for _ in $(seq 40); do tail -n +2 plain.csv; done | cat <(head -1 plain.csv) - >long.csv
small=$(peak "$oddrow" predict class.model plain.csv -o out.csv --quiet)
large=$(peak "$oddrow" predict class.model long.csv -o out.csv --quiet)
[ "$large" -le $((small + 8)) ] || fail "$small MiB for 3,000 rows, $large MiB for 120,000"

say "what goes wrong is said"
refuses 1 "this is a classifier of 'anomaly', which has no scores: use oddrow predict" "$oddrow" score class.model new.csv -o none
refuses 1 "this is a regressor of 'amount'" "$oddrow" eval number.model clean.csv --label anomaly
refuses 1 "this is an autoencoder" "$oddrow" predict frozen.model new.csv -o none
refuses 1 "column 'land' of the model is absent" "$oddrow" predict class.model <(printf 'a,b\n1,2\n') -o none
refuses 1 "set as target, is absent" "$oddrow" train plain.csv -o none --target nothing
refuses 2 "'freeze' needs 'embeddings'" "$oddrow" train plain.csv -o none --freeze all
refuses 2 "'task' needs 'target'" "$oddrow" train plain.csv -o none --task regress
refuses 2 "'class-weights' needs 'target'" "$oddrow" train plain.csv -o none --class-weights balanced
refuses 2 "'contamination' cannot be combined with 'target'" "$oddrow" train plain.csv -o none --target land --contamination 0.1
refuses 2 "again under target" "$oddrow" train plain.csv -o none --target land --ignore land
refuses 2 "did you mean --target?" "$oddrow" train plain.csv -o none --tarjet land
refuses 2 "--explain is an option of 'oddrow score'" "$oddrow" predict class.model new.csv -o none --explain 2
refuses 2 "Give -o OUT" "$oddrow" predict class.model new.csv
[ ! -e none ] || fail "a file was left"
