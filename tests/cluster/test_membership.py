# SPDX-License-Identifier: Apache-2.0
"""Who is in the cluster: everybody knows, whatever happens to processes, corosync and cables."""
import clusterlab
from lab import wait_for


def whole(cluster):
    cluster.await_members(*cluster.names)
    cluster.await_leases()


def lines(node, text):
    return [x for x in node.lines if text in x]


# one cluster for all of these: each leaves it whole

def test_all_see_the_same(cluster):
    tables = []
    for host in cluster.nodes:
        rows = host.node.console("cluster", "membership")["members"]
        assert [r["node"] for r in rows] == cluster.names
        for row, other in zip(rows, cluster.nodes):
            assert row["private_name"] == f"#ec{other.number}-{other.node.pid}#{other.name}"
            assert (row["type"], row["subcluster"], row["active"]) == ("Momentum", "default", "yes")
            assert row["address"] == f"{other.address}:4802"
            assert row["groups"] == "ec_cluster ec_console ec_sc_default"
        tables.append(rows)
    assert tables[0] == tables[1] == tables[2]


def test_what_a_node_tells_of_itself(cluster):
    node = cluster["n2"].node
    assert node.console("cluster", "nodename") == {"nodename": "n2"}
    assert node.console("cluster", "nodeaddr") == {"nodeaddr": "10.77.0.2:4802"}
    info = node.info()
    assert (info["state"], info["corosync"], info["configured_nodes"]) == ("MEMBER", "connected", 3)
    assert info["leader"] in cluster.names
    assert {"command": "cluster membership", "help": "who is in the cluster"} in node.console("cluster", "help")["commands"]


def test_a_node_that_stops_is_gone_at_once(cluster):
    host = cluster["n2"]
    assert host.node.stop() == 0
    cluster.await_members("n1", "n3")
    cluster.start_node(host)
    whole(cluster)


def test_a_killed_node_is_gone_and_comes_back(cluster):
    host = cluster["n3"]
    host.node.kill9()
    cluster.await_members("n1", "n2")
    cluster.start_node(host)
    whole(cluster)


def test_corosync_is_killed_and_comes_back(cluster):
    host = cluster["n3"]
    before = len(lines(host.node, "tried again each second"))
    host.corosync.kill9()
    cluster.await_members("n1", "n2")
    assert "Not in the cluster" in host.node.console("cluster", "membership", form="text")
    wait_for("the lease to end", lambda: lines(host.node, "(no corosync)"))
    host.start_corosync()
    whole(cluster)
    assert len(lines(host.node, "tried again each second")) == before + 1   # said once, however often it was tried


def test_a_cable_is_pulled(cluster):
    host = cluster["n2"]
    host.unplug()
    cluster.await_members("n1", "n3")
    wait_for("n2 to know that it is alone", lambda: host.node.info()["state"] == "MINORITY")
    assert host.node.members(only_active=False) == ["n2"] and host.node.members() == []
    host.plug()
    whole(cluster)


def test_a_partition_has_one_side_that_goes_on(cluster):
    one, two, three = cluster.nodes
    cluster.cut([one], [two, three])
    cluster.await_members("n2", "n3")
    wait_for("n1 to be in the minority", lambda: one.node.info()["state"] == "MINORITY")
    cluster.heal()
    whole(cluster)


def test_a_node_that_hears_nobody(cluster):
    one, two, three = cluster.nodes
    one.stop_hearing(two, three)
    cluster.await_members("n2", "n3")
    cluster.heal()
    whole(cluster)


def test_a_paused_corosync_stops_nobody(cluster):
    host = cluster["n1"]
    host.corosync.pause()
    try:
        cluster.await_members("n2", "n3")
        # nothing in the server waits for it: the console answers, and the lease ends on time
        wait_for("the lease to end", lambda: host.node.info()["lease_left"] == "0 ms")
    finally:
        host.corosync.go_on()
    whole(cluster)


def test_a_paused_server_is_left_out(cluster):
    host = cluster["n1"]
    host.node.pause()
    try:
        cluster.await_members("n2", "n3")
    finally:
        host.node.go_on()
    whole(cluster)


def test_reset_leaves_and_comes_in_again(cluster):
    node = cluster["n2"].node
    before = len(lines(node, "in the cluster group=ec_cluster"))
    node.console("cluster", "reset")
    wait_for("n2 to come in again", lambda: len(lines(node, "in the cluster group=ec_cluster")) > before)
    whole(cluster)


def test_a_second_process_of_a_host_is_refused(cluster):
    host = cluster["n1"]
    positions = [h.node.info()["position"] for h in cluster.nodes]
    leases = len(lines(host.node, "the lease is over"))
    second = clusterlab.Node(host, f"{host.dir}/second", cluster.cluster_config(host).replace('"n1"\n', '"second"\n', 1),
                             listener='ESMTP_Listener { Listen "10.77.0.1:2600" {} }\n')
    try:
        second.await_line("another process of this host is in it")
        assert second.members() == []
    finally:
        assert second.stop() == 0
    whole(cluster)
    assert all(h.node.info()["position"] >= p for h, p in zip(cluster.nodes, positions))
    assert len(lines(host.node, "the lease is over")) == leases


def test_a_reload_keeps_the_node(cluster):
    host = cluster["n3"]
    before = len(lines(host.node, "in the cluster group=ec_cluster"))
    host.node.configure(cluster.cluster_config(host, "heartbeats_per_sec = 2").replace('"n2" = "10.77.0.2"', ""))
    host.node.console("config", "reload")
    wait_for("two configured nodes", lambda: host.node.info()["configured_nodes"] == 2)
    assert host.node.members() == cluster.names
    host.node.configure(cluster.cluster_config(host))
    host.node.console("config", "reload")
    wait_for("three configured nodes", lambda: host.node.info()["configured_nodes"] == 3)
    assert len(lines(host.node, "in the cluster group=ec_cluster")) == before     # never left
    whole(cluster)


def test_a_reload_that_forgets_this_node_is_told(cluster):
    host = cluster["n3"]
    told = len(lines(host.node, "is not among the peers"))
    host.node.configure(cluster.cluster_config(host).replace('"n3" = ', '"n4" = '))
    host.node.console("config", "reload")
    wait_for("a warning", lambda: len(lines(host.node, "node=n3 is not among the peers")) > told)
    host.node.configure(cluster.cluster_config(host))
    host.node.console("config", "reload")
    host.node.console("config", "reload")
    assert len(lines(host.node, "is not among the peers")) == told + 1
    whole(cluster)


def test_two_hosts_of_one_name_are_told(cluster):
    host = cluster["n3"]
    assert host.node.stop() == 0
    cluster.start_node(host, start=False)
    host.node.reconfigure('nodename = "n3"', 'nodename = "N1"')
    host.node.start()
    try:
        for one in cluster.nodes:
            one.node.await_line("two hosts have the name node=")
    finally:
        assert host.node.stop() == 0
        cluster.start_node(host)
    whole(cluster)
    assert not lines(host.node, "two hosts have the name")


def test_a_cluster_is_switched_off_and_on(cluster):
    """By reload: the node leaves at once, and its limits are its own meanwhile."""
    host, sink = cluster["n3"], cluster.start_sink()
    conf = cluster.cluster_config(host) + f'Gateway = "{sink.address}"\nRemote_SMTP_Port = 2526\nRelay_Hosts = ( "{host.address}" )\n' \
        "cluster_server_max_outbound_connections = 2\n"

    def reload(conf):
        host.node.configure(conf)
        host.node.console("config", "reload")

    def deliver():
        before = int(host.node.account()["delivered"])
        host.load("-c", 2, "-n", 20, "--domain", "d.test")
        assert int(host.node.settled()["delivered"]) == before + 20

    reload(conf)
    deliver()
    reload(conf.replace("cluster {", "cluster { enabled = false", 1))
    wait_for("the end of the node", lambda: [m["state"] for m in host.node.console("module", "list")["modules"]
                                             if m["scope_name"] == "cluster"] == ["disabled"])
    cluster.await_members("n1", "n2")
    assert "unknown command" in host.node.console("cluster", "membership", form="text", check=False)
    deliver()
    reload(conf)
    whole(cluster)
    deliver()
    reload(cluster.cluster_config(host))
    whole(cluster)
