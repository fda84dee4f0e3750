#!/usr/bin/env bash
# Prints the oddest packages of this machine's Debian package index and the reasons. Then streams the same
# packages through a worker and prints the oddest of its feed. ./dev demo calls this.
#
# usage: demo.sh ODDROW
set -euo pipefail
oddrow=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=build/pipelines
mkdir -p "$out"

echo "==> apt-cache dumpavail to $out/packages.csv" >&2
apt-cache dumpavail | LC_ALL=C awk -f pipelines/packages.awk >"$out/packages.csv"
echo "    $(($(wc -l <"$out/packages.csv") - 1)) packages" >&2

echo "==> oddrow train --pipeline pipelines/debian-packages.yaml" >&2
"$oddrow" train --pipeline pipelines/debian-packages.yaml

echo "==> oddrow score $out/packages.model --pipeline pipelines/debian-packages.yaml" >&2
"$oddrow" score "$out/packages.model" --pipeline pipelines/debian-packages.yaml

echo
echo "The oddest packages, and what makes them so:"
LC_ALL=C awk -f pipelines/oddest.awk "$out/packages.scores.csv"
# ---- the same rows, streamed through the worker

work=$(mktemp -d)
worker=
watch=
finish() {
    for child in $watch $worker; do
        kill "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# wait_for SECONDS COMMAND...: tries the command ten times a second until it succeeds; fails after SECONDS.
wait_for() {
    local left=$(($1 * 10))
    shift
    until "$@"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || { echo "demo: waited in vain" >&2; cat "$work/log" >&2; exit 1; }
        sleep 0.1
    done
}
endpoint() { sed -n "s|.*\"$1\":\"\([^\"]*\)\".*|\1|p" "$work/ready"; }
ready() {
    kill -0 "$worker" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
    grep -q '"ready":true' "$work/ready"
}
last_row_came() { tail -n 100 "$work/feed" | grep -q " demo $rows\( \|\$\)"; }

rows=$(($(wc -l <"$out/packages.csv") - 1))
journal=$out/packages.db
any='tcp://127.0.0.1:*' # a free port, which the worker's first line names
rm -f "$journal" "$journal-wal" "$journal-shm"
echo
echo "==> oddrow serve $out/packages.model --journal $journal --publish all" >&2
"$oddrow" serve "$out/packages.model" --journal "$journal" --publish all --pull none --http none \
    --rows "$any" --feed "$any" --replay "$any" >"$work/ready" 2>"$work/log" &
worker=$!
wait_for 30 ready

echo "==> oddrow watch $(endpoint feed) --replay $(endpoint replay) --from 1" >&2
"$oddrow" watch "$(endpoint feed)" --replay "$(endpoint replay)" --from 1 --quiet >"$work/feed" &
watch=$!
echo "==> oddrow send $(endpoint rows) $out/packages.csv --client demo" >&2
timeout 120 "$oddrow" send "$(endpoint rows)" "$out/packages.csv" --client demo
wait_for 60 last_row_came

# A line of the feed holds time, topic, score, client, row number and, for odd rows, the reasons.
echo
echo "The feed has $(grep -c ' score ' "$work/feed") entries of topic score and $(grep -c ' odd ' "$work/feed") of topic odd. The oddest:"
echo
grep -E '^[^ ]+ odd ' "$work/feed" | LC_ALL=C sort -k3,3 -rg | head -n 5 |
    awk -v csv="$out/packages.csv" '
        BEGIN { while ((getline line <csv) > 0) { split(line, cell, ","); name[n++] = cell[1] } }
        { print; print "    that is " name[$5] }'
kill "$worker"
wait "$worker"
worker=
echo
echo "Scores: $out/packages.scores.csv   Model: $out/packages.model   oddrow inspect shows it."
