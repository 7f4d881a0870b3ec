# SPDX-License-Identifier: Apache-2.0
"""Subclusters: each has its own units of a limit; what nodes tell each other crosses them."""
import pytest

from lab import wait_for
from sinktrace import most_at_once, most_in_window
from slotlab import SlotLab

SUBCLUSTERS = {"n1": "east", "n2": "east", "n3": "west"}
LIMITS = {"a.test": 3}
RATE, SECONDS = 20, 2
REPLICATE = 'Replicate "traffic" { class = "metrics" parameters = "reception" }\nReplicate "outbound_domains" { }\n'


@pytest.fixture
def parts(lab):
    slots = SlotLab(lab, LIMITS, extra=f'Domain "r.test" {{ cluster_outbound_throttle_messages = "{RATE}/{SECONDS}" }}')
    lab.start_corosync()
    for host in lab.nodes:
        lab.start_node(host, slots.config(), f'subcluster = "{SUBCLUSTERS[host.name]}"\n{REPLICATE}')
    lab.await_members(*lab.names)
    lab.await_leases()
    return slots


def test_a_limit_is_each_subclusters_own(parts):
    lab = parts.lab
    for host in lab.nodes:
        host.load("-c", 2, "-n", 100, "-s", 400, "--pipeline", "--domain", "a.test")

    def at_once(*names):
        seen, addresses = parts.seen(), [lab[n].address for n in names]
        of = [c for c in seen.opened if seen.hosts[c] in addresses]
        return sum(c not in seen.closed for c in of), seen, of
    for names in (["n1", "n2"], ["n3"]):
        wait_for(f"all of the limit for {names}", lambda n=names: at_once(*n)[0] == LIMITS["a.test"])
    rows = lab["n3"].node.console("cluster", "limits", "*a.test*")["limits"]
    assert {r["subcluster"] for r in rows} == {"east", "west"}
    assert {r["subcluster"]: sum(int(s["holds"]) for s in rows if s["subcluster"] == r["subcluster"]) for r in rows} == {
        "east": LIMITS["a.test"], "west": LIMITS["a.test"]}
    # a node that dies leaves its part to its own subcluster
    lab["n2"].node.kill9()
    lab.await_members("n1", "n3")
    wait_for("n1 to have all of it", lambda: at_once("n1")[0] == LIMITS["a.test"])
    for names in (["n1", "n2"], ["n3"]):
        _, seen, of = at_once(*names)
        assert most_at_once(seen.spans(of)) <= LIMITS["a.test"], names


def test_a_rate_is_each_subclusters_own_and_counts_cross(parts):
    lab = parts.lab
    for host in lab.nodes:
        host.load("-c", 2, "-n", 100, "-s", 400, "--pipeline", "--domain", "r.test")

    def times(*names):
        seen, addresses = parts.seen(), [lab[n].address for n in names]
        return [when for when, c, domain in seen.recipients if seen.hosts[c] in addresses and domain == "r.test"]
    for names in (["n1", "n2"], ["n3"]):
        wait_for(f"five windows of {names}", lambda n=names: len(times(*n)) >= 5 * RATE)
    for names in (["n1", "n2"], ["n3"]):
        assert most_in_window(times(*names), SECONDS) <= RATE, names
    assert most_in_window(times(*lab.names), SECONDS) > RATE, "both have a rate of their own"
    for host in lab.nodes:
        wait_for("the receptions of all", lambda h=host: [
            int(r["count"]) for r in h.node.console("cluster", "shared", "show", "traffic")["counts"]] == [300])
