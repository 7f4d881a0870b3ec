# SPDX-License-Identifier: Apache-2.0
"""Journals: a server writes its logs to jlog:// and cluster://, jlogctl reads them, the console shows how far each reader is."""
import os
import re
import subprocess
import xml.etree.ElementTree as ET

import pytest

from lab import PATIENCE, PREFIX, Server, load, program, wait_for

POSITION = r"[0-9a-f]{8}:[0-9a-f]{8}"
CLUSTER = """
msgc_server {{ peers = [ "n1" = "127.0.0.1" ] }}
cluster {{ nodename = "n1" logs = [ "mainlog" = "{dir}/main" "rejectlog" = "{dir}/reject" "other" = "{dir}/other" ] }}
"""


def mainlog_to(destination):
    return Server.FRAME.replace('mainlog = "{dir}/mainlog.ec"', f'mainlog = "{destination}"').replace(
        'rejectlog = "{dir}/rejectlog.ec"', 'rejectlog = "cluster://{dir}/reject"')


def jlogctl(*words, status=0):
    run = subprocess.run([program("jlogctl"), *map(str, words)], capture_output=True, text=True, timeout=PATIENCE,
                         stdin=subprocess.DEVNULL)
    assert run.returncode == status, f"{words}: {run.returncode} {run.stdout} {run.stderr}"
    return run.stdout if status == 0 else run.stdout + run.stderr


def kinds(text):
    """How many R and D lines."""
    lines = text.splitlines()
    assert all(x[:10].isdigit() for x in lines)
    return sum("@R@" in x for x in lines), sum("@D@" in x for x in lines)


def written(server):
    """Until the writer thread has nothing left."""
    def idle():
        rows = server.console("ec_logger:ec_logger", "status")["logs"]
        return all(row["waiting_bytes"] == 0 for row in rows if row["log"] != "acctlog")  # where this question goes
    wait_for("an empty buffer", idle)


def unread(path, name):
    return int(re.search(rf"^  {name} +{POSITION} +(\d+) bytes unread$", jlogctl("-l", path), re.M).group(1))


@pytest.mark.loops
def test_subscribers_read_what_a_server_writes(lab):
    sink = lab.sink()
    server = lab.server(sink=sink, frame=mainlog_to("jlog://{dir}/main?subscribers=one,two"))
    path = f"{server.dir}/main"
    load(server.address, server.port, "-c", 4, "-n", 100)
    server.settled()
    written(server)
    assert kinds(jlogctl("--peek", "one", path)) == (100, 100)
    assert kinds(jlogctl("--read", "one", path)) == (100, 100)
    assert unread(path, "one") < unread(path, "two")

    server.kill9()      # what was written is there
    assert kinds(jlogctl("--read", "two", path)) == (100, 100)
    server.start()
    server.recovered()
    load(server.address, server.port, "-n", 20)
    server.console("reopen", "logs")
    server.console("config", "reload")
    load(server.address, server.port, "-n", 20)
    server.settled()
    written(server)
    assert kinds(jlogctl("--read", "one", path)) == kinds(jlogctl("--read", "two", path)) == (40, 40)
    assert kinds(jlogctl("--print", path)) == (140, 140)     # one segment: it stays until it is full
    assert server.stop() == 0
    assert ", 0 bytes are damaged" in jlogctl("--check", path)


def test_what_jlogctl_does(lab):
    sink = lab.sink()
    server = lab.server(sink=sink, frame=mainlog_to("cluster://{dir}/main=>n1") + "")
    path = f"{server.dir}/main"
    load(server.address, server.port, "-n", 3)
    server.settled()
    assert server.stop() == 0

    jlogctl("-a", "late", "--at-end", path)
    jlogctl("-a", "early", path)
    assert "already" in jlogctl("-a", "late", path, status=1)
    assert unread(path, "late") == 0 and unread(path, "early") == unread(path, "n1") > 0
    assert jlogctl(path) == jlogctl("--list", path)
    assert kinds(jlogctl("--read", "early", "-n", 2, path))[0] <= 2
    assert len(jlogctl("--read", "early", path).splitlines()) == len(jlogctl("--print", path).splitlines()) - 2
    assert re.match(rf"00000001:00000000 \d{{10}}\.\d{{6}} \d{{10}}@", jlogctl("--print", "-v", path))
    progress = jlogctl("-p", "early", path)
    assert re.search(rf"checkpoint +({POSITION})", progress).group(1) == re.search(rf"end +({POSITION})", progress).group(1)
    assert "no subscriber" in jlogctl("-p", "nobody", path, status=1)
    assert re.search(r"segment-00000001 +\d+ bytes", jlogctl("-s", path))
    assert re.search(r"segment size +4194304 bytes", jlogctl("-i", path))
    jlogctl("-e", "late", path)
    assert "no subscriber" in jlogctl("-e", "late", path, status=1)
    jlogctl("-c", path)

    # damage
    with open(f"{path}/segment-00000001", "r+b") as f:
        f.seek(60)
        byte = f.read(1)
        f.seek(60)
        f.write(bytes([byte[0] ^ 1]))
    answer = jlogctl("-d", path, status=1)
    assert "segment=00000001 marker=00000000" in answer and re.search(r", [1-9]\d* bytes are damaged", answer)
    with open(f"{path}/segment-00000001", "ab") as f:
        f.write(b"half a record")
    assert "13 bytes at the end are no whole record" in jlogctl("-d", path, status=1)
    with open(f"{path}/checkpoint.n1", "w") as f:
        f.write("nonsense")
    assert "n1 is damaged" in jlogctl("-d", path, status=1)
    assert re.search(r"n1 +damaged", jlogctl(path))

    assert "there is no journal" in jlogctl(f"{server.dir}/none", status=1)
    assert "no journal" in jlogctl(server.dir, status=1)
    assert "name a journal" in jlogctl("-l", status=2)
    assert "--at-end goes with" in jlogctl("--at-end", path, status=2)


@pytest.mark.skipif(not os.path.exists(f"{PREFIX}/libexec/cluster.so"), reason="built without corosync")
def test_the_cluster_shows_its_logs(lab):
    """Corosync does not run here: logs are this machine's own business."""
    sink = lab.sink()
    server = lab.server(sink=sink, frame=mainlog_to("cluster://{dir}/main?subscribers=master,n9") + CLUSTER)
    load(server.address, server.port, "-n", 5)
    server.settled()
    written(server)
    jlogctl("--read", "n9", f"{server.dir}/main")
    size = os.path.getsize(f"{server.dir}/main/segment-00000001")

    answer = server.console("cluster", "show", "logs")
    logs = {row["log"]: row for row in answer["logs"]}
    assert list(logs) == ["mainlog", "rejectlog", "other"]
    assert logs["mainlog"]["path"] == f"{server.dir}/main" and int(logs["mainlog"]["bytes"]) == size > 0
    assert logs["mainlog"]["end"] == f"00000001:{size:08x}" and logs["mainlog"]["state"] == "good"
    assert "no logger has written" in logs["other"]["state"] and (int(logs["other"]["bytes"]), logs["other"]["end"]) == (0, "none")
    readers = {(row["log"], row["subscriber"]): row for row in answer["subscribers"]}
    assert list(readers) == [("mainlog", "master"), ("mainlog", "n9"), ("rejectlog", "master")]
    master, n9 = readers["mainlog", "master"], readers["mainlog", "n9"]
    assert (master["position"], int(master["unread_bytes"])) == ("00000001:00000000", size)
    assert (n9["position"], int(n9["unread_bytes"])) == (f"00000001:{size:08x}", 0)

    one = server.console("cluster", "show", "logs", "mainlog", form="text")
    assert "rejectlog" not in one and f"00000001:{size:08x}" in one
    root = ET.fromstring(server.console("xml", "cluster", "show", "logs", "mainlog", form="text"))
    assert f"00000001:{size:08x}" in [e.text for e in root.iter()]
    assert 'has no "nothing"' in server.console("cluster", "show", "logs", "nothing", form="text", check=False)

    # the option works at a reload, and is checked
    server.reconfigure(f'"other" = "{server.dir}/other"', f'"other" = "relative"')
    assert "absolute path" in server.console("config", "reload", form="text", check=False)
    server.reconfigure('"other" = "relative"', '"again" = "%s/main"' % server.dir)
    server.console("config", "reload")
    rows = wait_for("the new option", lambda: server.console("cluster", "show", "logs", "again", check=False))["logs"]
    assert int(rows[0]["bytes"]) >= size
    assert server.stop() == 0


def test_a_full_disk_costs_no_line(lab, tmp_path):
    path = str(tmp_path / "small")
    os.makedirs(path)
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", path]).returncode != 0:
        pytest.skip("needs root to mount a small tmpfs")
    try:
        sink = lab.sink()
        server = lab.server(sink=sink, frame=mainlog_to(f"jlog://{path}/main"))
        with pytest.raises(OSError), open(path + "/ballast", "wb", buffering=0) as f:
            while True:
                f.write(b"x" * 4096)
        load(server.address, server.port, "-n", 100)
        server.settled()
        server.await_line("can not write the log")
        jlogctl("--check", f"{path}/main")
        os.remove(path + "/ballast")
        server.await_line("the log is written again")
        assert server.stop() == 0
        assert kinds(jlogctl("--print", f"{path}/main")) == (100, 100)
    finally:
        subprocess.run(["umount", "-l", path])
