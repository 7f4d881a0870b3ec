# SPDX-License-Identifier: Apache-2.0
"""Clusters of one and of two hosts, and servers without corosync."""
import os

import pytest

import clusterlab
from lab import Server, wait_for

def test_one_of_two_has_half(make_lab):
    lab = make_lab(nodes=("a", "b"), others=())
    lab.start_nodes()
    assert "half" not in lab["a"].node.info()["share"]
    lab["b"].corosync.kill9()
    # corosync's two_node calls a quorate, and b, if it still ran, as well: no limit may be held twice
    wait_for("a to know that it is alone", lambda: "half" in lab["a"].node.info()["share"])
    assert "Quorate:          Yes" in lab["a"].run("corosync-quorumtool", "-s", check=False)
    lab["b"].start_corosync()
    lab.await_members("a", "b")
    assert all("half" not in h.node.info()["share"] for h in lab.nodes)


@pytest.mark.parametrize("known", [(), ("a", "b", "c")])
def test_two_hosts_whose_servers_know_another_number(make_lab, known):
    """corosync calls both of two quorate: that must not be believed, also while the configurations of the two differ."""
    lab = make_lab(nodes=("a", "b"), others=())
    peers = "".join(f'"{name}" = "10.77.0.{i}" ' for i, name in enumerate(known, 1))
    lab.cluster_config = lambda host, cluster="": (f'cluster {{ nodename = "{host.name}"\n{cluster} }}\n'
                                                   + (f"msgc_server {{ peers = [ {peers} ] }}\n" if known else ""))
    lab.start_nodes()
    lab.cut([lab["a"]], [lab["b"]])
    for host in lab.nodes:
        wait_for("it to know that it is alone", lambda h=host: h.node.info()["state"] == "MINORITY")
        assert "Quorate:          Yes" in host.run("corosync-quorumtool", "-s", check=False)
        wait_for("limits to be closed", lambda h=host: h.node.info()["lease_left"] == "0 ms")
    lab.heal()
    lab.await_members("a", "b")
    lab.await_leases()


def test_one_that_does_not_know_of_the_second_yet(make_lab):
    """While a cluster of one grows: the first server, configured to be the only one until it reloads, has seen that it is not."""
    lab = make_lab(nodes=("a", "b"), others=())
    whole = lab.cluster_config

    def config(host, cluster=""):
        return whole(host, cluster) if host.name == "b" else (
            f'cluster {{ nodename = "a"\n{cluster} }}\nmsgc_server {{ peers = [ "a" = "{host.address}" ] }}\n')
    lab.cluster_config = config
    lab.start_nodes()
    a, b = lab["a"].node, lab["b"].node
    assert (a.info()["configured_nodes"], b.info()["configured_nodes"]) == (1, 2)
    lab.cut([lab["a"]], [lab["b"]])
    wait_for("b to know that it is alone", lambda: "half" in b.info()["share"])
    wait_for("limits of a to be closed", lambda: a.info()["state"] == "MINORITY" and a.info()["lease_left"] == "0 ms")
    # also when its corosync was away meanwhile
    lab["a"].corosync.kill9()
    wait_for("a to know", lambda: a.info()["corosync"] != "connected")
    lab["a"].start_corosync()
    wait_for("a to be connected", lambda: a.info()["corosync"] == "connected" and a.info()["state"] == "MINORITY")
    assert a.info()["lease_left"] == "0 ms"
    # told that it is one of two it uses its half, and told that it is the only one, all
    for peers, share in ((whole(lab["a"]), "half"), (config(lab["a"]), "of all hosts")):
        a.configure(peers)
        a.console("config", "reload")
        wait_for(f"a to use {share}", lambda s=share: s in a.info()["share"] and a.info()["lease_left"] != "0 ms")


def test_a_process_of_two_is_enough_when_its_host_is_there(make_lab):
    lab = make_lab(nodes=("a", "b"), others=())
    lab.start_nodes()
    assert lab["b"].node.stop() == 0
    lab.await_members("a")


def test_one_alone_is_a_cluster(make_lab):
    lab = make_lab(nodes=("solo",), others=())
    lab.start_nodes()
    assert lab["solo"].node.info()["leader"] == "solo"


@pytest.mark.parametrize("written, address", [("10.77.0.1:4809", "10.77.0.1:4802"), ("[fd00::1]:4809", "[fd00::1]:4802"),
                                              ("fd00::1", "[fd00::1]:4802")])
def test_peers_with_the_port_of_a_message_service(tmp_path, written, address):
    server = Server(tmp_path, f'cluster {{ nodename = "a" }}\nmsgc_server {{ peers = [ "a" = "{written}" ] }}\n')
    try:
        assert server.console("cluster", "nodeaddr") == {"nodeaddr": address}
    finally:
        server.kill9()


def test_a_stopped_corosync_does_not_hold_the_server_up(make_lab):
    lab = make_lab(nodes=("solo",), others=())
    lab.start_nodes()
    node = lab["solo"].node
    lab["solo"].corosync.pause()
    wait_for("the console to know", lambda: "does not answer" in node.info()["corosync"])
    assert node.stop() == 0
    # nor does it at start
    node = lab.start_node(lab["solo"])
    node.await_line("corosync does not answer")
    assert node.stop() == 0


# ---- without corosync

def mapped(server, name):
    with open(f"/proc/{server.pid}/maps") as f:
        return name in f.read()


def test_without_the_stanza_nothing_of_corosync_is_loaded(tmp_path):
    server = Server(tmp_path)
    try:
        assert not mapped(server, "libcpg") and not mapped(server, "libquorum") and not mapped(server, "cluster.so")
    finally:
        server.kill9()


def test_without_corosync_the_server_runs(tmp_path):
    if not os.path.exists(f"{clusterlab.base.PREFIX}/libexec/cluster.so"):
        pytest.skip("built without corosync's headers")
    server = Server(tmp_path, "cluster { nodename = \"alone\" }\n")
    try:
        server.await_line("tried again each second")
        assert server.smtp().banner[0] == 220
        assert server.stop() == 0
    finally:
        server.kill9()


@pytest.mark.parametrize("config, why", [
    ('cluster "x" {}', "write cluster { } without a name"),
    ('cluster { subcluster = "Upper" }', "one word in lower case"),
    ('cluster { nodename = "two words" }', "nodename is to be one word"),
    ('cluster { control_group = "ec_cluster" }', "are to be different"),
    ('cluster { lease_margin = 20 }', "lease_margin is to be at least"),
    ('cluster {}\nmsgc_server { peers = [ "Upper" = "10.0.0.1" ] }', "lower case"),
])
def test_what_can_not_work_is_refused(tmp_path, config, why):
    server = Server(tmp_path, config, start=False)
    server.start(wait=False)
    server.process.wait(clusterlab.PATIENCE)
    server.thread.join()
    assert why in server.text()


def test_a_limit_whose_place_has_a_long_name(make_lab):
    """The pattern of a domain stanza is a part of the limit's name, and may be longer than names in the cluster are."""
    lab = make_lab(nodes=("solo",))
    lab.start_sink()
    pattern = "|".join(f"provider-{i:03}[.]example" for i in range(43))    # just below what a stanza's name may have
    limits = "".join(f'Domain "/^({pattern}|{last}[.]example)$/" {{ cluster_scope_max_outbound_connections = {n} '
                     f'cluster_outbound_throttle_messages = "1000/1" }}\n' for last, n in (("one", 1), ("two", 2)))
    lab.start_nodes(f'Routes = ( "{lab["sink"].address}" )\nRemote_SMTP_Port = 2526\nRelay_Hosts = ( "0.0.0.0/0" )\n{limits}')
    for domain in ("one.example", "two.example"):
        lab["solo"].load("-c", 1, "-n", 3, "--domain", domain)
    wait_for("delivery", lambda: int(lab["solo"].node.account()["delivered"]) == 6)
    rows = lab["solo"].node.console("cluster", "limits", "cluster_scope_max*")["limits"]
    assert sorted(r["limit"] for r in rows) == [1, 2]
