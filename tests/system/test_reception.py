# SPDX-License-Identifier: Apache-2.0
"""What the listener accepts, and above all what it does not."""
import pytest

from lab import wait_for


@pytest.fixture
def server(lab):
    return lab.server("suspend_delivery = true\n")


def queued(server):
    return int(server.account()["queued"])


def test_greeting_and_extensions(server):
    c = server.smtp()
    assert c.banner[0] == 220 and "mx.test" in c.banner[1]
    code, text = c.cmd("EHLO client.test")
    assert code == 250
    for word in ("PIPELINING", "8BITMIME", "SIZE", "ENHANCEDSTATUSCODES"):
        assert word in text
    assert c.code("VRFY someone") == 252
    assert c.code("NOOP") == 250
    assert c.code("HELP") == 214
    assert c.code("RSET") == 250
    assert c.code("QUIT") == 221
    assert c.reply() == (None, "")


def test_not_an_open_relay(lab):
    server = lab.server('Relay_Hosts = ( "192.0.2.1" )\nRelay_Domains = ( "ours.test" )\nsuspend_delivery = true\n')
    c = server.smtp()
    c.cmd("EHLO client.test")
    assert c.code("MAIL FROM:<a@client.test>") == 250
    code, text = c.cmd("RCPT TO:<b@other.test>")
    assert code == 550 and "5.7.1" in text
    assert c.code("RCPT TO:<b@ours.test>") == 250
    server.await_file("rejectlog.ec", "E=550")


@pytest.mark.parametrize("wrong", ["MAIL FROM:<a@b.c", "MAIL FROM a@b.c", "MAIL", "RCPT TO:<a@b.c>", "DATA", "XYZZY", "EHLO",
                                   "MAIL FROM:<a b@c.d>", "MAIL FROM:<a@b.c> NONSENSE=1", "MAIL FROM:<@@@>"])
def test_wrong_commands_are_refused_and_the_session_goes_on(server, wrong):
    c = server.smtp()
    c.cmd("EHLO client.test")
    assert 500 <= c.code(wrong) <= 599
    assert c.code("NOOP") == 250


def test_pipelining(server):
    c = server.smtp()
    c.cmd("EHLO client.test")
    c.send("MAIL FROM:<a@client.test>\r\nRCPT TO:<b@there.test>\r\nDATA\r\n")
    assert [c.reply()[0] for _ in range(3)] == [250, 250, 354]
    c.send("Subject: x\r\n\r\nhello\r\n.\r\nMAIL FROM:<a@client.test>\r\nRSET\r\nQUIT\r\n")
    assert [c.reply()[0] for _ in range(4)] == [250, 250, 250, 221]
    assert queued(server) == 1


@pytest.mark.parametrize("end", [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\r\n\x00.\r\n", b"\r\n.\r\r\n"])
def test_only_crlf_dot_crlf_ends_a_message(server, end):
    c = server.smtp()
    c.cmd("EHLO client.test")
    c.send("MAIL FROM:<a@client.test>\r\nRCPT TO:<b@there.test>\r\nDATA\r\n")
    assert [c.reply()[0] for _ in range(3)] == [250, 250, 354]
    smuggled = b"MAIL FROM:<evil@client.test>\r\nRCPT TO:<c@there.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"
    c.send(b"Subject: x\r\n\r\nhello" + end + smuggled)
    code, _ = c.reply()
    assert code in (250, 550), "one answer for one message"
    c.send("NOOP\r\n")
    answer = c.reply()[0]
    assert answer in (250, 421, None)
    wait_for("one message or none", lambda: queued(server) == (1 if code == 250 else 0))


@pytest.mark.parametrize("line", [b"NOOP\n", b"NO\rOP\r\n", b"\rNOOP\r\n", b"NOOP\r\r\n"])
def test_bare_cr_or_lf_in_the_dialogue_is_refused(server, line):
    c = server.smtp()
    c.cmd("EHLO client.test")
    c.send(line)
    assert c.reply()[0] in (500, 421)


def test_bounded_line(server):
    c = server.smtp()
    c.cmd("EHLO client.test")
    c.send(b"NOOP " + b"x" * 100000 + b"\r\n")
    assert c.reply()[0] == 500
    assert c.code("NOOP") == 250


def test_size_limit(lab):
    server = lab.server("suspend_delivery = true\n",
                        listener='ESMTP_Listener { max_message_size = 10000\nListen "127.99.0.1:2525" {} }\n', address="127.99.0.1")
    c = server.smtp()
    assert "SIZE 10000" in c.cmd("EHLO client.test")[1]
    code, text = c.cmd("MAIL FROM:<a@client.test> SIZE=10001")
    assert code == 552 and "5.3.4" in text
    assert c.code("MAIL FROM:<a@client.test>") == 250
    assert c.code("RCPT TO:<b@there.test>") == 250
    assert c.code("DATA") == 354
    c.send("Subject: x\r\n\r\n" + ("y" * 70 + "\r\n") * 200 + ".\r\n")
    assert c.reply()[0] == 552
    assert queued(server) == 0


def test_early_talker(server):
    import socket
    s = socket.create_connection((server.address, server.port))
    s.sendall(b"EHLO too.early\r\nMAIL FROM:<a@b.c>\r\n")
    data = s.recv(1000)
    assert data[:3] in (b"220", b"554")
