# SPDX-License-Identifier: Apache-2.0
"""validate_config and ec_dump_config: a configuration without a server."""
import json
import os
import stat
import subprocess
import xml.etree.ElementTree as ET

import pytest

from lab import PATIENCE, program

GOOD = 'retry_interval = 7\nec_logger "main" { mainlog = "/x" }\ndomain "a.com" { routes = ( "[::1]:25" ) }\n'
BAD = GOOD + 'retry_intervall = 8\ndomain "b.com" {\n  spoolbase = "/x"\n}\nxmpp_listener { }\n'


def run(name, *words, cwd=None, env=None):
    done = subprocess.run([program(name), *map(str, words)], capture_output=True, text=True, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL, cwd=cwd, env={**os.environ, **(env or {})})
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def files(tmp_path):
    (tmp_path / "good.conf").write_text(GOOD)
    (tmp_path / "bad.conf").write_text(BAD)
    return tmp_path


def test_valid(files):
    assert run("validate_config", "-c", files / "good.conf") == (0, "Configuration valid\n", "")


def test_invalid(files):
    status, out, err = run("validate_config", "-c", files / "bad.conf")
    assert status == 1 and out == "Configuration invalid: 2 errors, 1 warning\n"
    lines = err.splitlines()
    assert lines[0].startswith(f"{files}/bad.conf:4: error: ") and "retry_interval" in lines[0]
    assert lines[1].startswith(f"{files}/bad.conf:6: error: ") and lines[2].startswith(f"{files}/bad.conf:8: warning: ")


def test_missing(files):
    status, out, err = run("validate_config", "-c", files / "none.conf")
    assert (status, out) == (1, "No configuration found\n") and "none.conf" in err
    status, out, err = run("validate_config", cwd=files, env={"EC_CONF_SEARCH_PATH": str(files)})
    assert (status, out) == (1, "No configuration found\n")


def test_search_path(files):
    os.rename(files / "good.conf", files / "ecelerity.conf")
    assert run("validate_config", env={"EC_CONF_SEARCH_PATH": str(files)})[:2] == (0, "Configuration valid\n")


def test_json(files):
    status, out, err = run("validate_config", "--json", "-c", files / "bad.conf")
    result = json.loads(out)
    assert status == 1 and err == "" and (result["valid"], result["errors"], result["warnings"]) == (False, 2, 1)
    assert result["problems"][0]["line"] == 4 and result["problems"][2]["severity"] == "warning"
    status, out, err = run("validate_config", "--json", "-c", files / "good.conf")
    assert status == 0 and json.loads(out) == {"valid": True, "found": True, "errors": 0, "warnings": 0, "problems": []}
    assert json.loads(run("validate_config", "--json", "-c", "/none.conf")[1])["found"] is False


def test_tabs(files):
    status, out, err = run("validate_config", "--tabs", "-c", files / "bad.conf")
    rows = [line.split("\t") for line in out.splitlines()]
    assert [(r[0], r[2]) for r in rows] == [("error", "4"), ("error", "6"), ("warning", "8")]


def test_modules(files):
    """Without the folder of a module its stanza is only a documented name."""
    empty = files / "empty"
    empty.mkdir()
    status, out, err = run("validate_config", "-e", empty, "-c", files / "good.conf")
    assert status == 0 and "no effect yet" in err


@pytest.mark.parametrize("line, words", [
    ('ec_logger "l" {\n mainlog = "ftp://x" }', 't.conf:2: error: option "mainlog": log destination "ftp://x": use a path'),
    ('bounce_logger "l" { bouncelog = "syslog://?facility=none" }', 't.conf:1: error: option "bouncelog": '),
    ('json_logger "l" { jsonlog = "pipe:///no/such/program" }', 't.conf:1: error: option "jsonlog": '),
    ('custom_logger "l" {\n\n delivery_format = "%Q" }', 't.conf:3: error: option "delivery_format": format "%Q": there is no macro'),
    ('custom_logger "l" { rejection_logfile = "x://" }', 't.conf:1: error: option "rejection_logfile": '),
    ('custom_logger "l" { sanitize = "nonsense" }', 't.conf:1: error: option "sanitize": '),
])
def test_texts_that_a_module_would_refuse(tmp_path, line, words):
    (tmp_path / "t.conf").write_text(line + "\nretry_interval = 5\n")
    status, out, err = run("validate_config", "-c", "t.conf", cwd=tmp_path)
    assert status == 1 and err.startswith(words), err


@pytest.mark.parametrize("name", ["validate_config", "ec_dump_config"])
def test_usage(name):
    assert run(name, "--help")[0] == 0 and "usage: " in run(name, "--help")[1]
    assert run(name, "--nonsense")[0] == 2
    assert run(name, "word")[0] == 2


def test_dump_xml(files):
    status, out, err = run("ec_dump_config", "-c", files / "good.conf")
    tree = ET.fromstring(out)
    assert status == 0 and tree.find("option[@name='retry_interval']").text == "7"
    assert tree.find("stanza[@type='domain']").get("name") == "a.com"


def test_dump_json(files):
    status, out, err = run("ec_dump_config", "--form", "json", "-c", files / "good.conf")
    assert status == 0 and json.loads(out)["options"]["retry_interval"] == "7"


def test_dump_text_is_a_configuration(files):
    status, out, err = run("ec_dump_config", "--form", "text", "-c", files / "good.conf")
    (files / "again.conf").write_text(out)
    assert status == 0 and run("validate_config", "-c", files / "again.conf")[0] == 0
    assert run("ec_dump_config", "--form", "text", "-c", files / "again.conf")[1] == out


def test_dump_origin(files):
    assert f"{files}/good.conf:1" in run("ec_dump_config", "--form", "text", "--origin", "-c", files / "good.conf")[1]


def test_dump_to_a_file(files):
    target = files / "out.xml"
    assert run("ec_dump_config", "-c", files / "good.conf", "-f", target) == (0, "", "")
    before = target.read_bytes()
    ET.fromstring(before)
    assert stat.S_IMODE(os.stat(target).st_mode) & 0o007 == 0
    status, out, err = run("ec_dump_config", "-c", files / "bad.conf", "-f", target)
    assert status == 1 and "bad.conf:4: error" in err and "2 errors" in err and target.read_bytes() == before
    status, out, err = run("ec_dump_config", "-c", files / "good.conf", "-f", files / "no" / "out")
    assert status == 1 and "can not be written" in err


def test_dump_what_is_not_there(files):
    status, out, err = run("ec_dump_config", "-c", files / "none.conf")
    assert status == 1 and out == "" and "No configuration found" in err


def test_dump_wrong_form(files):
    assert run("ec_dump_config", "--form", "yaml")[0] == 2
