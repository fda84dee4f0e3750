#!/usr/bin/env bash
# Includes point down only, siblings do not include each other, and no two files need each other.
#
# Every #include "ROOM/…" in src/ is held against the rooms that may stand below. Then the includes
# of all files are followed, through headers of headers: no header reaches itself, and of two files
# with a header of their own (a.c, a.h and b.c, b.h) one does without the other.
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
    file = substr(FILENAME, 5)
    includes[file, ++count[file]] = parts[2]
}
# All that a file includes, into reached[from, …].
function follow(from, file,    i, next_file) {
    for (i = 1; i <= count[file]; i++) {
        next_file = includes[file, i]
        if (!((from, next_file) in reached)) {
            reached[from, next_file] = 1
            follow(from, next_file)
        }
    }
}
END {
    if (!seen) {
        print "no includes found"
        bad = 1
    }
    for (file in count)
        follow(file, file)
    for (file in count)
        if ((file, file) in reached) {
            print "src/" file " includes itself through other headers"
            bad = 1
        }
    for (file in count)
        for (other in count)
            if (file < other && file ~ /[.]c$/ && other ~ /[.]c$/) {
                a = substr(file, 1, length(file) - 2)
                b = substr(other, 1, length(other) - 2)
                if (((file, b ".h") in reached) && ((other, a ".h") in reached)) {
                    print "src/" a " and src/" b " include each other"
                    bad = 1
                }
            }
    exit bad
}' src/*/*.c src/*/*.h
