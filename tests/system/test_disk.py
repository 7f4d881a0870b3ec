# SPDX-License-Identifier: Apache-2.0
"""A disk that is full, read-only or broken: refusals for now, one loud line, no loss, recovery without a restart."""
import errno
import os
import subprocess

import pytest

from lab import BUILD, SANITIZED, Client, load, wait_for

MESSAGE = b"Subject: x\r\n\r\n" + b"y" * 3000


def attempt(server):
    """The first refusing reply of a transaction, or the final one."""
    c = server.smtp()
    c.cmd("EHLO client.test")
    for command in ("MAIL FROM:<a@client.test>", "RCPT TO:<b@there.test>", "DATA"):
        code, text = c.cmd(command)
        if code >= 400:
            c.close()
            return code, text
    c.send(MESSAGE + b"\r\n.\r\n")
    answer = c.reply()
    c.close()
    return answer


class Disk:
    def __init__(self, path, size):
        self.path = str(path)
        os.makedirs(self.path)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.path], check=True)

    def remount(self, how):
        return subprocess.run(["mount", "-o", f"remount,{how}", self.path], capture_output=True).returncode == 0

    def close(self):
        subprocess.run(["umount", "-l", self.path])


@pytest.fixture
def disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small tmpfs")
    try:
        disk = Disk(tmp_path / "disk", "256m")
    except subprocess.CalledProcessError:
        pytest.skip("tmpfs can not be mounted here")
    yield disk
    disk.close()


def frame_on(disk):
    from lab import Server
    return Server.FRAME.replace('Spoolbase = "{dir}/spool"', f'Spoolbase = "{disk.path}/spool"')


def check_refused_then_well(server, sink, break_it, mend_it):
    load(server.address, server.port, "-c", 2, "-n", 50)
    break_it()

    def refused():
        code, text = attempt(server)
        return code not in (250, None) and (code, text)
    code, text = wait_for("a refusal", refused)
    assert code in (451, 452) and "4.3" in text
    server.await_file("paniclog.ec", "spool")
    mend_it()
    wait_for("acceptance", lambda: attempt(server)[0] == 250)
    account = server.settled()
    assert int(account["residual"]) == 0
    assert int(account["received"]) == int(account["delivered"]) == len(sink.records())


def test_full_disk(lab, disk):
    sink = lab.sink()
    server = lab.server(sink=sink, frame=frame_on(disk))
    ballast = disk.path + "/ballast"

    def fill():
        with open(ballast, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"\0" * 65536)
            except OSError as e:
                assert e.errno == errno.ENOSPC
    check_refused_then_well(server, sink, fill, lambda: os.unlink(ballast))


@pytest.mark.parametrize("code", [errno.EIO, errno.EROFS, errno.ENOSPC])
def test_device_errors(lab, tmp_path, code):
    shim = os.path.join(BUILD, "tests/system/.libs/faulty.so")
    if SANITIZED or not os.path.exists(shim):
        pytest.skip("the preloaded shim does not go with sanitizers")
    switch = str(tmp_path / "faulty")
    sink = lab.sink()
    server = lab.server(sink=sink, start=False)
    server.env.update(LD_PRELOAD=shim, FAULTY_SWITCH=switch, FAULTY_DIR=server.dir + "/spool")
    server.start()

    def break_it():
        with open(switch, "w") as f:
            f.write(str(code))
    check_refused_then_well(server, sink, break_it, lambda: os.unlink(switch))


def test_a_server_does_not_start_on_a_bad_spool(lab, tmp_path):
    server = lab.server(start=False)
    with open(server.dir + "/spool", "w") as f:
        f.write("not a directory")
    server.start(wait=False)
    assert server.process.wait(60) == 1
    server.thread.join()
    assert "spool" in server.text()


def test_two_servers_do_not_share_a_spool(lab):
    first = lab.server()
    second = lab.server(start=False, frame=first.FRAME.replace('Spoolbase = "{dir}/spool"', f'Spoolbase = "{first.dir}/spool"'))
    second.start(wait=False)
    assert second.process.wait(60) == 1
    second.thread.join()
    assert "lock" in second.text()
    assert first.running()
