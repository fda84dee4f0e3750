#!/usr/bin/env bash
# Runs one pipeline of pipelines/ as its comments say, in its own directory.
#
# usage: pipelines.sh debian-packages|network-flows|orders
set -euo pipefail
root=$ODDROW_SOURCE
name=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/build/pipelines"
ln -s "$root/pipelines" "$work/pipelines"
cd "$work"
here=build/pipelines
pipeline=pipelines/$name.yaml

fail() { echo "$*" >&2; exit 1; }
auroc() { # MODEL DATA LEAST [OPTIONS]: the AUROC must be at least LEAST
    local found
    found=$("$ODDROW_BINARY" eval "$1" "$2" --pipeline "$pipeline" --json --quiet "${@:4}" |
        sed -n 's/.*"auroc": \([0-9.]*\).*/\1/p')
    echo "AUROC $found"
    awk -v found="$found" -v least="$3" 'BEGIN { exit !(found >= least) }' || fail "AUROC $found is below $3"
}

case $name in
debian-packages)
    if ! command -v apt-cache >/dev/null || [ "$(apt-cache dumpavail | grep -c '^Package:')" -lt 1000 ]; then
        echo "skipped: no Debian package index on this machine (apt-get update fetches it)"
        exit 77
    fi
    # one package in ten is enough to check that it runs
    apt-cache dumpavail | LC_ALL=C awk -f pipelines/packages.awk |
        awk 'NR == 1 || NR % 10 == 0' >$here/packages.csv
    "$ODDROW_BINARY" train --pipeline $pipeline --epochs 3 --min-steps 100 --quiet
    "$ODDROW_BINARY" score $here/packages.model --pipeline $pipeline --quiet
    [ "$(wc -l <$here/packages.scores.csv)" -eq 16 ] || fail "not 15 rows: $(cat $here/packages.scores.csv)"
    awk -f pipelines/oddest.awk $here/packages.scores.csv | tee table
    [ "$(grep -c '^ *[0-9]*\. ' table)" -eq 15 ] || fail "not 15 packages in the table"
    ;;
network-flows)
    awk -v odd=0 -v seed=1 -v rows=10000 -f pipelines/flows.awk >$here/flows.csv
    awk -v odd=0.02 -v seed=2 -v rows=5000 -f pipelines/flows.awk >$here/flows.new.csv
    "$ODDROW_BINARY" train --pipeline $pipeline --quiet
    "$ODDROW_BINARY" score $here/flows.model $here/flows.new.csv --pipeline $pipeline --quiet
    [ "$(wc -l <$here/flows.scores.csv)" -gt 10 ] || fail "hardly an odd row"
    auroc $here/flows.model $here/flows.new.csv 0.95
    ;;
orders)
    awk -v odd=0 -v seed=1 -v rows=10000 -f pipelines/orders.awk >$here/orders.csv
    awk -v odd=0.02 -v seed=2 -v rows=5000 -f pipelines/orders.awk >$here/orders.new.csv
    "$ODDROW_BINARY" train --pipeline $pipeline --quiet
    "$ODDROW_BINARY" score $here/orders.model $here/orders.new.csv --pipeline $pipeline --quiet
    [ "$(wc -l <$here/orders.scores.jsonl)" -eq 50 ] || fail "not 50 lines"
    python3 -c 'import json, sys; [json.loads(line) for line in sys.stdin]' <$here/orders.scores.jsonl
    auroc $here/orders.model $here/orders.new.csv 0.95
    ;;
*) fail "no pipeline $name" ;;
esac
