# SPDX-License-Identifier: Apache-2.0
"""Limits of the whole cluster, over everything that can happen to it: never exceeded, and used.

EC_CLUSTER_FULL=1 runs limits of 1 to 500, over one domain and over 200, with pauses of 10 s: about a quarter of an hour."""
import pytest

from slotfaults import FAULTS, wait
from slotlab import FULL, SlotLab, now

STEADY = 12 if FULL else 4
LIMITS = {"l1.test": 1, "l2.test": 2, "l7.test": 7, "l50.test": 50, **{f"d{i}.test": 1 for i in range(20)}}


def many(limit, count):
    return {f"d{i}.test": limit for i in range(count)}


def steady(slots):
    """All is used, and equally, while all have mail: who had it first on a machine that is busy may have sent it already."""
    slots.top_up(2 * STEADY)
    slots.await_used("all of it", 0.9)
    wait((1 if FULL else 3) * slots.delay / 1000)  # who came first gives up what is too much, message by message
    if FULL and slots.total() >= 9:
        slots.await_equal(0.1, 120 + 3 * slots.delay / 1000)
    slots.top_up(STEADY)
    start = now()
    wait(STEADY)
    used, by_host = slots.figures("steady", start, now())
    assert sum(used[d] * n for d, n in slots.demand.items()) / slots.total() > (0.95 if FULL else 0.8)
    assert not FULL or not slots.lost_links(), "a busy bus is not to lose its links"
    if not slots.has_demand():
        assert not FULL, "a node had no mail: nothing is known of the parts"
        return
    if slots.total() >= 9:
        part = sum(by_host) / len(by_host)
        assert all(abs(n - part) < part * (0.1 if FULL else 0.3) for n in by_host), by_host


def test_never_exceeded(lab):
    """At the start, in peace, and through every fault, with mail on all nodes all the time."""
    slots = SlotLab(lab, LIMITS)
    slots.start()
    slots.feed_all(90 if FULL else 18)
    steady(slots)
    for fault in FAULTS:
        fault(slots)
        slots.check()
    slots.await_used("all of it again", 0.8)
    slots.check()


def test_reload(lab):
    """Lowered and raised while it runs."""
    slots = SlotLab(lab, {"a.test": 30, "b.test": 4})
    slots.start()
    slots.feed_all(10)
    slots.await_used("all of it", 0.9)
    slots.reload({"a.test": 8, "b.test": 1})
    wait(1 + slots.delay / 1000)
    lowered = now()
    slots.await_used("what is left", 0.9)
    wait(1)
    slots.check(since=lowered)
    raised = now()
    slots.reload({"a.test": 20, "b.test": 6})
    slots.await_used("more of it", 0.9)
    slots.check(since=raised)
    slots.check(limits={"a.test": 30, "b.test": 6})


def delay_for(connections):
    """So many messages a second that this machine has time for: a few hundred."""
    return next((delay for most, delay in ((200, 300), (1500, 3000), (10000, 12000)) if connections <= most), 60000)


@pytest.mark.skipif(not FULL, reason="EC_CLUSTER_FULL=1 runs it")
@pytest.mark.parametrize("domains", [1, 200])
@pytest.mark.parametrize("limit", [1, 2, 7, 50, 500])
def test_matrix(lab, limit, domains):
    # a queue that begins with two connections, and doubles them each second, needs 8 s to 500
    slots = SlotLab(lab, many(limit, domains), delay=delay_for(limit * domains), extra='connection_allocation_aggressiveness = "high"')
    slots.start()
    slots.feed_all(60)
    steady(slots)
    for fault in FAULTS:
        fault(slots)
        slots.check()
    seen = slots.check()
    print(f"\nlimit {limit} over {domains} domains, {len(slots.demand)} with mail: at most "
          f"{max(seen.most(d, 0, now()) for d in slots.limits)} at once")
