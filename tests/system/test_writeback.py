# SPDX-License-Identifier: Apache-2.0
"""Live changes go into the files they belong to, and nothing else in those files changes."""
import glob
import os
import stat
import subprocess

import pytest

from test_change import Console


def read(path):
    with open(path, newline="") as f:
        return f.read()


def write(path, text):
    with open(path, "w", newline="") as f:
        f.write(text)


def main_file(server):
    return f"{server.dir}/ecelerity.conf"


def value(server, *words):
    return server.console("config", "eval", *words)["value"]


def leftovers(folder):
    return glob.glob(f"{folder}/.*.??????")


def test_changes_are_saved_and_survive_a_reload(lab):
    server = lab.server("# how long\r\nRetry_Interval = 100   # seconds\r\ndomain a.test {\r\n  max_retries = 3 }\r\n")
    before = read(main_file(server))
    server.console("config", "set", "retry_interval", "60")
    server.console("config", "set", "domain", "a.test", "retry_interval", "61")
    server.console("config", "unset", "domain", "a.test", "max_retries")
    answer = server.console("config", "writeback")
    assert answer["files"] == [{"file": main_file(server)}] and answer["note"] == ["saved: 3 changes"]
    after = read(main_file(server))
    assert after == before.replace("= 100 ", "= 60 ").replace("max_retries = 3 }", "retry_interval = 61 }")
    assert server.console("config", "diff").get("changes", []) == []
    assert server.console("config", "writeback")["note"] == ["nothing to save: the files say what is in force"]
    server.console("config", "reload")
    assert value(server, "retry_interval") == "60" and value(server, "domain", "a.test", "retry_interval") == "61"
    assert read(main_file(server)) == after and not leftovers(server.dir)


def test_changes_after_a_save_are_saved_alone(lab):
    server = lab.server("retry_interval = 100\n")
    for n in (1, 2, 3):
        server.console("config", "set", "retry_interval", str(n))
        assert server.console("config", "writeback")["note"] == ["saved: 1 change"]
        text = read(main_file(server))
        assert f"retry_interval = {n}\n" in text
        write(main_file(server), text.replace("retry_interval", "# by hand\nretry_interval"))
    assert read(main_file(server)).count("# by hand\n") == 3


def test_local_changes_file(lab, tmp_path):
    local = tmp_path / "local.conf"
    server = lab.server(f'local_changes_file = "{local}"\n')
    before = read(main_file(server))
    server.console("config", "set", "domain", "a.test", "retry_interval", "61")
    assert server.console("config", "writeback")["files"] == [{"file": str(local)}]
    assert local.read_text() == 'domain "a.test" {\n    retry_interval = 61\n}\n'
    assert stat.S_IMODE(local.stat().st_mode) == 0o640 and read(main_file(server)) == before
    assert server.stop() == 0
    server.start()
    assert value(server, "domain", "a.test", "retry_interval") == "61"
    server.console("config", "set", "domain", "a.test", "retry_interval", "62")
    server.console("config", "writeback")
    assert local.read_text() == 'domain "a.test" {\n    retry_interval = 62\n}\n'


def test_a_path(lab, tmp_path):
    server = lab.server("retry_interval = 100\n")
    before = read(main_file(server))
    server.console("config", "set", "retry_interval", "60")
    assert "must be absolute" in server.console("config", "writeback", "new.conf", check=False, form="text")
    server.console("config", "writeback", str(tmp_path / "new.conf"))
    assert (tmp_path / "new.conf").read_text() == "retry_interval = 60\n" and read(main_file(server)) == before
    assert server.console("config", "writeback")["note"] == ["saved: 1 change"]      # it was not in the configuration's files


def test_what_can_not_be_saved_is_shown(lab, tmp_path):
    (tmp_path / "ro.conf").write_text("retry_interval = 100\n")
    server = lab.server(f'readonly_include "{tmp_path}/ro.conf"\n')
    before = read(main_file(server))
    server.console("config", "unset", "retry_interval")
    notes = server.console("config", "writeback")["note"]
    assert notes[0].startswith("warning: not saved")
    assert f"# unset retry_interval: still in {tmp_path}/ro.conf:1" in notes[1]
    assert read(main_file(server)) == before
    assert server.console("config", "writeback")["note"] == notes                    # still to be done


def test_what_is_saved_in_part_is_said(lab, tmp_path):
    """Taken away in the file of local changes, and still in another that may not be changed."""
    (tmp_path / "local.conf").write_text("retry_interval = 60\n")
    server = lab.server(f'local_changes_file = "{tmp_path}/local.conf"\nlocal_changes_only = true\nretry_interval = 100\n')
    server.console("config", "unset", "retry_interval")
    answer = server.console("config", "writeback")
    assert answer["note"][0] == "saved: a part of 1 change" and len(answer["files"]) == 1
    assert "# unset retry_interval: still in" in answer["note"][2]
    assert (tmp_path / "local.conf").read_text() == ""
    server.console("config", "set", "max_retries", "3")
    assert server.console("config", "writeback")["note"][0] == "saved: 1 change"
    (tmp_path / "local.conf").write_text("retry_interval = 60\n")
    server.console("config", "reload")
    server.console("config", "set", "max_retries", "4")
    server.console("config", "unset", "retry_interval")
    assert server.console("config", "writeback")["note"][0] == "saved: 1 change, and a part of 1"


def test_a_broken_file_is_left_alone(lab):
    server = lab.server("retry_interval = 100\n")
    server.console("config", "set", "retry_interval", "60")
    write(main_file(server), read(main_file(server)) + "no_such_option = 1\n")
    before = read(main_file(server))
    error = server.console("config", "writeback", check=False, form="text")
    assert "nothing was written" in error and "no_such_option" in error
    assert read(main_file(server)) == before and not leftovers(server.dir)


# ---- disks -------------------------------------------------------------------------------------------------------

@pytest.fixture
def small_disk(tmp_path):
    path = tmp_path / "small"
    path.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path]).returncode:
        pytest.skip("a small tmpfs can not be mounted here")
    yield path
    subprocess.run(["umount", "-l", path])


def on_small_disk(lab, disk, text):
    """A server whose included file alone is on the small disk."""
    write(disk / "a.conf", text)
    return lab.server(f'include "{disk}/a.conf"\n')


def test_a_full_disk(lab, small_disk):
    text = "retry_interval = 100\n" + "# padding\n" * 1000
    server = on_small_disk(lab, small_disk, text)
    server.console("config", "set", "retry_interval", "60")
    with open(small_disk / "filler", "wb", buffering=0) as filler:
        with pytest.raises(OSError):
            while True:
                filler.write(b"x" * 4096)
    error = server.console("config", "writeback", check=False, form="text")
    assert "No space left on device" in error and str(small_disk / "a.conf") in error
    assert read(small_disk / "a.conf") == text and not leftovers(small_disk)
    assert "No space left" in server.console("write", "config", str(small_disk / "whole.conf"), check=False, form="text")
    assert sorted(os.listdir(small_disk)) == ["a.conf", "filler"]
    os.unlink(small_disk / "filler")
    server.console("config", "writeback")
    assert read(small_disk / "a.conf") == text.replace("100", "60", 1)


def test_a_read_only_disk(lab, small_disk):
    server = on_small_disk(lab, small_disk, "domain a.test { retry_interval = 100 }\n")
    assert subprocess.run(["mount", "-o", "remount,ro", small_disk]).returncode == 0
    server.console("config", "set", "domain", "a.test", "retry_interval", "60")
    answer = server.console("config", "writeback")
    assert answer["files"] == [{"file": main_file(server)}]                          # loaded later, so it counts
    assert read(main_file(server)).endswith('domain "a.test" {\n  retry_interval = 60\n}\n')
    server.console("config", "reload")
    assert value(server, "domain", "a.test", "retry_interval") == "60"


# ---- as text -----------------------------------------------------------------------------------------------------

def test_show(lab):
    server = lab.server('domain a.test { retry_interval = 5 }\nbinding b { domain c.test { } }\n')
    shown = server.console("config", "show", form="text")
    assert 'domain "a.test" { ... }\n' in shown and "hostname = mx.test\n" in shown and "retry_interval" not in shown
    assert server.console("config", "show", "domain", "a.test", form="text") == 'domain "a.test" {\n    retry_interval = 5\n}\n'
    assert server.console("config", "show", "domain", "a.test", "retry_interval", form="text") == "retry_interval = 5\n"
    assert "is not set" in server.console("config", "show", "domain", "a.test", "max_retries", form="text")
    assert server.console("config", "show", "binding", "b", form="text") == 'binding "b" {\n    domain "c.test" { ... }\n}\n'
    assert server.console("config", "showrecurse", "binding", "b", form="text") == 'binding "b" {\n    domain "c.test" { }\n}\n'
    for wrong in (["domain", "z.test"], ["domain", "a.test", "retry_interval", "5"], ["no_such_scope", "x"]):
        for command in ("show", "showrecurse"):
            assert Console(server).fail("config", command, *wrong)


def test_write_config_is_the_same_configuration(lab, tmp_path):
    (tmp_path / "a.conf").write_text('domain "/^x/" { retry_interval = 5 }\ndomain a.test { max_retries = 7 }\n')
    server = lab.server(f'include "{tmp_path}/a.conf"\n')
    server.console("config", "set", "retry_interval", "60")
    whole = tmp_path / "whole.conf"
    assert server.console("write", "config", str(whole))["note"] == [f"configuration written to {whole}"]
    assert stat.S_IMODE(whole.stat().st_mode) == 0o640
    assert server.console("write", "config", form="text") == whole.read_text() == server.console("config", "showrecurse", form="text")
    server.console("config", "reload", str(whole))
    assert value(server, "retry_interval") == "60" and server.console("write", "config", form="text") == whole.read_text()
    assert value(server, "domain", "x.test", "retry_interval") == "5"
    # what was loaded from there is saved there
    server.console("config", "set", "retry_interval", "61")
    assert server.console("config", "writeback")["files"] == [{"file": str(whole)}]
    assert "retry_interval = 61\n" in whole.read_text()


def test_a_transaction_is_shown_but_not_saved(lab):
    server = lab.server("retry_interval = 100\n")
    before = read(main_file(server))
    c = Console(server)
    c.say("config", "begin")
    c.say("config", "set", "retry_interval", "60")
    assert "retry_interval = 60\n" in c.say("config", "show")["note"][0]
    assert "retry_interval = 100\n" in server.console("config", "show", form="text")
    assert c.say("config", "writeback")["note"][0].startswith("nothing to save")
    assert read(main_file(server)) == before
    c.say("config", "commit")
    assert c.say("config", "writeback")["note"] == ["saved: 1 change"]
    assert read(main_file(server)) == before.replace("retry_interval = 100", "retry_interval = 60")
    c.close()
