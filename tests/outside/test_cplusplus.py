# SPDX-License-Identifier: Apache-2.0
"""A module written in C++17, with every kind of option row."""
import shutil

import pytest

COMPILERS = [c for c in ("g++", "clang++") if shutil.which(c)]


def by_hand(kit, compiler):
    flags = kit.run("pkg-config", "--cflags", "ecelerity").stdout.split()
    kit.run(compiler, "-std=c++17", "-Wall", "-fno-gnu-unique" if compiler == "g++" else "-g", "-shared", "-fPIC", *flags,
            "-o", "plus.so", "plus.cpp")


def by_ecxs(kit, compiler):
    kit.env["CXX"] = compiler
    kit.ecxs("-c", "plus.cpp")


@pytest.mark.skipif(not COMPILERS, reason="no C++ compiler")
@pytest.mark.parametrize("build", (by_hand, by_ecxs))
@pytest.mark.parametrize("compiler", COMPILERS)
def test_a_module_in_cplusplus(lab, kit, compiler, build):
    kit.copy("plus.cpp")
    build(kit, compiler)
    server = lab.server('plus { refuse = "x@y.test" most = 4 numbers = (1, 2, 3) inside "one" { refuse = "z" } }\n', env=kit.module_env(),
                        sink=lab.sink())
    assert server.console("plus", "show") == {"most": 4, "color": 1, "level": -1, "wait": 250000, "rate": 10, "numbers": 3, "added": 1}
    c = server.smtp()
    assert c.code("EHLO client.test") == 250
    assert c.cmd("MAIL FROM:<x@y.test>") == (550, "550 5.7.1 not you")
    assert c.code("MAIL FROM:<z@y.test>") == 250
    server.configure('plus { refuse = "nobody" most = 9 }\n')
    said = server.console("config", "reload", form="text", check=False)
    assert "it has no @" in said and "most" in said, said
    assert server.stop() == 0
