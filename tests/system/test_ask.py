# SPDX-License-Identifier: Apache-2.0
"""The console's questions about the configuration: config get, eval, explain, locate, options, check."""
import os
import xml.etree.ElementTree as ET

import pytest

from lab import BUILD, PREFIX

CONFIG = """
retry_interval = 7
domain a.com { retry_interval = 8
  retry_interval = 9 }
domain "/com/" { max_retries = none }
binding default { domain a.com { idle_timeout = 3 } }
binding_group default { domain "a:b" { idle_timeout = 4 } }
"""


@pytest.fixture
def server(lab):
    return lab.server(CONFIG)


def line_of(server, text):
    """FILE:LINE of the line of the configuration that holds `text`."""
    path = f"{server.dir}/ecelerity.conf"
    with open(path) as f:
        return next(f"{path}:{n}" for n, line in enumerate(f, 1) if text in line)


def refused(server, *words):
    """What is said about a command that must fail."""
    answer = server.console(*words, check=False)
    with pytest.raises(AssertionError):
        server.console(*words)
    return answer


def test_get(server):
    answer = server.console("config", "get", "domain", "A.COM", "retry_interval")
    assert answer["value"] == "9" and answer["set_in"] == line_of(server, "retry_interval = 9")
    assert answer["overrides"] == [{"at": line_of(server, "retry_interval = 8")}]
    assert server.console("config", "get", "retry_interval")["value"] == "7"
    text = server.console("config", "get", "domain", "b.com", "retry_interval", form="text")
    assert 'Option "retry_interval" is not set in scope "domain b.com"' in text
    assert 'is not set in scope "".' in server.console("config", "get", "global", "idle_timeout", form="text")
    assert "did you mean" in refused(server, "config", "get", "retry_intervall")


def test_eval(server):
    assert server.console("config", "eval", "security", "user")["value"] == "root"
    assert server.console("config", "eval", "domain", "nobody.wrote.this", "retry_interval")["value"] == "7"
    assert server.console("config", "eval", "domain", "x.com", "max_retries")["from"] == "domain /com/"
    assert server.console("config", "eval", "ec_logger", "ec_logger", "mainlog")["value"] == f'"{server.dir}/mainlog.ec"'
    assert "which option" in refused(server, "config", "eval", "domain", "a.com")
    assert "belongs in" in refused(server, "config", "eval", "domain", "a.com", "spoolbase")


def test_explain(server):
    answer = server.console("config", "explain", "binding", "default", "domain", "a.com", "retry_interval")
    assert answer["value"] == "9" and answer["from"] == "domain a.com"
    steps = [(s["scope"], s["found"], s["result"]) for s in answer["steps"]]
    assert steps == [
        ("domain a.com in binding default", "not set", ""),
        ("binding default", "not set", ""),
        ("domain a.com", "set to 9", "this is it"),
        ("domain /com/", "not set", ""),
        ("global", "set to 7", "hidden"),
    ]
    assert answer["steps"][2]["rule"] == "R2"
    assert answer["steps"][2]["at"] == line_of(server, "retry_interval = 9")
    assert answer["steps"][4]["at"] == line_of(server, "retry_interval = 7")
    answer = server.console("config", "explain", "esmtp_listener", "listen", f"{server.address}:{server.port}", "peer",
                            "127.0.0.1", "max_message_size")
    assert answer["from"] == "default" and answer["steps"][-1]["scope"] == "default"
    xml = server.console("xml", "config", "explain", "domain", "b.org", "retry_interval", form="text")
    assert ET.fromstring(xml).find(".//steps") is not None
    assert "this is it" in server.console("config", "explain", "domain", "b.org", "retry_interval", form="text")


def test_locate(server):
    def locations(*words):
        return [row["location"] for row in server.console("config", "locate", *words)["instances"]]

    assert locations("domain") == ["domain:a.com", "domain:/com/", "binding:default::domain:a.com",
                                   r"binding_group:default::domain:a\:b"]
    assert locations("Domain", "^a.com$") == ["domain:a.com", "binding:default::domain:a.com"]
    assert locations("listen", "2525") == [rf"esmtp_listener:::listen:{server.address}\:2525"]
    assert server.console("config", "locate", "security")["instances"][0]["at"] == line_of(server, "Security")
    assert "No such stanza" in server.console("config", "locate", "pathway", form="text")
    assert "did you mean" in refused(server, "config", "locate", "domein")
    assert "missing closing parenthesis" in refused(server, "config", "locate", "domain", "(")


def test_options(server):
    def names(*pattern):
        return [row["option"] for row in server.console("config", "options", *pattern)["options"]]

    assert names("retry_int*") == ["retry_interval"]
    assert "retry_interval" in names("TRY_INT") and set(names("mainlog")) == {"mainlog", "mainlog_mode"}
    assert len(names()) > 500
    row = server.console("config", "options", "retry_int*")["options"][0]
    assert (row["unit"], row["default"], row["status"], row["change"]) == ("seconds", "1200", "works", "live")
    assert row["scopes"].split() == ["global", "binding_group", "binding", "domain"] and row["help"]
    assert server.console("help", "option", "Spoolbase")["change"] == "restart"
    # of stanzas inside of a module's the stanza is named, and of two that have one name both are told
    assert server.console("help", "option", "gc_pause")["scopes"] == "scriptlet"
    scopes = [m["scopes"] for m in server.console("help", "option", "timeout")["meaning"]]
    assert len(set(scopes)) == len(scopes) and "control_listener" in scopes and "clamav in antivirus" in scopes
    assert "no option's name" in refused(server, "config", "options", "zzzz")
    assert 'did you mean' in refused(server, "help", "option", "retry_intervall")


def test_check(server):
    answer = server.console("config", "check")
    assert answer["errors"] == 0 and answer["checked"] == f"{server.dir}/ecelerity.conf"
    path = f"{server.dir}/other.conf"
    with open(path, "w") as f:
        f.write("retry_interval = 1\nretry_intervall = 2\nec_logger { mainlogg = x }\nxmpp_listener { }\n")
    text = refused(server, "config", "check", path)
    assert "2 errors" in text
    assert f'"line": 2' in text and f'"line": 3' in text and '"severity": "warning"' in text
    assert server.console("config", "eval", "retry_interval")["value"] == "7"
    assert "no configuration found" in refused(server, "config", "check", "/nonexistent/x.conf")
    assert "whole path" in refused(server, "config", "check", "other.conf")


@pytest.mark.skipif(not BUILD, reason="needs the build folder")
def test_check_survives_a_module_that_crashes(lab):
    server = lab.server(CONFIG, env={"EC_MODULE_PATH": f"{PREFIX}/libexec:{BUILD}/tests/system"})
    pid = server.console("pid")["pid"]
    path = f"{server.dir}/crash.conf"
    with open(path, "w") as f:
        f.write("crasher { }\n")
    text = refused(server, "config", "check", path)
    assert "crasher" in text and "crashed while it was loaded" in text
    assert server.console("pid")["pid"] == pid
    assert server.console("config", "check")["errors"] == 0
