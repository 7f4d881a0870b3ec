# SPDX-License-Identifier: Apache-2.0
"""Processes in the cluster's groups that are no servers: what they send is refused with a line each, and changes nothing."""
import collections
import os
import re

import pytest

import conftest
from lab import BUILD, wait_for
from slotlab import SlotLab

STRANGER = os.path.join(BUILD, "tests", "cluster", "stranger")
WORK = ("garbage:300", "empty:50", "known:300", "truncated:300", "newer:300", "large:5")
REFUSED = 300 + 50 + 300 + 300 + 5   # all but the known ones
NODES = ("n1", "n2", "n3")
LIMITS = {"a.test": 7, "b.test": 50}


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    """Three nodes with mail under limits, and a host with corosync where no server is."""
    lab = conftest.make(tmp_path_factory.mktemp("strangers"), nodes=(*NODES, "x1"))
    try:
        lab.start_corosync()
        lab.names = list(NODES)
        slots = SlotLab(lab, LIMITS)
        for host in lab.nodes:
            lab.start_node(host, slots.config())
        lab.await_members(*NODES)
        lab.await_leases()
        for host in lab.nodes:
            slots.feed(host, 60)
        slots.await_used("all of it", 0.8)
        yield slots
    finally:
        lab.end()


def refusals(node):
    """Which lines there are about messages, without the time."""
    return collections.Counter(re.sub(r"^.*?(refused a )", r"\1", x) for x in node.lines if "refused a " in x and "message" in x)


def held(node):
    """Who holds what, as this node sees it."""
    return sorted((r["limit_key"], r["holder"], r["holds"]) for r in node.console("cluster", "limits").get("limits", []))


def whole(slots):
    lab = slots.lab
    lab.await_members(*NODES)
    for host in lab.nodes:
        assert host.node.running(), host.node.lines[-5:]
        assert [r["node"] for r in host.node.console("cluster", "membership")["members"]] == list(NODES)  # and nobody else
    slots.check()


def stranger(slots, host, group, *work, **more):
    program = slots.lab[host].program(STRANGER, group, *work, **more)
    program.await_line("done" if work else "joined")
    return program


def count(node, text):
    return sum(text in x for x in node.lines)


@pytest.mark.parametrize("host", ["x1", "n1"])
@pytest.mark.parametrize("group", ["ec_cluster", "ec_console"])
def test_nonsense(strangers, host, group):
    """From a host of its own, and from one where a server is."""
    nodes = [h.node for h in strangers.lab.nodes]
    leases = [count(n, "the lease is over") for n in nodes]
    before = [(n.info()["messages_refused"], refusals(n)) for n in nodes]
    one = stranger(strangers, host, group, *WORK)
    number = strangers.lab[host].number

    def refused():
        return [int(n.info()["messages_refused"]) - int(b[0]) for n, b in zip(nodes, before)]
    if group == "ec_cluster":     # all of them have seen all of it
        wait_for("all to refuse the same", lambda: refused() == [REFUSED] * len(nodes))
    for node, (_, seen) in zip(nodes, before):
        wait_for("a line about it", lambda n=node, s=seen: refusals(n) - s)
        new = refusals(node) - seen
        assert all(f"node={number}" in line for line in new), new
        assert max(refusals(node).values()) == 1, refusals(node)         # one line for each kind of trouble
        assert len(new) <= 4, new
    assert [count(n, "the lease is over") for n in nodes] == leases      # limits go on without a pause
    whole(strangers)
    strangers.await_used("all of it, still", 0.8)
    one.kill9()
    whole(strangers)


def test_a_silent_one_holds_up_nothing(strangers):
    """It never says what it knows; a new ring does not wait for that."""
    lab = strangers.lab
    one = stranger(strangers, "x1", "ec_cluster")
    whole(strangers)
    lab["n3"].corosync.kill9()
    lab.await_members("n1", "n2")
    lab["n3"].start_corosync(f"{lab['n3'].dir}/corosync.conf")  # as before, with x1 in it
    whole(strangers)
    assert not any("founded" in x for host in lab.nodes for x in host.node.lines[20:])
    # a server that comes in beside it
    lab["n2"].node.kill9()
    lab.await_members("n1", "n3")
    lab.start_node(lab["n2"], strangers.config())
    whole(strangers)
    one.kill9()
    lab.await_leases()
    strangers.await_used("all of it again", 0.8)
    strangers.check()
