# SPDX-License-Identifier: Apache-2.0
"""What all whole-server tests share: a failing one shows what its programs have said last."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "system"))
from lab import Program  # noqa: E402

LINES = 60


def pytest_collection_modifyitems(items):
    """Long tests first, each to a process of its own: xdist deals out a sixteenth of all to each of four, in order."""
    long = [item for item in items if item.get_closest_marker("long")]
    rest = [item for item in items if not item.get_closest_marker("long")]
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    stride = max(len(items) // (4 * workers), 2)
    for i, item in enumerate(long):
        rest.insert(i % workers * stride + i // workers, item)
    items[:] = rest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for program in Program.started:
            report.sections.append((program.title(), "\n".join(program.lines[-LINES:])))
    if call.when == "teardown":
        Program.started[:] = [p for p in Program.started if p.running()]
