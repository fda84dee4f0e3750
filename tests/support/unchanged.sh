#!/usr/bin/env bash
# Checks that a refactoring changes nothing: builds COMMIT and this tree, runs both on the same data
# and compares all that they write, byte for byte.
#
# usage: tests/support/unchanged.sh [--full] [--only REGEX] [--keep DIR] COMMIT [BINARY]
#        tests/support/unchanged.sh --list
#
#   --full      trains for the default number of epochs everywhere; a few epochs otherwise
#   --only R    runs the groups whose name matches R; --list prints the names
#   --keep DIR  leaves what this tree wrote in DIR
#   BINARY      is compared instead of this tree's release build
#
# The script prints one line per artefact, same or DIFFERENT, and exits with 1 when one differs. An
# artefact is a file that a command writes, its standard output, or the exit codes of a group. Standard
# error is no artefact: the wording of messages may change. Tables and messages for people (*.text.out,
# *.messages) may be reworded: "reworded" says that their numbers are the same, and is no difference. unchanged/normalise.py removes what clocks
# write, and says what that is. What COMMIT writes stays in build/unchanged and is used again.
#
# ODDROW_SHARED is the directory of data sets [../shared]; groups that need it are skipped without it.
# ODDROW_UNCHANGED is the directory used in place of build/unchanged.
set -euo pipefail
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
root=$(realpath "$here/../..")
shared=${ODDROW_SHARED:-$root/../shared}
export LC_ALL=C.UTF-8

say() { printf 'unchanged: %s\n' "$*" >&2; }
die() { say "$*"; exit 2; }
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; }

full='' only=. keep='' list=''
while [ $# -gt 0 ]; do
    case $1 in
    --full) full=-full ;;
    --list) list=1 ;;
    --only | --keep)
        [ $# -gt 1 ] || die "$1 needs a value"
        if [ "$1" = --only ]; then only=$2; else keep=$2; fi
        shift
        ;;
    -h | --help)
        usage
        exit
        ;;
    -*) die "unknown option $1" ;;
    *) break ;;
    esac
    shift
done

few=(--epochs 3 --min-steps 150)
[ -z "$full" ] || few=()
# shellcheck source=tests/support/unchanged/groups.sh
. "$here/unchanged/groups.sh"
# shellcheck source=tests/support/unchanged/data.sh
. "$here/unchanged/data.sh"

groups=$(declare -F | sed -n 's/^declare -f group_//p' | grep -E -- "$only") || die "no group matches $only"
if [ -n "$list" ]; then
    echo "$groups"
    exit
fi
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    usage >&2
    exit 2
fi
commit=$(git -C "$root" rev-parse --verify --quiet "$1^{commit}") || die "no commit $1"
store=${ODDROW_UNCHANGED:-$root/build/unchanged}
mkdir -p "$store"
store=$(realpath "$store")
base=$store/$commit # tree/: its sources and build; data/; results/ and results-full/
mkdir -p "$base"

# ---- programs

# Debian's serial OpenBLAS is not safe in a program with threads: two threads may get the same buffer,
# and about one run in fifty of `encode --what code` then writes wrong rows. The build with locks, held
# to one thread, computes the same numbers every time. Both programs run with it.
lock_blas() { # BINARY
    local blas libraries
    libraries=$(ldd "$1") || return 0
    case $libraries in *openblas-serial*) ;; *) return 0 ;; esac
    for blas in /usr/lib/*/openblas-pthread "$store"/blas/usr/lib/*/openblas-pthread; do
        [ -d "$blas" ] && break
    done
    if [ ! -d "$blas" ]; then
        say "fetching libopenblas0-pthread into $store/blas; nothing is installed"
        rm -rf "$store/deb"
        mkdir "$store/deb"
        if ! (
            cd "$store/deb"
            apt-get -qq -o APT::Sandbox::User=root download libopenblas0-pthread >&2 &&
                dpkg-deb -x ./*.deb "$store/blas"
        ); then
            say "without libopenblas0-pthread a difference may be one of chance: run the group again"
            return 0
        fi
        blas=$(echo "$store"/blas/usr/lib/*/openblas-pthread)
    fi
    export OPENBLAS_NUM_THREADS=1 LD_LIBRARY_PATH=$blas${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
}
build() { # TREE
    (
        cd "$1"
        cmake --preset release --log-level=WARNING >/dev/null
        cmake --build --preset release -j "${ODDROW_JOBS:-$(nproc)}" --target oddrow -- --quiet
    ) >&2
}

# ---- running and comparing

# NAME BINARY DIRECTORY: runs a group in DIRECTORY/NAME. A command that fails does not end the group:
# its exit code is an artefact.
run_group() {
    rm -rf "${3:?}/$1"
    mkdir -p "$3/$1"
    (
        set +e
        oddrow=$2
        cd "$3/$1" || exit
        ln -s "$base/data" data
        ln -s "$base/tree/pipelines" pipelines
        "group_$1"
        rm -f data pipelines sub.csv
        python3 "$here/unchanged/normalise.py"
    )
}
numbers() { grep -oE '[0-9][0-9.,e+-]*' "$1" || true; }
artefacts() { (cd "$1" && find . -type f ! -name '*.err' | sed 's|^\./||'); }

exec 8>"$store/lock"
flock 8 # two runs at a time share the data and the results of the commit
if [ ! -x "$base/tree/build/release/oddrow" ]; then
    say "building $commit"
    rm -rf "$base/tree"
    mkdir "$base/tree"
    git -C "$root" archive "$commit" | tar x -C "$base/tree"
    build "$base/tree"
fi
baseline=$base/tree/build/release/oddrow
lock_blas "$baseline"
[ -d "$base/data" ] || make_data

chosen=
for name in $groups; do
    if needed=$(missing_data "$name"); then
        echo "skipped   $name ($needed is not there)"
        continue
    fi
    chosen="$chosen $name"
    [ ! -f "$base/results$full/$name.done" ] || continue
    say "$1 runs $name"
    run_group "$name" "$baseline" "$base/results$full"
    if [ -f "$base/results$full/$name/unexpected" ]; then
        sed 's/^/unchanged: /' "$base/results$full/$name/unexpected" >&2
        die "the group $name does not suit $1"
    fi
    touch "$base/results$full/$name.done"
done
flock -u 8

if [ $# -eq 2 ]; then
    binary=$(realpath "$2")
else
    say "building this tree"
    build "$root"
    binary=$root/build/release/oddrow
fi
[ -x "$binary" ] || die "$binary is no program"
if [ -n "$keep" ]; then
    mkdir -p "$keep"
    work=$(realpath "$keep")
else
    work=$(mktemp -d "$store/run.XXXXXX")
    trap 'rm -rf "$work"' EXIT
fi

same=0 reworded=0 different=0
for name in $chosen; do
    run_group "$name" "$binary" "$work"
    while IFS= read -r file; do
        was=$base/results$full/$name/$file now=$work/$name/$file why=
        if [ ! -f "$now" ]; then
            why="not written"
        elif [ ! -f "$was" ]; then
            why="$1 does not write it"
        elif ! cmp -s "$was" "$now"; then
            why=$(cmp "$was" "$now" 2>&1 | sed 's/.*differ: //; s/.*EOF on .*/one is longer/') || true
        fi
        if [ -z "$why" ]; then
            same=$((same + 1))
            echo "same      $name/$file"
        elif [[ $file = *.text.out || $file = *.messages ]] && [ -f "$was" ] && [ -f "$now" ] &&
            cmp -s <(numbers "$was") <(numbers "$now"); then
            reworded=$((reworded + 1))
            echo "reworded  $name/$file"
        else
            different=$((different + 1))
            echo "DIFFERENT $name/$file ($why)"
        fi
    done < <({ artefacts "$base/results$full/$name"; artefacts "$work/$name"; } | LC_ALL=C sort -u)
done
echo "$same same, $reworded reworded, $different different"
[ "$different" -eq 0 ]
