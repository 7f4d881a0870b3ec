#!/bin/sh
# headers.sh - every public header compiles alone, as C and, where there is a compiler, as C++
# SPDX-License-Identifier: Apache-2.0
# Environment: CC, CXX (c++), CPPFLAGS, srcdir
cc=${CC:-cc} cxx=${CXX:-c++} status=0
try() { # compiler and arguments...
    printf '#include <ec/%s>\n' "$header" |
        "$@" $CPPFLAGS -I"$srcdir/include" -Wall -Wextra -Wno-unused-parameter -Werror -fsyntax-only - || {
        echo "ec/$header does not compile alone: $*" >&2
        status=1
    }
}
for path in "$srcdir"/include/ec/*.h; do
    header=${path##*/}
    try $cc -std=gnu17 -x c
    if command -v "$cxx" > /dev/null 2>&1; then
        try "$cxx" -std=c++17 -x c++
    fi
done
exit $status
