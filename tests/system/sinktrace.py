# SPDX-License-Identifier: Apache-2.0
"""What a sink saw, from its --trace-connections file (with --domains): connections at once, and how many things in a while.

All times are the sink's.  A connection counts for a domain for its whole life, also before it has named the domain."""
import collections


class Trace:
    def __init__(self, *paths):
        self.opened, self.closed = {}, {}                   # connection -> time
        self.last = 0                                       # time of the last line
        self.recipients = []                                # (time, connection, domain)
        self.domains = collections.defaultdict(set)         # domain -> connections
        for path in paths:
            with open(path) as f:
                for line in f:
                    if line.endswith("\n"):
                        self._row(path, line.rstrip("\n").split("\t"))

    def _row(self, path, row):
        self.last = when = int(row[0].replace(".", ""))
        connection = (path, row[2])
        if row[1] == "open":
            self.opened[connection] = when
        elif row[1] == "close":
            self.closed[connection] = when
        else:
            self.recipients.append((when, connection, row[7]))
            self.domains[row[7]].add(connection)

    def spans(self, connections=None):
        """(from, to) of these connections (None: all) in microseconds; one that is open yet ends never."""
        wanted = self.opened if connections is None else connections
        return [(self.opened[c], self.closed.get(c, float("inf"))) for c in wanted]

    def peak(self, domain=None, since=0):
        """The most connections at once, of all or of one domain."""
        spans = self.spans(None if domain is None else self.domains[domain])
        return most_at_once([(max(a, since), b) for a, b in spans if b > since])

    def open_now(self):
        return len(self.opened) - len(self.closed)

    def used(self, domain=None, start=None, end=None):
        """Connections at once on average, between two times (None: the first and the last recipient named)."""
        times = [r[0] for r in self.recipients if domain is None or r[2] == domain]
        start, end = times[0] if start is None else start, times[-1] if end is None else end
        spans = self.spans(None if domain is None else self.domains[domain])
        return sum(max(0, min(b, end) - max(a, start)) for a, b in spans) / max(1, end - start)

    def times(self, *domains):
        """When recipients were named (of these domains, or all), in order."""
        return sorted(r[0] for r in self.recipients if not domains or r[2] in domains)

    def connects(self, *domains):
        """When connections were accepted, in order."""
        wanted = set().union(*(self.domains[d] for d in domains)) if domains else self.opened
        return sorted(self.opened[c] for c in wanted)


def most_at_once(spans):
    """Of two things of one microsecond the end is the earlier."""
    events = sorted([(a, 1) for a, _ in spans] + [(b, -1) for _, b in spans])
    now = most = 0
    for _, step in events:
        now += step
        most = max(most, now)
    return most


def most_in_window(times, seconds):
    """The most of these times within any half-open window of this length."""
    times, window, first, most = sorted(times), seconds * 1_000_000, 0, 0
    for last, when in enumerate(times):
        while when - times[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most
