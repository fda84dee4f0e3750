#!/usr/bin/env bash
# The man page names every option that --help names and no other, and mandoc finds nothing wrong.
set -euo pipefail
page=$ODDROW_SOURCE/docs/oddrow.1

options() { grep -oE -- '^ +(-[a-z], )?--[a-z][a-z-]*' | grep -oE -- '--[a-z][a-z-]*' | sort -u; }

for command in train score eval inspect columns predict embeddings encode similar serve send ask watch keygen promote; do
    "$ODDROW_BINARY" "$command" --help | options
done | sort -u >"$ODDROW_BUILD/options.help"
# .It Fl \-name … in the page, and the short ones' long names
sed -n 's/^\.It .*Fl \\-\([a-z][a-z\\-]*\).*/--\1/p' "$page" | sed 's/\\-/-/g' | sort -u |
    grep -vx -- --version >"$ODDROW_BUILD/options.man"
diff -u --label "oddrow --help" --label docs/oddrow.1 "$ODDROW_BUILD/options.help" "$ODDROW_BUILD/options.man"

if ! command -v mandoc >/dev/null; then
    echo "skipped: mandoc is not installed"
    exit 77
fi
mandoc -T lint -W warning "$page"
