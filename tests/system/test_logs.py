# SPDX-License-Identifier: Apache-2.0
"""Logs: rotation loses no line, a destination that is stuck, full or away stops nobody, and every logger writes what it says."""
import glob
import json
import os
import socket
import subprocess

import pytest

from lab import Server, load, wait_for

MESSAGE = b"Subject: two\r\n words\r\n\r\nhello"
LOGGERS = """
bounce_classifier {{}}
bounce_logger "bounces" {{ bouncelog = "{dir}/bouncelog.ec" }}
json_logger "json" {{ jsonlog = "{dir}/jsonlog.ec" }}
custom_logger "custom" {{
  mainlog = "{dir}/mainlog.cl"
  reception_format = "R %i %BI %m@%M %r@%R %h{{Subject}} %p"
  delivery_format = "D %i %H %N %B"
  permanent_failure_format = "P %i %C %c (%n)"
  transient_failure_format = "T %i %C %s"
  rejection_format = "X %H %n <%m@%M> <%r@%R> %BI"
  rejection_logfile = "{dir}/rejections.cl"
}}
"""
NO_LOGGER = Server.FRAME[:Server.FRAME.index("ec_logger")] + Server.FRAME[Server.FRAME.index("EventLoop"):]


def frame(more):
    return Server.FRAME + more


def mainlog_to(destination):
    return Server.FRAME.replace('mainlog = "{dir}/mainlog.ec"', f'mainlog = "{destination}"')


def lines_of(path):
    with open(path) as f:
        text = f.read()
    assert text == "" or text.endswith("\n"), f"{path} ends within a line"
    return text.splitlines()


def status_of(server, logger, log):
    return next(row for row in server.console(f"{logger}", "status")["logs"] if row["log"] == log)


@pytest.mark.loops
def test_rotation_under_load_loses_no_line(lab):
    sink = lab.sink()
    server = lab.server(sink=sink, frame=frame(LOGGERS))
    total, names = 1500, ("mainlog.ec", "jsonlog.ec", "mainlog.cl")
    running = lab.load(server, "-c", 4, "-n", total)
    for i in range(15):
        for name in names:
            wait_for(f"lines in {name}", lambda: os.path.exists(f"{server.dir}/{name}") and os.path.getsize(f"{server.dir}/{name}") > 0)
            os.rename(f"{server.dir}/{name}", f"{server.dir}/{name}.{i}")
        server.console("reopen", "logs")
        if not running.running():      # a fast machine: lines for the next turn
            load(server.address, server.port, "-n", 1)
            total += 1
    assert running.process.wait(600) == 0
    server.settled()
    assert server.stop() == 0
    kinds = {"mainlog.ec": ("@R@", "@D@"), "jsonlog.ec": ('"type":"reception"', '"type":"delivery"'), "mainlog.cl": ("R ", "D ")}
    for name in names:
        lines = [x for path in glob.glob(f"{server.dir}/{name}*") for x in lines_of(path)]
        assert [sum(kind in x[:80] if name == "mainlog.ec" else x.startswith(kind) or kind in x[:40] for x in lines)
                for kind in kinds[name]] == [total, total], name


@pytest.mark.loops
def test_a_stuck_program_stops_nobody(lab):
    sink = lab.sink()
    server = lab.server(sink=sink, frame=mainlog_to("pipe:///bin/sleep?arg1=1000000"))
    load(server.address, server.port, "-c", 4, "-n", 1000)
    server.settled()
    # more than the pipe holds: the rest waits in memory
    wait_for("lines that wait", lambda: status_of(server, "ec_logger:ec_logger", "mainlog")["waiting_bytes"] > 0)
    # the logger goes, its lines have five seconds, and nobody waits for them
    server.frame = NO_LOGGER
    server.configure(f'Gateway = "{sink.address}"\nRemote_SMTP_Port = {sink.port}\n')
    server.console("config", "reload")
    assert server.smtp().mail("a@client.test", ["b@there.test"], MESSAGE)[0] == 250
    server.settled()
    server.await_line("could not be written before the end")
    server.await_line("it is killed")
    assert server.stop() == 0


@pytest.mark.loops
def test_a_program_gets_every_line_and_is_started_again(lab, tmp_path):
    script = tmp_path / "take"
    # one that takes ten lines and ends; `read` of the shell takes no byte more
    script.write_text(f"#!/bin/sh\nn=0\nwhile [ $n -lt 10 ] && read -r line; do echo \"$line\" >> {tmp_path}/out; n=$((n+1)); done\n")
    script.chmod(0o755)
    sink = lab.sink()
    server = lab.server(sink=sink, frame=mainlog_to(f"pipe://{script}"))
    for _ in range(3):
        load(server.address, server.port, "-n", 5)
        server.settled()

    def taken():
        lines = lines_of(tmp_path / "out") if os.path.exists(tmp_path / "out") else []
        return sum("@R@" in x for x in lines) == 15 and sum("@D@" in x for x in lines) == 15
    wait_for("every line", taken)
    server.await_line("the program of the log has ended")


@pytest.mark.loops
def test_syslog_gets_every_line(lab, tmp_path):
    path = str(tmp_path / "log")
    sink = lab.sink()
    # syslog comes later than we do: lines wait
    server = lab.server(sink=sink, frame=mainlog_to(f"syslog://?socket={path}&facility=local0&priority=info&ident=mx"))
    load(server.address, server.port, "-n", 5)
    server.settled()
    server.await_line("can not write the log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(path)
        log.settimeout(60)
        lines = [log.recv(65536).decode() for _ in range(10)]
    assert all(x.startswith("<134>") and f" mx[{server.pid}]: " in x for x in lines)
    assert sum("@R@" in x for x in lines) == sum("@D@" in x for x in lines) == 5
    server.await_line("the log is written again")


@pytest.mark.loops
def test_a_full_disk_costs_no_line(lab, tmp_path):
    path = str(tmp_path / "small")
    os.makedirs(path)
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path]).returncode != 0:
        pytest.skip("needs root to mount a small tmpfs")
    try:
        with open(path + "/ballast", "wb") as f:
            f.write(b"x" * 61440)
        sink = lab.sink()
        server = lab.server(sink=sink, frame=mainlog_to(path + "/mainlog.ec"))
        load(server.address, server.port, "-n", 100)
        server.settled()
        server.await_line("can not write the log")
        assert server.text().count("can not write the log") == 1
        os.remove(path + "/ballast")
        server.await_line("the log is written again")
        assert server.stop() == 0
        lines = lines_of(path + "/mainlog.ec")
        assert sum("@R@" in x for x in lines) == sum("@D@" in x for x in lines) == 100
    finally:
        subprocess.run(["umount", "-l", path])


def test_what_each_logger_writes(lab):
    bad = lab.sink("--at", "rcpt=reply 550 5.1.1 <x>: Recipient address rejected: User unknown")
    server = lab.server(sink=bad, frame=frame(LOGGERS))
    c = server.smtp()
    assert c.mail("a@client.test", ["b@there.test"], MESSAGE)[0] == 250
    assert c.code("MAIL FROM:<a@client.test>") == 250
    assert c.code("RCPT TO:<no domain>") // 100 == 5
    b = server.await_log("B", name="bouncelog.ec")[0]
    assert len(b) == 16 and b[5:9] == ["b", "there.test", "a", "client.test"] and b[11] == "4" and b[12] == "10"
    assert b[14] == bad.address and b[15].startswith("550 5.1.1 <x>")
    reject = server.await_file("rejections.cl", "X 127.")
    assert " 501 " in reject or " 550 " in reject
    assert " <a@client.test> <@> " in reject and not reject.rstrip().endswith(" 00/00-00000-00000000"), reject
    server.settled()
    c.close()
    assert server.stop() == 0
    custom = lines_of(f"{server.dir}/mainlog.cl")
    received = next(x for x in custom if x.startswith("R ")).split(" ")
    assert received[1] == b[1] and received[2] == b[2]
    assert received[3:] == ["a@client.test", "b@there.test", "two", "words", "esmtp"]
    assert next(x for x in custom if x.startswith("P ")) == f"P {b[1]} 10 Invalid Recipient ({b[15]})"
    events = [json.loads(x) for x in lines_of(f"{server.dir}/jsonlog.ec")]
    failed = next(x for x in events if x["type"] == "permanent_failure")
    assert failed["id"] == b[1] and failed["class"] == 10 and failed["category"] == "Hard" and failed["reply"] == b[15]
    assert failed["message_size"] == int(b[13]) > len(MESSAGE)
    refused = next(x for x in events if x["type"] == "rejection")
    assert refused["code"] // 100 == 5
    assert (refused["sender"], refused["recipient"]) == ("a@client.test", "") and refused["batch"] == reject.split()[-1]


def test_a_refused_recipient_is_named(lab):
    address = lab.address()
    server = lab.server('relay_domains = ( "ours.test" )\nrelay_hosts = ( "192.0.2.1" )\n', address=address, frame=frame("""
custom_logger "c" {{ mainlog = "{dir}/mainlog.cl" rejection_format = "X %n <%m@%M> <%r@%R> %BI" }}
json_logger "j" {{ jsonlog = "{dir}/jsonlog.ec" }}
"""), listener=f'ESMTP_Listener {{ max_recipients_per_message = 1 Listen "{address}:2525" {{ }} }}\n')
    c = server.smtp()
    assert c.code("RCPT TO:<early@ours.test>") == 503
    assert c.code("MAIL FROM:<a@client.test>") == 250
    assert c.code("RCPT TO:<b@away.test>") == 550
    assert c.code("RCPT TO:<c@ours.test>") == 250
    assert c.code("NONSENSE") == 500
    assert c.code("RCPT TO:<d@ours.test>") == 452
    c.close()
    assert server.stop() == 0
    lines = [line.split(" <", 1)[1].split(" ") for line in lines_of(f"{server.dir}/mainlog.cl")]
    assert [line[1] for line in lines] == ["<@>", "<b@away.test>", "<@>", "<d@ours.test>"], lines
    events = [e for e in map(json.loads, lines_of(f"{server.dir}/jsonlog.ec")) if e["type"] == "rejection"]
    assert [e["recipient"] for e in events] == ["", "b@away.test", "", "d@ours.test"], events
    assert [e["sender"] for e in events] == [""] + ["a@client.test"] * 3
    assert [e.get("batch") for e in events] == [None] + [line[2] for line in lines[1:]]


def test_the_pathway_of_a_client_is_in_every_log(lab):
    address = lab.address()
    server = lab.server('pathway_group "inner" { pathway "apps" { idle_time = 100 } }\npathway "alone" { }\nsuspend_delivery = true\n',
                        address=address, frame=frame("""
custom_logger "c" {{ mainlog = "{dir}/mainlog.cl" reception_format = "R [%P] [%PG]" rejection_format = "X [%P] [%PG]" }}
json_logger "j" {{ jsonlog = "{dir}/jsonlog.ec" }}
"""), listener=f"""ESMTP_Listener {{
  Listen "{address}:2525" {{ pathway = "apps" Peer "{address}" {{ pathway = "alone" }} }}
}}
""")
    c = server.smtp()
    assert c.mail("a@client.test", ["b@there.test"], MESSAGE)[0] == 250
    assert c.code("RCPT TO:<too early>") == 503
    line = server.await_file("rejectlog.ec", "E=503")
    assert ' PATH="apps" PATH_GRP="inner" ' in line and "pathway=apps" in line
    server.await_file("mainlog.cl", "X [apps] [inner]")
    server.await_file("mainlog.cl", "R [apps] [inner]")
    for kind in ("reception", "rejection"):
        event = json.loads(server.await_file("jsonlog.ec", f'"type":"{kind}"'))
        assert (event["pathway"], event["pathway_group"]) == ("apps", "inner")
    server.reconfigure('pathway "alone" { }', 'pathway "alone" { }\npathway "other" { idle_time = 100 }')
    server.reconfigure('pathway = "apps"', 'pathway = "other"')
    server.console("config", "reload")
    assert c.code("MAIL FROM:<a@client.test>") == 421
    c = server.smtp()
    assert c.code("NONSENSE") == 500
    assert ' PATH="other" PATH_GRP="" ' in server.await_file("rejectlog.ec", "E=500")


def test_transient_failures_are_classified(lab):
    sink = lab.sink("--at", "rcpt=reply 452 4.2.2 Mailbox full")
    server = lab.server(sink=sink, frame=frame(LOGGERS))
    assert server.smtp().mail("a@client.test", ["b@there.test"], MESSAGE)[0] == 250
    t = server.await_log("T", name="bouncelog.ec")[0]
    assert len(t) == 16 and t[12] == "22"
    assert "T " + t[1] + " 22 during RCPT TO" in server.await_file("mainlog.cl", "T ")


def test_rules_can_be_overridden_and_read_again(lab, tmp_path):
    rules = tmp_path / "mine.ovr"
    rules.write_text("# none yet\n")
    config = f'bounce_classifier {{ user_smtp_classification_override = "{rules}" custom_classes = [ 15 = "Ours/Block" ] }}\n'
    server = lab.server(config)

    def ask():
        return server.console("bounce_classifier", "test", "550 5.1.1 no such user here")
    answer = ask()
    assert answer["class"] == 10 and answer["name"] == "Invalid Recipient" and "smtp_classification.ovr:" in answer["where"]
    rules.write_text("# ours\n,15,no such user|here\n")
    assert "rules" in server.console("bounce_classifier", "reload", form="text")
    answer = ask()
    assert answer["class"] == 15 and answer["name"] == "Ours" and answer["category"] == "Block"
    assert answer["where"] == f"{rules}:2" and answer["rule"] == "no such user|here"
    rules.write_text(",15,no such user\n,99,nobody knows this class\n")
    text = server.console("bounce_classifier", "reload", form="text", check=False)
    assert f"{rules}:2" in text and "old rules stay" in text
    assert ask()["class"] == 15
    rules.write_text(",50,no such user\n")
    server.console("config", "reload")             # looks at the files as well
    wait_for("the new rules", lambda: ask()["class"] == 50)
    assert server.console("bounce_classifier", "test", "nothing known at all")["class"] == 1
    rules.write_text("strict.test,54,nothing known\n")
    server.console("bounce_classifier", "reload")
    assert server.console("bounce_classifier", "test", "nothing known at all")["class"] == 1
    answer = server.console("bounce_classifier", "test", "domain", "Strict.Test", "550", "nothing", "known")
    assert answer["class"] == 54 and answer["domain"] == "strict.test" and answer["where"] == f"{rules}:1"
    assert server.console("bounce_classifier", "test", "domain", "other.test", "550", "nothing", "known")["class"] != 54


@pytest.mark.parametrize("config, words", [
    ('custom_logger "c" { delivery_format = "%z" }\n', ["delivery_format", "no macro"]),
    ('custom_logger "c" { log_deliveries = true }\n', ["log_deliveries", "no delivery_format"]),
    ('custom_logger "c" { sanitize = "nonsense" }\n', ["sanitize"]),
    ('bounce_logger "b" { bouncelog = "syslog://?facility=none" }\n', ["facility=none"]),
    ('bounce_logger "b" { bouncelog = "nowhere:///x" }\n', ["nowhere:///x", "pipe:///program"]),
    ('json_logger "j" { jsonlog = "/no/such/folder/x" }\n', ["/no/such/folder/x"]),
    ('json_logger "j" { jsonlog = "pipe:///no/such/program" }\n', ["/no/such/program"]),
    ('json_logger "j" { jsonlog = "/tmp/x" owner = "no such user" }\n', ["no such user"]),
    ('bounce_classifier { user_smtp_classification_override = "/no/such/rules" }\n', ["/no/such/rules"]),
    ('bounce_classifier { custom_classes = [ 10 = "x" ] }\n', ["custom_classes"]),
])
def test_mistakes_are_refused_and_the_old_loggers_run_on(lab, config, words):
    server = lab.server()
    server.configure(config)
    text = server.console("config", "reload", form="text", check=False)
    assert all(word in text for word in words + ["ecelerity.conf:"]), text
    assert server.console("ec_logger:ec_logger", "status")["logs"]


def test_a_disabled_logger_writes_nothing(lab):
    server = lab.server(frame=frame('ec_logger "two" {{ enabled = false heartbeat = 1 mainlog = "{dir}/m" paniclog = "{dir}/p" rejectlog = "{dir}/r" acctlog = "{dir}/a" }}\n'
                                    'ec_logger "three" {{ heartbeat = 1 mainlog = "{dir}/beat" rejectlog = "{dir}/beat" paniclog = "" acctlog = "" }}\n'))
    assert server.smtp().code("NONSENSE") == 500
    wait_for("two beats", lambda: len(server.log("beat", "M")) > 1)
    assert [lines_of(f"{server.dir}/{name}") for name in "mpra"] == [[], [], [], []]


def test_high_resolution_times(lab):
    sink = lab.sink("--at", "rcpt=reply 550 5.1.1 unknown user")
    server = lab.server("log_hires_timestamp = true\n", sink=sink, frame=frame(LOGGERS))
    assert server.smtp().mail("a@client.test", ["b@there.test"], MESSAGE)[0] == 250
    for name in ("mainlog.ec", "bouncelog.ec"):
        rows = wait_for(name, lambda: server.log(name))
        assert all(len(row[0]) == 16 for row in rows)


SAMPLES = sorted(glob.glob(os.path.join(os.path.dirname(__file__), "../../conf/samples/*.conf")))


@pytest.mark.parametrize("path", SAMPLES, ids=os.path.basename)
def test_samples_work(lab, path):
    with open(path) as f:
        text = f.read()
    folder = str(lab.dir / "server1")
    server = lab.server(text.replace("/var/log/ecelerity", folder), frame=NO_LOGGER if "ec_logger" in path else None)
    server.settled()
    module = os.path.basename(path)[:-len(".conf")]
    assert module in [row["scope_name"] for row in server.console("module", "list")["modules"]]
    assert "without effect" not in server.text()


def test_commands_are_in_the_acctlog_and_secrets_are_not(lab):
    server = lab.server()
    server.console("config", "set", "ehlo_hostname", "not-for-the-log.test")
    server.console("domain", "a@b", check=False)
    server.console("no", "such", "command", check=False)
    path = server.dir + "/acctlog.ec"
    lines = wait_for("two records", lambda: [x for x in open(path).read().splitlines() if "@Z@" in x][1:] and open(path).read().splitlines())
    assert [x.split("@", 1)[1] for x in lines] == [f"Z@{server.dir}/control@@root@1@config set ...@local",
                                                   f"Z@{server.dir}/control@@root@1@domain a\\@b@local"]
    assert "not-for-the-log" not in "\n".join(lines)
