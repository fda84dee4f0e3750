#!/usr/bin/env bash
# Makes models/debian-packages.safetensors from this machine's Debian package index, and writes the figures
# of its card. The index changes from day to day, and so does the model.
#
# usage: models/make.sh [ODDROW]      default build/release/oddrow
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
oddrow=$(realpath "${1:-build/release/oddrow}")
name=debian-packages
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

apt-cache dumpavail | LC_ALL=C awk -f pipelines/packages.awk >"$work/packages.csv"
[ "$(wc -l <"$work/packages.csv")" -gt 1000 ] || {
    echo "make.sh: no package index: apt-get update fetches it" >&2
    exit 1
}
# Rare hosts and domains are folded: the model has a third of the size for the same columns.
"$oddrow" train "$work/packages.csv" --pipeline pipelines/$name.yaml --min-count 20 \
    -o "$work/$name.safetensors" --quiet
"$oddrow" score "$work/$name.safetensors" "$work/packages.csv" --pipeline pipelines/$name.yaml \
    -o "$work/scores.csv" --top 0 --explain 0 --quiet
mv "$work/$name.safetensors" models/$name.safetensors

figure() { "$oddrow" inspect models/$name.safetensors | awk -v key="$1" '$1 == key { print $2; exit }'; }
index() { # prints the suites of the index with their dates
    local file suites=
    for file in /var/lib/apt/lists/*_InRelease; do
        suites="$suites${suites:+; }$(sed -n 's/^Codename: //p' "$file" | head -n 1) of $(
            sed -n 's/^Date: //p' "$file" | head -n 1)"
    done
    echo "$suites"
}
{
    echo "| | |"
    echo "|---|---|"
    echo "| index | $(index) |"
    echo "| rows | $(figure rows) packages, $(figure held_out_rows) of them held out |"
    echo "| made by | oddrow $("$oddrow" --version | awk '{ print $NF }'), $(date -u +%Y-%m-%d) |"
    echo "| size | $(stat -c %s models/$name.safetensors) bytes, $(figure parameters) parameters |"
    echo "| epochs | $(figure epochs), best $(figure best_epoch) |"
    echo "| loss | $(figure loss) in training, $(figure validation_loss) on held-out rows |"
    echo "| threshold | $(figure threshold) nats at an alert budget of $(figure alerts) |"
    echo "| packages of the index called odd | $(awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "odd") at = i; next } { odd += $at } END { print odd }' "$work/scores.csv") |"
} >"$work/figures"
awk -v figures="$work/figures" '
    /^<!-- \/figures -->/ { skip = 0 }
    !skip
    /^<!-- figures/ { skip = 1; while ((getline line <figures) > 0) print line }' models/$name.md >"$work/card"
cp "$work/card" models/$name.md
ls -l models/$name.safetensors
