#!/usr/bin/env bash
# The oddest packages of this machine's Debian package index, and why. ./dev demo calls this.
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
echo
echo "Scores: $out/packages.scores.csv   Model: $out/packages.model   oddrow inspect shows it."
