# SPDX-License-Identifier: Apache-2.0
"""inbound_audit: what each address did is counted once, is asked for by network, and outlives reload and restart."""
import os

import pytest

from lab import wait_for

MESSAGE = b"Subject: x\r\n\r\nhi\r\n"
# A day, so that no window ends while this runs but at midnight; what is asked for are all windows.
MONITORS = 'inbound_audit {{ monitors = ( "86400,3" "3600,5" ) serialize_dir = "{dir}/audit" {more} }}\nsuspend_delivery = true\n'


def config(lab, more=""):
    return MONITORS.format(dir=lab.dir, more=more)


def count(server, series, network="127.0.0.0/8", parameters="86400,3"):
    return int(server.console("inbound_audit", "count_cidr", network, series, parameters, "0", "2")["count"])


def counts(server, network="127.0.0.0/8", parameters="86400,3"):
    return tuple(count(server, s, network, parameters) for s in ("connections", "receptions", "rejections"))


@pytest.mark.loops
def test_counts(lab):
    server = lab.server(config(lab))
    for _ in range(3):
        client = server.smtp()
        assert client.mail("a@client.test", ["b@there.test", "c@there.test"], MESSAGE)[0] == 250
        client.close()
    client = server.smtp()
    assert client.code("XYZZY") == 500
    client.code("NOOP")
    wait_for("the counts", lambda: counts(server) == (4, 6, 1))
    assert counts(server, parameters="3600,5") == (4, 6, 1)
    local = client.socket.getsockname()[0]
    assert counts(server, local) == (4, 6, 1)
    assert counts(server, local.rsplit(".", 1)[0] + ".0/24") == (4, 6, 1)
    assert counts(server, "10.0.0.0/8") == (0, 0, 0)
    rows = server.console("inbound_audit", "show", "ip", local)["counts"]
    seen = {}
    for row in rows:
        seen[row["type"], int(row["seconds"])] = seen.get((row["type"], int(row["seconds"])), 0) + int(row["count"])
    assert seen == {(t, s): n for s in (86400, 3600) for t, n in (("Connections", 4), ("Receptions", 6), ("Rejections", 1))}
    assert len(rows) == 3 * (3 + 5)

    # by hand
    assert server.console("inbound_audit", "add", "connections", "86400,3", "192.0.2.1", "10")["count"] == 10
    assert server.console("inbound_audit", "subtract", "connections", "86400,3", "192.0.2.1", "3")["count"] == 7
    assert server.console("inbound_audit", "subtract", "connections", "86400,3", "192.0.2.1", "100")["count"] == 0
    assert server.console("inbound_audit", "add", "connections", "86400,3", "2001:db8::1", "5")["count"] == 5
    assert count(server, "connections", "2001:db8::/32") == 5
    shown = server.console("inbound_audit", "show", "all")
    assert {(r["series"], r["parameters"]) for r in shown["series"]} == {
        (s, p) for s in ("connections", "receptions", "rejections") for p in ("86400,3", "3600,5")}
    assert {(r["key"], int(r["count"])) for r in shown["counts"]
            if (r["series"], r["parameters"]) == ("connections", "86400,3")} == {(local, 4), ("2001:db8::1", 5)}
    server.console("inbound_audit", "delete_ip", "2001:db8::1", "connections", "86400,3")
    assert count(server, "connections", "2001:db8::1") == 0
    for words, why in ((("count_cidr", "192.0.2.0/33", "connections", "86400,3", "0", "1"), "no address and no network"),
                       (("count_cidr", "192.0.2.0/24", "connections", "86400,4", "0", "1"), "There is no series"),
                       (("add", "connections", "often", "192.0.2.1", "1"), "seconds,windows"),
                       (("add", "connections", "86400,3", "192.0.2.0/24", "1"), "is no address"),
                       (("add", "connections", "86400,3", "192.0.2.1", "-1"), "is to be a number"),
                       (("delete_ip", "192.0.2.77", "connections", "86400,3"), "has counted nothing"),
                       (("load", "nothing"), "There is no series")):
        assert why in server.console("inbound_audit", *words, form="text", check=False)
    assert "count_cidr" in server.console("inbound_audit", "help", form="text")


def test_reload_and_restart(lab):
    server = lab.server(config(lab))
    client = server.smtp()
    assert client.mail("a@client.test", ["b@there.test"], MESSAGE)[0] == 250
    client.close()
    wait_for("the counts", lambda: counts(server) == (1, 1, 0))

    # a reload makes a new instance, and one that is taken out: nothing is lost, nothing counts twice
    server.configure(config(lab, "maintenance_interval = 1"))
    server.console("config", "reload")
    assert counts(server) == (1, 1, 0)
    file = f"{lab.dir}/audit/connections,86400,3.series"
    wait_for("a round of maintenance", lambda: os.path.exists(file) and "end 1" in open(file).read())
    server.configure(config(lab))
    server.console("config", "reload")
    client = server.smtp()
    assert client.mail("a@client.test", ["b@there.test"], MESSAGE)[0] == 250
    client.close()
    wait_for("the counts", lambda: counts(server) == (2, 2, 0))
    server.console("config", "reload")
    server.configure(config(lab, "max_keys = 50"))
    server.console("config", "reload")
    assert counts(server) == (2, 2, 0)      # the file still says 1: what counts is newer

    # one that is taken out writes what it has; one that comes again goes on from there
    server.configure("")
    server.console("config", "reload")
    wait_for("the last of it", lambda: " 2\nend 1" in open(file).read())
    server.configure(config(lab))
    server.console("config", "reload")
    assert counts(server) == (2, 2, 0)

    assert server.stop() == 0
    server.start()
    assert counts(server) == (2, 2, 0)
    server.console("inbound_audit", "load", "connections")  # what it says is there already
    assert counts(server) == (2, 2, 0)
    kept = open(file).read()
    other = f"{lab.dir}/audit/mine"
    with open(other, "w") as f:
        f.write(kept.splitlines()[0] + "\n192.0.2.9 " + kept.splitlines()[1].split()[1] + " 7\nend 1\n")
    assert server.console("inbound_audit", "load", "connections", "mine")["keys"] == 1
    assert count(server, "connections", "192.0.2.9") == 7

    # a damaged file is not used, said so, and the server runs
    server.stop()
    with open(file, "w") as f:
        f.write(kept.replace("end 1", "end 2"))
    server.start()
    assert counts(server) == (0, 2, 0)
    assert "begins from nothing" in server.text() and f"{file}:3" in server.text()


def test_mistakes(lab):
    server = lab.server(config(lab))
    for old, new, why in (('"86400,3"', '"86400"', "seconds,windows"), ('"86400,3"', '"3600,5"', "twice"),
                          ('"86400,3"', '"1,1001"', "at most 1000 windows"), ("inbound_audit {", 'inbound_audit "x" {', "without a name")):
        server.configure(config(lab).replace(old, new))
        assert why in server.console("config", "reload", form="text", check=False)
    assert counts(server) == (0, 0, 0)
