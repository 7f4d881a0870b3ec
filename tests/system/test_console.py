# SPDX-License-Identifier: Apache-2.0
"""ec_console: one command, a list of them, a dialogue; being found and being refused."""
import json
import os
import pty
import select
import signal
import stat
import subprocess

import pytest

from lab import PATIENCE, program, wait_for


def run(*words, stdin=None, env=None):
    done = subprocess.run([program("ec_console"), *words], capture_output=True, text=True, timeout=PATIENCE, input=stdin or "",
                          env={**os.environ, **(env or {})})
    return done.returncode, done.stdout, done.stderr


class Dialogue:
    """ec_console on a terminal."""

    def __init__(self, *words, env=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "dumb", **(env or {})})
            os.execv(program("ec_console"), ["ec_console", *words])
        self.text = ""

    def read_until(self, text):
        """What came up to `text`; it is taken off."""
        while text not in self.text:
            ready, _, _ = select.select([self.fd], [], [], PATIENCE)
            assert ready, f"no {text!r} in {self.text!r}"
            try:
                self.text += os.read(self.fd, 65536).decode(errors="replace")
            except OSError:
                raise AssertionError(f"the end, and no {text!r} in {self.text!r}")
        before, _, self.text = self.text.partition(text)
        return before

    def type(self, text):
        os.write(self.fd, text.encode())

    def say(self, text):
        """Type it at the prompt: from then on the terminal is in the editor's hands."""
        self.read_until("ecelerity> ")
        self.type(text)

    def end(self):
        _, status = wait_for("the end of the console", lambda: (lambda r: r if r[0] else None)(
            os.waitpid(self.pid, os.WNOHANG)))
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


@pytest.fixture
def home(tmp_path):
    return {"HOME": str(tmp_path)}


def test_exit_status_and_streams(lab):
    server = lab.server()
    socket = server.dir + "/control"
    assert run(socket, "pid") == (0, f"{server.pid}\n", "")
    status, out, err = run(socket, "nosuch")
    assert status == 1 and out == "" and "nosuch" in err
    status, out, err = run(socket, "--form", "json", "nosuch")
    assert status == 1 and "nosuch" in json.loads(out)["error"]
    assert run("--form", "html", socket, "pid")[0] == 2
    for words in (["config", "begin"], ["json", "CONFIG", "begin", "from", "scratch"]):
        status, out, err = run(socket, *words)
        assert status == 2 and out == "" and "standard input" in err
    assert run("--nosuch")[0] == 2
    assert run("--help")[0] == 0
    status, _, err = run(server.dir + "/nowhere", "pid")
    assert status == 2 and "nowhere" in err and "running" in err


def test_endpoints(lab):
    server = lab.server()
    socket = server.dir + "/control"
    pid = f"{server.pid}\n"
    assert run("pid", env={"EC_CONTROL": socket})[1] == pid
    assert run("pid", env={"CONTROL": socket})[1] == pid
    assert run("pid", env={"EC_CONTROL": socket, "CONTROL": "/nowhere"})[1] == pid
    assert run("--", "pid", env={"EC_CONTROL": socket})[1] == pid
    assert "ec_logger:" in run("ec_logger:ec_logger", "help", env={"EC_CONTROL": socket})[1]


def test_a_list_of_commands(lab):
    server = lab.server()
    status, out, err = run(server.dir + "/control", stdin='# comment\n\npid\n json  pid\nversion\n')
    assert status == 0 and err == ""
    assert out.startswith(f"{server.pid}\n{{") and "ecelerity" in out
    status, out, err = run(server.dir + "/control", stdin='nosuch\npid\n"open\n')
    assert status == 1 and out == f"{server.pid}\n" and "nosuch" in err and '"' in err
    status, out, _ = run(server.dir + "/control", stdin='pid\nquit\npid\n')
    assert (status, out) == (0, f"{server.pid}\n")


@pytest.mark.parametrize("wrong", ["config set retry_intervall 5", "config unset nosuch", "json config set retry_interval soon",
                                   'config set ehlo_hostname "open'])
def test_a_list_with_a_failed_change_is_not_committed(lab, wrong):
    server = lab.server("retry_interval = 100\n")

    def value():
        return server.console("config", "eval", "retry_interval")["value"]

    changes = f"config begin\nconfig set retry_interval 5\n{wrong}\nconfig commit\n"
    status, out, err = run(server.dir + "/control", stdin=changes)
    assert status == 1 and "not committed" in err and "transaction dropped" in out
    assert value() == "100"
    # who begins anew is asked anew, and one that failed outside of a transaction stands for itself
    status, _, err = run(server.dir + "/control",
                         stdin=f"{wrong}\nconfig begin\nconfig set retry_interval 5\nconfig eval nosuch\nconfig commit\n")
    assert status == 1 and "not committed" not in err
    assert value() == "5"


def test_only_trusted_folders_are_believed(lab, tmp_path):
    server = lab.server()
    folder = tmp_path / "open"
    folder.mkdir()
    (folder / "console.path").write_text(server.dir + "/control\n")
    assert run("pid", env={"EC_RUNDIR": str(folder)})[1] == f"{server.pid}\n"
    folder.chmod(0o777)
    status, _, err = run("pid", env={"EC_RUNDIR": str(folder)})
    assert status == 2 and "not trusted" in err


def test_default_socket_without_a_stanza(lab):
    server = lab.server(frame="".join(line for line in type(lab.server(start=False)).FRAME.splitlines(True)
                                      if "Control_Listener" not in line))
    assert run("pid", env=server.env)[1] == f"{server.pid}\n"
    mode = os.stat(server.env["EC_RUNDIR"] + "/2025").st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660
    server.stop()
    assert not os.path.exists(server.env["EC_RUNDIR"] + "/2025")
    assert not os.path.exists(server.env["EC_RUNDIR"] + "/console.path")


def test_a_dialogue(lab, home):
    server = lab.server()
    d = Dialogue(server.dir + "/control", env=home)
    d.read_until("ecelerity> ")
    d.type("pid\n")
    assert str(server.pid) in d.read_until("ecelerity> ")
    d.type("vers\t")
    d.read_until("version ")
    d.type("\n")
    assert "ecelerity" in d.read_until("ecelerity> ")
    d.type("config \t")
    choices = d.read_until("reload")
    assert "eval" in choices
    d.type("\x15nosuch\n")
    d.read_until("unknown command")
    d.say("\\pager\n")
    d.read_until("pager")
    d.say("quit\n")
    assert d.end() == 0
    history = home["HOME"] + "/.ec_console_history"
    assert "pid" in open(history).read()
    assert stat.S_IMODE(os.stat(history).st_mode) == 0o600


def test_a_dialogue_outlives_a_restart(lab, home):
    server = lab.server()
    d = Dialogue(server.dir + "/control", env=home)
    d.read_until("ecelerity> ")
    first = server.pid
    server.stop()
    d.type("pid\n")
    d.read_until("is the server running")
    server.start()
    assert server.pid != first
    d.say("pid\n")
    d.read_until(str(server.pid))
    d.say("\x04")
    assert d.end() == 0


def test_ctrl_c_drops_the_line(lab, home):
    server = lab.server()
    d = Dialogue(server.dir + "/control", env=home)
    for _ in range(50):  # it must not matter when it comes
        d.say("shutdown")
        d.read_until("shutdown")
        os.kill(d.pid, signal.SIGINT)
    d.read_until("ecelerity> ")
    d.type("pid\n")
    d.read_until(str(server.pid))
    d.say("quit\n")
    assert d.end() == 0


def test_shutdown_by_console(lab):
    server = lab.server()
    assert run(server.dir + "/control", "shutdown") == (0, "Shutting down.\n", "")
    assert server.process.wait(PATIENCE) == 0
    wait_for("the socket's end", lambda: not os.path.exists(server.dir + "/control"))


def test_logger_commands_and_heartbeat(lab):
    server = lab.server(frame=type(lab.server(start=False)).FRAME.replace("  paniclog =", "  heartbeat = 1\n  paniclog ="))
    server.await_file("mainlog.ec", "@@@@M")
    server.await_file("rejectlog.ec", ": Marker 1")
    server.await_file("paniclog.ec", "ready pid=")
    rows = server.console("ec_logger:ec_logger", "status")["logs"]
    assert {r["log"] for r in rows} == {"mainlog", "paniclog", "rejectlog", "acctlog"}
    assert all(r["dropped"] == 0 for r in rows)
