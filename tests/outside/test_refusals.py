# SPDX-License-Identifier: Apache-2.0
"""A module that can not be used is refused with its reason; a server that runs goes on as it was."""
import subprocess

import pytest

from lab import PATIENCE, program

WRONG = {
    "newer": (["-DMODULE_API=EC_MODULE_API+1"], "wants a newer server"),
    "older": (["-DMODULE_API=EC_MODULE_API-1"], "build it again"),
    "small": (["-DMODULE_SIZE=sizeof(ec_module_t)-8"], "build it again"),
    "empty": (["-DNO_EXPORT"], "exports no ec_module_export"),
    "unbound": (["-DNO_SYMBOL"], "ec_nobody_has_this"),
    "noinit": ([], "noinit can not be set up: it was told to fail"),
}


CRASHING = {"crashing": (["-DCRASHES"], "signal ")}


def build_wrong(kit, name):
    """Past ecxs, which would refuse some of them already."""
    kit.copy("wrong.c")
    flags = kit.run("pkg-config", "--cflags", "ecelerity").stdout.split()
    kit.run("cc", "-shared", "-fPIC", *flags, f"-DNAME={name}", *{**WRONG, **CRASHING}[name][0], "-o", f"{name}.so", "wrong.c")


def stanza(name):
    return f'{name} {{ fail = "init" }}\n' if name == "noinit" else f"{name} {{}}\n"


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_module_is_refused_at_reload(lab, kit, name):
    build_wrong(kit, name)
    server = lab.server(env=kit.module_env())
    before = server.console("module", "list")
    generation = server.console("config", "reload", form="text")
    server.configure(stanza(name))
    text = server.console("config", "reload", form="text", check=False)
    assert WRONG[name][1] in text and "ecelerity.conf:" in text, text
    assert server.console("module", "list") == before
    with_mail = server.smtp()
    with_mail.send("EHLO client.test\r\n")
    assert with_mail.reply()[0] == 250
    server.configure("")
    assert server.console("config", "reload", form="text") != generation
    assert server.stop() == 0


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_module_is_refused_at_start(lab, kit, name):
    build_wrong(kit, name)
    server = lab.server(stanza(name), env=kit.module_env(), start=False)
    run = subprocess.run([program("ecelerity"), "-d", "-c", f"{server.dir}/ecelerity.conf"], capture_output=True, text=True,
                         env={**kit.env, **server.env}, timeout=PATIENCE)
    assert run.returncode == 1
    assert WRONG[name][1] in run.stdout + run.stderr and "ecelerity.conf:" in run.stdout + run.stderr


@pytest.mark.parametrize("form", [(), ("--json",), ("--tabs",)])
def test_a_module_that_crashes_while_it_is_checked_is_named(kit, form):
    build_wrong(kit, "crashing")
    (kit.dir / "x.conf").write_text("crashing {}\n")
    run = subprocess.run([program("validate_config"), *form, "-c", kit.dir / "x.conf"], capture_output=True, text=True,
                         env={**kit.env, **kit.module_env()}, timeout=PATIENCE)
    text = run.stdout + run.stderr
    assert run.returncode == 1 and 'the module for' in text and "crashing" in text and "signal " in text, text


def test_config_check_of_a_module_that_crashes_harms_no_server(lab, kit):
    build_wrong(kit, "crashing")
    server = lab.server(env=kit.module_env())
    server.configure("crashing {}\n")
    text = server.console("config", "check", form="text", check=False)
    assert 'the module for' in text and "crashing" in text and "signal " in text, text
    assert server.console("summary")
