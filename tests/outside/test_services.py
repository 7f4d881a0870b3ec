# SPDX-License-Identifier: Apache-2.0
"""What modules offer to each other: found, missing, replaced, gone."""
from lab import wait_for


def test_a_service_that_is_missing(lab, kit):
    kit.build("visits.c")
    server = lab.server("", env=kit.module_env())
    server.configure("visits { }")
    text = server.console("config", "reload", form="text", check=False)
    assert "add a cluster stanza" in text, text
    assert "visits" not in str(server.console("module", "list"))


def test_a_file_that_is_replaced_is_told(lab, kit):
    kit.build("offer.c")
    server = lab.server('offer "a" { }\noffer "b" { word = "x" }\n', env=kit.module_env())
    rows = [m for m in server.console("module", "list")["modules"] if m["scope_name"] == "offer"]
    assert [m["file"] for m in rows] == ["as loaded", "as loaded"]
    assert "goes on" not in server.console("config", "reload", form="text")
    kit.build("offer.c", "new")
    (kit.dir / "new.so").rename(kit.dir / "offer.so")
    text = server.console("config", "reload", form="text")
    assert text.count(f"used when the server is started again: {kit.dir}/offer.so") == 1, text
    server.await_file("paniclog.ec", "CFG-20002")
    assert {m["file"] for m in server.console("module", "list")["modules"]} == {"as loaded", "replaced"}
    server.stop()
    server.start()
    assert "goes on" not in server.console("config", "reload", form="text")


def test_services_come_change_and_go(lab, kit):
    """Whatever the order of the stanzas: in start what comes is there; a new instance takes the old one's place; then nobody offers."""
    kit.build("offer.c")

    def config(*words, users="one"):
        return f'offer "{users}" {{ }}\n' + "".join(f'offer "o{w}" {{ word = "{w}" }}\n' for w in words)
    server = lab.server(config("first"), env=kit.module_env())

    def said(user="one"):
        answer = server.console(f"offer:{user}", "ask")
        return answer["at_start"], answer["now"], answer["newer"]
    assert said() == ("first", "first", "none")
    server.configure(config("second"))
    server.console("config", "reload")
    assert said() == ("first", "second", "none")            # the user was not touched
    server.configure(config(users="two"))
    server.console("config", "reload")
    assert said("two")[1:] == ("none", "none")
    server.configure(config("a", "b", users="two"))
    server.console("config", "reload")
    assert said("two")[1] == "b"                            # the latest
    server.configure(config("a", users="two"))
    server.console("config", "reload")
    wait_for("the other one's", lambda: said("two")[1] == "a")
    server.configure(config("a", "fails", users="two"))
    assert "it was told to" in server.console("config", "reload", form="text", check=False)
    assert said("two")[1] == "a"
    assert server.stop() == 0
