# SPDX-License-Identifier: Apache-2.0
"""What happens to a cluster while its limits are watched: each fault, and the return from it."""
import time

from slotlab import FULL, now

PAUSE = 10 if FULL else 3


def name_of(pid):
    with open(f"/proc/{pid}/comm") as f:
        return f.read().strip()


def wait(seconds):
    """Time is what is tested here."""
    time.sleep(seconds)


def kill_node(slots):
    victim, others = slots.lab.nodes[2], slots.lab.nodes[:2]
    slots.mark("kill -9 of a node")
    killed = now()
    victim.node.kill9()
    slots.await_used("the share of the dead", 0.9, others)
    if FULL:
        slots.check_share_of_dead(victim, others, killed)
    slots.lab.start_node(victim, slots.config())
    slots.lab.await_members(*slots.lab.names)


def restart_node(slots):
    """A clean stop: it says that it holds nothing only when that is so."""
    host = slots.lab.nodes[0]
    slots.mark("a node stops")
    assert host.node.stop() == 0
    slots.mark("it has stopped")
    slots.await_used("the share of the one that left", 0.9, slots.lab.nodes[1:])
    slots.lab.start_node(host, slots.config())
    slots.lab.await_members(*slots.lab.names)


def stop_server(slots):
    host = slots.lab.nodes[1]
    slots.mark("SIGSTOP of a server")
    host.node.pause()
    wait(PAUSE)
    slots.mark("SIGCONT")
    host.node.go_on()
    slots.lab.await_members(*slots.lab.names)


def kill_corosync(slots):
    host = slots.lab.nodes[0]
    slots.mark("kill -9 of corosync")
    host.corosync.kill9()
    wait(1)
    host.start_corosync()
    slots.lab.await_members(*slots.lab.names)


def stop_corosync(slots):
    host = slots.lab.nodes[1]
    slots.mark("SIGSTOP of corosync")
    host.corosync.pause()
    wait(PAUSE)
    slots.mark("SIGCONT of corosync")
    host.corosync.go_on()
    slots.lab.await_members(*slots.lab.names)


def partition(slots):
    """The sink is reached from both sides."""
    slots.mark("partition")
    slots.lab.cut(slots.lab.nodes[:1], slots.lab.nodes[1:])
    wait(PAUSE)
    slots.mark("merge")
    slots.lab.heal()
    slots.lab.await_members(*slots.lab.names)


def pause_host(slots):
    """A machine that stands still keeps its connections open, which no receiver can tell from a slow network.  When it goes on it says nothing
    on them (Seen.after_death), and ends them."""
    host = slots.lab.nodes[1]
    guards = [pid for pid in host.processes() if "guard" in name_of(pid)]
    assert len(guards) == 1
    slots.mark("a host stands still")
    slots.cut_off(host, host.pause)
    wait(PAUSE)
    slots.mark("it goes on")
    slots.bring_back(host, host.go_on)
    slots.lab.await_members(*slots.lab.names)


def cable(slots):
    host = slots.lab.nodes[2]
    slots.mark("cable out")
    slots.cut_off(host, host.unplug)
    wait(PAUSE)
    slots.mark("cable in")
    slots.bring_back(host, host.plug)
    slots.lab.await_members(*slots.lab.names)


FAULTS = [restart_node, kill_node, stop_server, pause_host, kill_corosync, stop_corosync, partition, cable]
