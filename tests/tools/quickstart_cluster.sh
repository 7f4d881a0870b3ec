#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./quickstart cluster: three nodes, a manager and a sink on this machine, each in a network namespace of its own with its own
# corosync; a message through each node.  Needs root.  Everything ends with this script, however it ends.
# usage: ./quickstart cluster [DIR]     DIR holds all files of the run (default: ./quickstart.cluster); what an earlier run left there
#                                       is removed
#        QUICKSTART_ONCE=1 leaves after the first messages; QUICKSTART_INST=PREFIX uses what is installed there
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
run=${1:-$top/quickstart.cluster}
build=${QUICKSTART_BUILD:-$top/build/quickstart}
inst=${QUICKSTART_INST:-$build/inst}
[ "$(id -u)" -eq 0 ] || { echo "network namespaces need root: sudo ./quickstart cluster" >&2; exit 1; }
# only what a run has made is removed: DIR may be somebody's folder
made=$run/.made-by-quickstart
if [ -f "$made" ]; then
    rm -rf "$run"
elif [ -n "$(ls -A "$run" 2>/dev/null)" ]; then
    echo "$run has files that are not of ./quickstart cluster: name another folder, or an empty one" >&2
    exit 1
fi
mkdir -p "$run"
: > "$made"
run=$(cd "$run" && pwd)
export PATH=$inst/bin:$inst/sbin:$PATH:/usr/sbin:/sbin

if [ -z "${QUICKSTART_INST:-}" ]; then
    "$top/tests/tools/build.sh" packages cluster
    echo "== building (first time: about a minute)"
    "$top/tests/tools/build.sh" build "$build" > "$run/build.log" 2>&1 || { tail -n 30 "$run/build.log"; echo "build failed: $run/build.log"; exit 1; }
fi

# ---- hosts: a process holds the namespaces of each; they go with it

net=10.77.0
nodes=(n1 n2 n3)
hosts=("${nodes[@]}" manager sink)
declare -A holder=() number=() pids=()

stop() {
    trap - EXIT INT TERM
    local name
    for name in "${!pids[@]}"; do kill -TERM "${pids[$name]}" 2>/dev/null || true; done
    for name in "${!pids[@]}"; do wait "${pids[$name]}" 2>/dev/null || true; done
    for name in "${!holder[@]}"; do kill -KILL "${holder[$name]}" 2>/dev/null || true; done
    for name in "${!holder[@]}"; do wait "${holder[$name]}" 2>/dev/null || true; done
}
trap stop EXIT
trap 'stop; exit 0' INT TERM

fail() { echo "$*" >&2; exit 1; }

# wait for a line in a growing file, or for the end of the process that writes it
await() {
    local file=$1 text=$2 pid=$3
    grep -m1 -- "$text" < <(exec tail -n +1 --pid="$pid" -F "$file" 2>/dev/null)
}

# hold NAME COMMAND: new namespaces, prepared by the command
hold() {
    : > "$run/$1.held"
    setpriv --pdeathsig KILL unshare -n -m sh -ec "$2; echo held; exec sleep infinity" > "$run/$1.held" 2>&1 &
    holder[$1]=$!
    await "$run/$1.held" "^held" $! > /dev/null || fail "no namespace for $1: $(cat "$run/$1.held")"
    rm -f "$run/$1.held"
}
on() { local name=$1; shift; nsenter -t "${holder[$name]}" -n -m -- "$@"; }

# launch NAME HOST FILE PROGRAM...: its output goes to the file
launch() {
    local name=$1 host=$2 file=$3
    shift 3
    : > "$file"
    setpriv --pdeathsig KILL nsenter -t "${holder[$host]}" -n -m -- "$@" > "$file" 2>&1 &
    pids[$name]=$!
}

# start NAME HOST FILE TEXT PROGRAM...: wait until it says the text
start() {
    local name=$1 file=$3 text=$4
    launch "$1" "$2" "$3" "${@:5}"
    await "$file" "$text" "${pids[$name]}" > /dev/null || fail "$name does not start: $(tail -n 20 "$file")"
}

echo "== five hosts: ${hosts[*]}"
hold switch "ip link add br0 type bridge && ip link set br0 up"
for host in "${hosts[@]}"; do
    number[$host]=$((${#number[@]} + 1))
    hold "$host" "for d in /run /dev/shm /etc/corosync /var/lib/corosync; do mkdir -p \$d; mount -t tmpfs none \$d; done; ip link set lo up"
    on switch ip link add "v${number[$host]}" type veth peer name eth0 netns "${holder[$host]}"
    on switch ip link set "v${number[$host]}" master br0 up
    on "$host" ip addr add "$net.${number[$host]}/24" dev eth0
    on "$host" ip link set eth0 up
done

# ---- the members are named once; corosync.conf and its key are made from that

{
    echo "# Made by ./quickstart cluster: the members of the cluster, the same file on all of them."
    echo "msgc_server {"
    echo "  peers = ["
    for host in "${nodes[@]}" manager; do echo "    \"$host\" = \"$net.${number[$host]}\""; done
    echo "  ]"
    echo "}"
} > "$run/msgc_server.conf"

for host in "${nodes[@]}" manager; do
    [ ! -f "$run/authkey" ] || on "$host" install -m 0400 "$run/authkey" /etc/corosync/authkey
    on "$host" "$inst/bin/ec_ctl" cluster-config -c "$run/msgc_server.conf" --no-reload > "$run/cluster-config.out"
    [ -f "$run/authkey" ] || on "$host" install -m 0400 /etc/corosync/authkey "$run/authkey"
    launch "corosync on $host" "$host" "$run/$host.corosync" corosync -f
done
grep token "$run/cluster-config.out"

# ---- servers

common() {
    cat <<CONF
# Made by ./quickstart cluster.
Security {
  user = "root"
}
include "$run/msgc_server.conf"
cluster {
  nodename = "$1"
}
Control_Listener {
  Listen "$run/$1/control" {}
}
CONF
}

start sink sink "$run/sink.out" "listening" "$inst/bin/smtpsink" -l "$net.${number[sink]}:2526"
for node in "${nodes[@]}"; do
    mkdir -p "$run/$node/spool" "$run/$node/log" "$run/$node/run"
    { common "$node"; cat <<CONF
# Everything goes to the sink; the three of them have two connections to it at most.
Spoolbase = "$run/$node/spool"
PidFile = "$run/$node/ecelerity.pid"
Gateway = "$net.${number[sink]}"
Remote_SMTP_Port = 2526
Relay_Hosts = ( "$net.0/24" "127.0.0.0/8" )
cluster_server_max_outbound_connections = 2
ESMTP_Listener {
  Listen "$net.${number[$node]}:2525" {}
}
ec_logger "ec_logger" {
  mainlog = "$run/$node/log/mainlog.ec"
  paniclog = "$run/$node/log/paniclog.ec"
  rejectlog = "$run/$node/log/rejectlog.ec"
  acctlog = "$run/$node/log/acctlog.ec"
}
CONF
    } > "$run/$node/ecelerity.conf"
    : > "$run/$node/log/mainlog.ec"
    EC_RUNDIR=$run/$node/run start "$node" "$node" "$run/$node/server.err" "ready pid" \
        "$inst/sbin/ecelerity" -d -c "$run/$node/ecelerity.conf"
done
mkdir -p "$run/manager/run"
{ common manager; printf 'Logs {\n  control_cache = "%s/manager/control_cache"\n}\n' "$run"; } > "$run/manager/eccluster.conf"
EC_RUNDIR=$run/manager/run start manager manager "$run/manager/manager.err" "ready pid" \
    "$inst/sbin/eccmgr" -d -c "$run/manager/eccluster.conf"
for node in "${nodes[@]}"; do
    await "$run/$node/server.err" "the lease is good" "${pids[$node]}" > /dev/null || fail "$node: $(cat "$run/$node/server.err")"
done

echo "== the cluster, as n1 sees it"
ec_console "$run/n1/control" cluster membership
for node in "${nodes[@]}"; do
    echo "== one message through $node: R received, D delivered"
    on "$node" "$inst/bin/smtpload" -c 1 -n 1 "$net.${number[$node]}:2525" > "$run/load.out" || { cat "$run/load.out"; exit 1; }
    await "$run/$node/log/mainlog.ec" "@R@" "${pids[$node]}"
    await "$run/$node/log/mainlog.ec" "@D@" "${pids[$node]}"
done
echo "== what the manager sees"
ec_console "$run/manager/control" on all: cluster info
[ -z "${QUICKSTART_ONCE:-}" ] || exit 0
cat <<HELP

A console:     $inst/bin/ec_console $run/n1/control             (n2, n3 and manager likewise)
All nodes:     $inst/bin/ec_console $run/manager/control on all: summary
Send more:     nsenter -t ${holder[n1]} -n $inst/bin/smtpload -c 20 -n 10000 $net.1:2525
Pull a cable:  nsenter -t ${holder[switch]} -n ip link set v2 down         (and "up" to put it back)
Kill a node:   kill -9 ${pids[n3]}
Configuration and logs: $run/n1 and so on; how it works: doc/cluster.md
Ctrl-C ends everything and leaves nothing behind but $run.
HELP
wait "${pids[sink]}"
