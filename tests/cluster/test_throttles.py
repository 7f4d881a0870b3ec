# SPDX-License-Identifier: Apache-2.0
"""Rates of the whole cluster: in no window more than allowed, whatever happens; and used."""
from slotfaults import partition, stop_server, wait
from slotlab import FULL, SECOND, SlotLab, most_in_window, now, wait_for

RATES = {"a.test": (60, 1), "b.test": (30, 3), "c.test": (2, 1)}  # recipients in so many seconds


def config():
    return "".join(f'Domain "{d}" {{ cluster_outbound_throttle_messages = "{n}/{s}" }}\n' for d, (n, s) in RATES.items())


class Rates(SlotLab):
    def check(self, **_):
        seen = self.seen()
        for domain, (count, seconds) in RATES.items():
            most = most_in_window(seen.times(domain), seconds)
            assert most <= count, f"{domain}: {most} within {seconds} s, allowed are {count}; {self.marks}"
        return seen

    def await_sent(self, domain, count):
        """So many more from now on."""
        start = now()
        wait_for(f"{count} to {domain}", lambda: self.seen().sent(domain, start, now()) >= count)


def part_used(times, count, seconds):
    """Of the least time that so many uses can take, over the time they took: `count` uses need a whole window, so this is at most 1."""
    windows = (len(times) - 1) // count
    assert windows > 0
    return windows * seconds * SECOND / (times[windows * count] - times[0])


def test_rates(lab):
    rates = Rates(lab, {}, delay=0, extra=config())
    rates.start()
    for host in lab.nodes:
        for domain, (count, seconds) in RATES.items():
            host.load("-c", 2, "-n", 60 * count // seconds, "-s", 400, "--pipeline", "--domain", domain)
    rates.await_sent("a.test", 60)
    start = now()
    wait(27 if FULL else 9)
    end, seen = now(), rates.check()
    for domain, (count, seconds) in RATES.items():
        used = part_used([t for t in seen.times(domain) if start <= t < end], count, seconds)
        print(f"\n{domain}: {used:.1%} of {count} in {seconds} s are used")
        assert (0.95 if FULL else 0.75) <= used <= 1
    for fault in [kill_node, stop_server, partition]:
        fault(rates)
        rates.check()
    rates.await_sent("a.test", 120)
    rates.check()


def kill_node(rates):
    victim = rates.lab.nodes[2]
    rates.mark("kill -9 of a node")
    victim.node.kill9()
    rates.await_sent("a.test", 60)
    rates.lab.start_node(victim, rates.config())
    rates.lab.await_members(*rates.lab.names)
