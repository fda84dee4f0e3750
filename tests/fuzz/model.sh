#!/usr/bin/env bash
# Makes the seeds of fuzz_model in tests/fuzz/model: the smallest models of each kind of column and
# network, and a few broken ones. Run this script after the format of the model file has changed.
#
# usage: model.sh path/to/oddrow
set -euo pipefail
oddrow=$(realpath "$1")
out=$(realpath "$(dirname "$0")")/model
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p "$out"
rm -f "$out"/*

train() { # NAME FILE [OPTIONS]
    local name=$1 file=$2
    shift 2
    "$oddrow" train "$file" -o "$out/$name.model" --quiet --epochs 1 --min-steps 1 --widths 2 --projection 2 --threads 1 "$@"
}
rows() { awk -v n="$1" "BEGIN { for (i = 0; i < n; i++) { $2 } }"; }

(echo only && rows 6 'print "k" i % 3') >category.csv
(echo only && rows 4 'print i * i') >number.csv
(echo only && rows 4 'print "2024-01-0" 1 + i') >time.csv
(echo a,b && rows 4 'print "5,"') >constant.csv
(echo id,a,b,c,d,label && rows 6 'print "n" i "," (i % 3 ? "red" : "") "," i "," "2024-02-1" i ",same,0"') >all.csv
(printf 'gr\366n,column_1\n' && rows 4 'printf "\377%d,b\n", i % 2') >bytes.csv
train category category.csv
train number number.csv --numeric only
train time time.csv
train constant constant.csv
train all all.csv --id id --label label --categorical a --numeric b --timestamp c
train mse all.csv --id id --label label --numeric b --objective embedding-mse --activation gelu --scaler robust
train dump all.csv --id id --label label --numeric b --contamination 0.2 --scaler standard
train rare category.csv --max-vocab 2 --activation silu
train bytes bytes.csv
(echo a,b && rows 6 'print "k" i % 2 "," i * i') >classes.csv
train classify classes.csv --target a --numeric b
train regress classes.csv --target b --task regress
head -c 100 "$out/category.model" >"$out/truncated.model"
sed 's/"F32"/"F64"/' "$out/category.model" >"$out/dtype.model"
sed 's/\\"format\\":1/\\"format\\":9/' "$out/category.model" >"$out/version.model"
printf '\002\000\000\000\000\000\000\000{}' >"$out/empty.model"
printf '\377\377\377\377\377\377\377\177{}' >"$out/oversized.model"
ls -l "$out"
