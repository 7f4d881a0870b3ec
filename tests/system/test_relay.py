# SPDX-License-Identifier: Apache-2.0
"""A message's life, seen from outside: in, kept, out, logged, counted."""
import hashlib
import re

import pytest

from lab import load, wait_for

MESSAGE = "From: a@client.test\r\nTo: b@there.test\r\nSubject: hello\r\n\r\nfirst line\r\n..leading dot\r\nlast line"


def body_digest(text):
    return hashlib.sha256(text.split("\r\n\r\n", 1)[1].encode()).hexdigest()


@pytest.mark.loops
def test_one_message_through(lab):
    sink = lab.sink()
    server = lab.server(sink=sink)
    client = server.smtp()
    code, text = client.mail("a@client.test", ["b@there.test"], MESSAGE)
    assert code == 250
    assert re.match(r"250 2\.0\.0 OK [0-9A-F]{2}/[0-9A-F]{2}-\d{5,}-[0-9A-F]{8}", text), text
    r = server.await_log("R")[0]
    d = server.await_log("D")[0]
    assert len(r) == 14 and len(d) == 12
    assert r[5:9] == ["b", "there.test", "a", "client.test"] and r[11] == "esmtp"
    assert r[1] == d[1] and r[2] == d[2] and r[3] != d[3]
    assert d[7:10] == ["default", "default", "0"] and d[11] == sink.address
    account = server.settled()
    assert int(account["received"]) == 1 and int(account["delivered"]) == 1 and int(account["residual"]) == 0
    record = wait_for("the sink's record", sink.records)[0]
    assert record["sender"] == "a@client.test" and record["recipients"] == "b@there.test"
    assert record["digest"] == body_digest(MESSAGE.replace("\r\n..", "\r\n.") + "\r\n")
    assert server.stop() == 0


@pytest.mark.loops
def test_load_is_relayed_byte_for_byte(lab, tmp_path):
    sink = lab.sink()
    server = lab.server(sink=sink)
    record = str(tmp_path / "load.records")
    load(server.address, server.port, "-c", 20, "-n", 2000, "--domains", 20, "--domain", "d.test", "--record", record)
    account = server.settled()
    assert int(account["received"]) == 2000 and int(account["delivered"]) == 2000 and int(account["residual"]) == 0
    with open(record) as f:
        sent = dict(line.split("\t")[:2] for line in f)
    got = {r["id"]: r["digest"] for r in sink.records()}
    assert len(sink.records()) == 2000
    assert sent == got


@pytest.mark.loops
def test_recipients_of_one_domain_share_a_transaction(lab):
    sink = lab.sink()
    server = lab.server(sink=sink)
    rcpts = [f"r{i}@one.test" for i in range(10)]
    assert server.smtp().mail("a@client.test", rcpts, MESSAGE)[0] == 250
    server.await_log("D", 10)
    records = sink.records()
    assert len(records) == 1
    assert sorted(records[0]["recipients"].split(",")) == sorted(rcpts)
    assert len({r[2] for r in server.log(kind="R")}) == 1, "one batch id"
    assert len({r[1] for r in server.log(kind="R")}) == 10, "ten message ids"


def test_large_message(lab):
    sink = lab.sink()
    server = lab.server("large_message_threshold = 131072\n", sink=sink)
    text = "Subject: big\r\n\r\n" + "\r\n".join("line %d %s" % (i, "x" * 900) for i in range(6000))
    assert server.smtp().mail("a@client.test", ["b@there.test"], text)[0] == 250
    server.await_log("D")
    assert sink.records()[0]["digest"] == body_digest(text + "\r\n")
    wait_for("the large file to go", lambda: not any(
        files for _, _, files in __import__("os").walk(server.dir + "/spool/large")))


def test_transient_failure_is_retried(lab):
    sink = lab.sink("--at", "rcpt=reply 451 4.2.0 not now:0.5", "--seed", "7")
    server = lab.server("retry_interval = 1\nmax_retry_interval = 1\n", sink=sink)
    load(server.address, server.port, "-c", 2, "-n", 20)
    account = server.settled()
    assert int(account["delivered"]) == 20 and int(account["residual"]) == 0
    t = server.log(kind="T")
    assert t and all(len(r) == 14 for r in t)
    assert t[0][9] in ("4", "5") and "451 4.2.0 not now" in t[0][13]


def test_permanent_failure_bounces_to_the_sender(lab):
    sink = lab.sink("--at", "rcpt=reply 550 5.1.1 no such user")
    home = lab.sink()
    server = lab.server(f'Domain "client.test" {{ Gateway = "{home.address}" }}\n', sink=sink)
    assert server.smtp().mail("a@client.test", ["b@there.test"], MESSAGE)[0] == 250
    p = server.await_log("P")[0]
    assert "550 5.1.1 no such user" in p[13]
    server.await_log("D")
    account = server.settled()
    assert int(account["failed"]) == 1 and int(account["generated"]) == 1 and int(account["delivered"]) == 1
    assert int(account["residual"]) == 0
    bounce = home.records()[0]
    assert bounce["sender"] == "<>" and bounce["recipients"] == "a@client.test"
    assert server.log(kind="R")[1][11] == "internal"


def test_no_bounce_for_the_null_sender(lab):
    sink = lab.sink("--at", "mail=reply 550 5.7.1 no")
    server = lab.server(sink=sink)
    assert server.smtp().mail("", ["b@there.test"], MESSAGE)[0] == 250
    server.await_log("P")
    account = server.settled()
    assert int(account["failed"]) == 1 and int(account["generated"]) == 0 and int(account["residual"]) == 0


def test_expiry(lab):
    sink = lab.sink("--at", "data=reply 451 4.3.0 later")
    server = lab.server("retry_interval = 1\nmax_retry_interval = 1\nmax_retries = 2\ngenerate_bounces = false\n", sink=sink)
    assert server.smtp().mail("a@client.test", ["b@there.test"], MESSAGE)[0] == 250
    p = server.await_log("P")[0]
    assert "5.4.7" in p[13]
    account = server.settled()
    assert int(account["expired"]) == 1 and int(account["residual"]) == 0
    assert len(server.log(kind="T")) >= 2


def test_a_lost_answer_is_in_doubt_and_tried_again(lab):
    sink = lab.sink("--at", "body=drop:0.5", "--seed", "3")
    server = lab.server("retry_interval = 1\nmax_retry_interval = 1\n", sink=sink)
    load(server.address, server.port, "-c", 1, "-n", 10)
    account = server.settled()
    assert int(account["delivered"]) == 10 and int(account["residual"]) == 0
    assert {r["id"] for r in sink.records()} and len({r["id"] for r in sink.records()}) == 10
    assert any(r[9] == "9" for r in server.log(kind="T"))


def test_next_start_delivers_what_is_queued(lab):
    sink = lab.sink()
    server = lab.server("suspend_delivery = true\n", sink=sink)
    load(server.address, server.port, "-c", 4, "-n", 100)
    assert int(server.account()["queued"]) == 100
    assert server.stop() == 0
    server.configure(f'Gateway = "{sink.address}"\nRemote_SMTP_Port = {sink.port}\n')
    server.start()
    account = server.settled()
    assert int(account["recovered"]) == 100 and int(account["delivered"]) == 100 and int(account["residual"]) == 0


def test_connection_limit_is_exact(lab):
    sink = lab.sink("--at", "body=delay 20")
    server = lab.server("max_outbound_connections = 3\n", sink=sink)
    load(server.address, server.port, "-c", 20, "-n", 200, "--domain", "one.test")
    server.settled()
    counts = sink.counts()
    assert 1 <= counts["peak"] <= 3, counts
