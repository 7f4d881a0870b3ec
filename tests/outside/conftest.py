# SPDX-License-Identifier: Apache-2.0
"""Modules built as others build them: with the installed headers, in a folder of their own, without this tree."""
import importlib.util
import os
import shutil
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
SYSTEM = os.path.join(os.path.dirname(HERE), "system")
sys.path.insert(0, SYSTEM)

import lab as lab_module  # noqa: E402

_spec = importlib.util.spec_from_file_location("system_conftest", os.path.join(SYSTEM, "conftest.py"))
_system = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_system)
lab = _system.lab


class Kit:
    """What is installed, and a folder to build in."""

    def __init__(self, folder):
        self.dir = folder
        self.env = {**os.environ, "PKG_CONFIG_PATH": f"{lab_module.PREFIX}/lib/pkgconfig"}

    def run(self, *argv, ok=True, cwd=None):
        run = subprocess.run([str(a) for a in argv], cwd=cwd or self.dir, env=self.env, capture_output=True, text=True,
                             timeout=lab_module.PATIENCE)
        assert not ok or run.returncode == 0, f"{argv}: {run.stdout}{run.stderr}"
        return run

    def ecxs(self, *args, ok=True):
        return self.run(lab_module.program("ecxs"), *args, ok=ok)

    def copy(self, *paths):
        for path in paths:
            shutil.copy(os.path.join(HERE, path), self.dir)

    def build(self, source, name=None, *options):
        self.copy(source)
        name = name or os.path.splitext(source)[0]
        self.ecxs("-c", source, "-o", f"{name}.so", *options)

    def module_env(self):
        """Environment of a server that finds what was built here, and the installed modules."""
        installed = self.ecxs("-q", "moduledir").stdout.strip()
        return {"EC_MODULE_PATH": f"{self.dir}:{installed}"}


@pytest.fixture
def kit(tmp_path):
    folder = tmp_path / "kit"
    folder.mkdir()
    return Kit(folder)
