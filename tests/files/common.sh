# What the end-to-end tests share: a directory for each test, and functions that check results.
# shellcheck shell=bash
set -euo pipefail
export LC_ALL=C.UTF-8
oddrow=$ODDROW_BINARY
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
say() { printf -- '-- %s\n' "$*"; }
generate() { python3 "$ODDROW_SOURCE/tests/files/generate.py" "$@"; }
# refuses CODE WORDS COMMAND...: the command must exit with CODE and print WORDS on standard error.
refuses() { # CODE WORDS COMMAND...
    local code=$1 words=$2 found=0
    shift 2
    "$@" >refused.out 2>refused.err || found=$?
    [ "$found" -eq "$code" ] || fail "exit $found, not $code: $* ($(cat refused.err))"
    grep -qF -- "$words" refused.err || fail "'$words' is not said by: $* ($(cat refused.err))"
}
same() { cmp -- "$1" "$2" || fail "$1 and $2 differ"; }
lines() { awk 'END { print NR }' "$1"; }
is() { [ "$1" = "$2" ] || fail "${3:-}: '$1' is not '$2'"; }
# Prints the peak resident memory of a command, in MiB.
peak() {
    python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)' "$@"
}
quick=(--quiet --epochs 1 --min-steps 60)
