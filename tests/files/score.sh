#!/usr/bin/env bash
# Tests scoring from end to end: formats, selections, rejected rows, pipes, compressed files, errors.
. "$ODDROW_SOURCE/tests/files/common.sh"

generate 2000 1 >train.csv
"$oddrow" train train.csv -o m.model --id order --label anomaly "${quick[@]}"
generate 1200 2 --odd 0.05 >new.csv
score() { "$oddrow" score m.model "$@" --quiet; }
score new.csv -o all.csv

say "lines"
is "$(head -n 1 all.csv)" "order,anomaly,row,score,p_value,odd" header
is "$(lines all.csv)" 1201 lines
awk -F, 'NR > 1 && ($3 != NR - 1 || $1 != "o-" NR - 1 || $4 < 0 || $5 < 0 || $5 > 1 || ($6 != 0 && $6 != 1)) { print; exit 1 }' all.csv ||
    fail "a line is wrong"
awk -F, 'NR > 1 && $5 < 0.001 != $6 { print; exit 1 }' all.csv || fail "odd is not p_value < 0.001"

say "threads and clothing"
for threads in 1 2 3; do
    score new.csv -o t.csv --threads $threads
    same all.csv t.csv
done
gzip -k new.csv && score new.csv.gz -o t.csv && same all.csv t.csv
zstd -q new.csv && score new.csv.zst -o t.csv && same all.csv t.csv
score - -o - <new.csv >t.csv && same all.csv t.csv
cat new.csv | score - -o t.csv && same all.csv t.csv
score new.csv -o t.csv.gz && gzip -dc t.csv.gz >t.csv && same all.csv t.csv
score new.csv -o t.csv.zst && zstd -dcq t.csv.zst >t2.csv && same all.csv t2.csv
generate 1200 2 --odd 0.05 --delimiter ';' | sed 's/$/\r/' >semicolon.csv
score semicolon.csv -o t.csv
python3 - <<'PY'
import csv  # one text contains a line end, which differs there, so its row may differ
a, b = (list(csv.reader(open(n, newline="", encoding="utf-8"))) for n in ("all.csv", "t.csv"))
new = list(csv.reader(open("new.csv", newline="", encoding="utf-8")))
assert len(a) == len(b) == len(new)
assert all(x == y for x, y, row in zip(a, b, new) if not any("\n" in cell for cell in row))
PY
(head -n 1 new.csv && tail -n +2 new.csv) >copy.csv
score new.csv copy.csv new.csv.gz -o t.csv
is "$(lines t.csv)" 3601 "lines of three files"
awk -F, -v OFS=, 'NR > 1 { $3 = ($3 - 1) % 1200 + 1 } NR <= 1201' t.csv >t1.csv && same all.csv t1.csv
is "$(tail -n 1 t.csv | cut -d, -f3)" 3600 "number of the last row"

say "selections"
score new.csv -o odd.csv --only-odd
awk -F, 'NR == 1 || $6 == 1' all.csv >expected.csv && same expected.csv odd.csv
for n in 1 7 1200 5000; do
    score new.csv -o top.csv --top $n --threads 3
    tail -n +2 all.csv | sort -t, -k4,4gr -k3,3n >sorted
    (head -n 1 all.csv && head -n $n sorted) >expected.csv
    same expected.csv top.csv
done
score new.csv -o alerts.csv --alerts 0.2
cut -d, -f1-5 all.csv >a.csv && cut -d, -f1-5 alerts.csv >b.csv && same a.csv b.csv
awk -F, 'NR > 1 && $5 < 0.2 != $6 { print; exit 1 }' alerts.csv || fail "odd is not p_value < 0.2"
score new.csv -o both.csv --alerts 0.2 --only-odd --top 10
is "$(lines both.csv)" 11 "--only-odd --top 10"

say "JSON lines"
score new.csv -o all.jsonl --format jsonl
score new.csv -o explained.jsonl --format jsonl --explain 20
score new.csv -o explained.csv --explain 20
python3 - <<'PY'
import csv, json
rows = list(csv.DictReader(open("all.csv", newline="", encoding="utf-8")))
plain = [json.loads(line) for line in open("all.jsonl", encoding="utf-8")]
explained = [json.loads(line) for line in open("explained.jsonl", encoding="utf-8")]
table = list(csv.DictReader(open("explained.csv", newline="", encoding="utf-8")))
new = list(csv.DictReader(open("new.csv", newline="", encoding="utf-8")))
assert len(rows) == len(plain) == len(explained) == len(table) == len(new)
for r, p, e, t, cells in zip(rows, plain, explained, table, new):
    assert list(p) == list(r) and p["odd"] is (r["odd"] == "1") and p["row"] == int(r["row"])
    assert p["score"] == float(r["score"]) and p["order"] == r["order"] == cells["order"]
    assert all(e[k] == p[k] for k in p) and all(t[k] == r[k] for k in r)
    parts = sum(e[k] for k in ("reconstruction", "local_rarity", "global_rarity"))
    assert abs(parts - e["score"]) <= 1e-5 * (1 + parts)
    columns = [e[k] for k in e if k.startswith("column_")]
    assert len(columns) == len(set(columns)) == 14, columns  # all but id and label
    before = 1e9
    for k, column in enumerate(columns, 1):
        assert e[f"observed_{k}"] == t[f"observed_{k}"] == cells[column], (column, e[f"observed_{k}"])
        assert e[f"flag_{k}"] in ("", "missing", "unseen", "unparsed", "out-of-range")
        assert e[f"surprise_{k}"] <= before
        before = e[f"surprise_{k}"]
        assert float(t[f"surprise_{k}"]) == before and t[f"expected_{k}"] == e[f"expected_{k}"]
    assert t["column_15"] == "" and t["flag_20"] == "" and "column_15" not in e
PY

say "kinds of score"
for kind in reconstruction rarity loss; do
    score new.csv -o $kind.csv --score $kind
    is "$(lines $kind.csv)" 1201 "$kind"
done
score new.csv -o masked.csv --masked
python3 - <<'PY'
import csv
def column(name, key):
    return [float(r[key]) for r in csv.DictReader(open(name, newline="", encoding="utf-8"))]
parts = {k: column("explained.csv", k) for k in ("reconstruction", "local_rarity", "global_rarity")}
assert column("reconstruction.csv", "score") == parts["reconstruction"]
for got, a, b in zip(column("rarity.csv", "score"), parts["local_rarity"], parts["global_rarity"]):
    assert abs(got - a - b) < 1e-5 * (1 + got)
for name in ("both", "masked", "loss", "rarity", "reconstruction"):
    name = "all" if name == "both" else name
    p, s = column(name + ".csv", "p_value"), column(name + ".csv", "score")
    ordered = sorted(zip(s, p))
    assert all(x[1] >= y[1] - 1e-9 for x, y in zip(ordered, ordered[1:])), name  # the p-value falls as the score rises
assert column("masked.csv", "score") != column("all.csv", "score")
PY

say "rejected rows"
printf 'order,land,größe,"say ""it""",city,amount,"weight, kg",mostly missing,noisy,when,stamp_time,flag,empty,unit,level,anomaly\n' >bad.csv
good='x,de,S,plain,city 1,1,2,,0,2024-01-01,1500000000,yes,,5.0,1,0'
{
    printf '%s\n' "$good" 'too,few' "$good,1" "$good"
    printf 'x,"a" b,%s\n' "${good#x,de,}"
    printf 'n\0l,de,%s\n' "${good#x,de,}"
    printf '\n   \n%s\r\n' "$good"
    printf 'x,"open,%s\n' "${good#x,de,}"
    printf '%s' "$good"
} >>bad.csv
score bad.csv -o bad.scores --rejects bad.rejects
"$oddrow" score m.model bad.csv -o bad.scores 2>bad.err
grep -q '9 rows .* 4 scored, .* 5 rejected' bad.err || fail "$(cat bad.err)"
is "$(cut -d, -f3 bad.scores | tr '\n' ' ')" "row 1 4 7 9 " "rows scored"
python3 - <<'PY'
import csv
data = open("bad.csv", "rb").read()
rejects = list(csv.DictReader(open("bad.rejects", newline="", encoding="utf-8").read().replace("\0", "<NUL>").splitlines(True)))
assert [(r["row"], r["reason"]) for r in rejects] == [
    ("2", "2 fields, expected 16"), ("3", "17 fields, expected 16"), ("5", "invalid quoting"),
    ("6", "NUL byte"), ("8", "unterminated quote")], rejects
for r in rejects:
    at, line = int(r["offset"]), r["line"].replace("<NUL>", "\0").encode()
    assert data[at:at + len(line)] == line and data[at - 1:at] == b"\n", r
    assert data[at + len(line):at + len(line) + 1] == b"\n", r
PY
refuses 3 "" "$oddrow" score m.model bad.csv -o t.csv --strict
same bad.scores t.csv
refuses 0 "" "$oddrow" score m.model new.csv -o t.csv --strict
generate 5000 3 --bad >many.csv
"$oddrow" score m.model many.csv -o many.scores --rejects many.rejects --threads 3 2>many.err
is "$(($(lines many.rejects) + $(python3 -c 'import csv; print(sum(1 for _ in csv.reader(open("many.scores", newline=""))))') - 2))" 5000 "scored + rejected"

say "columns of the data"
python3 - <<'PY'
import csv
rows = list(csv.reader(open("new.csv", newline="", encoding="utf-8")))
order = list(reversed(range(len(rows[0]))))
with open("mixed.csv", "w", newline="", encoding="utf-8") as f:
    csv.writer(f, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([["extra one" if i == 0 else "x"] + [r[j] for j in order] + ["2nd" if i == 0 else "y"]
                                                  for i, r in enumerate(rows)])
for drop in ("land", "flag", "order"):
    at = rows[0].index(drop)
    with open(f"no-{drop}.csv", "w", newline="", encoding="utf-8") as f:
        csv.writer(f, lineterminator="\n").writerows([r[:at] + r[at + 1:] for r in rows])
PY
"$oddrow" score m.model mixed.csv -o t.csv 2>mixed.err
is "$(grep -c '2 columns are not in the model and ignored: extra one, 2nd' mixed.err)" 1 "note of extra columns"
cut -d, -f3- all.csv >a.csv && cut -d, -f3- t.csv >b.csv && same a.csv b.csv
refuses 1 "column 'land' of the model is absent" "$oddrow" score m.model no-land.csv -o no.csv
refuses 1 "column 'flag' of the model is absent" "$oddrow" score m.model no-flag.csv -o no.csv
score no-order.csv -o t.csv
is "$(head -n 1 t.csv)" "anomaly,row,score,p_value,odd" "header without the id"
printf 'a,b\n' >none.csv
refuses 1 "absent" "$oddrow" score m.model none.csv -o no.csv
head -n 1 new.csv >header.csv
score header.csv -o t.csv
is "$(lines t.csv)" 1 "scores of no rows"

say "what goes wrong"
refuses 1 "No space left" "$oddrow" score m.model new.csv -o /dev/full
refuses 1 "No space left" "$oddrow" score m.model bad.csv -o no.csv --rejects /dev/full
cp all.csv kept.csv
(
    trap '' XFSZ
    ulimit -f 8
    refuses 1 "File too large" "$oddrow" score m.model new.csv -o kept.csv
    refuses 1 "File too large" "$oddrow" score m.model new.csv -o no.csv --top 1000
)
same all.csv kept.csv
generate 20000 4 >big.csv
"$oddrow" score m.model big.csv -o - --quiet 2>pipe.err | head -n 1 >pipe.out && status=("${PIPESTATUS[@]}") || status=("${PIPESTATUS[@]}")
is "${status[0]}" 1 "exit code with a closed pipe"
grep -q 'Broken pipe' pipe.err || fail "$(cat pipe.err)"
is "$(head -n 1 pipe.out)" "order,anomaly,row,score,p_value,odd" "what was read of it"
refuses 1 "none.model" "$oddrow" score none.model new.csv -o no.csv
refuses 1 "none2.csv" "$oddrow" score m.model new.csv none2.csv -o no.csv
head -c 5000 new.csv.gz >cut.csv.gz
refuses 1 "cut.csv.gz" "$oddrow" score m.model cut.csv.gz -o no.csv
head -c 5000 m.model >cut.model
refuses 1 "cut.model" "$oddrow" score cut.model new.csv -o no.csv
refuses 1 "new.csv" "$oddrow" score new.csv new.csv -o no.csv
refuses 2 "where should the scores go" "$oddrow" score m.model new.csv
refuses 2 "" "$oddrow" score m.model
refuses 2 "" "$oddrow" score m.model new.csv -o no.csv --explain many
refuses 1 "nowhere" "$oddrow" score m.model new.csv -o nowhere/no.csv
[ -z "$(find . -name 'no.csv' -o -name '.*.tmp-*')" ] || fail "something is left: $(find . -name 'no.csv' -o -name '.*.tmp-*')"

say "memory"
for _ in 1 2 3 4 5 6 7 8; do tail -n +2 big.csv; done >rest.csv
cat big.csv rest.csv >long.csv
used=$(peak "$oddrow" score m.model long.csv -o /dev/null --quiet --threads 2)
say "$(lines long.csv) lines: $used MiB"
case $ODDROW_BUILD in
*asan* | *tsan* | *fuzz*) ;;
*) [ "$used" -le 128 ] || fail "$used MiB are too many" ;;
esac
