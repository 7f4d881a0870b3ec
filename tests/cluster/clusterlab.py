# SPDX-License-Identifier: Apache-2.0
"""Several hosts on one machine: network namespaces on a bridge, each with its own corosync.

A host is a process that holds two namespaces, for the network and for mounts.  Everything of a lab ends with the
processes that hold it, and these end with the test process, however that ends: nothing has a name that could be left
behind, and labs that run at the same time share nothing, not even addresses."""
import contextlib
import ctypes
import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
import lab as base
from lab import PATIENCE, Program, program, wait_for

NETWORK = "10.77.0."
# Milliseconds.  A dead host is noticed after 2.25 tokens; what the others hold must outlast that: see doc/cluster.md.
TOKEN = int(os.environ.get("EC_TOKEN", "600"))
LEASE_WINDOW, LEASE_MARGIN = 2000, 250
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")


def why_not():
    """Why no lab can be made here; None when one can."""
    for tool in ("corosync", "nft", "ip", "nsenter", "unshare", "setpriv"):
        if not shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            return f"{tool} is not installed (tests/tools/build.sh packages installs it)"
    probe = subprocess.run(["unshare", "-n", "-m", "sh", "-c",
                            "mount -t tmpfs none /dev/shm && ip link add probe type veth peer name other && nft add table inet probe"],
                           capture_output=True, text=True)
    return f"no network namespaces here (root is needed): {probe.stderr.strip()}" if probe.returncode else None


class Enter(Program):
    """A program in the namespaces of a host; its pid is the program's own."""

    def __init__(self, host, *argv, **more):
        self.enter = host.enter
        super().__init__(*argv, **more)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)


class Node(base.Server):
    """A server on a host."""

    def __init__(self, host, folder, config, **more):
        self.enter = host.enter
        self.host = host
        super().__init__(folder, config, address=host.address, **more)

    pause, go_on = Enter.pause, Enter.go_on

    def members(self, only_active=True):
        """Names of the members as this node sees them; a manager's is in brackets."""
        rows = self.console("cluster", "membership").get("members", [])
        names = [r["node"] if r["type"] == "Momentum" else f"({r['node']})" for r in rows
                 if r["active"] == "yes" or not only_active]
        return sorted(names)

    def info(self):
        return self.console("cluster", "info")


class Manager(Node):
    """A cluster manager on a host."""

    FRAME = """
PidFile = "{dir}/pid"
Security {{ user = "root" }}
Control_Listener {{ Listen "{dir}/control" {{}} }}
Logs {{ control_cache = "{dir}/cache" }}
EventLoop "loops" {{ concurrency = {loops} }}
"""

    def configure(self, config):
        with open(f"{self.dir}/eccluster.conf", "w") as f:
            f.write(self.frame.format(dir=self.dir, loops=self.loops) + config)

    def start(self, *options, wait=True, preexec_fn=None):
        Program.__init__(self, program("eccmgr"), "-d", "-c", f"{self.dir}/eccluster.conf", *options, env=self.env,
                         preexec_fn=preexec_fn)
        if wait:
            self.await_line("ready pid=")
        return self

    def members(self, only_active=True):
        rows = self.console("show", "cluster", "membership").get("members", [])
        return sorted(r["node"] for r in rows if r["type"] == "Momentum" and (r["active"] == "yes" or not only_active))


class Host:
    """Two namespaces with an address, a cable to the switch, and a corosync of its own."""

    def __init__(self, lab, name, number):
        self.lab, self.name, self.number = lab, name, number
        self.address = f"{NETWORK}{number}"
        self.dir = str(lab.dir / name)
        os.makedirs(self.dir, exist_ok=True)
        self.holder = Holder("mount -t tmpfs none /run; mount -t tmpfs none /dev/shm; "
                             "for d in /etc/corosync /var/lib/corosync; do mkdir -p $d; mount -t tmpfs none $d; done; "
                             "ip link set lo up")
        self.enter = self.holder.enter
        self.corosync = None
        self.node = None

    def plug_in(self):
        self.lab.switch.sh(f"ip link add v{self.number} type veth peer name eth0 netns {self.holder.pid} && "
                           f"ip link set v{self.number} master br0 up")
        self.sh(f"ip addr add {self.address}/24 dev eth0 && ip link set eth0 up && nft add table inet cut && "
                "nft add chain inet cut in '{ type filter hook input priority 0; }'")

    def sh(self, command):
        return self.run("sh", "-ec", command)

    def run(self, *argv, check=True):
        """Run a command on this host to its end; what it printed."""
        done = subprocess.run([*self.enter, *[str(a) for a in argv]], capture_output=True, text=True, timeout=PATIENCE,
                              stdin=subprocess.DEVNULL)
        assert not check or done.returncode == 0, f"{self.name}: {argv}: {done.returncode} {done.stdout}{done.stderr}"
        return done.stdout

    def program(self, *argv, **more):
        """Start a program on this host."""
        return self.lab.keep(Enter(self, *argv, **more))

    @contextlib.contextmanager
    def inside(self):
        """This thread in the host's network: sockets made meanwhile are there for good."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as ours, open(f"/proc/{self.holder.pid}/ns/net") as theirs:
            assert libc.setns(theirs.fileno(), 0) == 0, os.strerror(ctypes.get_errno())
            try:
                yield
            finally:
                assert libc.setns(ours.fileno(), 0) == 0, os.strerror(ctypes.get_errno())

    def connect(self, port=2525, address=None):
        """An SMTP client on this host."""
        with self.inside():
            return base.Client(address or self.address, port)

    def load(self, *options, address=None, port=2525, check=True, patience=600):
        """smtpload on this host, to its end; what it counted."""
        run = subprocess.run([*self.enter, program("smtpload"), *[str(o) for o in options], "--json",
                              f"{address or self.address}:{port}"], capture_output=True, text=True, timeout=patience,
                             stdin=subprocess.DEVNULL)
        assert not check or run.returncode == 0, run.stdout + run.stderr
        return base.json.loads(run.stdout[run.stdout.index("{"):])

    # ---- corosync

    def start_corosync(self, conf=None):
        if conf is None:
            conf = f"{self.dir}/corosync.conf"
            with open(conf, "w") as f:
                f.write(self.lab.corosync_conf(self))
        self.corosync = self.program("corosync", "-f", "-c", conf)
        return self.corosync

    # ---- all of it

    def processes(self):
        """Those of its server (the guard is one of them) and its corosync."""
        found = []
        for task in glob.glob(f"/proc/{self.node.pid}/task/*/children"):
            with open(task) as f:
                found += [int(pid) for pid in f.read().split()]
        return [self.node.pid, *found, self.corosync.pid]

    def pause(self):
        """As if the machine stood still, but for its network card."""
        for pid in self.processes():
            os.kill(pid, signal.SIGSTOP)

    def go_on(self):
        for pid in self.processes():
            os.kill(pid, signal.SIGCONT)

    # ---- the cable

    def unplug(self):
        self.lab.switch.sh(f"ip link set v{self.number} down")

    def plug(self):
        self.lab.switch.sh(f"ip link set v{self.number} up")

    def stop_hearing(self, *hosts):
        """One way only: they still hear us, if nobody stops that."""
        self.sh("; ".join(f"nft add rule inet cut in ip saddr {h.address} drop" for h in hosts))

    def hear_all(self):
        self.sh("nft flush chain inet cut in")


class Holder(Program):
    """The process that a host's namespaces belong to."""

    def __init__(self, setup):
        super().__init__(*DIES_WITH_US, "unshare", "-n", "-m", "sh", "-ec", f"{setup}; echo held; exec sleep infinity")
        self.await_line("held")
        self.enter = (*DIES_WITH_US, "nsenter", "-t", str(self.pid), "-n", "-m", "--")

    def sh(self, command):
        done = subprocess.run([*self.enter, "sh", "-ec", command], capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


class ClusterLab:
    """Hosts by name, lab["n1"]: those of `nodes` run corosync; "sink" is one without.

    `config` is for all nodes, beside what makes them a cluster; `cluster` stands in their cluster stanza."""

    def __init__(self, folder, nodes=("n1", "n2", "n3"), others=("sink",), token=TOKEN, crypto=False):
        self.dir, self.token, self.crypto = folder, token, crypto
        self.things = []
        self.names = list(nodes)
        self.hosts = {}
        self.switch = Holder("ip link add br0 type bridge mcast_snooping 0 && ip link set br0 up && ip link set lo up")
        try:
            for number, name in enumerate([*nodes, *others], 1):
                self.add_host(name, number)
        except BaseException:
            self.end()
            raise

    def add_host(self, name, number=None):
        host = self.hosts[name] = Host(self, name, number or len(self.hosts) + 1)
        host.plug_in()
        return host

    def __getitem__(self, name):
        return self.hosts[name]

    @property
    def nodes(self):
        return [self.hosts[n] for n in self.names]

    def keep(self, thing):
        self.things.append(thing)
        return thing

    # ---- corosync

    def corosync_conf(self, host):
        members = "".join(f"  node {{\n    ring0_addr: {h.address}\n    name: {h.name}\n    nodeid: {h.number}\n  }}\n"
                          for h in self.nodes)
        return f"""
totem {{
  version: 2
  cluster_name: lab
  transport: knet
  token: {self.token}
  token_coefficient: 0
  crypto_cipher: none
  crypto_hash: none
  interface {{
    linknumber: 0
    knet_ping_interval: 200
    knet_ping_timeout: 1000
  }}
}}
nodelist {{
{members}}}
quorum {{
  provider: corosync_votequorum
  {'two_node: 1' if len(self.names) == 2 else ''}
}}
system {{
  sched_rr: no
  move_to_root_cgroup: no
  state_dir: /var/lib/corosync
}}
logging {{
  to_stderr: yes
  to_syslog: no
  to_logfile: no
}}
"""

    def start_corosync(self, *hosts):
        for host in hosts or self.nodes:
            host.start_corosync()

    # ---- servers

    def cluster_config(self, host, cluster=""):
        peers = "\n".join(f'    "{h.name}" = "{h.address}"' for h in self.nodes)
        return f"""
cluster {{
  nodename = "{host.name}"
{cluster}
}}
msgc_server {{
  peers = [
{peers}
  ]
}}
"""

    def start_node(self, host, config="", cluster="", start=True, **more):
        """A server on the host, after whichever ran there before: its folder stays."""
        host.node = self.keep(Node(host, f"{host.dir}/node", self.cluster_config(host, cluster) + config, start=start, **more))
        return host.node

    def start_manager(self, host, config="", start=True, **more):
        host.node = self.keep(Manager(host, f"{host.dir}/manager", self.cluster_config(host) + config, start=start, **more))
        return host.node

    def start_nodes(self, config="", cluster="", **more):
        """corosync and a server on all nodes, in the cluster together."""
        self.start_corosync()
        for host in self.nodes:
            self.start_node(host, config, cluster, **more)
        self.await_members(*self.names)
        self.await_leases()

    def start_sink(self, *options, host="sink", port=2526, record=None):
        where = self.hosts[host]

        class HostSink(base.Sink):
            enter = where.enter
            pause, go_on = Enter.pause, Enter.go_on

        return self.keep(HostSink(where.address, port, *options, record=record))

    def await_members(self, *names, on=None):
        """All of them (or the hosts `on`) see exactly these as active members."""
        for host in on if on is not None else [self.hosts[n] for n in names]:
            wait_for(f"{host.name} to see {sorted(names)}", lambda h=host: h.node.members() == sorted(names))

    def await_leases(self):
        """All nodes may use what they hold of cluster-wide limits."""
        for host in self.nodes:
            wait_for(f"a lease of {host.name}", lambda h=host: h.node.info()["lease_left"] != "0 ms")

    # ---- faults

    def cut(self, ones, others):
        """Two groups of hosts that do not hear each other."""
        for one in ones:
            one.stop_hearing(*others)
        for other in others:
            other.stop_hearing(*ones)

    def heal(self):
        for host in self.hosts.values():
            host.hear_all()

    def end(self):
        for thing in reversed(self.things):
            if thing.running():
                thing.kill9()
        for holder in [*(h.holder for h in self.hosts.values()), self.switch]:
            holder.kill9()
