# SPDX-License-Identifier: Apache-2.0
"""ec_ctl: a server in the background with its environment file; nothing is done twice, nothing half."""
import os
import signal
import subprocess

import pytest

from lab import PATIENCE, Program, program, wait_for


class Ctl:
    """A server that only ec_ctl starts: its folder, its environment file, a folder of programs of its own."""

    def __init__(self, server):
        self.server = server
        self.bin = f"{server.dir}/bin"
        self.scripts = f"{self.bin}/rc.includes"
        self.file = f"{server.dir}/environment"
        os.makedirs(self.scripts)
        for name in ("ecelerity", "validate_config"):
            os.symlink(os.path.realpath(program(name)), f"{self.bin}/{name}")
        self.environment()

    def environment(self, extra=""):
        with open(self.file, "w") as f:
            f.write(f'# for the test\nexport BINDIR={self.bin}\nCONFFILE="{self.server.dir}/ecelerity.conf"\n'
                    f"CONTROL='{self.server.dir}/control'\nEC_RUNDIR={self.server.dir}/run\nTRY=15\n{extra}")

    def script(self, name, text, mode=0o755):
        path = f"{self.scripts}/{name}"
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)

    def run(self, *words):
        done = subprocess.run([program("ec_ctl"), "--environment", self.file, *words], capture_output=True, text=True,
                              timeout=PATIENCE * 2, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout + done.stderr

    def pid(self):
        return self.server.console("pid")["pid"]

    def close(self):
        try:
            with open(f"{self.server.dir}/pid") as f:
                os.kill(int(f.read()), signal.SIGKILL)
        except (FileNotFoundError, ValueError, ProcessLookupError):
            pass


@pytest.fixture
def ctl(lab):
    server = lab.server(start=False)
    return lab._keep(Ctl(server))


def test_life(ctl):
    assert ctl.run("status") == (3, f"The server is not running (nobody answers at {ctl.server.dir}/control).\n")
    status, text = ctl.run("start")
    pid = ctl.pid()
    assert status == 0 and f"Started, pid {pid}." in text
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    status, text = ctl.run("start")
    assert status == 0 and f"running already, pid {pid}" in text
    status, text = ctl.run("status")
    assert status == 0 and f"The server is running, pid {pid}" in text
    ctl.server.configure("retry_interval = 77\n")
    status, text = ctl.run("reload")
    assert status == 0 and "reloaded" in text
    assert ctl.server.console("config", "eval", "retry_interval")["value"] == "77"
    assert ctl.run("stop") == (0, "Stopped.\n")
    assert not os.path.exists(f"/proc/{pid}") or open(f"/proc/{pid}/stat").read().split(") ")[1][0] == "Z"
    assert ctl.run("stop") == (0, "The server is not running.\n")
    assert ctl.run("reload")[0] == 3


def test_restart(ctl):
    assert ctl.run("start")[0] == 0
    pid = ctl.pid()
    assert ctl.run("restart")[0] == 0
    again = ctl.pid()
    assert again != pid
    ctl.server.configure("nonsense = 1\n")
    status, text = ctl.run("restart")
    assert status == 1 and "not restarted" in text and "nonsense" in text
    assert ctl.pid() == again
    status, text = ctl.run("reload")
    assert status == 1 and "Reconfigure failed" in text and ctl.pid() == again
    assert ctl.run("stop")[0] == 0


def test_start_that_fails(ctl):
    ctl.server.configure("nonsense = 1\n")
    status, text = ctl.run("start")
    assert status == 1 and "nonsense" in text and "did not start" in text
    assert ctl.run("status")[0] == 3


def test_environment(ctl):
    """Variables reach the server; what is not understood starts nothing."""
    ctl.environment("FOR_THE_SERVER='a b'\n")
    assert ctl.run("start")[0] == 0
    with open(f"/proc/{ctl.pid()}/environ") as f:
        assert "FOR_THE_SERVER=a b" in f.read().split("\0")
    assert ctl.run("stop")[0] == 0
    for line, why in (("if true", "not understood"), ("A=`id`", "not run by a shell"), ("A=b c", "text behind the value")):
        ctl.environment(line + "\n")
        status, text = ctl.run("start")
        assert status == 1 and f"{ctl.file}:7: " in text and why in text
    ctl.environment()
    os.chmod(ctl.file, 0o666)
    status, text = ctl.run("start")
    assert status == 1 and "everyone may write it" in text
    ctl.file = f"{ctl.server.dir}/none"
    status, text = ctl.run("start")
    assert status == 1 and "no such file" in text


def test_extra_args(ctl):
    ctl.environment('EXTRA_ARGS="-n esmtp"\n')
    assert ctl.run("start")[0] == 0
    with pytest.raises(OSError):
        ctl.server.smtp()
    assert ctl.run("stop")[0] == 0
    ctl.environment("EXTRA_ARGS=-d\n")
    status, text = ctl.run("start")
    assert status == 1 and "EXTRA_ARGS has -d" in text


def test_scripts(ctl):
    log = f"{ctl.server.dir}/scripts"
    for name in ("start.2", "start.1", "stop.a", "start.old~"):
        ctl.script(name, f"#!/bin/sh\necho {name} $BINDIR >> {log}\n")
    ctl.script("start.plain", "export A=b\n", mode=0o644)
    status, text = ctl.run("start")
    assert status == 0 and "start.plain is not executable and was not run" in text
    assert open(log).read() == f"start.1 {ctl.bin}\nstart.2 {ctl.bin}\n"
    assert ctl.run("stop")[0] == 0
    assert open(log).read().endswith(f"stop.a {ctl.bin}\n")
    ctl.script("start.1", "#!/bin/sh\nexit 7\n")
    status, text = ctl.run("start")
    assert status == 1 and "start.1 failed with status 7" in text and "not started" in text
    assert ctl.run("status")[0] == 3


def test_one_at_a_time(ctl, lab):
    """A second ec_ctl is refused as long as the first one is at work."""
    gate = f"{ctl.server.dir}/gate"
    os.mkfifo(gate)
    ctl.script("start.gate", f"#!/bin/sh\necho waiting\ncat {gate}\n")
    first = lab._keep(Program(program("ec_ctl"), "--environment", ctl.file, "start"))
    first.await_line("waiting")
    for word in ("start", "stop", "restart"):
        status, text = ctl.run(word)
        assert status == 1 and "another ec_ctl is at work" in text
    assert ctl.run("status")[0] == 3
    with open(gate, "w"):
        pass
    first.await_line("Started, pid")
    assert first.process.wait(PATIENCE) == 0
    os.unlink(f"{ctl.scripts}/start.gate")
    assert ctl.run("stop")[0] == 0


def test_wait_is_bounded(ctl):
    """A server that does not get ready is left alone, and said so."""
    mark = f"{ctl.server.dir}/started"
    os.unlink(f"{ctl.bin}/ecelerity")
    with open(f"{ctl.bin}/ecelerity", "w") as f:
        f.write(f"#!/bin/sh\necho $$ > {mark}.new\nmv {mark}.new {mark}\nexec sleep 600 > /dev/null 2>&1\n")
    os.chmod(f"{ctl.bin}/ecelerity", 0o755)
    status, text = ctl.run("--wait", "1", "start")
    assert status == 1 and "not ready after 1 seconds and goes on starting" in text
    pid = int(wait_for("the start", lambda: os.path.exists(mark) and open(mark).read()))
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("words", [[], ["nonsense"], ["start", "stop"], ["--wait", "x", "start"], ["--nonsense"]])
def test_usage(words):
    done = subprocess.run([program("ec_ctl"), *words], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 2 and done.stderr


def test_help():
    done = subprocess.run([program("ec_ctl"), "--help"], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0 and "restart" in done.stdout


def test_manager(ctl):
    """eccmgr_ctl: the same for the cluster manager, beside a server that runs from the same environment file."""
    folder = ctl.server.dir
    os.symlink(os.path.realpath(program("eccmgr")), f"{ctl.bin}/eccmgr")
    with open(f"{folder}/eccluster.conf", "w") as f:
        f.write(f'Security {{ user = "root" }}\nPidFile = "{folder}/manager.pid"\n')
    ctl.environment(f"ECCMGR_CONFFILE={folder}/eccluster.conf\n")
    ctl.script("start.fails", "#!/bin/sh\nexit 1\n")

    def run(*words):
        done = subprocess.run([program("eccmgr_ctl"), "--environment", ctl.file, *words], capture_output=True, text=True,
                              timeout=PATIENCE * 2, stdin=subprocess.DEVNULL, env={**os.environ, "EC_RUNDIR": f"{folder}/run"})
        return done.returncode, done.stdout + done.stderr

    def console(*words):
        return subprocess.run([program("ec_console"), "--manager", *words], capture_output=True, text=True, timeout=PATIENCE,
                              stdin=subprocess.DEVNULL, env={**os.environ, "EC_RUNDIR": f"{folder}/run"})
    assert run("status") == (3, "The manager is not running.\n")
    assert console("pid").returncode == 2 and "no running manager" in console("pid").stderr
    status, text = run("start")
    try:
        assert status == 0 and f"Started, pid {console('pid').stdout.strip()}.\n" in text, text
        assert os.stat(f"{folder}/run/eccmgr.2025").st_mode & 0o777 == 0o660
        assert ctl.run("status")[0] == 3                              # the server is another
        assert run("reload") == (0, "configuration reloaded generation=2\n")
        with open(f"{folder}/eccluster.conf", "a") as f:
            f.write("nonsense = 1\n")
        status, text = run("restart")
        assert status == 1 and "the manager would not start with this configuration" in text
    finally:
        assert run("stop")[0] == 0
    assert not os.path.exists(f"{folder}/manager.pid") and not os.path.exists(f"{folder}/run/eccmgr.path")
