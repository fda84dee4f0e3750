#!/usr/bin/env bash
# Nothing in src/ compares kinds of columns by their order: kinds have traits (column/kind.h).
set -euo pipefail
cd "${ODDROW_SOURCE:-$(dirname "$0")/../..}"

kinds=$(sed -n '/^typedef enum odd_kind/,/^} odd_kind/s/^ *ODD_\([A-Z]*\).*/\1/p' src/column/kind.h |
    grep -v '^KINDS$' | paste -sd'|')
[ -n "$kinds" ] || { echo "no kinds found"; exit 1; }
order='(<=?|>=?)'
if grep -nE "(\b|\.|->)kind *$order *[A-Z(]|\bkind *$order *ODD_|$order *ODD_($kinds)\b|ODD_($kinds) *$order" \
    src/*/*.c src/*/*.h | grep -vE 'kind *(<|>=) *ODD_[A-Z]*S\b'; then
    echo "kinds are compared by their order"
    exit 1
fi
