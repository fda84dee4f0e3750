#!/usr/bin/env bash
# Runs one transcript. CASE.golden holds lines "$ COMMAND". After each come the lines that the command
# prints on standard output, then those on standard error, each after "! ", then "[N]" if the exit code N
# is not 0. Lines that begin with # are comments. The commands share one directory, empty at first. There,
# oddrow is the binary under test and ODDROW_SOURCE the source tree. --update rewrites the case with the
# actual output.
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
    # Reads only comments, commands and the blank lines right before them from the case.
    awk '/^[#$]/ { if (blank) print ""; blank = 0; print; next } /^$/ { blank = 1; next } { blank = 0 }' "$case"
) >../result

if [ -n "$update" ]; then
    cp ../result "$case"
else
    diff -u --label expected --label "what came out" "$case" ../result
fi
