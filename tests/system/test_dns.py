# SPDX-License-Identifier: Apache-2.0
"""Where mail goes by DNS, and what a failing name server or host means for it."""
import pytest

from lab import wait_for

MESSAGE = "From: a@client.test\r\nTo: b@there.test\r\nSubject: hello\r\n\r\nline"


def start(lab, zone, config="", **more):
    dns = lab.dns(zone)
    server = lab.server(f'resolv_conf = "{dns.resolv_conf}"\nremote_smtp_port = 2526\ngenerate_bounces = false\n' + config,
                        **more)
    return dns, server


def send(server, *recipients):
    for recipient in recipients:
        assert server.smtp().mail("a@client.test", [recipient], MESSAGE)[0] == 250


@pytest.mark.loops
def test_best_mx_first(lab):
    best, other = lab.sink(), lab.sink()
    dns, server = start(lab, f"""
        there.test MX 20 mx2.there.test
        there.test MX 10 mx1.there.test
        mx1.there.test A {best.address}
        mx2.there.test A {other.address}
    """)
    send(server, "b@there.test", "c@there.test")
    assert {r[11] for r in server.await_log("D", 2)} == {best.address}
    assert len(best.records()) == 2 and not other.records()
    assert dns.count("there.test", "MX") == 1, "the answer is kept"


@pytest.mark.loops
@pytest.mark.parametrize("trouble", ["nobody listens", "554", "421", "drop"])
def test_next_mx_when_the_best_fails(lab, trouble):
    options = {"554": ["--at", "banner=reply 554 no service"], "421": ["--at", "banner=reply 421 busy"],
               "drop": ["--at", "banner=drop"]}
    first = lab.sink(*options[trouble]).address if trouble in options else lab.address()
    second = lab.sink()
    _, server = start(lab, f"""
        there.test MX 10 mx1.there.test
        there.test MX 20 mx2.there.test
        mx1.there.test A {first}
        mx2.there.test A {second.address}
    """)
    send(server, "b@there.test")
    assert server.await_log("D")[0][11] == second.address
    assert not server.log(kind="T")


def test_implicit_mx_and_alias(lab):
    sink = lab.sink()
    _, server = start(lab, f"""
        plain.test A {sink.address}
        alias.test CNAME real.test
        real.test MX 10 mx.real.test
        mx.real.test CNAME host.real.test
        host.real.test A {sink.address}
    """)
    send(server, "b@plain.test", "b@alias.test")
    assert {r[5] for r in server.await_log("D", 2)} == {"plain.test", "alias.test"}


@pytest.mark.parametrize("zone, kind, text", [
    ("there.test MX 0 .", "P", "550 5.4.4 [internal]"),
    ("", "P", "554 5.4.4 [internal]"),
    ("there.test MX 10 gone.there.test", "T", "454 4.4.4 [internal]"),
    ("there.test !SERVFAIL", "T", "451 4.4.3 [internal]"),
    ("there.test MX 10 mx.there.test\nmx.there.test !REFUSED", "T", "451 4.4.3 [internal]"),
])
def test_no_way(lab, zone, kind, text):
    _, server = start(lab, zone)
    send(server, "b@there.test")
    record = server.await_log(kind)[0]
    assert record[9] == "0" and record[12] == "" and record[13].startswith(text), record
    assert not server.log(kind="D")


def test_a_name_server_that_works_again(lab):
    sink = lab.sink()
    dns, server = start(lab, "* !SERVFAIL", "retry_interval = 1\nmax_retry_interval = 1\n")
    send(server, "b@there.test")
    assert "451 4.4.3" in server.await_log("T")[0][13]
    dns.set(f"there.test MX 10 mx.there.test\nmx.there.test A {sink.address}")
    server.await_log("D")
    assert int(server.settled()["residual"]) == 0


def test_the_queue_says_that_it_waits_for_names_or_for_a_host(lab):
    sink = lab.sink("--at", "banner=hang")
    dns, server = start(lab, "there.test !DROP")
    send(server, "b@there.test")
    state = "name servers are being asked where its mail goes"
    wait_for("the look-up", lambda: server.console("domain", "there.test", form="text").count(state) == 1)
    dns.set(f"there.test MX 10 mx.there.test\nmx.there.test A {sink.address}")
    wait_for("the connection", lambda: "being connected, 1 connections" in server.console("domain", "there.test", form="text"))
    assert "BANNER" in server.console("show", "outbound", form="text")


def test_addresses_when_mx_can_not_be_looked_up(lab):
    sink = lab.sink()
    _, server = start(lab, f"there.test !SERVFAIL MX\nthere.test A {sink.address}",
                      "retry_interval = 1\nmax_retry_interval = 1\nmx_failures_fallback_to_a = 2\n")
    send(server, "b@there.test")
    server.await_log("D")
    assert len(server.log(kind="T")) == 2


def test_a_cut_answer_is_asked_for_again(lab):
    sink = lab.sink()
    _, server = start(lab, f"there.test !TRUNCATE\nthere.test A {sink.address}")
    send(server, "b@there.test")
    server.await_log("D")


def test_literal_address(lab):
    sink = lab.sink()
    dns, server = start(lab, "")
    send(server, f"b@[{sink.address}]")
    assert server.await_log("D")[0][11] == sink.address
    assert dns.count() == 0


def test_routes_in_order(lab):
    first, second, mx = lab.sink(port=2527), lab.sink(port=2528), lab.sink()
    dns, server = start(lab, f"there.test MX 10 mx.there.test\nmx.there.test A {mx.address}", f"""
        Domain "there.test" {{ routes = ( "{first.address}:2527" "smtp://{second.address}:2528" "__mx__" ) }}
        """)
    for sink in (first, second, mx):
        send(server, "b@there.test")
        wait_for("the message at the next route", sink.records)
        sink.stop()
    assert [r[11] for r in server.log(kind="D")] == [first.address, second.address, mx.address]
    assert not server.log(kind="T") and dns.count("there.test", "MX") >= 1
