#!/usr/bin/env bash
# Includes point down only, and siblings do not include each other: every #include "ROOM/…" in src/
# is held against the rooms that may stand below.
set -euo pipefail
cd "${ODDROW_SOURCE:-$(dirname "$0")/../..}"

awk '
BEGIN {
    below["base"] = ""
    below["csv"] = "base"
    below["math"] = "base"
    below["column"] = "base csv"
    below["nn"] = below["column"] " math column"
    below["score"] = below["nn"] " nn"
    below["model"] = below["score"] " score"
    below["tables"] = below["model"] " model"
    below["train"] = below["files"] = below["embed"] = below["tables"] " tables"
    below["wire"] = "base csv column"
    below["client"] = "base csv column wire"
    below["http"] = "base"
    below["worker"] = below["tables"] " wire"
    below["pipeline"] = below["worker"] " tables train files embed worker client"
    below["cli"] = below["pipeline"] " pipeline http"
    for (room in below) {
        may[room, room] = 1
        n = split(below[room], rooms, " ")
        for (i = 1; i <= n; i++)
            may[room, rooms[i]] = 1
    }
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, parts, "\"")
    if (parts[2] == "oddrow.h")
        next
    split(FILENAME, path, "/")
    split(parts[2], target, "/")
    if (!(path[2] in below)) {
        print FILENAME ": " path[2] " is no room that this test knows"
        bad = 1
    } else if (!((path[2], target[1]) in may)) {
        print FILENAME ":" FNR ": " path[2] " may not include " parts[2]
        bad = 1
    }
    seen++
}
END {
    if (!seen) {
        print "no includes found"
        bad = 1
    }
    exit bad
}' src/*/*.c src/*/*.h
