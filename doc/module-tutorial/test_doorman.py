#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Start a server with the module beside this file, speak SMTP with it, ask it over the console.

EC_PREFIX: where the server is installed (/usr/local); EC_TEST_ADDRESS: where it may listen (127.0.0.1:2525)."""
import getpass
import json
import os
import smtplib
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PREFIX = os.environ.get("EC_PREFIX", "/usr/local")
HOST, PORT = os.environ.get("EC_TEST_ADDRESS", "127.0.0.1:2525").rsplit(":", 1)

CONFIG = """
Security {{ user = "{user}" }}
Spoolbase = "{dir}/spool"
PidFile = "{dir}/pid"
Control_Listener {{ Listen "{dir}/control" {{}} }}
ESMTP_Listener {{ Listen "{host}:{port}" {{}} }}
Gateway = "127.0.0.1"
doorman {{ {options} }}
"""


def program(name):
    return next(p for p in (f"{PREFIX}/{d}/{name}" for d in ("sbin", "bin")) if os.path.exists(p))


def configure(folder, options):
    with open(f"{folder}/ecelerity.conf", "w") as f:
        f.write(CONFIG.format(dir=folder, user=getpass.getuser(), host=HOST, port=PORT, options=options))


def console(folder, *words, ok=True):
    run = subprocess.run([program("ec_console"), f"{folder}/control", "json", *words], capture_output=True, text=True)
    assert (run.returncode == 0) == ok, run.stdout + run.stderr
    return json.loads(run.stdout) if ok else run.stdout + run.stderr


def mail_from(sender):
    with smtplib.SMTP(HOST, int(PORT)) as client:
        client.ehlo("client.test")
        return client.mail(sender)


def check(folder):
    code, text = mail_from("somebody@good.test")
    assert code == 250, text
    code, text = mail_from("somebody@Bad.Test")
    assert (code, text) == (550, b"5.7.1 Not from there"), (code, text)
    answer = console(folder, "doorman", "show")
    assert answer["refuse"] == "bad.test" and int(answer["refused"]) == 1, answer

    configure(folder, 'refuse = "worse.test" text = "5.7.1 Never again"')
    console(folder, "config", "reload")
    assert mail_from("somebody@bad.test")[0] == 250
    assert mail_from("somebody@worse.test") == (550, b"5.7.1 Never again")

    configure(folder, 'refuse = "who@worse.test"')
    why = console(folder, "config", "reload", ok=False)
    assert "refuse wants a domain, without @" in why, why
    assert mail_from("somebody@worse.test")[0] == 550  # as before


def main():
    with tempfile.TemporaryDirectory() as folder:
        configure(folder, 'refuse = "bad.test"')
        env = {**os.environ, "EC_MODULE_PATH": HERE, "EC_RUNDIR": folder}
        server = subprocess.Popen([program("ecelerity"), "-d", "-c", f"{folder}/ecelerity.conf"], env=env, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            said = []
            for line in server.stdout:
                said.append(line)
                if "ready pid=" in line:
                    break
            assert said and "ready pid=" in said[-1], "".join(said)
            check(folder)
        finally:
            server.terminate()
            rest = server.communicate()[0]
        assert server.returncode == 0, rest
    print("doorman: all tests passed")


if __name__ == "__main__":
    sys.exit(main())
