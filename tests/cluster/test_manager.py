# SPDX-License-Identifier: Apache-2.0
"""eccmgr: commands on all nodes, on some, on one; replies that are kept, and one answer of all."""
import json
import os
import socket

import pytest

import clusterlab
import conftest
from lab import PATIENCE, wait_for

NAMES = ["n1", "n2", "n3"]
SUBCLUSTERS = {"n1": "east", "n2": "east", "n3": "west"}


def start_node(lab, name):
    return lab.start_node(lab[name], cluster=f'  subcluster = "{SUBCLUSTERS[name]}"')


@pytest.fixture(scope="module")
def managed(tmp_path_factory):
    """Three nodes in two subclusters, and a manager; each test leaves all of them running."""
    lab = conftest.make(tmp_path_factory.mktemp("managed"), nodes=(*NAMES, "m1"), others=())
    try:
        lab.start_corosync()
        for name in NAMES:
            start_node(lab, name)
        lab.start_manager(lab["m1"])
        await_nodes(lab)
        yield lab
    finally:
        lab.end()


def await_nodes(lab, names=None):
    """The manager knows all of them."""
    manager = lab["m1"].node
    wait_for(f"the manager to see {names or NAMES}", lambda: manager.members() == (names or NAMES))
    wait_for("all to be asked", lambda: asked(manager, names or NAMES))


def asked(manager, names):
    answer = manager.console("xml", "on", "all:", "pid", form="text", check=False)
    return all(f"<node>{name}</node>" in answer for name in names)


def replies(manager, *words):
    answer = manager.console(*words)["reply"]
    return answer if isinstance(answer, list) else [answer]


def await_replies(manager, *words):
    """Replies once all have come."""
    return wait_for(f"replies to {words}", lambda: (
        lambda all: all if not any("no answer yet" in r.get("error", "") for r in all) else None)(replies(manager, *words)))


def test_broadcast_and_retrieve(managed):
    manager = managed["m1"].node
    assert 'sent to n1, n2, n3; read the replies with "retrieve pid"' in manager.console("broadcast", "pid", form="text")
    found = await_replies(manager, "retrieve", "pid")
    assert {r["node"]: r["pid"] for r in found} == {n: managed[n].node.pid for n in NAMES}
    assert manager.console("retrieve_node", "n2", "pid") == {"pid": managed["n2"].node.pid}
    assert manager.console("retrieve_node", "n2", "pid", form="text").strip() == str(managed["n2"].node.pid)
    # who was not asked has no reply
    assert 'no reply of node "n9" to "pid" here; there are those of ' in manager.console(
        "retrieve_node", "n9", "pid", form="text", check=False)
    assert 'no reply of subcluster "north" to "pid"' in manager.console("subcluster", "retrieve", "north", "pid", form="text",
                                                                       check=False)
    # by text: another command has other replies
    assert 'no reply to "version"' in manager.console("retrieve", "version", form="text", check=False)
    # an error of a node is an error here
    manager.console("unicast", "n1", "config", "get", "nonsense", form="text")
    assert "nonsense" in await_replies(manager, "retrieve", "config", "get", "nonsense")[0]["error"]
    assert "n1: " in manager.console("retrieve_node", "n1", "config", "get", "nonsense", form="text", check=False)


def test_subclusters(managed):
    manager = managed["m1"].node
    manager.console("subcluster", "broadcast", "east", "cluster", "nodename", form="text")
    assert [r["node"] for r in await_replies(manager, "retrieve", "cluster", "nodename")] == ["n1", "n2"]
    manager.console("unicast", "N3", "cluster", "nodename", form="text")
    found = await_replies(manager, "subcluster", "retrieve", "west", "cluster", "nodename")
    assert [(r["node"], r["nodename"]) for r in found] == [("n3", "n3")]
    said = manager.console("on", "subcluster", "east:", "cluster", "nodename")
    assert said == {"answers": [{"node": "n1", "nodename": "n1"}, {"node": "n2", "nodename": "n2"}]}
    for words in (["unicast", "n9", "pid"], ["on", "n9:", "pid"]):
        assert 'no node "n9" in the cluster; nodes are n1, n2, n3' in manager.console(*words, form="text", check=False)
    for words in (["subcluster", "broadcast", "north", "pid"], ["on", "subcluster", "north:", "pid"]):
        assert 'no subcluster "north" in the cluster; subclusters are east, west' in manager.console(*words, form="text", check=False)


def test_on_all_is_one_answer(managed):
    manager = managed["m1"].node
    said = manager.console("on", "all:", "summary")
    direct = managed["n1"].node.console("summary")
    assert [row["node"] for row in said["account"]] == NAMES
    assert set(said["account"][0]) == {"node"} | set(direct["account"])
    text = manager.console("on", "all:", "summary", form="text")
    assert "\nAccount:\n  NODE  RECEIVED" in text and text.count("\n  n2 ") == text.count("\n  n3 ") > 1
    # tables become one table
    said = manager.console("on", "all", "with", "timeout", "20:", "loops")
    assert [(row["node"], row["loop"]) for row in said["loops"]] == [(n, i) for n in NAMES for i in range(2)]
    # a node's own column does not hide one of the answer
    said = manager.console("on", "all:", "cluster", "membership")["members"]
    assert sorted((r["node"], r["of_node"]) for r in said) == sorted((n, m) for n in NAMES for m in ("m1", *NAMES))
    assert "of_node" not in manager.console("on", "n1:", "cluster", "info")["answers"][0]
    # quoting reaches the node as it was
    assert "is an option" not in manager.console("on", "n1:", "help", "option", "no such", form="text", check=False)
    assert "no such" in manager.console("on", "n1:", "help", "option", "no such", form="text", check=False)
    for words in (["on", "all", "pid"], ["on", "all:"], ["on", ":", "pid"], ["on", "all", "with", "timeout", "x:", "pid"],
                  ["on", "subcluster", "a", "b:", "pid"]):
        assert "usage: on " in manager.console(*words, form="text", check=False)


def test_errors_of_nodes_fail_the_command(managed):
    manager = managed["m1"].node
    said = manager.console("json", "on", "all:", "config", "get", "nonsense", form="text", check=False)
    answer = json.loads(said)
    assert answer["error"] == "failed on n1, n2, n3"
    assert ["nonsense" in row["error"] for row in answer["answers"]] == [True] * 3
    # a manager's commands are not a node's, nor the other way round
    assert "unknown command" in manager.console("on", "n1:", "broadcast", "pid", form="text", check=False)
    assert "unknown command" in manager.console("cluster", "membership", form="text", check=False)
    assert "unknown command" in managed["n1"].node.console("broadcast", "pid", form="text", check=False)
    assert "unknown command" in manager.console("summary", form="text", check=False)


def test_large_answers_come_whole(managed):
    manager = managed["m1"].node
    direct = managed["n2"].node.console("config", "options")["options"]
    said = manager.console("on", "all:", "config", "options")["options"]
    assert [{k: v for k, v in row.items() if k != "node"} for row in said if row["node"] == "n2"] == direct
    assert len(said) == 3 * len(direct)


def test_membership_and_info(managed):
    manager = managed["m1"].node
    assert manager.members() == NAMES
    xml = manager.console("xml", "show", "cluster", "membership", form="text")
    assert "<type>Manager</type>" in xml and "<address>0.0.0.0:0</address>" in xml and "<node>n3</node>" in xml
    assert manager.console("info")["control_group"] == "ec_console"
    assert managed["n1"].node.members() == ["(m1)", *NAMES]
    assert {r["subcluster"] for r in manager.console("show", "cluster", "membership")["members"]} >= {"east", "west"}
    # who is told of a command has it
    for words, command in ((["nothing"], "show cluster shared"), (["obtm", "from", "n9"], "show cluster membership")):
        assert f'"{command}" shows them' in manager.console("show", "cluster", "shared", *words, form="text", check=False)


def test_reload_of_all_nodes(managed):
    manager = managed["m1"].node
    said = manager.console("on", "all:", "config", "reload")
    assert [row["node"] for row in said["answers"]] == NAMES


def test_flush_and_restart(managed):
    manager = managed["m1"].node
    manager.console("broadcast", "version", form="text")
    await_replies(manager, "retrieve", "version")
    wait_for("the file", lambda: os.path.exists(f"{manager.dir}/cache"))
    assert os.stat(f"{manager.dir}/cache").st_mode & 0o777 == 0o600
    assert manager.stop() == 0
    manager.start()
    assert [r["node"] for r in replies(manager, "retrieve", "version")] == NAMES
    await_nodes(managed)
    assert manager.console("flush", "control", "cache")["flushed"] >= 3
    assert "no reply to" in manager.console("retrieve", "version", form="text", check=False)
    assert manager.stop() == 0
    manager.start()
    assert "no reply to" in manager.console("retrieve", "version", form="text", check=False)
    await_nodes(managed)


def test_node_that_dies_or_is_silent(managed):
    """A stopped server answers nothing; when it is killed that is known at once."""
    manager, node = managed["m1"].node, managed["n3"].node
    node.pause()
    try:
        def ask():  # within a second, which is long for all but a very busy machine
            said = json.loads(manager.console("json", "on", "all", "with", "timeout", "1:", "pid", form="text", check=False))
            return said if said["error"] == "no answer from n3" else None
        answer = {row["node"]: row for row in wait_for("the answers of two", ask)["answers"]}
        assert "did not answer in time" in answer["n3"]["error"] and answer["n1"]["pid"] == managed["n1"].node.pid
        manager.console("broadcast", "pid", form="text")
        wait_for("two replies", lambda: sorted(r["node"] for r in replies(manager, "retrieve", "pid") if "pid" in r) == ["n1", "n2"])
    finally:
        node.kill9()
    found = await_replies(manager, "retrieve", "pid")
    assert "left the cluster" in next(r["error"] for r in found if r["node"] == "n3")
    assert "left the cluster" in manager.console("retrieve_node", "n3", "pid", form="text", check=False)
    node.start()
    await_nodes(managed)


def test_manager_ends_while_a_command_waits(managed):
    manager, node = managed["m1"].node, managed["n2"].node
    words = b"on\0all\0with\0timeout\0" + b"300:\0pid\0"
    node.pause()
    try:
        with socket.socket(socket.AF_UNIX) as console:
            console.settimeout(PATIENCE)
            console.connect(f"{manager.dir}/control")
            console.sendall(b"EC\x01\0" + len(words).to_bytes(4, "big") + words)
            manager.console("broadcast", "pid", form="text")
            assert manager.stop() == 0
            while console.recv(4096):
                pass
    finally:
        node.go_on()
    manager.start()
    found = {r["node"]: r.get("error", "") for r in replies(manager, "retrieve", "pid")}
    assert "manager ended before" in found["n2"]
    await_nodes(managed)


def test_a_manager_of_no_cluster_is_told(managed):
    host = managed["m1"]
    assert host.node.stop() == 0
    alone = managed.keep(clusterlab.Manager(host, f"{host.dir}/alone", ""))
    alone.await_line("no cluster stanza")
    assert alone.stop() == 0
    host.node.start()
    await_nodes(managed)
    assert "no cluster stanza" not in host.node.text()


def test_stanzas_for_mail_are_told(managed):
    manager = managed["m1"].node
    text = manager.text()
    assert "has no effect" not in text
    assert manager.stop() == 0
    with open(f"{manager.dir}/eccluster.conf", "a") as f:
        f.write('ESMTP_Listener { Listen "*:2525" {} }\n')
    manager.start()
    assert 'eccluster.conf:' in manager.await_line('stanza "esmtp_listener" has no effect')
    with open(f"{manager.dir}/eccluster.conf", "a") as f:
        f.write('Domain "a.test" {}\n')
    manager.console("config", "reload")
    manager.await_line('stanza "domain" has no effect')
    await_nodes(managed)


def test_manager_without_corosync(managed):
    host = managed["m1"]
    host.corosync.kill9()
    wait_for("the loss to be known", lambda: "not connected" in host.node.console("on", "all:", "pid", form="text", check=False))
    host.start_corosync()
    await_nodes(managed)
