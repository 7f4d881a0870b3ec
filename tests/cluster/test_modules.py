# SPDX-License-Identifier: Apache-2.0
"""A module built outside of the tree keeps a count on three nodes, by groups (ec/cluster.h); doc/cluster-modules.md shows it."""
import os
import shutil
import subprocess
import time

import pytest

from lab import PREFIX, program, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
OUTSIDE = os.path.join(HERE, "..", "outside")
SOURCE = os.path.join(OUTSIDE, "visits.c")
PAGE = os.path.join(HERE, "..", "..", "doc", "cluster-modules.md")


@pytest.fixture(scope="module")
def module_path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("visits")
    for name in ("visits", "notes", "pace", "words"):
        shutil.copy(os.path.join(OUTSIDE, f"{name}.c"), folder)
    env = {**os.environ, "PKG_CONFIG_PATH": f"{PREFIX}/lib/pkgconfig"}

    def ecxs(*args):
        run = subprocess.run([program("ecxs"), *args], cwd=folder, env=env, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout.strip()
    for name in ("visits", "notes", "pace", "words"):
        ecxs("-c", f"{name}.c", "-o", f"{name}.so")
    return f"{folder}:{ecxs('-q', 'moduledir')}"


def show(node):
    answer = node.console("visits", "show")
    return {r["node"]: int(r["accepted"]) for r in answer["nodes"]} if answer["in_step"] == "yes" else None


def all_see(nodes, want):
    for node in nodes:
        try:
            wait_for("the counts", lambda n=node: show(n) == want)
        except AssertionError:
            raise AssertionError(f"{node.host.name}: {show(node)}, not {want}") from None


def groups_of(node):
    groups = node.console("cluster", "group", "list")["groups"]
    return [(g["group"], *(int(g[k]) for k in ("members", "in_step", "waiting_here"))) for g in groups]


def send(host):
    client = host.connect()
    assert client.mail("a@client.test", ["b@there.test"], b"Subject: x\r\n\r\nhi\r\n")[0] == 250
    client.close()


def test_a_count_on_three_nodes(lab, module_path):
    lab.start_sink()
    config = f'visits {{ }}\nRoutes = ("{lab["sink"].address}")\nRemote_SMTP_Port = 2526\nRelay_Hosts = ("10.0.0.0/8")\n'
    env = {"EC_MODULE_PATH": module_path}
    lab.start_nodes(config, env=env)
    nodes = [h.node for h in lab.nodes]
    all_see(nodes, {"n1": 0, "n2": 0, "n3": 0})
    for host in lab.nodes:
        send(host)
    send(lab["n2"])
    all_see(nodes, {"n1": 1, "n2": 2, "n3": 1})
    assert groups_of(nodes[0]) == [("visits", 3, 3, 0)]

    # a node goes with its count, and comes in with those of the others
    nodes[0].kill9()
    all_see(nodes[1:], {"n2": 2, "n3": 1})
    nodes[0] = lab.start_node(lab["n1"], config, env=env)
    all_see(nodes, {"n1": 0, "n2": 2, "n3": 1})

    # the cluster's own stanza changes: the module does not notice
    nodes[1].configure(lab.cluster_config(lab["n2"], 'Replicate "outbound_domains" { }') + config)
    nodes[1].console("config", "reload")
    send(lab["n2"])
    all_see(nodes, {"n1": 0, "n2": 3, "n3": 1})

    # corosync ends and comes back: this node is out, and in again with what it had counted meanwhile
    lab["n3"].corosync.kill9()
    wait_for("n3 to be out", lambda: show(nodes[2]) is None)
    all_see(nodes[:2], {"n1": 0, "n2": 3})
    send(lab["n3"])
    lab["n3"].start_corosync()
    all_see(nodes, {"n1": 0, "n2": 3, "n3": 2})

    # the module is taken out of one node and put in again
    nodes[1].configure(lab.cluster_config(lab["n2"]) + config.replace("visits { }", ""))
    nodes[1].console("config", "reload")
    all_see([nodes[0], nodes[2]], {"n1": 0, "n3": 2})
    nodes[1].configure(lab.cluster_config(lab["n2"]) + config)
    nodes[1].console("config", "reload")
    all_see(nodes, {"n1": 0, "n2": 3, "n3": 2})

    # its options change: the new instance takes the place of the old one, again and again
    for i in range(10):
        nodes[1].configure(lab.cluster_config(lab["n2"]) + config.replace("visits { }", f'visits {{ title = "t{i}" }}'))
        nodes[1].console("config", "reload")
        assert nodes[1].console("visits", "show")["title"] == f"t{i}"
        wait_for("the old one to go", lambda: show(nodes[1]) == {"n1": 0, "n2": 3, "n3": 2})
        assert groups_of(nodes[1]) == [("visits", 3, 3, 0)]
    send(lab["n2"])
    all_see(nodes, {"n1": 0, "n2": 4, "n3": 2})
    for node in nodes:
        assert node.stop() == 0


def test_caches(lab, module_path):
    """Values are everywhere; the oldest go first; a node that comes in has those that are for that."""
    caches = 'Replicate "kept" { class = "cache" parameters = "snapshot" max_size = 3 }\nReplicate "fleeting" { class = "cache" }'
    env = {"EC_MODULE_PATH": module_path}
    lab.start_nodes("notes { }\n", caches, env=env)

    def await_value(host, cache, key, want):
        wait_for(f"{key} in {cache} of {host.name} to be {want}",
                 lambda: host.node.console("notes", "get", cache, key)["value"] == want)
    for i, host in enumerate(lab.nodes * 2):
        for cache in ("kept", "fleeting"):
            host.node.console("notes", "set", cache, f"k{i}", f"v{i}")
        for other in lab.nodes:
            await_value(other, "kept", f"k{i}", f"v{i}")
            await_value(other, "fleeting", f"k{i}", f"v{i}")
    lab["n1"].node.console("notes", "set", "fleeting", "k0")
    for host in lab.nodes:
        assert host.node.console("notes", "get", "kept", "k2")["value"] == "none"
        await_value(host, "fleeting", "k0", "none")
    assert "not found" in lab["n1"].node.console("notes", "set", "nothing", "k", "v", form="text", check=False)
    assert [r["key"] for r in lab["n2"].node.console("cluster", "shared", "show", "kept")["values"]] == ["k3", "k4", "k5"]
    lab["n3"].node.kill9()
    lab.await_members("n1", "n2")
    lab.start_node(lab["n3"], "notes { }\n", caches, env=env)
    lab.await_members("n1", "n2", "n3")
    await_value(lab["n3"], "kept", "k3", "v3")
    assert lab["n3"].node.console("notes", "get", "fleeting", "k3")["value"] == "none"
    lab["n1"].node.console("notes", "set", "fleeting", "new", "here")
    await_value(lab["n3"], "fleeting", "new", "here")
    assert lab["n1"].node.console("notes", "count", "kept", "k3")["count"] == 0


def uses(node):
    return [(int(r["before"]), int(r["after"])) for r in node.console("pace", "show").get("uses", [])]


def most_in_window(found, window, limit):
    """Is there surely a window with more uses than that?  When each was is known as between two times."""
    begins, ends = sorted(b for b, _ in found), sorted(a for _, a in found)
    return [ends[i + limit] - begins[i] for i in range(len(found) - limit) if ends[i + limit] - begins[i] < window]


def test_a_named_throttle(lab, module_path):
    """As often as the cluster allows, on all nodes at a time, also when one is killed or has lost its corosync."""
    limit, window = 60, 500_000
    env = {"EC_MODULE_PATH": module_path}
    lab.start_nodes("pace { }\n", env=env)
    kept, began = [], None

    def found():
        return kept + [u for h in lab.nodes for u in uses(h.node)]

    def go_on(count):
        before = len(found())
        wait_for(f"{count} uses more", lambda: len(found()) >= before + count)
    for host in lab.nodes:
        host.node.console("pace", "start", "lookups", str(limit), str(window // 1000))
    go_on(2 * limit)
    began, first = time.monotonic(), len(found())
    go_on(6 * limit)
    used = (len(found()) - first) / (time.monotonic() - began) / (limit / (window / 1e6))
    print(f"\n{used:.0%} of the throttle are used")
    assert used > 0.6
    assert all(uses(h.node) for h in lab.nodes)

    for host in lab.nodes:
        listed = {r["object"]: r for r in host.node.console("cluster", "shared", "list")["objects"]}
        assert listed["shared_named_throttles"]["keys"] == 1 and listed["obtm"]["keys"] == 0
        (row,) = host.node.console("cluster", "shared", "show", "shared_named_throttles")["throttles"]
        assert (row["throttle"], row["limit"], float(row["seconds"])) == ("lookups", limit, window / 1e6)
        assert 0 < int(row["held"]) <= limit and int(row["resting_here"]) <= limit
    parts = [n1_sees(lab, h.name) for h in lab.nodes]
    assert all(p and int(p[0]["held"]) <= limit for p in parts) and "resting" in parts[0][0] and "resting" not in parts[1][0]
    assert not lab["n1"].node.console("cluster", "shared", "show", "OBTM").get("throttles")

    kept += uses(lab["n3"].node)
    lab["n3"].node.kill9()
    lab.await_members("n1", "n2")
    lab.start_node(lab["n3"], "pace { }\n", env=env)
    lab.await_members("n1", "n2", "n3")
    lab["n3"].node.console("pace", "start", "lookups", str(limit), str(window // 1000))
    go_on(2 * limit)
    lab["n2"].corosync.kill9()
    go_on(2 * limit)
    lab["n2"].start_corosync()
    lab.await_members("n1", "n2", "n3")
    go_on(2 * limit)
    assert not most_in_window(found(), window, limit)
    for host in lab.nodes:
        host.node.console("pace", "stop")


def n1_sees(lab, name):
    return lab["n1"].node.console("cluster", "shared", "show", "shared_named_throttles", "from", name).get("throttles")


def test_series_and_gauges(lab, module_path):
    """A named series is the sum of the nodes' own parts, which go with them; a value of a gauge cache is what all have added."""
    shares = 'Replicate "traffic" { class = "metrics" parameters = "audit_series;gauge_cache" max_delay = 0.1 }'
    env = {"EC_MODULE_PATH": module_path}
    lab.start_nodes("words { }\n", shares, env=env)
    nodes = lab.nodes

    def said(word, want, among=nodes):
        for host in among:
            wait_for(f"{word} said {want} times on {host.name}",
                     lambda h=host: h.node.console("words", "said", word)["count"] == want)

    def level(key, want, among=nodes):
        for host in among:
            wait_for(f"{key} to be {want} on {host.name}",
                     lambda h=host: h.node.console("gauge_cache", "show", "levels", key)["value"] == want)
    for i, host in enumerate(nodes):
        for _ in range(i + 1):
            host.node.console("words", "say", "yes")
        host.node.console("gauge_cache", "add", "levels", "a", str(10 ** i))
    said("yes", 6)
    level("a", 111)
    nodes[1].node.console("gauge_cache", "sub", "levels", "a", "20")
    level("a", 91)

    # with a stanza that changes, nothing counts twice; what is not shared any more is gone elsewhere, and comes back
    def configure(host, cluster):
        host.node.configure(lab.cluster_config(host, cluster) + "words { }\n")
        host.node.console("config", "reload")
    configure(nodes[2], shares.replace("0.1", "0.2"))
    nodes[2].node.console("words", "say", "no")
    said("no", 1)
    said("yes", 6)
    configure(nodes[2], shares.replace("audit_series;", ""))
    said("yes", 3)
    assert nodes[2].node.console("words", "said", "no")["count"] == 1
    said("no", 0, nodes[:2])
    configure(nodes[2], shares)
    said("yes", 6)
    said("no", 1)
    level("a", 91)

    # what one node forgets is forgotten of it; a key of a cache is removed everywhere
    nodes[2].node.console("words", "forget", "no")
    said("no", 0)
    nodes[0].node.console("gauge_cache", "add", "levels", "b", "5")
    level("b", 5)
    nodes[1].node.console("gauge_cache", "delete", "levels", "b")
    level("b", 0)

    # a node that goes takes its part of the series along, but not what it has added
    nodes[2].node.kill9()
    lab.await_members("n1", "n2")
    said("yes", 3, nodes[:2])
    level("a", 91, nodes[:2])

    # one that comes in has all of it
    lab.start_node(nodes[2], "words { }\n", shares, env=env)
    lab.await_members("n1", "n2", "n3")
    said("yes", 3)
    level("a", 91)
    nodes[2].node.console("words", "say", "yes")
    nodes[2].node.console("gauge_cache", "add", "levels", "a")
    said("yes", 4)
    level("a", 92)
    shown = nodes[0].node.console("cluster", "shared", "show", "traffic")
    assert [(r["series"], r["parameters"], r["key"], int(r["count"])) for r in shown["audit_series"]] == [("words", "86400,3", "yes", 4)]
    assert [(r["cache"], r["key"], int(r["value"])) for r in shown["gauge_caches"]] == [("levels", "a", 92)]
    mine = nodes[0].node.console("cluster", "shared", "show", "traffic", "from", "n3")
    assert [int(r["count"]) for r in mine["audit_series"]] == [1] and "gauge_caches" not in mine

    # without a cluster it goes on alone; back in it, all of its own is told again
    nodes[2].node.console("words", "say", "old")
    said("old", 1)
    nodes[2].corosync.kill9()
    lab.await_members("n1", "n2", on=nodes[:2])
    said("yes", 3, nodes[:2])
    said("old", 0, nodes[:2])
    nodes[2].node.console("words", "say", "yes")
    nodes[2].node.console("gauge_cache", "add", "levels", "a")
    nodes[0].node.console("gauge_cache", "add", "levels", "a", "100")
    level("a", 192, nodes[:2])
    nodes[2].start_corosync()
    said("yes", 5)
    said("old", 1)
    level("a", 193)


def test_the_page_shows_the_module():
    page = open(PAGE).read()
    code = "".join(part.split("```", 1)[0] for part in page.split("```c\n")[1:])
    source = open(SOURCE).read()
    for line in code.splitlines():
        assert line in source.splitlines(), line
    assert len(code.splitlines()) > 40
