# SPDX-License-Identifier: Apache-2.0
"""A module's code changes while the server runs: the new file is in force with the next reload, or refused with its reason;
no message is lost, what held the old code ends in it, and only the files stay mapped."""
import os
import shutil

import pytest

from lab import SANITIZED, load, wait_for

SWAPS = int(os.environ.get("EC_SWAPS", 20 if SANITIZED else 50))
MOST_KB = 300            # what a file may leave behind


def build(kit, *codes):
    for code in codes:
        kit.build("tally.c", f"code{code}", f"-DCODE={code}")


def put(kit, code):
    """As an installation does: a new file, renamed."""
    shutil.copy(kit.dir / f"code{code}.so", kit.dir / "new")
    os.rename(kit.dir / "new", kit.dir / "tally.so")


def anonymous_kb(server):
    with open(f"/proc/{server.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))


def mapped(server):
    with open(f"/proc/{server.process.pid}/maps") as maps:
        return {line.split()[4] for line in maps if "/tally.so" in line}


def states(server):
    return [(r["state"], r["file"]) for r in server.console("module", "list")["modules"] if r["scope_name"] == "tally"]


def swap(server, kit, step):
    put(kit, 1 + step % 2)
    server.console("config", "reload")
    shown = server.console("tally", "show")
    assert int(shown["code"]) == 1 + step % 2 and shown.get("more") == (7 if step % 2 else None), shown


@pytest.mark.loops
def test_code_is_replaced_under_load(lab, kit):
    build(kit, 1, 2)
    put(kit, 1)
    sink = lab.sink(record=False)
    server = lab.server(f'Gateway = "{sink.address}"\nRemote_SMTP_Port = {sink.port}\ntally {{ text = "kept" }}\n',
                        env=kit.module_env())
    traffic = lab.load(server, "-c", 10, "-n", 10 ** 7, "-m", 50, "--domains", 20, "--domain", "d.test")
    wait_for("traffic", lambda: int(server.account()["received"]) > 100)
    for step in range(1, SWAPS + 1):
        swap(server, kit, step)
    traffic.stop()
    account = server.settled()
    assert int(account["residual"]) == 0 and int(account["failed"]) == 0
    assert int(account["received"]) == int(account["delivered"])
    wait_for("the end of all old instances", lambda: states(server) == [("running", "as loaded")])
    shown = server.console("tally", "show")
    assert int(shown["accepted"]) == int(account["received"])
    assert int(shown["started"]) == SWAPS + 1 and int(shown["stopped"]) == SWAPS
    assert len(mapped(server)) == SWAPS + 1
    before = anonymous_kb(server)
    for step in range(SWAPS + 1, SWAPS + 21):
        swap(server, kit, step)
    wait_for("the end of all old instances", lambda: states(server) == [("running", "as loaded")])
    grown = anonymous_kb(server) - before
    print(f"swaps={SWAPS} anonymous_kb_for_20={grown}")
    assert SANITIZED or grown < 20 * MOST_KB, grown
    assert server.stop() == 0


def test_code_that_is_refused(lab, kit):
    build(kit, 1, 2)
    put(kit, 1)
    server = lab.server('tally { step = 3 }\n', env=kit.module_env())
    before = server.console("module", "list")
    kit.build("tally.c", "code4", "-DCODE=4", "-DBROKEN")
    (kit.dir / "code6.so").write_bytes(b"no library")
    for code, why in ((4, "tally can not start: it is broken"), (6, 'the new file of module "tally" is refused: ')):
        put(kit, code)
        for _ in range(2):
            text = server.console("config", "reload", form="text", check=False)
            assert "Reconfigure failed" in text and why in text and "ecelerity.conf:" in text, text
            assert int(server.console("tally", "show")["code"]) == 1
        assert {m["file"] for m in server.console("module", "list")["modules"]} == {"as loaded", "replaced"}
    server.configure("tally { step = 3 more = 9 }\n")
    assert 'is refused' in server.console("config", "reload", form="text", check=False)  # and not only: unknown option
    put(kit, 2)
    server.console("config", "reload")
    shown = server.console("tally", "show")
    assert (shown["code"], shown["more"], shown["step"]) == (2, 9, 3), shown
    server.await_file("paniclog.ec", "module replaced name=tally load=")
    row = next(m for m in server.console("module", "list")["modules"] if m["scope_name"] == "tally")
    old = next(m for m in before["modules"] if m["scope_name"] == "tally")
    assert int(row["load"]) > int(old["load"]) == 1 and row["loaded"] > old["loaded"] and row["file"] == "as loaded"
    server.configure("tally { step = 4 }\n")
    assert "option \"more\"" not in server.console("config", "reload", form="text")
    assert server.stop() == 0


def test_our_own_modules_are_replaced(lab, kit):
    """Those that can be; the others are told and go on."""
    installed = kit.ecxs("-q", "moduledir").stdout.strip()
    for name in os.listdir(installed):
        if name.endswith((".so", ".ecm")):
            shutil.copy(f"{installed}/{name}", kit.dir)
    sink = lab.sink()
    server = lab.server(f'Gateway = "{sink.address}"\nRemote_SMTP_Port = {sink.port}\nmsgc_server {{ }}\n'
                        f'json_logger {{ jsonlog = "{kit.dir}/json" }}\nbounce_logger "b" {{ bouncelog = "{kit.dir}/bounces" }}\n'
                        f'custom_logger "c" {{ mainlog = "{kit.dir}/custom" paniclog = "{kit.dir}/panic" }}\n'
                        f'bounce_classifier {{ }}\ninbound_audit {{ serialize_dir = "{kit.dir}/audit" }}\n',
                        env={"EC_MODULE_PATH": str(kit.dir)})
    names = {m["scope_name"] for m in server.console("module", "list")["modules"]}
    assert names >= {"ec_logger", "json_logger", "bounce_logger", "custom_logger", "bounce_classifier", "inbound_audit",
                     "msgc_server"}
    for name in names:
        shutil.copy(kit.dir / f"{name}.so", kit.dir / "new")
        os.rename(kit.dir / "new", kit.dir / f"{name}.so")
    text = server.console("config", "reload", form="text")
    assert text.count("used when the server is started again") == 1 and "msgc_server.so" in text, text
    wait_for("the end of all old instances",
             lambda: {m["state"] for m in server.console("module", "list")["modules"]} == {"running"})
    assert {m["scope_name"]: int(m["load"]) for m in server.console("module", "list")["modules"]} == \
        {name: 1 if name == "msgc_server" else 2 for name in names}
    load(server.address, server.port, "-c", 1, "-n", 20, "--domain", "d.test")
    account = server.settled()
    assert int(account["received"]) == int(account["delivered"]) == 20
    assert server.stop() == 0
    assert len(server.log(kind="D")) == 20
