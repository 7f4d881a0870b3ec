#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What ./quickstart and ./check share: packages and builds.
# usage: build.sh packages [test|cluster]           install what is missing (needs root for that)
#        build.sh build DIR [configure arguments]   configure, make and install into DIR/inst
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)

needed=(gcc make autoconf automake libtool libltdl-dev pkg-config libapr1-dev libxml2-dev libssl-dev check
        libunbound-dev libedit-dev libpcre2-dev libcap-dev libcpg-dev libquorum-dev)
for_tests=(python3-pytest python3-pytest-xdist python3-dnspython clang libclang-rt-14-dev valgrind iproute2)
for_cluster=(corosync iproute2 nftables)

packages() {
    local missing=() p
    case "${1:-}" in
    test) needed+=("${for_tests[@]}" "${for_cluster[@]}") ;;
    cluster) needed+=("${for_cluster[@]}") ;;
    esac
    for p in "${needed[@]}"; do
        dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing+=("$p")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "== installing: ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        echo "these packages are missing; as root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
}

build() {
    local dir=$1
    shift
    [ -x "$top/configure" ] && [ "$top/configure" -nt "$top/configure.ac" ] || (cd "$top" && autoreconf -i)
    mkdir -p "$dir"
    cd "$dir"
    [ -f config.status ] && [ config.status -nt "$top/configure" ] || "$top/configure" --prefix="$dir/inst" -q "$@"
    make -s -j"$(nproc)"
    make -s install > install.log 2>&1 || { tail -n 20 install.log; exit 1; }
}

"$@"
