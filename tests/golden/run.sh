#!/usr/bin/env bash
# Runs one transcript: CASE.golden holds lines "$ COMMAND", each followed by what it prints on
# standard output, by "! " and what it prints on standard error, and by "[N]" for an exit code N
# that is not 0. Lines that begin with # are for the reader. The commands share an empty directory;
# oddrow is the binary under test, ODDROW_SOURCE the source tree. With --update the case is
# rewritten as it came out.
#
# usage: run.sh [--update] CASE.golden
set -euo pipefail

update=
if [ "${1:-}" = --update ]; then
    update=1
    shift
fi
case=$(realpath "$1")
binary=$(realpath "${ODDROW_BINARY:?the binary under test}")
ODDROW_SOURCE=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
export ODDROW_SOURCE
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/here"
ln -s "$binary" "$work/bin/oddrow"
PATH=$work/bin:$PATH
export LC_ALL=C.UTF-8
cd "$work/here"

while IFS= read -r line || [ -n "$line" ]; do
    case $line in
    '#'*) printf '%s\n' "$line" ;;
    '') printf '\n' ;;
    '$ '*)
        printf '%s\n' "$line"
        code=0
        bash -c "${line#\$ }" >../out 2>../err </dev/null || code=$?
        cat ../out
        if [ -n "$(tail -c 1 ../out)" ]; then printf '\n'; fi
        sed 's/^/! /' ../err
        if [ "$code" -ne 0 ]; then printf '[%d]\n' "$code"; fi
        ;;
    esac
done < <(
    # Only comments, commands and the blank lines right in front of them are read from the case.
    awk '/^[#$]/ { if (blank) print ""; blank = 0; print; next } /^$/ { blank = 1; next } { blank = 0 }' "$case"
) >../result

if [ -n "$update" ]; then
    cp ../result "$case"
else
    diff -u --label expected --label "what came out" "$case" ../result
fi
