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


def validate(kit, config, *form):
    """The run of validate_config, and all that it says."""
    (kit.dir / "x.conf").write_text(config)
    run = subprocess.run([program("validate_config"), *form, "-c", kit.dir / "x.conf"], capture_output=True, text=True,
                         env={**kit.env, **kit.module_env()}, timeout=PATIENCE)
    return run, run.stdout + run.stderr


@pytest.mark.parametrize("form", [(), ("--json",), ("--tabs",)])
def test_a_module_that_crashes_while_it_is_checked_is_named(kit, form):
    build_wrong(kit, "crashing")
    run, text = validate(kit, "crashing {}\n", *form)
    assert run.returncode == 1 and 'the module for' in text and "crashing" in text and "signal " in text, text


def test_config_check_of_a_module_that_crashes_harms_no_server(lab, kit):
    build_wrong(kit, "crashing")
    server = lab.server(env=kit.module_env())
    server.configure("crashing {}\n")
    text = server.console("config", "check", form="text", check=False)
    assert 'the module for' in text and "crashing" in text and "signal " in text, text
    assert server.console("summary")


AT_WORK = {"crash": "crashed while it was set up: signal ", "stop": "crashed while it was stopped: signal ",
           "exit": "ended the process while it was set up"}


@pytest.mark.parametrize("how", AT_WORK)
def test_a_module_that_crashes_at_work_is_named(kit, how):
    build_wrong(kit, "noinit")
    run, text = validate(kit, f'# first\nnoinit "n" {{ fail = "{how}" }}\n')
    assert run.returncode == 1 and f'the module for "noinit:n" {AT_WORK[how]}' in text, text


def test_what_init_refuses_is_an_error_of_the_check(lab, kit):
    build_wrong(kit, "noinit")
    server = lab.server(env=kit.module_env())
    server.configure('noinit "a" { fail = "init" }\nnoinit "b" { fail = "init" }\n')
    text = server.console("config", "check", form="text", check=False)
    assert "2 errors" in text and "noinit:a can not be set up: it was told to fail" in text and "noinit:b" in text, text


def refused(server, argv, word):
    text = server.console(*argv, form="text", check=False)
    assert "Reconfigure failed" in text and word in text, text
    assert server.process.poll() is None
    assert server.console("summary")
    return text


@pytest.mark.parametrize("how", AT_WORK)
def test_a_module_that_crashes_at_work_never_reaches_a_running_server(lab, kit, how):
    build_wrong(kit, "noinit")
    server = lab.server(env=kit.module_env())
    server.configure(f'noinit "n" {{ fail = "{how}" }}\n')
    text = refused(server, ("config", "reload"), f'the module for "noinit:n" {AT_WORK[how]}')
    assert "ecelerity.conf:" in text, text
    refused(server, ("config", "reload"), AT_WORK[how])           # again: it has not run here meanwhile
    server.configure('noinit "n" { }\n')
    server.console("config", "reload")
    assert "noinit" in {m["scope_name"] for m in server.console("module", "list")["modules"]}
    assert server.stop() == 0


def test_a_module_that_crashes_when_it_is_loaded_never_reaches_a_running_server(lab, kit):
    build_wrong(kit, "crashing")
    server = lab.server(env=kit.module_env())
    server.configure("crashing {}\n")
    for argv in (("config", "reload"), ("config", "set", "crashing", "fail", "x")):
        text = server.console(*argv, form="text", check=False)
        assert 'the module for "crashing" crashed while it was loaded: signal ' in text, text
        assert server.process.poll() is None and server.console("summary")
    assert server.stop() == 0


def test_a_change_on_a_console_is_tried_elsewhere_first(lab, kit):
    build_wrong(kit, "noinit")
    server = lab.server(env=kit.module_env())
    text = server.console("config", "set", "noinit", "n", "fail", "crash", form="text", check=False)
    assert f'the module for "noinit:n" {AT_WORK["crash"]}' in text, text
    assert server.process.poll() is None
    server.console("config", "set", "noinit", "n", "fail", "")
    assert "noinit" in {m["scope_name"] for m in server.console("module", "list")["modules"]}
    assert server.stop() == 0


def test_a_transaction_is_tried_elsewhere_first(lab, kit):
    build_wrong(kit, "noinit")
    server = lab.server(env=kit.module_env())
    said = subprocess.run([program("ec_console"), f"{server.dir}/control"], text=True, capture_output=True, timeout=PATIENCE,
                          env={**kit.env, **server.env},
                          input='config begin\nconfig set noinit n fail crash\nconfig commit\nconfig set noinit n fail ""\nconfig commit\n')
    text = said.stdout + said.stderr
    assert f'the module for "noinit:n" {AT_WORK["crash"]}' in text and "the transaction is still open" in text, text
    assert "noinit" in {m["scope_name"] for m in server.console("module", "list")["modules"]}, text
    assert server.stop() == 0


def test_new_code_that_crashes_at_work_never_reaches_a_running_server(lab, kit):
    """The file of a module that is in force is replaced by one that crashes."""
    build_wrong(kit, "noinit")
    server = lab.server("noinit { }\n", env=kit.module_env())
    (kit.dir / "noinit.so").rename(kit.dir / "kept")
    flags = kit.run("pkg-config", "--cflags", "ecelerity").stdout.split()
    for how in ("-DCRASHES", "-DCRASHES_AT_WORK"):
        kit.run("cc", "-shared", "-fPIC", *flags, "-DNAME=noinit", how, "-o", "new", "wrong.c")
        (kit.dir / "new").rename(kit.dir / "noinit.so")
        refused(server, ("config", "reload"), 'the module for "noinit" crashed while it was ')
    (kit.dir / "kept").rename(kit.dir / "noinit.so")
    server.console("config", "reload")
    assert server.stop() == 0


def test_a_check_leaves_no_trace(lab, kit):
    """Loggers, audits and journals of what is only checked make no file, and cut none."""
    server = lab.server()
    out = kit.dir / "out"
    out.mkdir()
    (out / "kept").write_text("kept\n")
    server.configure(f'''ec_logger "x" {{ mainlog = "{out}/m" paniclog = "{out}/kept" rejectlog = "{out}/r" acctlog = "{out}/a" }}
bounce_logger "x" {{ bouncelog = "jlog://{out}/j=>s" }}
json_logger "x" {{ jsonlog = "pipe://{kit.dir}/run" }}
custom_logger "x" {{ mainlog = "{out}/c" }}
inbound_audit {{ serialize_dir = "{out}" monitors = ( "60,10" ) }}
bounce_classifier {{ }}
''')
    (kit.dir / "run").write_text(f"#!/bin/sh\ntouch {out}/ran\n")
    (kit.dir / "run").chmod(0o755)
    text = server.console("config", "check", form="text", check=False)
    assert sorted(p.name for p in out.iterdir()) == ["kept"] and (out / "kept").read_text() == "kept\n", text
    assert "Configuration valid" in text, text
