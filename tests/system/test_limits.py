# SPDX-License-Identifier: Apache-2.0
"""Limits over several queues, as the receiver sees them: connections at once, and what is begun in a while.

The sink's times are the receiver's, so what is asserted holds on any machine; how much of a limit is used depends on the
machine, and is asked for only roughly."""
import pytest

from lab import load, wait_for
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
