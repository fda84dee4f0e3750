#!/usr/bin/env bash
# Installs into an empty directory. Then builds and runs a program against the library in this directory
# alone: with the CMake package, with pkg-config and the shared library, and with pkg-config and the
# static library.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
consumer=$ODDROW_SOURCE/tests/support/consumer

cmake --install "$ODDROW_BUILD" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/prefix" # an installed tree can be moved
prefix=$work/prefix
# pkg-config looks in the library directory that cmake --install has chosen
library=$(dirname "$(find "$prefix" -name 'liboddrow.so')")
export PKG_CONFIG_PATH=$library/pkgconfig
export LD_LIBRARY_PATH=$library

"$prefix/bin/oddrow" --version
test -f "$prefix/share/man/man1/oddrow.1"
test "$(cd "$prefix/include" && find . -type f | wc -l)" -eq 1

cmake -S "$consumer" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release \
    >"$work/log" || { cat "$work/log"; exit 1; }
cmake --build "$work/build" >"$work/log" || { cat "$work/log"; exit 1; }
"$work/build/consumer"

cc=${CC:-cc}
flags=(-std=c11 -Wall -Wextra -Wpedantic -Werror)
# shellcheck disable=SC2046
"$cc" "${flags[@]}" "$consumer/consumer.c" -o "$work/shared" $(pkg-config --cflags --libs oddrow)
"$work/shared"
# shellcheck disable=SC2046
"$cc" "${flags[@]}" "$consumer/consumer.c" -o "$work/static" $(pkg-config --cflags oddrow) \
    "$library/liboddrow.a" $(pkg-config --static --libs oddrow | sed 's/-loddrow//')
LD_LIBRARY_PATH='' "$work/static"

# The shared library exports only public names.
if nm -D --defined-only "$library/liboddrow.so" | awk '$3 !~ /^(oddrow_|_init$|_fini$|__bss_start$|_edata$|_end$)/ { print; bad = 1 } END { exit !bad }'; then
    echo "names other than oddrow_… are exported"
    exit 1
fi
