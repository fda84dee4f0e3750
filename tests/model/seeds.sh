#!/usr/bin/env bash
# Checks that the seeds of the model fuzzer, except the broken ones, are models of the current format.
set -euo pipefail
bad=0
for seed in "$ODDROW_SOURCE"/tests/fuzz/model/*.model; do
    name=$(basename "$seed" .model) loads=yes expected=yes
    "$ODDROW_BINARY" inspect "$seed" >/dev/null 2>&1 || loads=no
    case $name in truncated | dtype | version | empty | oversized) expected=no ;; esac
    if [ $loads != $expected ]; then
        echo "$name: loads: $loads, expected: $expected; tests/fuzz/model.sh makes the seeds anew"
        bad=1
    fi
done
exit $bad
