#!/bin/sh
# headers.sh - the installed headers: each stands alone, shows nothing private, and is a contract
# SPDX-License-Identifier: Apache-2.0
# 1. compiles alone as C11, gnu17 and C++17 (C++ where there is a compiler)
# 2. includes only <ec/...>, APR and the C library
# 3. is installed (include/local.mk), and begins with what it is for
# 4. every function has a comment: above it, above the group without empty lines that it stands in, or behind it
# 5. exports: the shared library exports ec_* only, and every such name stands in a header
# Environment: CC, CXX (c++), CPPFLAGS, srcdir; HEADERS: a folder to look at instead (for the test of this test)
cc=${CC:-cc} cxx=${CXX:-c++} status=0
folder=${HEADERS:-$srcdir/include/ec}

fail() {
    echo "$*" >&2
    status=1
}

try() { # compiler and arguments...
    printf '#include "%s"\n' "$path" |
        "$@" $CPPFLAGS -I"$srcdir/include" -Wall -Wextra -Wno-unused-parameter -Werror -fsyntax-only - ||
        fail "ec/$header does not compile alone: $*"
}

includes() {
    sed -n 's/^ *# *include *//p' "$path" | grep -v -E '^<(ec/[a-z_]+\.h|apr_?[a-z_]*\.h|std[a-z]+\.h|string\.h|stddef\.h)>' |
        while read -r what; do echo "ec/$header includes what is not public: $what"; done
}

# A declaration begins at the margin with a letter, holds "(", and is neither typedef, macro, struct nor inline body.
contracts() {
    awk -v header="ec/$header" '
        /^$/ { covered = 0; next }
        /^\/\*/ { comment = 1 }
        comment { if (/\*\//) { comment = 0; covered = 1 } ; next }
        /^(typedef|struct|enum|extern|#|\}|union|static)/ { next }
        /^(__attribute__|[A-Z_]+\()/ { next }
        /^[a-zA-Z].*\(/ {
            line = $0
            while (line !~ /;/ && line !~ /\{/ && (getline more) > 0) line = line " " more
            if (!covered && line !~ /\/\*/) { sub(/\(.*/, "", line); print header ": no comment says what this does: " line }
        }' "$path"
}

for path in "$folder"/*.h; do
    header=${path##*/}
    path=$(cd "${path%/*}" && pwd)/$header
    try $cc -std=c11 -x c
    try $cc -std=gnu17 -x c
    if command -v "$cxx" > /dev/null 2>&1; then
        try "$cxx" -std=c++17 -x c++
    fi
    bad=$(includes; contracts)
    [ -z "$bad" ] || fail "$bad"
    [ -n "$HEADERS" ] || grep -q "%D%/ec/$header" "$srcdir/include/local.mk" || fail "ec/$header is not installed: include/local.mk"
    head -n 1 "$path" | grep -q "^/\* $header - " || fail "ec/$header: the first line does not say what it is for"
done

library=.libs/libecelerity.so
if [ -z "$HEADERS" ] && [ -f $library ] && command -v nm > /dev/null 2>&1; then
    for name in $(nm -D --defined-only $library | awk '$2 ~ /[TDBRVW]/ { print $3 }'); do
        case $name in
        ec_*) grep -q -w "$name" "$folder"/*.h || fail "libecelerity.so exports $name, which no header declares" ;;
        _init | _fini | __*) ;;
        *) fail "libecelerity.so exports $name: only ec_* may be seen from outside" ;;
        esac
    done
fi

# a header that breaks every rule is seen to
if [ -z "$HEADERS" ]; then
    mkdir -p headers-test.$$
    printf '/* not its name */\n#include "hook/hook.h"\n\nint ec_naked(void);\nsize_t ec_x; \n' > headers-test.$$/bad.h
    found=$(HEADERS=$PWD/headers-test.$$ "$0" 2>&1) && fail "a bad header passes"
    for rule in "does not compile alone" "not public" "no comment" "does not say"; do
        case $found in *"$rule"*) ;; *) fail "a bad header is not found out: $rule" ;; esac
    done
    rm -rf headers-test.$$
fi
exit $status
