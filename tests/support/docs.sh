#!/usr/bin/env bash
# Checks that the man page names exactly the options that --help names, and that mandoc finds no errors.
set -euo pipefail
page=$ODDROW_SOURCE/docs/oddrow.1

options() { grep -oE -- '^ +(-[a-z], )?--[a-z][a-z-]*' | grep -oE -- '--[a-z][a-z-]*' | sort -u; }

for command in train score eval inspect columns predict embeddings encode similar serve send ask watch keygen promote; do
    "$ODDROW_BINARY" "$command" --help | options
done | sort -u >"$ODDROW_BUILD/options.help"
# the long options: .It Fl \-name, and .It Fl x … , Fl \-name
sed -n 's/^\.It .*Fl \\-\([a-z][a-z\\-]*\).*/--\1/p' "$page" | sed 's/\\-/-/g' | sort -u |
    grep -vx -- --version >"$ODDROW_BUILD/options.man"
diff -u --label "oddrow --help" --label docs/oddrow.1 "$ODDROW_BUILD/options.help" "$ODDROW_BUILD/options.man"

if ! command -v mandoc >/dev/null; then
    echo "skipped: mandoc is not installed"
    exit 77
fi
mandoc -T lint -W warning "$page"
