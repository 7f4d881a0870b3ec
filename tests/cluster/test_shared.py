# SPDX-License-Identifier: Apache-2.0
"""Shared objects: what one node counts is seen by all, goes with the node, and comes with the snapshot."""
import contextlib
import time

import pytest

import clusterlab
import conftest
from lab import wait_for

REPLICATE = """
  Replicate "inbound_cidr" { max_delay = 0.2 }
  Replicate "outbound_cidr" { }
  Replicate "outbound_domains" { }
  Replicate "outbound_binding_domains" { }
  Replicate "shared_named_throttles" { }
  Replicate "OBTM" { }
  Replicate "OBTC" { }
  Replicate "traffic" { class = "metrics" parameters = "connect;reception;rejection;delivery;transfail;permfail" max_delay = 0.5 }
  Replicate "eccmgr_metrics" { parameters = "reception" }
  Replicate "notes" { class = "cache" parameters = "snapshot" max_size = 10 }
  Replicate "only_default" { class = "outbound_domains" binding_group = "default" }
  Replicate "only_other" { class = "outbound_domains" binding_group = "other" }
"""


NODES = ("n1", "n2", "n3")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Three nodes with the objects, a manager, and mail through a sink that keeps its connections."""
    lab = conftest.make(tmp_path_factory.mktemp("shared"), nodes=(*NODES, "m1"))
    try:
        lab.start_corosync()
        for name in NODES:
            lab.start_node(lab[name])
        lab.start_manager(lab["m1"])
        lab.names = list(NODES)                    # those that serve mail
        await_all(lab, *NODES)
        lab.start_sink()
        for host in lab.nodes:
            configure(lab, host)
        yield lab
    finally:
        lab.end()


def await_all(lab, *names):
    lab.await_members(*names, "(m1)", on=[lab[n] for n in names])


@pytest.fixture(scope="module")
def nodes(cluster):
    return [h.node for h in cluster.nodes]


def configure(lab, host, replicate=REPLICATE, more=""):
    write(lab, host, replicate, more)
    host.node.console("config", "reload")


def write(lab, host, replicate=REPLICATE, more=""):
    sink = lab["sink"].address
    host.node.configure(lab.cluster_config(host, replicate) + f'Routes = ("{sink}")\nRemote_SMTP_Port = 2526\n'
                        + f'inbound_audit {{ monitors = ( "86400,3" ) serialize_dir = "{host.dir}/audit" }}\n'
                        + 'idle_timeout = 60\nbinding_group "other" { }\nRelay_Hosts = ("10.0.0.0/8")\n' + more)


def rows(node, name, *view):
    found = node.console("cluster", "shared", "show", name, *(("from", *view) if view else ()))
    table = found.get("counts", [])
    return {r.get("key") or r.get("network") or r.get("series"): int(r["count"]) for r in table}


def all_agree(nodes, name, want, *view):
    for node in nodes:
        try:
            wait_for("agreement", lambda n=node: rows(n, name, *view) == want)
        except AssertionError:
            raise AssertionError(f"{name} {view} on {node.host.name}: {rows(node, name, *view)}, not {want}") from None


def test_the_list(nodes):
    listed = {r["object"]: r for r in nodes[0].console("cluster", "shared", "list")["objects"]}
    assert set(listed) == {"inbound_cidr", "outbound_cidr", "outbound_domains", "outbound_binding_domains", "obtm", "obtc",
                           "shared_named_throttles", "traffic", "eccmgr_metrics", "notes", "only_default", "only_other"}
    assert listed["inbound_cidr"]["kind"] == "cidrtree" and listed["outbound_domains"]["kind"] == "gauge table"
    assert listed["inbound_cidr"]["laziness"] == "lazy" and listed["notes"]["snapshots"] == "yes"
    text = nodes[0].console("cluster", "shared", "show", "nothing", form="text", check=False)
    assert "cluster shared list" in text
    assert "cluster membership" in nodes[0].console("cluster", "shared", "show", "outbound_domain", "from", "n9", form="text",
                                                     check=False)


def test_inbound_connections(cluster, nodes):
    ones = [cluster["n1"].connect(), cluster["n1"].connect()]
    twos = [cluster["n2"].connect(address=cluster["n1"].address)]
    all_agree(nodes, "inbound_cidr", {"10.77.0.1/32": 2, "10.77.0.2/32": 1})
    all_agree(nodes, "inbound_cidr", {"10.77.0.1/32": 2, "10.77.0.2/32": 1}, "n1")
    all_agree(nodes, "inbound_cidr", {}, "n2")
    more = cluster["n1"].connect(address=cluster["n3"].address)
    all_agree(nodes, "inbound_cidr", {"10.77.0.1/32": 3, "10.77.0.2/32": 1})
    all_agree(nodes, "inbound_cidr", {"10.77.0.1/32": 1}, "n3")
    for one in [*ones, *twos, more]:
        one.close()
    all_agree(nodes, "inbound_cidr", {})


def send(host, domain):
    client = host.connect()
    assert client.mail("a@client.test", [f"b@{domain}"], b"Subject: x\r\n\r\nhi\r\n")[0] == 250
    client.close()


def test_outbound_connections(cluster, nodes):
    for host in cluster.nodes:
        send(host, "one.test")
    send(cluster["n1"], "two.test")
    want = {"one.test": 3, "two.test": 1}
    all_agree(nodes, "outbound_domains", want)
    all_agree(nodes, "outbound_domain", {"one.test": 1, "two.test": 1}, "n1")
    all_agree(nodes, "outbound_binding_domains", {"default::one.test": 3, "default::two.test": 1})
    all_agree(nodes, "outbound_cidr", {cluster["sink"].address + "/32": 4})
    all_agree(nodes, "only_default", want)
    all_agree(nodes, "only_other", {})


def test_a_reload_counts_nothing_twice(cluster, nodes):
    """R10: the objects of the new stanzas count what is there, once; what is not configured any more is gone everywhere."""
    before = rows(nodes[0], "outbound_domains")
    assert before
    configure(cluster, cluster["n1"], REPLICATE.replace('"only_default"', '"fresh"').replace('"outbound_cidr" { }',
                                                                                            '"outbound_cidr" { max_delay = 0.5 }'))
    wait_for("the new object", lambda: rows(nodes[0], "fresh", "n1"))
    assert rows(nodes[0], "fresh", "n1") == rows(nodes[0], "outbound_domains", "n1")
    all_agree(nodes[1:], "only_default", {}, "n1")
    all_agree(nodes, "outbound_domains", before)
    configure(cluster, cluster["n1"])
    all_agree(nodes, "only_default", before)
    all_agree(nodes, "outbound_domains", before)


def test_a_node_takes_its_counts_with_it_and_gets_the_picture(cluster, nodes):
    want = rows(nodes[0], "outbound_domains")
    third = {"one.test": rows(nodes[0], "outbound_domains", "n3")["one.test"]}
    host = cluster["n3"]
    nodes[2].kill9()
    await_all(cluster, "n1", "n2")
    left = {k: n - third.get(k, 0) for k, n in want.items() if n - third.get(k, 0)}
    all_agree(nodes[:2], "outbound_domains", left)
    cluster.start_node(host)
    configure(cluster, host)
    await_all(cluster, *NODES)
    assert rows(host.node, "outbound_domains") == left       # at once: it came with the snapshot
    nodes[2] = host.node


def test_metrics_agree(cluster, nodes):
    """In all, within max_delay and a bit: how long that is, is printed; a busy machine is no test."""
    def views():
        return [rows(n, "traffic") for n in nodes]
    before = views()[0]
    for host in cluster.nodes:
        send(host, "one.test")
    client = cluster["n2"].connect()
    client.code("MAIL FROM:<a@client.test>")
    client.close()
    began = time.monotonic()
    want = {**before, "connect": before["connect"] + 4, "reception": before["reception"] + 3}
    for series in ("connect", "reception"):
        wait_for(f"{series} {want} {views()}", lambda s=series: all(v[s] == want[s] for v in views()))
    print(f"agreed_after_ms={int(1000 * (time.monotonic() - began))} max_delay_ms=500")
    wait_for("deliveries", lambda: all(v["delivery"] == before["delivery"] + 3 for v in views()))
    minute = nodes[0].console("cluster", "shared", "show", "traffic")["counts"]
    assert all(int(r["last_minute"]) <= int(r["count"]) for r in minute)
    assert "Only the manager" in nodes[0].console("cluster", "shared", "show", "eccmgr_metrics", form="text")


def test_the_manager_keeps_its_own(cluster, nodes):
    """eccmgr_metrics: who comes late has them from the nodes, since nobody else keeps them."""
    manager = cluster["m1"].node
    manager.configure(cluster.cluster_config(cluster["m1"], 'Replicate "eccmgr_metrics" { parameters = "reception" }'
                                             '\nReplicate "traffic" { class = "metrics" parameters = "reception" }'))
    manager.console("config", "reload")

    def seen(name, *view):
        answer = manager.console("show", "cluster", "shared", name, *view)
        return {r["series"]: int(r["count"]) for r in answer["counts"]}.get("reception", 0)
    want = rows(nodes[0], "traffic")["reception"]
    assert want > 0
    wait_for("receptions", lambda: seen("eccmgr_metrics") == seen("traffic") == want)
    send(cluster["n1"], "one.test")
    wait_for("one more", lambda: seen("eccmgr_metrics") == seen("traffic") == want + 1)

    def kept():
        shown = manager.console("show", "cluster", "shared", "eccmgr_metrics").get("audit_series", [])
        assert {r["series"] for r in shown} <= {"receptions"}
        return sum(int(r["count"]) for r in shown)
    whole = audited(nodes[0], "receptions", "0.0.0.0/0")
    assert whole > 0
    wait_for("series", lambda: kept() == audited(nodes[0], "receptions", "0.0.0.0/0") >= whole)
    ones = seen("eccmgr_metrics", "from", "n1")
    assert 0 < ones < want + 1
    manager.kill9()
    lab_config = cluster.cluster_config
    cluster.cluster_config = lambda host: lab_config(host, 'Replicate "eccmgr_metrics" { parameters = "reception" }')
    manager = cluster.start_manager(cluster["m1"])
    cluster.cluster_config = lab_config
    wait_for("the whole picture", lambda: seen("eccmgr_metrics") == want + 1)
    wait_for("series as well", lambda: kept() == audited(nodes[0], "receptions", "0.0.0.0/0") >= whole)


def audited(node, series, network):
    return int(node.console("inbound_audit", "count_cidr", network, series, "86400,3", "0", "2")["count"])


def all_audit(nodes, series, network, want):
    for node in nodes:
        try:
            wait_for("agreement", lambda n=node: audited(n, series, network) == want)
        except AssertionError:
            raise AssertionError(f"{series} of {network} on {node.host.name}: {audited(node, series, network)}, not {want}") from None


def parts(node, series, *view):
    shown = node.console("cluster", "shared", "show", "traffic", *(("from", *view) if view else ())).get("audit_series", [])
    return sum(int(r["count"]) for r in shown if r["series"] == series)


def test_inbound_audit(cluster, nodes):
    """R4: what each node has counted of an address is its own part; all see the sum."""
    one, network = f"{cluster['n1'].address}", "10.77.0.0/24"
    before = {(s, of): audited(nodes[0], s, of) for s in ("connections", "receptions") for of in (one, network)}
    for name in NODES:
        client = cluster["n1"].connect(address=cluster[name].address)
        assert client.mail("a@client.test", ["b@one.test"], b"Subject: x\r\n\r\nhi\r\n")[0] == 250
        client.close()
    cluster["n2"].connect().close()
    want = {("connections", one): 3, ("connections", network): 4, ("receptions", one): 3, ("receptions", network): 3}
    for (series, of), more in want.items():
        all_audit(nodes, series, of, before[series, of] + more)
    whole = audited(nodes[0], "connections", network)
    assert parts(nodes[0], "connections") == whole
    each = {name: parts(nodes[0], "connections", name) for name in NODES}
    assert sum(each.values()) == whole and all(n >= 1 for n in each.values())

    # R10: neither side counts anything twice when a stanza is made anew
    configure(cluster, cluster["n1"], REPLICATE.replace("max_delay = 0.5", "max_delay = 0.4"))
    configure(cluster, cluster["n2"])
    all_audit(nodes, "connections", network, whole)
    # what is not shared any more is not seen elsewhere; the node itself sees its own
    configure(cluster, cluster["n1"], REPLICATE.replace("connect;", ""))
    all_audit(nodes[1:], "connections", network, whole - each["n1"])
    all_audit(nodes[:1], "connections", network, each["n1"])
    configure(cluster, cluster["n1"])
    all_audit(nodes, "connections", network, whole)

    host = cluster["n3"]
    nodes[2].kill9()
    await_all(cluster, "n1", "n2")
    all_audit(nodes[:2], "connections", network, whole - each["n3"])
    nodes[2] = cluster.start_node(host)
    configure(cluster, host)
    await_all(cluster, *NODES)
    all_audit(nodes, "connections", network, whole - each["n3"])

    # a node that stops in order keeps its counts over the restart, and brings them along
    assert nodes[1].stop() == 0
    all_audit([nodes[0], nodes[2]], "connections", network, whole - each["n3"] - each["n2"])
    host = cluster["n2"]
    nodes[1] = cluster.start_node(host, start=False)
    write(cluster, host)
    nodes[1].start()
    await_all(cluster, *NODES)
    all_audit(nodes, "connections", network, whole - each["n3"])


def test_inbound_limit_of_the_cluster(cluster, nodes):
    limited = f'ESMTP_Listener {{\n Listen "*:2527" {{\n Peer "10.77.0.0/24" {{ cluster_service_sessions = 3 }}\n }}\n}}\n'
    for host in cluster.nodes:
        configure(cluster, host, more=limited)
    with contextlib.ExitStack() as open_now:
        def connect(to):
            client = cluster["sink"].connect(2527, cluster[to].address)
            return open_now.enter_context(contextlib.closing(client))
        assert connect("n1").banner[0] == 220
        assert connect("n1").banner[0] == 220
        all_agree(nodes, "inbound_cidr", {f'{cluster["sink"].address}/32': 2})
        third = connect("n2")
        assert third.banner[0] == 220
        all_agree(nodes, "inbound_cidr", {f'{cluster["sink"].address}/32': 3})
        for name in ("n1", "n2", "n3"):
            assert connect(name).banner == (421, "421 4.4.5 Too many connections, try again later")
        third.close()
        all_agree(nodes, "inbound_cidr", {f'{cluster["sink"].address}/32': 2})
        assert connect("n3").banner[0] == 220
    for host in cluster.nodes:
        configure(cluster, host)


def test_inbound_limit_without_the_others(cluster):
    """No corosync, no Replicate: what this node has counts.  In a listener that stands above the cluster stanza."""
    host = cluster["sink"]
    server = cluster.keep(clusterlab.Node(host, f"{host.dir}/node", 'cluster { nodename = "alone" }\n', listener="ESMTP_Listener {\n"
                                          f'  Listen "{host.address}:2525" {{ cluster_service_sessions = 2 }}\n}}\n'))
    with contextlib.ExitStack() as open_now:
        def connect():
            return open_now.enter_context(contextlib.closing(host.connect()))
        first = connect()
        assert [first.banner[0], connect().banner[0], connect().banner[0]] == [220, 220, 421]
        first.close()
        wait_for("a place", lambda: connect().banner[0] == 220)
    assert server.stop() == 0


def test_what_was_known_last_says_so(cluster, nodes):
    ask = ("cluster", "shared", "show", "outbound_domains")
    assert "note" not in nodes[2].console(*ask)
    cluster["n3"].corosync.kill9()
    wait_for("the note", lambda: "knew last" in str(nodes[2].console(*ask).get("note")))
    cluster["n3"].start_corosync(f'{cluster["n3"].dir}/corosync.conf')        # the manager's host is in it
    await_all(cluster, *NODES)
    wait_for("no note", lambda: "note" not in nodes[2].console(*ask))


def test_a_domain_in_the_singular(cluster, nodes):
    """Documented in both spellings: one object."""
    configure(cluster, cluster["n1"], 'Replicate "outbound_domain" { }')
    assert "outbound_domains" in {r["object"] for r in nodes[0].console("cluster", "shared", "list")["objects"]}
    for name in ("outbound_domain", "Outbound_Domains"):
        assert nodes[0].console("cluster", "shared", "show", name)["object"] == "outbound_domains"
    configure(cluster, cluster["n1"])


def test_what_does_nothing_is_told(cluster, nodes):
    """And what does something is not."""
    configure(cluster, cluster["n1"], 'Replicate "idle" { class = "metrics" }\nReplicate "eager" { class = "cache" parameters = "delivery" }\n'
              'Replicate "big" { class = "outbound_cidr" max_size = 5 }')
    for line in ('Replicate "idle": without parameters', 'Replicate "eager": its parameters', 'Replicate "big": max_size'):
        nodes[0].await_line(line)
    configure(cluster, cluster["n1"])
    assert not [line for line in nodes[1].text().splitlines() if 'Replicate "' in line]


@pytest.mark.parametrize("stanza,why", [
    ('Replicate "mine" { }', "is no type"),
    ('Replicate "a" { class = "metrics" parameters = "speed" }', "is no parameter"),
    ('Replicate "eccmgr_metrics" { parameters = "gauge_cache" }', "a manager alone keeps no gauge_cache"),
    ('Replicate "a" { class = "cache" binding_group = "default" }', "binding_group restricts"),
    ('Replicate "a" { class = "cache" max_delay = -1 }', "max_delay is between"),
    ('Replicate "A" { class = "cache" }\nReplicate "a" { class = "outbound_cidr" }', "another one of this name"),
])
def test_mistakes_are_refused(cluster, nodes, stanza, why):
    host = cluster["n1"]
    host.node.configure(cluster.cluster_config(host, stanza))
    text = host.node.console("config", "reload", form="text", check=False)
    assert why in text, text
    configure(cluster, host)


def test_throttles(cluster, nodes):
    """Rates of the cluster are shown with what nodes hold of them, whatever stanzas there are."""
    limits = 'Domain "slow.test" { cluster_outbound_throttle_messages = "100/60" cluster_outbound_throttle_connections = "50/60" }\n'
    for host in cluster.nodes:
        configure(cluster, host, "", limits)
    send(cluster["n1"], "slow.test")

    def shown(node, name, *view):
        return node.console("cluster", "shared", "show", name, *view).get("throttles", [])
    for name, limit in (("OBTM", 100), ("obtc", 50)):
        for node in nodes:
            wait_for("units that n1 has used", lambda n=node: [r for r in shown(n, name, "from", "n1") if int(r["held"]) > 0])
            (row,) = shown(node, name)
            assert (row["throttle"], row["limit"], row["seconds"], row["frozen"]) == ("domain:slow.test", limit, 60, 0), row
            assert 1 <= int(row["held"]) <= limit
            assert shown(node, name, "from", "n2") == []
        (row,) = shown(nodes[0], name, "from", "n1")
        # what came from a founded state rests, too, as if it had been used
        assert 1 <= row["resting"] <= row["held"] and "resting_here" not in row
        assert shown(nodes[0], name)[0]["resting_here"] >= 1 and shown(nodes[1], name)[0]["resting_here"] == 0
    listed = {r["object"]: r["keys"] for r in nodes[2].console("cluster", "shared", "list")["objects"]}
    assert listed == {"obtm": 1, "obtc": 1, "shared_named_throttles": 0}
