# SPDX-License-Identifier: Apache-2.0
"""Fixtures: servers, sinks and name servers that end with their test."""
import os
import shutil

import pytest

import lab as lab_module


class Lab:
    """Makes what a test needs and ends it afterwards, newest first."""

    def __init__(self, folder):
        self.dir = folder
        self.things = []
        self.n = 0

    def _keep(self, thing):
        self.things.append(thing)
        return thing

    def address(self):
        return lab_module.new_address()

    def sink(self, *options, port=2526, record=True, address=None):
        self.n += 1
        path = str(self.dir / f"sink{self.n}.records") if record else None
        return self._keep(lab_module.Sink(address or self.address(), port, *options, record=path))

    def server(self, config="", sink=None, **more):
        """A server; with `sink` all mail goes there."""
        self.n += 1
        if sink is not None:
            config = f'Gateway = "{sink.address}"\nRemote_SMTP_Port = {sink.port}\n' + config
        server = lab_module.Server(self.dir / f"server{self.n}", config, **more)
        return self._keep(server)

    def load(self, server, *options, record=None):
        return self._keep(lab_module.Load(server.address, server.port, *options, record=record))

    def dns(self, zone, **more):
        import dnsserver
        self.n += 1
        return self._keep(dnsserver.lab_server(self.dir / f"zone{self.n}", self.address(), zone, **more))

    def end(self):
        crashed = [t for t in self.things if isinstance(t, lab_module.Program) and t.crashed()]
        for thing in reversed(self.things):
            if getattr(thing, "process", None) is not None and thing.running():
                thing.kill9()
            elif hasattr(thing, "close"):
                thing.close()
            if isinstance(thing, lab_module.Server) and not os.environ.get("EC_KEEP"):
                shutil.rmtree(f"{thing.dir}/spool/segments", ignore_errors=True)     # 200 MB for each server
        assert not crashed, [t.title() for t in crashed]


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path)
    yield lab
    lab.end()
