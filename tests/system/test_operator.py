# SPDX-License-Identifier: Apache-2.0
"""The operator's day: console, reload, wrong configurations, signals."""
import json
import os
import signal
import subprocess
import xml.etree.ElementTree as ET

import pytest

from lab import PATIENCE, SANITIZED, load, program, wait_for


def test_console_answers_in_three_forms(lab):
    server = lab.server()
    assert int(server.console("pid")["pid"]) == server.pid
    assert str(server.pid) in server.console("pid", form="text")
    root = ET.fromstring(server.console("xml", "pid", form="text"))
    assert str(server.pid) in "".join(root.itertext())
    assert "summary" in server.console("help", form="text")
    assert server.console("version", form="text").strip()
    assert "ec_logger" in server.console("module", "list", form="text")


def test_console_finds_the_server_without_arguments(lab):
    server = lab.server()
    run = subprocess.run([program("ec_console"), "pid"], capture_output=True, text=True, timeout=PATIENCE,
                         env={**os.environ, **server.env}, stdin=subprocess.DEVNULL)
    assert run.returncode == 0 and str(server.pid) in run.stdout, run.stdout + run.stderr


def test_a_mistyped_command_names_the_nearest(lab):
    server = lab.server()
    run = subprocess.run([program("ec_console"), server.dir + "/control", "sumary"], capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode == 1
    assert "summary" in run.stdout + run.stderr


def test_queued_mail_can_be_asked_why(lab):
    sink = lab.sink("--at", "rcpt=reply 451 4.7.1 greylisted")
    server = lab.server(sink=sink)
    c = server.smtp()
    assert c.mail("a@client.test", ["b@there.test"], b"Subject: x\r\n\r\nhi")[0] == 250
    t = server.await_log("T")[0]
    text = server.console("message", t[1], form="text")
    assert "greylisted" in text and "b@there.test" in text and "a@client.test" in text
    assert "Subject: x\n" in server.console("message", "details", "body", t[1])["text"]
    queue = server.console("showqueue", sink.address, form="text")
    assert t[1] in queue
    assert sink.address in server.console("delayed", "0", form="text")


@pytest.mark.loops
def test_reload_is_whole_or_refused(lab):
    sink = lab.sink()
    server = lab.server("retry_interval = 100\n", sink=sink)
    assert "100" in server.console("config", "eval", "retry_interval", form="text")
    forward = f'Gateway = "{sink.address}"\nRemote_SMTP_Port = {sink.port}\n'
    server.configure(forward + "retry_interval = 200\nno_such_option = 1\n")
    text = server.console("config", "reload", form="text", check=False)
    assert "Reconfigure failed" in text and "no_such_option" in text and "ecelerity.conf:" in text
    assert "100" in server.console("config", "eval", "retry_interval", form="text")
    server.configure(forward + "retry_interval = 200\n")
    server.console("config", "reload")
    assert "200" in server.console("config", "eval", "retry_interval", form="text")
    assert server.smtp().mail("a@client.test", ["b@there.test"], b"Subject: x\r\n\r\nhi")[0] == 250
    server.await_log("D")


def test_sighup_reloads(lab):
    server = lab.server("retry_interval = 100\n")
    server.configure("retry_interval = 300\n")
    server.process.send_signal(signal.SIGHUP)
    server.await_line("configuration reloaded")
    assert "300" in server.console("config", "eval", "retry_interval", form="text")


def test_reload_keeps_unchanged_listeners_and_their_connections(lab):
    server = lab.server()
    other = lab.address()
    c = server.smtp()
    c.cmd("EHLO client.test")
    server.configure(f'ESMTP_Listener {{ Listen "{other}:2525" {{}} }}\n')
    server.console("config", "reload")
    assert c.code("NOOP") == 250
    assert server.smtp().banner[0] == 220
    import lab as lab_module
    assert lab_module.Client(other, 2525).banner[0] == 220


@pytest.mark.parametrize("config, words", [
    ("no_such_option = 1\n", ["no_such_option"]),
    ("retry_intervall = 1\n", ["retry_intervall", "retry_interval"]),
    ("retry_interval = soon\n", ["retry_interval", "soon"]),
    ('Domain "x.test" {\n', ["}"]),
    ("include \"nowhere.conf\"\n", ["nowhere.conf"]),
    ("listen_backlog = 5\n", ["listen_backlog"]),
])
def test_wrong_configurations_name_file_and_line(lab, config, words):
    server = lab.server(config, start=False)
    server.start(wait=False)
    assert server.process.wait(PATIENCE) == 1
    server.thread.join()
    assert "ecelerity.conf:" in server.text()
    for word in words:
        assert word in server.text()


def first_configurations():
    """What is installed, and what README.md and getting-started.md tell to write."""
    top = os.path.join(os.path.dirname(__file__), "..", "..")
    for name in ("conf/default/ecelerity.conf", "README.md", "doc/getting-started.md"):
        with open(os.path.join(top, name)) as f:
            text = f.read()
        if name.endswith(".md"):
            text = next(block for block in text.split("```")[1::2] if "ESMTP_Listener {" in block)
        yield pytest.param(text, id=name)


@pytest.mark.parametrize("text", first_configurations())
def test_a_first_configuration_works_as_it_stands(lab, text):
    """With other folders and a port that is free, nothing else: above all no folder that nobody makes."""
    server = lab.server(start=False)
    for folder in ("/var/spool/ecelerity", "/var/log/ecelerity"):
        assert folder in text
        os.makedirs(server.dir + folder)
        text = text.replace(folder, server.dir + folder)
    assert '"*:25"' in text
    text = text.replace('"*:25"', f'"{server.address}:{server.port}"')
    with open(server.dir + "/ecelerity.conf", "w") as f:
        f.write(text + f'PidFile = "{server.dir}/pid"\nSecurity {{ user = "root" }}\n')
    server.start()
    assert not [line for line in server.lines if "no effect" in line or " ERROR " in line]
    run = subprocess.run([program("ec_console"), "pid"], capture_output=True, text=True, timeout=PATIENCE,
                         env={**os.environ, **server.env}, stdin=subprocess.DEVNULL)
    assert run.returncode == 0 and str(server.pid) in run.stdout, run.stdout + run.stderr
    assert server.smtp().banner[0] == 220


def test_a_folder_that_is_missing_is_told_with_what_to_do(lab):
    server = lab.server('Control_Listener { Listen "/no/such/folder/2025" {} }\n', start=False)
    server.start(wait=False)
    assert server.process.wait(PATIENCE) == 1
    server.thread.join()
    assert "/no/such/folder/2025: No such file or directory; make the folder" in server.text()


def test_check_only(lab):
    server = lab.server(start=False)
    run = subprocess.run([program("ecelerity"), "-t", "-c", server.dir + "/ecelerity.conf"], capture_output=True, text=True,
                         timeout=PATIENCE)
    assert run.returncode == 0 and "Configuration valid" in run.stdout


def test_accepted_without_effect_is_said(lab):
    server = lab.server("fully_resolve_before_smtp = true\n")
    server.await_line("fully_resolve_before_smtp")


def test_reopen_logs_for_rotation(lab):
    sink = lab.sink()
    server = lab.server(sink=sink)
    load(server.address, server.port, "-c", 2, "-n", 20)
    server.await_log("D", 20)
    os.rename(server.dir + "/mainlog.ec", server.dir + "/mainlog.ec.1")
    server.console("reopen", "logs")
    wait_for("a new mainlog", lambda: os.path.exists(server.dir + "/mainlog.ec"))
    load(server.address, server.port, "-c", 2, "-n", 20)
    server.await_log("D", 20)
    assert len(server.log("mainlog.ec.1", "D")) + len(server.log("mainlog.ec", "D")) == 40


@pytest.mark.long
@pytest.mark.loops
def test_stop_under_load_loses_nothing(lab, tmp_path):
    sink = lab.sink()
    server = lab.server(sink=sink)
    record = str(tmp_path / "load.records")
    generator = lab.load(server, "-c", 8, "-n", 1000000, "--ignore-errors", "--retry-connect", "60", record=record)
    some = 10000 if SANITIZED else 50000
    wait_for("progress", lambda: os.path.exists(record) and os.path.getsize(record) > some)
    assert server.stop() == 0
    server.start()
    wait_for("progress", lambda: os.path.getsize(record) > 2 * some)
    generator.stop()
    assert int(server.settled()["residual"]) == 0
    got = [r["id"] for r in sink.records()]
    assert set(generator.records()) <= set(got)
    assert len(got) == len(set(got)), "a clean stop makes no duplicates"


def test_background_start_tells_success_and_failure(lab):
    server = lab.server(start=False)
    run = subprocess.run([program("ecelerity"), "-c", server.dir + "/ecelerity.conf"], timeout=PATIENCE, env={**os.environ, **server.env})
    assert run.returncode == 0
    with open(server.dir + "/pid") as f:
        pid = int(f.read())
    try:
        assert server.smtp().banner[0] == 220
        again = subprocess.run([program("ecelerity"), "-c", server.dir + "/ecelerity.conf"], timeout=PATIENCE, capture_output=True,
                               text=True, env={**os.environ, **server.env})
        assert again.returncode == 1 and again.stderr
        with open(server.dir + "/pid") as f:
            assert int(f.read()) == pid, "a second start by mistake leaves the first one's pid file alone"
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_for("the end", lambda: not os.path.exists(f"/proc/{pid}"))
    assert not os.path.exists(server.dir + "/pid")


def test_a_relative_file_is_found_again_by_a_reload_in_the_background(lab):
    server = lab.server("retry_interval = 100\n", start=False)
    run = subprocess.run([program("ecelerity"), "-c", "ecelerity.conf"], timeout=PATIENCE, cwd=server.dir,
                         env={**os.environ, **server.env})
    assert run.returncode == 0
    with open(server.dir + "/pid") as f:
        pid = int(f.read())
    try:
        server.configure("retry_interval = 200\n")
        server.console("config", "reload")
        assert "200" in server.console("config", "eval", "retry_interval", form="text")
        server.await_file("paniclog.ec", "configuration reloaded")
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_for("the end", lambda: not os.path.exists(f"/proc/{pid}"))


@pytest.mark.long
def test_stop_is_bounded_when_the_other_side_hangs(lab):
    """20 seconds of grace are stated in ecelerity(8); the message stays queued."""
    import time
    sink = lab.sink("--at", "body=hang")
    # what the abandoned session holds goes with the process: no leak to report
    server = lab.server(sink=sink, env={"ASAN_OPTIONS": "detect_leaks=0"})
    idle = server.smtp()
    assert server.smtp().mail("a@client.test", ["b@there.test"], b"Subject: x\r\n\r\nhi")[0] == 250
    wait_for("an attempt", lambda: server.console("summary")["queues"]["in_attempts"] == 1)
    began = time.monotonic()
    assert server.stop(patience=PATIENCE) == 0
    assert time.monotonic() - began < 20 + PATIENCE / 2
    assert idle.reply()[0] == 421
    server.start()
    assert server.recovered()["recovered"] == 1


def test_privileges_are_dropped(lab):
    if os.geteuid() != 0:
        pytest.skip("only root has privileges to drop")
    import pwd
    from lab import Server
    user = pwd.getpwnam("nobody")
    server = lab.server(frame=Server.FRAME.replace('user = "root"', 'user = "nobody"'), start=False)
    for folder in (server.dir, server.dir + "/run"):
        os.chown(folder, user.pw_uid, user.pw_gid)
    parent = server.dir
    while parent != "/":
        os.chmod(parent, os.stat(parent).st_mode | 0o011)
        parent = os.path.dirname(parent)
    server.port = 25
    server.configure("")
    server.start()
    with open(f"/proc/{server.pid}/status") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    assert status["Uid"].split() == [str(user.pw_uid)] * 4
    assert int(status["CapEff"], 16) == 1 << 10, "nothing but the right to bind low ports"
    other = lab.address()
    server.listener = f'ESMTP_Listener {{ Listen "{other}:25" {{}} }}\n'
    server.configure("")
    server.console("config", "reload")
    import lab as lab_module
    assert lab_module.Client(other, 25).banner[0] == 220


def test_a_reload_that_can_not_listen_changes_nothing(lab):
    server = lab.server("retry_interval = 100\n")
    other = lab.address()
    server.listener = (f'ESMTP_Listener {{ Listen "{other}:2525" {{}}\nListen "198.51.100.1:2525" {{}} }}\n'
                       f'Control_Listener {{ Listen "{server.dir}/other" {{}} }}\n')
    server.configure("retry_interval = 200\n")
    text = server.console("config", "reload", form="text", check=False)
    assert "Reconfigure failed" in text and "198.51.100.1" in text
    assert "100" in server.console("config", "eval", "retry_interval", form="text")
    assert server.smtp().banner[0] == 220
    assert not os.path.exists(server.dir + "/other")
    import lab as lab_module
    with pytest.raises(ConnectionRefusedError):
        lab_module.Client(other, 2525)
