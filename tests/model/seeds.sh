#!/usr/bin/env bash
# The seeds of the model fuzzer are models of this format, but for the broken ones.
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
