# SPDX-License-Identifier: Apache-2.0
"""Limits over several queues, as the receiver sees them: connections at once, and what is begun in a while.

The sink's times are the receiver's, so what is asserted holds on any machine; how much of a limit is used depends on the
machine, and is asked for only roughly."""
import signal
import socket
import threading

import pytest

from lab import load, new_address, wait_for
from sinktrace import Trace, most_at_once, most_in_window

pytestmark = pytest.mark.loops


class Far:
    """A sink that keeps the times of everything."""

    def __init__(self, lab, *options, **more):
        lab.n += 1
        self.path = str(lab.dir / f"trace{lab.n}")
        self.sink = lab.sink("--domains", "--trace-connections", self.path, *options, record=False, **more)

    def trace(self):
        """Ends the sink: every connection has its end."""
        self.sink.stop()
        return Trace(self.path)

    def so_far(self):
        return Trace(self.path)


def start(lab, far, domains, config, **more):
    """A server for d0.test, d1.test ..., whose mail goes to the sink by DNS: each has a queue of its own."""
    dns = lab.dns("".join(f"d{i}.test A {far.sink.address}\n" for i in range(domains)))
    return lab.server(f'resolv_conf = "{dns.resolv_conf}"\nremote_smtp_port = {far.sink.port}\nidle_timeout = 1\n' + config,
                      **{"loops": 3, **more})


@pytest.mark.parametrize("limit, domains", [(1, 1), (1, 50), (2, 50), (7, 1), (7, 50)])
def test_connections_of_the_server_are_never_more(lab, limit, domains):
    far = Far(lab, "--at", "body=delay 10")
    server = start(lab, far, domains, f"server_max_outbound_connections = {limit}\n")
    load(server.address, server.port, "-c", 10, "-n", 200, "--domains", domains, "--domain", "test")
    assert int(server.settled()["delivered"]) == 200
    trace = far.trace()
    assert 1 <= trace.peak() <= limit


SCOPES = [  # configuration, domains of a group that is counted together
    ('scope_max_outbound_connections = 3\n', None),
    ('Domain "d1.test" { scope_max_outbound_connections = 3 }\n', ["d1.test"]),
    ('Domain "/^d[123].test$/" { scope_max_outbound_connections = 3 }\n', ["d1.test", "d2.test", "d3.test"]),
    ('cluster_scope_max_outbound_connections = 3\n', None),
    ('cluster_server_max_outbound_connections = 3\n', None),
    ('cluster_max_outbound_connections = 3\n', ["d1.test"]),
    ('Binding "default" { scope_max_outbound_connections = 3 }\n', None),
    ('Binding "default" { cluster_max_outbound_connections = 3 }\n', ["d4.test"]),
]


@pytest.mark.parametrize("config, together", SCOPES)
def test_connections_are_counted_where_the_limit_is_set(lab, config, together):
    far = Far(lab, "--at", "body=delay 20")
    server = start(lab, far, 5, config + "connection_allocation_aggressiveness = high\n")
    load(server.address, server.port, "-c", 10, "-n", 200, "--domains", 5, "--domain", "test")
    assert int(server.settled()["delivered"]) == 200
    trace = far.trace()
    names = together or sorted(trace.domains)
    counted = set().union(*(trace.domains[d] for d in names))
    spans = trace.spans(counted)
    assert 1 <= most_at_once(spans) <= 3
    if together:
        assert trace.peak() > 3, "others are not held back"


def test_a_cluster_that_is_switched_off_is_none(lab):
    """No corosync is needed, the limits of all nodes are those of this one, and nothing of the modules runs."""
    far = Far(lab, "--at", "body=delay 20")
    off = 'msgc_server { enabled = false peers = [ "n1" = "10.9.9.1" "n2" = "10.9.9.2" ] }\nmsgc_client { enabled = false }\n' \
          'cluster { enabled = false nodename = "n1" Replicate "inbound_cidr" { } }\n'
    server = start(lab, far, 5, off + 'cluster_server_max_outbound_connections = 3\ncluster_outbound_throttle_messages = "1000/1"\n')
    load(server.address, server.port, "-c", 10, "-n", 200, "--domains", 5, "--domain", "test")
    assert int(server.settled()["delivered"]) == 200
    states = {m["scope_name"]: m["state"] for m in server.console("module", "list")["modules"]}
    assert [states[name] for name in ("cluster", "msgc_client", "msgc_server")] == ["disabled"] * 3
    hooks = {h["hook"]: int(h["providers"]) for h in server.console("module", "hooks")["hooks"]}
    assert hooks["out_connected"] == hooks["out_disconnect"] == 0           # of the cluster alone
    assert "unknown command" in server.console("cluster", "membership", form="text", check=False)
    assert not [line for line in server.lines if "corosync" in line or "WARNING cluster" in line]
    assert server.stop() == 0
    assert 1 <= far.trace().peak() <= 3


def test_a_queue_with_a_lowered_limit_opens_no_more(lab):
    """Connections that are closing count, also when there are more of them than are allowed now."""
    far = Far(lab, "--at", "body=delay 10")
    server = start(lab, far, 1, "max_outbound_connections = 8\nmax_deliveries_per_connection = 1\n"
                                "connection_allocation_aggressiveness = high\n")
    load(server.address, server.port, "-c", 10, "-n", 600, "--domains", 1, "--domain", "test")
    for most in (1, 8, 2, 7, 1, 8):
        server.console("config", "set", "max_outbound_connections", str(most))
    assert int(server.settled()["delivered"]) == 600
    assert 1 <= far.trace().peak() <= 8


@pytest.mark.long
def test_a_limit_is_lowered_and_raised_by_reload(lab):
    far = Far(lab, "--at", "body=delay 20")
    config = "connection_allocation_aggressiveness = high\nscope_max_outbound_connections = {}\n"
    server = start(lab, far, 20, config.format(7))
    mail = lab.load(server, "-c", 10, "-n", 3000, "--domains", 20, "--domain", "test")
    wait_for("use of the limit", lambda: far.so_far().peak() == 7)
    for before, limit in ((7, 2), (2, 5)):
        server.reconfigure(config.format(before), config.format(limit))
        server.console("config", "reload")
        wait_for(f"{limit} connections", lambda: far.so_far().open_now() == limit)
        since, enough = far.so_far().last, len(far.so_far().times()) + 200
        wait_for("more mail", lambda: len(far.so_far().times()) >= enough)
        assert far.so_far().peak(since=since) <= limit
    mail.process.wait(60)
    server.settled()
    assert far.trace().peak() <= 7


THROTTLES = [  # configuration, domains, groups of domains that share a rate
    ('outbound_throttle_messages = "40/2"\n', 1, [["d0.test"]]),
    ('outbound_throttle_messages = "40/2"\n', 10, [[f"d{i}.test" for i in range(10)]]),
    ('Domain "/^d[01]/" { outbound_throttle_messages = "20/2" }\nDomain "d2.test" { outbound_throttle_messages = "20/2" }\n', 3,
     [["d0.test", "d1.test"], ["d2.test"]]),
    ('cluster_outbound_throttle_messages = "40/2"\n', 4, [[f"d{i}.test" for i in range(4)]]),
]


@pytest.mark.parametrize("config, domains, groups", THROTTLES)
def test_messages_in_a_while_are_never_more(lab, config, domains, groups):
    far = Far(lab)
    server = start(lab, far, domains, config)
    load(server.address, server.port, "-c", 10, "-n", 120, "--domains", domains, "--domain", "test")
    assert int(server.settled()["delivered"]) == 120
    assert not server.log(kind="T")
    trace = far.trace()
    for group in groups:
        times = trace.times(*group)
        limit = 40 if len(groups) == 1 else 20
        assert most_in_window(times, 2) <= limit
        print("used", len(times) / (limit * (2 + (times[-1] - times[0]) / 1e6) / 2))
        assert (times[-1] - times[0]) / 1e6 < 2 * (2 * len(times) / limit), "at least half of it is used"


@pytest.mark.parametrize("option", ["outbound_throttle_connections", "cluster_outbound_throttle_connections"])
def test_connections_in_a_while_are_never_more(lab, option):
    far = Far(lab)
    server = start(lab, far, 4, f'{option} = "10/2"\nmax_deliveries_per_connection = 1\n')
    load(server.address, server.port, "-c", 5, "-n", 40, "--domains", 4, "--domain", "test")
    assert int(server.settled()["delivered"]) == 40
    trace = far.trace()
    assert most_in_window(trace.connects(), 2) <= 10
    assert not server.log(kind="T")


def test_a_batch_goes_in_parts_when_there_is_permission_for_some(lab):
    far = Far(lab)
    server = lab.server('outbound_throttle_messages = "4/1"\n', sink=far.sink)
    recipients = [f"r{i}@one.test" for i in range(10)]
    assert server.smtp().mail("a@client.test", recipients, "Subject: x\r\n\r\nx")[0] == 250
    assert int(server.settled()["delivered"]) == 10
    trace = far.trace()
    assert len(trace.times()) == 10 and most_in_window(trace.times(), 1) <= 4


def hosts(lab, config, *options, recipients=60):
    """Two MX hosts of unequal preference; both traces and the server when all mail is delivered."""
    best, other = Far(lab, *options, port=2526), Far(lab, *options, port=2526)
    dns = lab.dns(f"""
        there.test MX 10 mx1.there.test
        there.test MX 20 mx2.there.test
        mx1.there.test A {best.sink.address}
        mx2.there.test A {other.sink.address}
    """)
    server = lab.server(f'resolv_conf = "{dns.resolv_conf}"\nremote_smtp_port = 2526\ngenerate_bounces = false\n'
                        "connection_allocation_aggressiveness = high\nmax_recipients_per_batch = 1\n" + config)
    load(server.address, server.port, "-c", 10, "-n", recipients, "--domain", "there.test")
    assert int(server.settled()["delivered"]) == recipients
    assert not server.log(kind="T")
    return best.trace(), other.trace(), server


def test_a_full_host_is_passed_over(lab):
    best, other, _ = hosts(lab, 'Host "mx1.there.test" { max_outbound_connections = 2 }\n', "--at", "body=delay 30")
    assert 1 <= best.peak() <= 2
    assert other.peak() > 0, "the next preference has the rest"


def test_when_all_hosts_are_full_mail_waits(lab):
    best, other, _ = hosts(lab, 'Host "/^mx[12]/" { max_outbound_connections = 2 }\n', "--at", "body=delay 20")
    assert best.peak() <= 2 and other.peak() <= 2
    assert len(best.times()) + len(other.times()) == 60


def test_throttles_of_hosts(lab):
    best, other, _ = hosts(lab, 'Host "/^mx/" { outbound_throttle_messages = "10/1" }\n', recipients=40)
    assert most_in_window(best.times() + other.times(), 1) <= 10, "a pattern is one throttle"


def test_the_operator_is_told_what_holds_mail_back(lab):
    far = Far(lab, "--at", "banner=hang")
    server = start(lab, far, 1, 'Domain "d0.test" { scope_max_outbound_connections = 1 }\n')
    load(server.address, server.port, "-c", 2, "-n", 4, "--domains", 1, "--domain", "test")
    wait_for("a connection", lambda: far.so_far().peak() == 1)
    why = wait_for("the reason", lambda: next(
        (x for x in [server.console("domain", "d0.test", form="text")] if "scope_max_outbound_connections" in x), None))
    assert "domain d0.test" in why, why


def counter(server, name):
    return next(int(row["value"]) for row in server.console("counter", "list")["counters"] if row["counter"] == name)


def outbound(server, state):
    """Seconds that connections have been in this state."""
    return [float(row["seconds"]) for row in server.console("show", "outbound")["sessions"] if row["state"] == state]


def test_a_receiver_that_stands_still_sees_no_more_either(lab):
    """Queues give way to each other before the receiver has said anything; what it accepts later it has never had at once."""
    far = Far(lab)
    server = start(lab, far, 4, "scope_max_outbound_connections = 1\n")
    far.sink.process.send_signal(signal.SIGSTOP)
    load(server.address, server.port, "-c", 4, "-n", 20, "--domains", 4, "--domain", "test")
    wait_for("a queue that has given way for a while, or others in its place", lambda: (
        counter(server, "smtp.out.connections") > 2 or any(s >= 1 for s in outbound(server, "QUIT"))))
    far.sink.process.send_signal(signal.SIGCONT)
    assert int(server.settled()["delivered"]) == 20
    assert far.trace().peak() == 1


class Slow:
    """A receiver that speaks at once, but reads late, and closes when it has read that the client has."""

    def __init__(self, port, banner, late=0.4):
        self.address, self.banner, self.late = new_address(), banner, late
        self.now = self.most = self.seen = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server((self.address, port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        self.count(1)
        client.sendall(self.banner)
        threading.Event().wait(self.late)
        try:
            while client.recv(1000):
                pass
        except ConnectionError:
            pass
        self.count(-1)
        client.close()

    def count(self, n):
        with self.lock:
            self.now += n
            self.most = max(self.most, self.now)
            self.seen += n > 0


@pytest.mark.parametrize("banner", [b"554 5.7.1 go away\r\n", b"what is no reply\r\n"])
def test_a_host_that_refuses_counts_until_it_has_closed(lab, banner):
    """The next host is tried when nothing is left at the one before, also for limits over several queues."""
    best, other, n = Slow(2526, banner), Far(lab, "--at", "body=delay 100", port=2526), 12
    dns = lab.dns("".join(f"d{i}.test MX 10 mx1.there.test\nd{i}.test MX 20 mx2.there.test\n" for i in range(n))
                  + f"mx1.there.test A {best.address}\nmx2.there.test A {other.sink.address}\n")
    server = lab.server(f'resolv_conf = "{dns.resolv_conf}"\nremote_smtp_port = 2526\nhost_failure_retry = 1\n'
                        'scope_max_outbound_connections = 4\nidle_timeout = 1\nmax_deliveries_per_connection = 1\n'
                        'Host "mx1.there.test" { scope_max_outbound_connections = 1 }\n')
    load(server.address, server.port, "-c", 4, "-n", 10 * n, "--domains", n, "--domain", "test")
    assert int(server.settled()["delivered"]) == 10 * n
    best.listener.close()
    assert best.seen > 1 and best.most == 1
    assert other.trace().peak() <= 4


@pytest.mark.long
def test_receivers_that_greet_late_get_their_turn(lab):
    """A queue gives way after a second; who greets later than that must not be given up each time."""
    far = Far(lab, "--at", "banner=delay 1400")
    server = start(lab, far, 3, "scope_max_outbound_connections = 1\n")
    load(server.address, server.port, "-c", 3, "-n", 6, "--domains", 3, "--domain", "test")
    assert int(server.settled()["delivered"]) == 6
    assert not server.log(kind="T")
    assert far.trace().peak() == 1
