# SPDX-License-Identifier: Apache-2.0
"""Cluster-wide limits as a receiver sees them: three nodes with mail, a sink that writes down all, and what must hold.

A limit is exact: it is looked at over the whole story, whatever happens meanwhile.  How much is used, how fairly, and how
soon, is printed, and compared with generous bounds only: the machine has other things to do."""
import os
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from lab import wait_for
from sinktrace import Trace, most_at_once, most_in_window

import clusterlab

FULL = bool(os.environ.get("EC_CLUSTER_FULL"))
DELAY = 300        # milliseconds that a message takes
PORT = 2526
MESSAGES_MAX = 60000  # for one node
FILES_LEFT = 2000      # descriptors of a program beside its connections
SECOND = 1_000_000


def now():
    """As the sink's trace has it."""
    return int(time.time() * SECOND)


class Seen(Trace):
    """The sink's trace, with which host a connection came from."""

    def __init__(self, *paths, cut=()):
        self.hosts = {}
        self.cut = list(cut)
        super().__init__(*paths)

    def _row(self, path, row):
        super()._row(path, row)
        if row[1] == "open":
            self.hosts[(path, row[2])] = row[4].rsplit(":", 1)[0]

    def end_of(self, connection):
        """A connection of a host whose cable was out, or that stood still, ends then: the rest is an entry in the receiver's table only.
        It may have been begun while the cable was pulled, and the receiver may have taken it a little later."""
        end, host, begun = self.closed.get(connection, float("inf")), self.hosts[connection], self.opened[connection]
        return min([end, *(max(begun, off) for address, off, back in self.cut if address == host and begun <= back)])

    def spans(self, connections=None):
        wanted = self.opened if connections is None else connections
        return [(self.opened[c], self.end_of(c)) for c in wanted]

    def within(self, start, end, domains=None, host=None):
        wanted = set().union(*(self.domains[d] for d in domains)) if domains is not None else set(self.opened)
        wanted = [c for c in wanted if host is None or self.hosts[c] == host]
        return [(max(a, start), min(b, end)) for a, b in self.spans(wanted) if a < end and b > start]

    def most(self, domain, start, end):
        return most_at_once(self.within(start, end, [domain]))

    def share(self, domains, start, end, host=None):
        """Connections at once on average."""
        return sum(b - a for a, b in self.within(start, end, domains, host)) / max(1, end - start)

    def growth(self, hosts, since, by):
        """When these hosts had so many connections more than at `since`; None: never."""
        ours = [(self.opened[c], self.end_of(c)) for c in self.opened if self.hosts[c] in hosts and self.end_of(c) > since]
        more = 0
        for when, step in sorted([(a, 1) for a, _ in ours if a > since] + [(b, -1) for _, b in ours]):
            more += step
            if more >= by:
                return when
        return None

    def sent(self, domain, start, end):
        """How many recipients were named between two times."""
        return sum(start <= t < end for t in self.times(domain))

    def after_death(self):
        """What was said on connections that were cut off, later than a lease can run."""
        lease = (clusterlab.LEASE_WINDOW + clusterlab.LEASE_MARGIN) * 1000
        return [(when, connection) for when, connection, _ in self.recipients
                if self.end_of(connection) + lease < min(when, self.closed.get(connection, float("inf")))]


def raise_files():
    """As many descriptors as the system allows; how many that are."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class SlotLab:
    """Three nodes and a sink.  `limits`: domain -> its cluster-wide limit, the same from the beginning to the end unless
    reload() changes it.  Where a system gives a program fewer descriptors than the limits allow connections, the last domains
    get no mail (`idle`), and there are several sinks."""

    def __init__(self, lab, limits, delay=DELAY, extra=""):
        self.lab, self.limits, self.delay, self.extra = lab, dict(limits), delay, extra
        self.cut = []
        self.marks = []
        self.each = raise_files() - FILES_LEFT                  # connections of one program
        self.idle = self.find_idle()
        self.sinks, self.traces = [], []
        for i in range(max(1, -(-self.total() // self.each))):
            self.traces.append(str(lab.dir / f"sink{i}.trace"))
            self.sinks.append(lab.start_sink("--domains", "--trace-connections", self.traces[i], "--at", f"body=delay {delay}", port=PORT + i))
        for host in lab.nodes:
            host.sh("echo 10000 65535 > /proc/sys/net/ipv4/ip_local_port_range")

    def find_idle(self):
        """When one of three nodes is dead the other two have all connections."""
        idle, left = set(), 2 * self.each
        for domain, limit in self.limits.items():
            left -= limit
            if left < 0:
                idle.add(domain)
        return idle

    @property
    def demand(self):
        """The limits of the domains that get mail."""
        return {d: n for d, n in self.limits.items() if d not in self.idle}

    def total(self):
        return sum(self.demand.values())

    def config(self):
        domains = "".join(f'Domain "{d}" {{ cluster_max_outbound_connections = {n} Remote_SMTP_Port = {PORT + i % len(self.sinks)} }}\n'
                          for i, (d, n) in enumerate(self.limits.items()))
        most = max([50, *self.limits.values()]) + 10
        whole = max(5000, 2 * sum(self.limits.values()))
        return (f'Routes = ( "{self.lab["sink"].address}" )\nRemote_SMTP_Port = {PORT}\nRelay_Hosts = ( "0.0.0.0/0" )\n'
                f"max_outbound_connections = {most}\nserver_max_outbound_connections = {whole}\nmax_deliveries_per_connection = 50\n{self.extra}\n{domains}")

    def start(self):
        self.lab.start_nodes(self.config())
        self.began = now()

    def reload(self, limits):
        """On one node after the other."""
        self.limits.update(limits)
        for host in self.lab.nodes:
            host.node.configure(self.lab.cluster_config(host) + self.config())
            host.node.console("config", "reload")

    def feed(self, host, seconds, domains=None):
        """So much mail that all the limits can be used for so long."""
        self.put(host, sum((domains or self.demand).values()) * seconds * 1000 / self.delay, domains)

    def put(self, host, messages, domains=None):
        """So many, as the limits are, and some more for small ones."""
        domains = domains or self.demand
        each = min(messages, MESSAGES_MAX) / sum(domains.values())
        for domain, limit in domains.items():
            host.load("-c", 4, "-n", int(limit * each) + 20, "-s", 400, "--pipeline", "--domain", domain)

    def at_once(self, what):
        """On all nodes, so that none has all the mail, and all the connections, before the others have any."""
        with ThreadPoolExecutor(len(self.lab.nodes)) as pool:
            list(pool.map(what, self.lab.nodes))

    def feed_all(self, seconds):
        self.at_once(lambda host: self.feed(host, seconds))

    def top_up(self, seconds):
        """Demand is equal while every node has enough to use all the limits."""
        needed = self.total() * (1 + 2 * seconds * 1000 / self.delay)
        self.at_once(lambda host: self.queued(host) < needed and self.put(host, needed - self.queued(host)))

    def has_demand(self):
        """Does every node have more mail than all the limits together let out at once?"""
        return all(self.queued(host) > self.total() for host in self.lab.nodes)

    def queued(self, host):
        return int(host.node.account()["queued"])

    def seen(self):
        return Seen(*self.traces, cut=self.cut)

    def used_now(self, host=None, domains=None):
        end = now()
        return self.seen().share(domains, end - SECOND // 2, end, host.address if host else None)

    def await_used(self, what, share, hosts=None, domains=None, patience=60):
        """Until these hosts use this part of the limits; how long that took, in seconds."""
        wanted = sum(self.limits[d] for d in domains or self.demand) * share
        hosts = hosts or self.lab.nodes
        begin = time.monotonic()
        wait_for(f"{what}: {wanted:.0f} connections", lambda: sum(self.used_now(h, domains) for h in hosts) >= wanted, patience)
        return time.monotonic() - begin

    def await_equal(self, part, patience):
        """Until no node has that much more, or less, than its part."""
        def is_equal():
            used = [self.used_now(host) for host in self.lab.nodes]
            return max(abs(n - sum(used) / len(used)) for n in used) < part * sum(used) / len(used)
        wait_for("equal parts", is_equal, patience)

    def check_share_of_dead(self, victim, others, killed):
        """The others soon have what a dead node had, by the sink's trace."""
        had = len(self.seen().within(killed, killed + 1, host=victim.address))

        def after(part):
            """Seconds until they had so much of it."""
            return (wait_for(f"{part:.0%} of the dead node's {had}",
                             lambda: self.seen().growth([h.address for h in others], killed, max(1, round(had * part)))) - killed) / SECOND
        if had:
            soon, most = after(0.1), after(0.9)
            print(f"\na dead node had {had}: the others a tenth of that after {soon:.1f} s, nine tenths after {most:.1f} s")
            assert most < 5

    def lost_links(self):
        """What the nodes' corosyncs say of links that they have called down."""
        return [line for host in self.lab.nodes for line in host.corosync.text().splitlines() if "is down" in line]

    # ---- what must hold

    def check(self, since=None, until=None, limits=None):
        seen = self.seen()
        since, until = since or 0, until or now()
        for domain, limit in (limits or self.limits).items():
            most = seen.most(domain, since, until)
            assert most <= limit, f"{domain}: {most} connections at once, limit {limit}: {self.explain(seen, domain, limit, since, until)}"
        assert not seen.after_death()
        return seen

    def explain(self, seen, domain, limit, since, until):
        """The first moment with too many."""
        events = sorted([(a, 1) for a, _ in seen.within(since, until, [domain])] + [(b, -1) for _, b in seen.within(since, until, [domain])])
        count = 0
        for when, step in events:
            count += step
            if count > limit:
                there = [(seen.hosts[c], seen.opened[c] - when, seen.end_of(c) - when) for c in seen.domains[domain]
                         if seen.opened[c] <= when < seen.end_of(c)]
                marks = [(text, at - when) for text, at in self.marks]
                return f"at {when - self.began} us: {len(there)}, among them {sorted(there, key=lambda t: -t[1])[:8]}; {marks}"
        return ""

    def cut_off(self, host, how):
        """Nothing comes from the host from the time on when how() has returned."""
        how()
        self.cut.append([host.address, now(), float("inf")])

    def bring_back(self, host, how):
        self.cut[-1][2] = now()
        how()

    def mark(self, text):
        self.marks.append((text, now()))

    def figures(self, what, start, end):
        """How much of each limit was used, and by whom; printed."""
        seen = self.seen()
        used = {d: seen.share([d], start, end) / n for d, n in self.demand.items()}
        by_host = [seen.share(None, start, end, h.address) for h in self.lab.nodes]
        print(f"\n{what}: used " + " ".join(f"{d}={u:.1%}" for d, u in list(used.items())[:8])
              + f" all={seen.share(None, start, end) / self.total():.1%}; by node " + " ".join(f"{n:.1f}" for n in by_host))
        return used, by_host
