# SPDX-License-Identifier: Apache-2.0
"""./quickstart cluster: what it shows, and that it leaves nothing behind."""
import os
import re
import signal

import pytest

import clusterlab
from lab import Program, wait_for

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def test_it_runs_until_ctrl_c_and_leaves_nothing(tmp_path):
    reason = clusterlab.why_not()
    if reason:
        pytest.skip(reason)
    # a check that was started as a job in the background has SIGINT ignored, and a shell can not trap what it finds ignored
    script = Program(os.path.join(TOP, "quickstart"), "cluster", tmp_path / "run", env={"QUICKSTART_INST": clusterlab.base.PREFIX},
                     preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        script.await_line("Ctrl-C ends everything")
        text = script.text()
        assert len(re.findall(r"^\S+@D@\S+$", text, re.M)) == 3          # a message through each node
        assert re.search(r"^#manager#manager .* Manager .* yes ", text, re.M)
        holders = [int(x) for x in re.findall(r"nsenter -t (\d+)", text)]
        assert len(holders) == 2 and all(os.path.exists(f"/proc/{pid}") for pid in holders)
        assert script.stop(signal.SIGINT) == 0
        wait_for("the namespaces to be gone", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in holders))
    finally:
        script.kill9()


def test_it_removes_nothing_but_what_it_has_made(tmp_path):
    """The folder that is named may be somebody's."""
    if os.getuid() != 0:
        pytest.skip("root is needed")
    kept = tmp_path / "kept"
    kept.write_text("mine")
    script = Program(os.path.join(TOP, "quickstart"), "cluster", tmp_path, env={"QUICKSTART_INST": clusterlab.base.PREFIX})
    try:
        assert script.process.wait(clusterlab.PATIENCE) == 1
        script.await_line("name another folder")
        assert kept.read_text() == "mine" and os.listdir(tmp_path) == ["kept"]
    finally:
        script.kill9()
