# SPDX-License-Identifier: Apache-2.0
"""A module built outside of the tree follows messages through every hook, suspends them, and changes them."""
import re
import socket

import pytest

from lab import wait_for

HEADER = open(__file__.rsplit("/tests/", 1)[0] + "/include/ec/hook.h").read()
HOOKS = re.findall(r"^    X\((\w+), ", HEADER, re.M)


@pytest.fixture
def follow(lab, kit):
    """A function that starts a server with the module; its lines are read with seen()."""
    kit.build("follow.c")

    def start(options="", config="", **more):
        path = kit.dir / "seen"

        def stanza(text):
            return f'follow {{ file = "{path}" {text} }}\n'
        server = lab.server(stanza(options) + config, env={**kit.module_env(), **more.pop("env", {})}, **more)
        server.stanza = stanza
        server.seen = lambda: path.read_text().splitlines() if path.exists() else []
        server.await_seen = lambda *want: wait_for(want, lambda: all(any(w in x for x in server.seen()) for w in want))
        server.frame_config = config
        return server
    return start


def reconfigure(server, options, sink=None):
    forward = f'Gateway = "{sink.address}"\nRemote_SMTP_Port = {sink.port}\n' if sink else ""
    server.configure(forward + server.stanza(options) + server.frame_config)
    server.console("config", "reload")


def names(server):
    return [x.split(" ", 1)[0] for x in server.seen()]


@pytest.mark.loops
def test_a_message_is_followed_from_start_to_stop(lab, follow):
    sink = lab.sink()
    server = follow(sink=sink)
    c = server.smtp()
    assert c.mail("a@client.test", ["b@there.test"], b"Subject: =?utf-8?q?h=C3=B6?=\r\n\r\nhi there\r\n")[0] == 250
    server.settled()
    c.send("QUIT\r\n")
    server.await_seen("smtp_disconnect", "log_delivery", "timer")
    server.console("config", "reload")
    server.console("reopen", "logs")
    assert server.stop() == 0
    seen = names(server)
    inbound = [x for x in seen if x.startswith(("smtp_", "message_", "log_reception"))]
    assert inbound == ["smtp_connect", "smtp_ehlo", "smtp_mail", "smtp_rcpt", "smtp_data", "smtp_header", "smtp_body",
                       "smtp_message", "message_spool", "message_route", "log_reception", "message_accepted", "smtp_disconnect"]
    outbound = [x for x in seen if x.startswith("out_") and x != "out_reply"]
    assert outbound == ["out_connect", "out_connected", "out_greeting", "out_attempt", "out_disconnect"]
    lines = server.seen()
    assert "smtp_header h\u00f6" in lines and "smtp_body 12 hi there" in lines
    assert [x for x in lines if x.startswith("out_reply")][:3] == ["out_reply 12 220", "out_reply 10 250", "out_reply 2 250"]
    assert "server_start" in lines and "server_reload 1" in lines and "conf_change 0" in lines and "conf_change 1" in lines
    assert "console_command config 1" in lines or "console_command config 0" in lines
    assert lines.index("server_stop") < lines.index("stop ")
    assert "smtp_disconnect 8" in lines


@pytest.mark.loops
def test_failures_bounces_and_expiry(lab, follow):
    sink = lab.sink("--at", "rcpt=reply 550 5.1.1 nobody")
    server = follow(sink=sink)
    c = server.smtp()
    c.mail("a@client.test", ["b@there.test"], b"Subject: x\r\n\r\nhi\r\n")
    server.settled()
    seen = names(server)
    assert seen.index("log_permanent_failure") < seen.index("bounce_made")
    assert "message_spool internal" in server.seen()
    assert "log_expiry" not in seen
    late = lab.sink("--at", "rcpt=reply 451 4.7.1 later")
    server2 = follow(sink=late, config="never_retry = true\n")
    server2.smtp().mail("", ["b@there.test"], b"Subject: x\r\n\r\nhi\r\n")
    server2.settled()
    seen = names(server2)[len(server.seen()):]
    server2.await_seen("log_transient_failure", "log_expiry")


@pytest.mark.parametrize("hook,lines", [("smtp_connect", []), ("smtp_ehlo", ["EHLO x"]), ("smtp_mail", ["EHLO x", "MAIL FROM:<a@b.test>"]),
                                        ("smtp_header", None), ("smtp_body", None), ("smtp_message", None)])
def test_a_hook_refuses(lab, follow, hook, lines):
    server = follow(f'at = "{hook}" action = "reject" text = "5.7.1 no thanks"', sink=lab.sink())
    c = server.smtp()
    if lines is None:
        answer = c.mail("a@client.test", ["b@there.test"], b"Subject: x\r\n\r\nhi\r\nmore\r\n")
    else:
        answer = c.banner
        for line in lines:
            c.send(line + "\r\n")
            answer = c.reply()
    assert answer == (550, "550 5.7.1 no thanks"), answer
    server.await_seen("log_rejection follow 550 5.7.1 no thanks")
    if lines is None:  # and the session goes on
        reconfigure(server, "")
        c2 = server.smtp()
        assert c2.mail("a@client.test", ["b@there.test"], b"Subject: x\r\n\r\nhi\r\n")[0] == 250


@pytest.mark.parametrize("hook,text,kind,want", [
    ("out_attempt", "550 5.7.1 not this one", "P", "550 5.7.1 not this one"),
    ("out_attempt", "450 4.7.1 not now", "T", "450 4.7.1 not now"),
    ("out_connect", "451 4.7.1 not there", "T", "451 4.7.1 not there"),
    ("out_greeting", "451 4.7.1 rude", "T", "451 4.7.1 rude"),
])
def test_a_hook_refuses_on_the_way_out(lab, follow, hook, text, kind, want):
    sink = lab.sink()
    server = follow(f'at = "{hook}" action = "reject" text = "{text}"', sink=sink)
    server.smtp().mail("", ["b@there.test"], b"Subject: x\r\n\r\nhi\r\n")
    record = server.await_log(kind)[0]
    assert want in "@".join(record), record
    assert sink.records() == []


SUSPENDS = ["smtp_connect", "smtp_ehlo", "smtp_mail", "smtp_rcpt", "smtp_data", "smtp_message"]


@pytest.mark.loops
@pytest.mark.parametrize("hook", SUSPENDS)
@pytest.mark.parametrize("action", ["job", "thread"])
def test_a_suspended_session_goes_on(lab, follow, hook, action):
    sink = lab.sink()
    server = follow(f'at = "{hook}" action = "{action}" text = "/etc/hostname"', sink=sink)
    assert server.smtp().mail("a@client.test", ["b@there.test"], b"Subject: x\r\n\r\nhi\r\n")[0] == 250
    server.settled()
    assert len(sink.records()) == 1
    assert any(x.startswith(action) for x in server.seen())


def test_a_session_waits_for_dns(lab, follow):
    dns = lab.dns('mail.policy.test TXT "v=one"\n')
    server = follow('at = "smtp_mail" action = "dns" text = "mail.policy.test"', config=f'Resolv_Conf = "{dns.resolv_conf}"\n',
                    sink=lab.sink())
    assert server.smtp().mail("a@client.test", ["b@there.test"], b"Subject: x\r\n\r\nhi\r\n")[0] == 250
    assert "dns 1 v=one" in server.seen()
    reconfigure(server, 'at = "smtp_mail" action = "dns" text = "no.policy.test"')
    c = server.smtp()
    assert c.code("EHLO x") == 250 and c.code("MAIL FROM:<a@client.test>") == 250
    assert "dns 0 -" in server.seen()


@pytest.mark.loops
def test_an_instance_that_is_held_stays(lab, follow):
    """Work of a module that no session waits for: a reload takes the stanza away, the instance ends when the work is done."""
    server = follow('text = "old"', sink=lab.sink())
    there = f"{server.dir}/there"
    server.console("follow", "later", there)
    server.configure(server.stanza('text = "new"'))
    server.console("config", "reload")
    wait_for("both", lambda: {r["state"] for r in server.console("module", "list")["modules"] if r["module"] == "follow"} == {"running", "leaving"})
    assert "stop old" not in server.seen()
    open(there, "w").close()
    server.await_seen("stop old")
    assert [x for x in server.seen() if x in ("later", "later done", "stop old")] == ["later", "later done", "stop old"]
    server.console("follow", "later", there)
    assert server.stop() == 0
    assert server.seen().count("later done") == 2


@pytest.mark.long
@pytest.mark.loops
@pytest.mark.parametrize("hook", SUSPENDS)
def test_client_and_module_go_while_a_session_is_suspended(lab, follow, hook):
    """The client hangs up, the module is reloaded: the old instance stays until the session is let go of."""
    server = follow(f'at = "{hook}" action = "keep" text = "old"', sink=lab.sink())
    if hook == "smtp_connect":
        c = socket.create_connection((server.address, server.port))
    else:
        c = server.smtp()
        c.send("EHLO x\r\n")
        if hook != "smtp_ehlo":
            c.reply()
            c.send("MAIL FROM:<a@client.test>\r\nRCPT TO:<b@there.test>\r\nDATA\r\n")
        if hook == "smtp_message":
            for _ in range(3):
                c.reply()
            c.send("Subject: x\r\n\r\nhi\r\n.\r\n")
    server.await_seen(hook + " ")
    c.close()
    server.configure(server.stanza('text = "new"'))
    server.console("config", "reload")
    rows = {r["state"] for r in server.console("module", "list")["modules"] if r["module"] == "follow"}
    assert rows == {"running", "leaving"}, rows
    assert "stop old" not in server.seen()
    assert server.stop() == 0            # with a session still suspended


@pytest.mark.loops
def test_a_reload_waits_for_the_suspended(lab, follow):
    server = follow('at = "smtp_mail" action = "keep" text = "old"', sink=lab.sink())
    c = server.smtp()
    c.send("EHLO x\r\n")
    c.reply()
    c.send("MAIL FROM:<a@client.test>\r\n")
    server.await_seen("smtp_mail a@client.test")
    assert int(server.console("follow", "release")["released"]) == 1
    assert c.reply()[0] == 250
    reconfigure(server, 'text = "new"')
    server.await_seen("stop old")


def test_messages_are_changed(lab, follow):
    sink = lab.sink()
    server = follow('at = "smtp_message" action = "header" text = "gr\u00fcn"', sink=sink)
    size = len(b"Subject: x\r\n\r\nhi\r\n")
    c = server.smtp()
    assert c.mail("a@client.test", ["b@there.test"], b"X-Drop: " + b"x" * 1000 + b"\r\nSubject: x\r\n\r\nhi\r\n")[0] == 250
    server.settled()
    assert size < int(sink.records()[0]["size"]) < 1000
    reconfigure(server, 'at = "smtp_message" action = "drop"', sink)
    assert server.smtp().mail("a@client.test", ["b@there.test"], b"Subject: x\r\n\r\nhi\r\n")[0] == 554
    reconfigure(server, 'at = "smtp_data" action = "add" text = "more@there.test"', sink)
    assert server.smtp().mail("a@client.test", ["b@there.test"], b"Subject: x\r\n\r\nhi\r\n")[0] == 250
    server.settled()
    assert any("more@there.test" in x for x in server.seen() if x.startswith("log_delivery"))
    reconfigure(server, 'at = "smtp_message" action = "mime"', sink)
    server.smtp().mail("a@client.test", ["b@there.test"], b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
                       b"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n")
    server.await_seen("mime 0 multipart/mixed", "mime 1 text/plain", "part hello")


def test_large_messages_are_changed(lab, follow):
    sink = lab.sink()
    server = follow('at = "smtp_message" action = "header" text = "large"', config="large_message_threshold = 1000\n", sink=sink)
    body = b"Subject: x\r\nX-Drop: 1\r\n\r\n" + b"0123456789\r\n" * 1000
    assert server.smtp().mail("a@client.test", ["b@there.test"], body)[0] == 250
    server.settled()
    size = int(sink.records()[0]["size"])
    reconfigure(server, "", sink)
    assert server.smtp().mail("a@client.test", ["b@there.test"], body.replace(b"X-Drop: 1", b"X-Follow: large"))[0] == 250
    server.settled()
    assert int(sink.records()[1]["size"]) == size


@pytest.mark.loops
def test_context_and_route_survive_a_restart(lab, follow):
    sink = lab.sink("--at", "rcpt=reply 451 4.7.1 later")
    gateway = f'Remote_SMTP_Port = {sink.port}\ndomain "hub.test" {{ Gateway = "{sink.address}" }}\n'
    server = follow('at = "message_route" action = "route" text = "Hub.Test"',
                    config=gateway + 'follow "second" { file = "/dev/null" at = "smtp_message" action = "context" text = "red" }\n'
                    + 'follow "third" { file = "/dev/null" at = "smtp_connect" action = "context" text = "round" }\nretry_interval = 1\n')
    assert server.smtp().mail("a@client.test", ["b@nowhere.test"], b"Subject: x\r\n\r\nhi\r\n")[0] == 250
    t = server.await_log("T")[0]
    assert sink.address in server.console("message", t[1], form="text")      # the gateway of hub.test
    attempt = f"out_attempt {sink.address} b@nowhere.test n=1 color=red shape=round"
    server.await_seen(attempt)
    assert server.stop() == 0
    before = len(server.seen())
    server.configure(server.stanza("") + server.frame_config)
    server.start()
    server.recovered()
    assert sink.address in server.console("message", t[1], form="text")
    wait_for("another attempt", lambda: attempt in server.seen()[before:])


@pytest.mark.loops
def test_bindings_are_chosen_by_a_header(lab, follow):
    sink = lab.sink()
    bindings = 'binding "one" {}\nbinding_group "pool" { binding "two" {} binding "three" {} }\n'
    server = follow('at = "smtp_message" action = "bind" text = "X-Binding"', config=bindings
                    + 'follow "second" { file = "/dev/null" at = "binding_group_choose_binding" text = "three" }\n', sink=sink)
    for value in ("one", "three", "group pool", "none such", ""):
        header = f"X-Binding: {value}\r\n" if value else ""
        message = (header + "Subject: x\r\n\r\nhi\r\n").encode()
        assert server.smtp().mail("a@client.test", [f"{value.replace(' ', '.') or 'no'}@there.test", "c@other.test"], message)[0] == 250
    assert int(server.settled()["delivered"]) == 10
    got = {r[5]: r[12:14] for r in server.await_log("R", 10) if r[5] != "c"}
    assert got == {"one": ["default", "one"], "three": ["pool", "three"], "group.pool": ["pool", "three"],
                   "none.such": ["default", "default"], "no": ["default", "default"]}
    assert "bound 0 default one" in server.seen() and "bound 0 pool default" in server.seen()
    assert len([x for x in server.seen() if x.startswith("binding_group_choose_binding pool")]) == 2     # one for each domain
    assert server.smtp().mail("a@client.test", ["b@there.test"], b"X-Binding: " + b"x" * 280 + b"\r\nSubject: x\r\n\r\nhi\r\n")[0] == 250
    server.settled()
    assert [x for x in server.seen() if x.startswith("bound ")][-1].endswith(" default default")


def test_messages_are_injected(lab, follow):
    sink = lab.sink()
    server = follow(sink=sink)
    assert int(server.console("follow", "inject", "x@there.test")["ok"]) == 1
    account = server.settled()
    assert int(account["generated"]) == 1 and int(account["delivered"]) == 1 and int(account["residual"]) == 0
    assert sink.records()[0]["sender"] == "robot@here.test"
    assert int(sink.records()[0]["size"]) > 100
    text = server.console("follow", "inject", "nobody", form="text", check=False)
    assert "no address" in text
    assert int(server.console("follow", "loops")["hooks"]) > 5


def test_what_is_injected_at_the_very_end_is_sent_after_the_next_start(lab, follow):
    sink = lab.sink()
    server = follow('at = "server_stop" text = "late@there.test"', sink=sink)
    assert server.stop() == 0
    assert sink.records() == []
    server.start()
    wait_for("the message", lambda: [r["recipients"] for r in sink.records()] == ["late@there.test"])


def test_the_console_is_guarded(lab, follow):
    server = follow('at = "console_command" action = "reject" text = "not for you"')
    assert "not for you" in server.console("pid", form="text", check=False)
    assert server.console("version", form="text")


def test_bounces_are_seen_and_stopped(lab, follow):
    sink = lab.sink("--at", "rcpt=reply 550 5.1.1 nobody")
    server = follow('at = "bounce_made" action = "reject"', sink=sink)
    server.smtp().mail("a@client.test", ["b@there.test"], b"Subject: x\r\n\r\nhi\r\n")
    account = server.settled()
    assert int(account["failed"]) == 1 and int(account["generated"]) == 0
    assert "bounce_made b@there.test" in server.seen()


def test_every_hook_is_followed(kit):
    kit.copy("follow.c")
    text = (kit.dir / "follow.c").read_text()
    assert set(re.findall(r"EC_HOOK\((\w+),", text)) == set(HOOKS)
