# SPDX-License-Identifier: Apache-2.0
"""What all whole-server tests share: a failing one shows what its programs have said last."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "system"))
from lab import Program  # noqa: E402

LINES = 60


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for program in Program.started:
            report.sections.append((program.title(), "\n".join(program.lines[-LINES:])))
    if call.when == "teardown":
        Program.started[:] = [p for p in Program.started if p.running()]
