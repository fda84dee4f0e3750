#!/usr/bin/env bash
# Tests training from end to end. The same table gives the same model, byte for byte, in every form of file,
# on any number of threads and after any kill. Memory stays bounded, and errors are reported.
. "$ODDROW_SOURCE/tests/files/common.sh"
columns=(--id order --label anomaly)

generate 3000 1 >plain.csv
"$oddrow" train plain.csv -o plain.model "${quick[@]}" "${columns[@]}"

say "clothing: compressed, CRLF, BOM, other delimiters, quoted, in parts, from a pipe"
again() { # FILES... [-- OPTIONS]
    "$oddrow" train "$@" -o again.model "${quick[@]}" "${columns[@]}"
    same plain.model again.model
}
gzip -k plain.csv && again plain.csv.gz
zstd -q plain.csv && again plain.csv.zst
cp plain.csv.gz unnamed && again unnamed
python3 - <<'PY'
import csv
rows = list(csv.reader(open("plain.csv", newline="", encoding="utf-8")))
def write(name, end="\n", encoding="utf-8", quoting=csv.QUOTE_NONNUMERIC, delimiter=","):
    with open(name, "w", newline="", encoding=encoding) as f:
        csv.writer(f, lineterminator=end, quoting=quoting, delimiter=delimiter).writerows(rows)
write("crlf.csv", "\r\n", "utf-8-sig")
write("cr.csv", "\r")
write("quoted.csv", quoting=csv.QUOTE_ALL)
for name, delimiter in (("semicolon", ";"), ("tab", "\t"), ("bar", "|")):
    write(name + ".csv", delimiter=delimiter)
PY
for file in crlf cr quoted semicolon tab bar; do again $file.csv; done
"$oddrow" train bar.csv -o again.model --delimiter '|' "${quick[@]}" "${columns[@]}" && same plain.model again.model
python3 - <<'PY'
import csv
rows = list(csv.reader(open("plain.csv", newline="", encoding="utf-8")))
for name, part in (("a", rows[1:1000]), ("b", []), ("c", rows[1000:])):
    with open(f"part-{name}.csv", "w", newline="", encoding="utf-8") as f:
        csv.writer(f, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([rows[0]] + part)
PY
gzip part-c.csv
again part-a.csv part-b.csv part-c.csv.gz
again - <plain.csv
"$oddrow" train - -o - "${quick[@]}" "${columns[@]}" <plain.csv >again.model && same plain.model again.model
printf 'a,b\n1,2\n' >other.csv
refuses 1 other.csv "$oddrow" train plain.csv other.csv -o none.model --quiet

say "threads"
for threads in 1 2 3; do
    "$oddrow" train plain.csv -o threads.$threads --threads $threads "${columns[@]}" --quiet --epochs 3 \
        --min-steps 0 --dropout 0.2 --mask 0.2 --weight-decay 0.01 --contamination 0.05
    "$oddrow" train plain.csv -o mse.$threads --threads $threads "${columns[@]}" --quiet --epochs 2 \
        --min-steps 0 --objective embedding-mse --activation gelu
done
same threads.1 threads.2 && same threads.1 threads.3
same mse.1 mse.2 && same mse.1 mse.3
"$oddrow" train plain.csv -o seed.model --seed 2 "${quick[@]}" "${columns[@]}"
! cmp -s plain.model seed.model || fail "the seed changes nothing"

say "killed and resumed"
run=("$oddrow" train plain.csv "${columns[@]}" --epochs "${ODDROW_KILL_EPOCHS:-250}" --min-steps 0 --patience 0 --quiet)
"${run[@]}" -o whole.model
for moment in 0.01 0.3 0.9; do
    before=$(stat -c %Y.%i kept/checkpoint.safetensors 2>/dev/null || true)
    "${run[@]}" -o killed.model --checkpoint kept --resume --threads $((RANDOM % 3 + 1)) &
    pid=$!
    while kill -0 $pid 2>/dev/null &&
        [ "$(stat -c %Y.%i kept/checkpoint.safetensors 2>/dev/null || true)" = "$before" ]; do
        sleep 0.02
    done
    sleep $moment
    kill -KILL $pid 2>/dev/null || say "(it was done before $moment s)"
    wait $pid 2>/dev/null || true
    [ -f kept/checkpoint.safetensors ] || fail "no checkpoint after $moment s"
done
rm -f killed.model
"${run[@]}" -o killed.model --checkpoint kept --resume
same whole.model killed.model
"${run[@]}" -o killed.model --checkpoint kept --resume # all epochs are already done
same whole.model killed.model
"${run[@]}" -o fresh.model --checkpoint kept # without --resume, training starts again
same whole.model fresh.model
refuses 2 "other rows or options" "$oddrow" train plain.csv "${columns[@]}" -o no.model --quiet --epochs 3 --checkpoint kept --resume
head -c 1000 kept/checkpoint.safetensors >cut && cp cut kept/checkpoint.safetensors
refuses 1 kept/checkpoint.safetensors "${run[@]}" -o no.model --checkpoint kept --resume
refuses 2 "checkpoint" "$oddrow" train plain.csv -o no.model --resume
[ ! -e no.model ] || fail "a model without a run"

say "memory"
awk 'BEGIN { srand(1); print "a,b,c,d,e,f,g,h"; for (i = 0; i < 300000; i++) printf "k%d,%.4f,%.4f,%.4f,%.4f,m%d,%.3f,%.3f\n", rand() * 30, rand(), rand() * 9, rand() - i, rand() * rand(), i % 7, rand(), rand() }' >long.csv
small=(--quiet --epochs 1 --min-steps 0 --widths 16,4,16 --memory 32M)
used=$(peak "$oddrow" train long.csv -o long.1 "${small[@]}" --threads 1)
say "300,000 rows with --memory 32M: $used MiB"
case $ODDROW_BUILD in # memory of the sanitizers does not count
*asan* | *tsan* | *fuzz*) ;;
*) [ "$used" -le 96 ] || fail "$used MiB are too many" ;;
esac
"$oddrow" train long.csv -o long.2 "${small[@]}" --threads 2
same long.1 long.2
export TMPDIR=$work/nowhere
refuses 1 "set TMPDIR" "$oddrow" train long.csv -o no.model "${small[@]}"
unset TMPDIR

say "report"
"$oddrow" train plain.csv -o r.model "${columns[@]}" --quiet --epochs 4 --min-steps 0 --report report.json
python3 - <<'PY'
import json, math
r = json.load(open("report.json"))
assert r["rows"] == 3000 and r["rejected"] == 0 and r["seconds"] > 0 and r["threads"] >= 1
assert len(r["epochs"]) == 4 and 1 <= r["best_epoch"] <= 4
for i, e in enumerate(r["epochs"], 1):
    assert set(e) == {"epoch", "loss", "validation_loss", "mse", "mape", "learning_rate", "rows_per_second"}, e
    assert e["epoch"] == i and all(math.isfinite(v) for v in e.values()) and e["rows_per_second"] > 0
best = min(r["epochs"], key=lambda e: e["validation_loss"])
assert best["epoch"] == r["best_epoch"]
PY

say "early stopping"
"$oddrow" train plain.csv -o stop.model "${columns[@]}" --quiet --epochs 200 --min-steps 0 --learning-rate 0.3 --patience 2 --report stop.json
python3 - <<'PY'
import json
r = json.load(open("stop.json"))
assert len(r["epochs"]) < 200 and len(r["epochs"]) == r["best_epoch"] + 2, (len(r["epochs"]), r["best_epoch"])
PY
"$oddrow" inspect stop.model --json >stop.inspect
python3 - <<'PY'
import json
r, m = json.load(open("stop.json")), json.load(open("stop.inspect"))
t = m["training"]
assert t["best_epoch"] == r["best_epoch"]
assert abs(t["validation_loss"] - min(e["validation_loss"] for e in r["epochs"])) < 1e-6
PY

say "what goes wrong"
refuses 1 "column" "$oddrow" train plain.csv -o no.model "${columns[@]}" --quiet --learning-rate 10 \
    --activation linear --widths "$(printf '64,%.0s' {1..29})64"
grep -q 'epoch 1, batch [0-9]*, column ' refused.err || fail "no batch is named: $(cat refused.err)"
refuses 1 "No space left" "$oddrow" train plain.csv -o /dev/full "${quick[@]}"
refuses 1 "none.csv" "$oddrow" train none.csv -o no.model
refuses 1 "no rows to learn from" "$oddrow" train part-b.csv -o no.model
refuses 1 "nowhere" "$oddrow" train plain.csv -o nowhere/no.model
refuses 1 "plain.csv" "$oddrow" train plain.csv -o no.model --numeric landd
refuses 2 "where should the model go" "$oddrow" train plain.csv
refuses 2 "epoch" "$oddrow" train plain.csv -o no.model --epochs none
(
    trap '' XFSZ
    ulimit -f 8
    refuses 1 "File too large" "$oddrow" train plain.csv -o no.model "${quick[@]}"
)
cp plain.model kept.model
(
    trap '' XFSZ
    ulimit -f 8
    refuses 1 "File too large" "$oddrow" train plain.csv -o kept.model "${quick[@]}"
)
same plain.model kept.model
[ -z "$(find . -name 'no.model' -o -name '.*.tmp-*')" ] || fail "something is left: $(find . -name 'no.model' -o -name '.*.tmp-*')"
