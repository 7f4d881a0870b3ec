# SPDX-License-Identifier: Apache-2.0
"""corosync.conf, made from the peers of msgc_server."""
import subprocess

import pytest

import clusterlab
from lab import program, wait_for

CONF = "/etc/corosync/corosync.conf"


def write_peers(path, peers):
    with open(path, "w") as f:
        f.write("msgc_server {\n  peers = [\n" + "".join(f'    "{n}" = "{a}"\n' for n, a in peers) + "  ]\n}\n")
    return path


def cluster_config(peers_file, *options):
    return subprocess.run([program("ec_ctl"), "cluster-config", "-c", str(peers_file), *options], capture_output=True,
                          text=True, timeout=clusterlab.PATIENCE)


def ids(text):
    words = text.split()
    return {words[i + 3]: words[i + 5] for i, w in enumerate(words) if w == "ring0_addr:"}


def test_numbers_stay_when_members_come_and_go(tmp_path):
    first = [("alpha", "10.0.0.1"), ("beta", "10.0.0.2"), ("gamma", "10.0.0.3")]
    then = [("delta", "10.0.0.4"), *reversed(first[1:])]
    one, two = (ids(cluster_config(write_peers(tmp_path / "p.conf", p), "--print").stdout) for p in (first, then))
    assert sorted(one) == ["alpha", "beta", "gamma"] and sorted(two) == ["beta", "delta", "gamma"]
    assert one["beta"] == two["beta"] and one["gamma"] == two["gamma"]


@pytest.mark.parametrize("peers, options, has, has_not", [
    ([("a", "10.0.0.1"), ("b", "10.0.0.2")], [], ["two_node: 1", "crypto_cipher: aes256"], ["last_man_standing"]),
    ([("a", "10.0.0.1")], [], ["ring0_addr: 10.0.0.1\n"], ["two_node"]),
    ([(n, f"10.0.0.{i}") for i, n in enumerate("abc", 1)], ["--last-man"], ["last_man_standing: 1", "wait_for_all: 1"], ["two_node"]),
    ([("a", "10.0.0.1:4809"), ("b", "[fd00::1]:4809"), ("c", "fd00::2")], ["--no-key"],
     ["ring0_addr: 10.0.0.1\n", "ring0_addr: fd00::1\n", "ring0_addr: fd00::2\n", "crypto_cipher: none"], ["keyfile"]),
    # a link that is called down by mistake stops all for a moment: never sooner than five pings, however short the token
    ([("a", "10.0.0.1")], ["--failover", "3.5"], ["token: 444", "after at most 3.4 s", "knet_ping_interval: 200", "knet_ping_timeout: 1000"], []),
    ([("a", "10.0.0.1")], ["--failover", "60"], ["token: 696"], []),      # leases must outlast the detection
])
def test_what_is_made(tmp_path, peers, options, has, has_not):
    done = cluster_config(write_peers(tmp_path / "p.conf", peers), "--print", *options)
    assert done.returncode == 0, done.stderr
    assert all(x in done.stdout for x in has) and not any(x in done.stdout for x in has_not), done.stdout


@pytest.mark.parametrize("peers, options, why", [
    ([("Upper", "10.0.0.1")], [], "one word in lower case"),
    ([("a", "10.0.0.1 } totem {")], [], "is no address"),
    ([("a", "10.0.0.1"), ("b", "10.0.0.1")], [], "the same address"),
    ([("n100", "10.0.0.1"), ("n101", "10.0.0.2")], ["--failover", "2.3"], "leaves no time"),
    ([], [], "names no peers"),
    ([("a", "10.0.0.1")], ["--user", "no-such-user"], "no such user"),
])
def test_what_is_refused(tmp_path, peers, options, why):
    out = tmp_path / "corosync.conf"
    done = cluster_config(write_peers(tmp_path / "p.conf", peers), "-o", str(out), "-k", str(tmp_path / "key"), *options)
    assert done.returncode == 1 and why in done.stderr.lower() + done.stderr, done.stderr
    assert not out.exists()


@pytest.mark.parametrize("peers, why", [
    ([("Upper", "10.0.0.1")], '"Upper" is to be one word in lower case'),
    ([("a", "")], 'the peer "a" has no address'),
    ([("a", "10.0.0.1"), ("b", "10.0.0.2"), ("c", "10.0.0.1")], 'the peers "a" and "c" have the same address 10.0.0.1'),
])
def test_what_the_server_refuses(tmp_path, peers, why):
    done = subprocess.run([program("validate_config"), "-c", write_peers(tmp_path / "p.conf", peers)], capture_output=True, text=True)
    assert done.returncode == 1 and why in done.stdout + done.stderr, done


def test_a_key_is_made_once(tmp_path):
    peers, out, key = write_peers(tmp_path / "p.conf", [("a", "10.0.0.1"), ("b", "10.0.0.2")]), tmp_path / "c", tmp_path / "key"
    first = cluster_config(peers, "-o", str(out), "-k", str(key), "--no-reload")
    assert first.returncode == 0 and "Copy it to the other members" in first.stdout
    assert key.stat().st_size == 256 and key.stat().st_mode & 0o777 == 0o400
    was = key.read_bytes()
    second = cluster_config(peers, "-o", str(out), "-k", str(key), "--no-reload")
    assert "is up to date" in second.stdout and key.read_bytes() == was


def test_a_member_is_added_while_the_others_run(make_lab):
    lab = make_lab(nodes=("n1", "n2", "n3"), others=())
    peers = [(h.name, h.address) for h in lab.nodes]
    write_peers(lab.dir / "peers.conf", peers[:2])
    one, two, three = lab.nodes

    def configure(host, *options):
        return host.run(program("ec_ctl"), "cluster-config", "-c", lab.dir / "peers.conf", "--user", "nobody", *options)

    assert "authkey made" in configure(one)
    key = one.run("sh", "-c", "base64 -w0 /etc/corosync/authkey")
    for host in (two, three):
        host.sh(f"umask 077; echo {key} | base64 -d > /etc/corosync/authkey")
    configure(two)
    for host in (one, two):
        host.start_corosync(CONF)
        lab.start_node(host)
    lab.await_members("n1", "n2")

    write_peers(lab.dir / "peers.conf", peers)
    assert "corosync does not run here" in configure(three)
    # a file that is there already need not have been read
    assert "corosync has read it" not in configure(one, "--no-reload")
    said = configure(one)
    assert "is up to date" in said and "corosync has read it" in said
    assert "corosync has read it" in configure(two)
    three.start_corosync(CONF)
    lab.start_node(three)
    lab.await_members("n1", "n2", "n3")
    # the server's user may connect, others may not
    assert "ec_cluster" in one.run("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "corosync-cpgtool", "-e")
    denied = one.run("setpriv", "--reuid=daemon", "--regid=daemon", "--clear-groups", "corosync-cpgtool", "-e", check=False)
    assert "ec_cluster" not in denied
    wait_for("quorum of three", lambda: "Expected votes:   3" in one.run("corosync-quorumtool", "-s", check=False))
