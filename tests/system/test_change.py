# SPDX-License-Identifier: Apache-2.0
"""Changing the configuration while it runs: transactions, who is first, what a refusal leaves."""
import json
import os
import shutil
import socket
import struct
import threading

import pytest

from lab import BUILD, PATIENCE, PREFIX, SANITIZED, Client, wait_for


class Console:
    """One session: its transaction lives as long as the connection."""

    def __init__(self, server):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(server.dir + "/control")

    def _take(self, n):
        data = b""
        while len(data) < n:
            piece = self.socket.recv(n - len(data))
            assert piece, "the server has closed the console"
            data += piece
        return data

    def send(self, *words):
        data = b"".join(w.encode() + b"\0" for w in words)
        self.socket.sendall(b"EC\x01\x02" + struct.pack(">I", len(data)) + data)

    def receive(self):
        header = self._take(8)
        return header[3] == 0, json.loads(self._take(struct.unpack(">I", header[4:])[0]))

    def ask(self, *words):
        """(done, answer)"""
        self.send(*words)
        return self.receive()

    def say(self, *words):
        """The answer of a command that has to succeed."""
        done, answer = self.ask(*words)
        assert done, f"{words}: {answer}"
        return answer

    def fail(self, *words):
        """The error of a command that has to fail."""
        done, answer = self.ask(*words)
        assert not done, f"{words}: {answer}"
        return answer["error"]

    def close(self):
        self.socket.close()


def generation(answer):
    notes = [n for n in answer["note"] if "generation=" in n]
    return int(notes[-1].rsplit("generation=", 1)[1])


def value(server, *words):
    return server.console("config", "eval", *words)["value"]


def changes(console):
    """What is in force against the files, or a transaction against what is in force."""
    return [(c["change"], c["scope"], c["option"], c["to"]) for c in console.say("config", "diff")["changes"]]


@pytest.mark.loops
def test_one_value(lab):
    server = lab.server("retry_interval = 100\n")
    c = Console(server)
    answer = c.say("config", "set", "retry_interval", "60")
    assert answer["value"] == "60" and answer["scope"] == "global" and generation(answer) == 2
    assert value(server, "retry_interval") == "60"
    assert "soon" in c.fail("config", "set", "retry_interval", "soon")
    assert "retry_interval" in c.fail("config", "set", "retry_intervall", "5")
    answer = c.say("config", "set", "domain", "a.test", "retry_interval", "=", "7")
    assert answer["scope"] == "domain a.test" and generation(answer) == 3
    answer = c.say("config", "set", "domain", "a.test", "retry_interval=8")
    assert answer["scope"] == "domain a.test" and answer["value"] == "8" and generation(answer) == 4
    assert "[<scope> [<name>] ...] <option>" in c.fail("config", "eval")
    answer = c.say("config", "unset", "domain", "a.test", "retry_interval")
    assert answer["value"] == "60" and answer["from"] == "global"
    assert changes(c) == [("set", "global", "retry_interval", "60"), ("add", "domain a.test", "", "")]
    assert generation(c.say("config", "unset", "domain", "a.test")) == 6
    answer = c.say("config", "unset", "retry_interval")
    assert answer["from"] == "default" and answer["value"] == value(server, "retry_interval")
    assert changes(c) == [("unset", "global", "retry_interval", "")]
    assert generation(c.say("config", "reload")) == 8
    assert value(server, "retry_interval") == "100" and changes(c) == []


@pytest.mark.loops
def test_a_change_counts_for_mail(lab):
    sink = lab.sink()
    server = lab.server()
    c = Console(server)
    c.say("config", "begin")
    c.say("config", "set", "domain", "there.test", "gateway", sink.address)
    c.say("config", "set", "domain", sink.address, "remote_smtp_port", str(sink.port))
    c.say("config", "commit")
    assert server.smtp().mail("a@client.test", ["b@there.test"], b"Subject: x\r\n\r\nhi")[0] == 250
    server.await_log("D")


@pytest.mark.loops
def test_a_transaction_is_private_until_commit(lab):
    server = lab.server("retry_interval = 100\n")
    c, other = Console(server), Console(server)
    assert "config begin" in c.fail("config", "commit")
    c.say("config", "begin")
    assert "open" in c.fail("config", "begin")
    c.say("config", "set", "retry_interval", "60")
    c.say("config", "set", "relay_domains", "(", "a b", "c", ")")
    c.say("config", "set", "domain", "a.test", "gateway", "x.test")
    c.say("config", "unset", "domain", "a.test", "gateway")
    assert c.say("config", "eval", "retry_interval")["value"] == "60"
    assert other.say("config", "eval", "retry_interval")["value"] == "100"
    assert changes(other) == []
    assert changes(c) == [("set", "global", "retry_interval", "60"), ("set", "global", "relay_domains", '( "a b" c )'),
                          ("add", "domain a.test", "", "")]
    assert c.say("config", "replay")["note"] == [
        "config set retry_interval = 60", 'config set relay_domains = "( \\"a b\\" c )"',
        "config set domain a.test gateway = x.test", "config unset domain a.test gateway"]
    assert "transaction is open" in c.fail("config", "reload")
    assert generation(c.say("config", "commit")) == 2
    assert other.say("config", "eval", "retry_interval")["value"] == "60"
    assert "config begin" in c.fail("config", "replay")
    c.say("config", "begin")
    c.say("config", "set", "retry_interval", "5")
    c.say("config", "rollback")
    assert value(server, "retry_interval") == "60"


def test_from_scratch(lab):
    server = lab.server("retry_interval = 100\nDomain \"a.test\" { }\n")
    c = Console(server)
    c.say("config", "begin", "from", "scratch")
    assert "not be taken away" in c.fail("config", "unset", "threadpool", "IO")
    for line in (f"set spoolbase {server.dir}/spool", f"set pidfile {server.dir}/pid", "set security user root",
                 "set hostname mx.test", "set eventloop loops concurrency 2", "set retry_interval 5"):
        c.say("config", *line.split())
    c.say("config", "set", "control_listener", "listen", f"{server.dir}/control", "file_mode", "0600")
    c.say("config", "set", "esmtp_listener", "listen", f"{server.address}:{server.port}", "idle_time", "9")
    c.say("config", "commit")
    assert value(server, "retry_interval") == "5"
    assert server.smtp().banner[0] == 220
    assert server.console("module", "list")["modules"] == []
    gone = [x for x in changes(c) if x[0] == "remove"]
    assert ("remove", "domain a.test", "", "") in gone
    server.console("config", "reload")
    assert value(server, "retry_interval") == "100" and len(server.console("module", "list")["modules"]) == 1


# ---- who is first --------------------------------------------------------------------------


@pytest.mark.loops
def test_of_two_that_commit_at_once_exactly_one_wins(lab):
    server = lab.server("retry_interval = 100\n")
    one, two = Console(server), Console(server)
    first = generation(one.say("config", "set", "hostname", "other.test"))
    rounds = 40 if SANITIZED else 200
    for i in range(rounds):
        for n, c in enumerate((one, two)):
            c.say("config", "begin")
            c.say("config", "set", "domain", f"d{i}.test", "retry_interval", str(10 + n))
        one.send("config", "commit")
        two.send("config", "commit")
        answers = {one: one.receive(), two: two.receive()}
        winners = [c for c in answers if answers[c][0]]
        assert len(winners) == 1, answers
        winner, = winners
        loser = two if winner is one else one
        assert generation(answers[winner][1]) == first + 2 * i + 1
        error = answers[loser][1]["error"]
        assert "config rebase" in error and "config replay" in error and "config rollback" in error
        assert value(server, "domain", f"d{i}.test", "retry_interval") == ("10" if winner is one else "11")
        assert len(loser.say("config", "replay")["note"]) == 1
        assert "config rebase" in loser.fail("config", "commit")
        loser.say("config", "rebase")
        assert generation(loser.say("config", "commit")) == first + 2 * i + 2
        assert value(server, "domain", f"d{i}.test", "retry_interval") == ("11" if winner is one else "10")
    assert server.running()


@pytest.mark.loops
def test_single_changes_at_once_all_come(lab):
    server = lab.server()
    rounds = 10 if SANITIZED else 40
    failures = []

    def many(n):
        c = Console(server)
        for i in range(rounds):
            done, answer = c.ask("config", "set", "domain", f"d{n}.test", "retry_interval", str(100 + i))
            if not done:
                failures.append(answer)
        c.close()

    threads = [threading.Thread(target=many, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(PATIENCE)
    assert not failures
    for n in range(4):
        assert value(server, "domain", f"d{n}.test", "retry_interval") == str(100 + rounds - 1)
    answer = Console(server).say("config", "set", "retry_interval", "5")
    assert generation(answer) == 4 * rounds + 2


def test_an_empty_stanza(lab):
    server = lab.server()
    c = Console(server)
    address = f"{server.address}:2526"
    answer = c.say("config", "set", "esmtp_listener", "listen", address, "{}")
    assert answer["scope"] == f"esmtp_listener listen {address}"
    assert changes(c) == [("add", f"esmtp_listener listen {address}", "", "")]
    with socket.create_connection((server.address, 2526), PATIENCE) as s:
        s.settimeout(PATIENCE)
        assert s.recv(3) == b"220"
    c.say("config", "writeback")
    assert changes(c) == []
    c.say("config", "reload")
    assert server.console("config", "show", "esmtp_listener", "listen", address, form="text") is not None
    c.say("config", "begin")
    c.say("config", "set", "domain", "a.test", "{}")
    assert c.say("config", "replay")["note"] == ["config set domain a.test {}"]
    assert "{}" in c.fail("config", "set", "domain", "b.test")      # says how
    assert "port" in c.fail("config", "set", "esmtp_listener", "listen", "nonsense", "{}")
    c.say("config", "commit")
    assert changes(c) == [("add", "domain a.test", "", "")]


def test_the_order_of_patterns_is_that_of_the_files(lab):
    """What is in force, what diff says of it, what is saved and what a reload gives are the same."""
    server = lab.server('domain "/foo/" { retry_interval = 1 }\ndomain "/bar/" { retry_interval = 2 }\n')
    c = Console(server)

    def asked():
        return value(server, "domain", "foobar", "retry_interval")

    assert asked() == "1"
    c.say("config", "unset", "domain", "/foo/")
    assert asked() == "2"
    c.say("config", "set", "domain", "/new/", "retry_interval", "3")
    c.say("config", "set", "domain", "/foo/", "retry_interval", "1")
    assert asked() == "1"
    assert {row["scope"] for row in c.say("config", "diff")["changes"]} == {"domain /new/"}
    c.say("config", "writeback")
    assert c.say("config", "diff")["changes"] == []
    c.say("config", "reload")
    assert asked() == "1" and value(server, "domain", "barnew", "retry_interval") == "2"
    # somebody turns them round in the file: a reload would change what is in force, and diff says so
    server.reconfigure('"/foo/" { retry_interval = 1', '"/x/" { retry_interval = 2')
    server.reconfigure('"/bar/" { retry_interval = 2', '"/foo/" { retry_interval = 1')
    server.reconfigure('"/x/"', '"/bar/"')
    row, = c.say("config", "diff")["changes"]
    assert (row["change"], row["scope"], row["to"]) == ("move", "domain /bar/", "behind domain /foo/")
    c.say("config", "reload")
    assert asked() == "2" and c.say("config", "diff")["changes"] == []


def test_a_rebased_transaction_is_checked_as_a_whole(lab):
    server = lab.server('Pathway "p" { }\n')
    c, other = Console(server), Console(server)
    c.say("config", "begin")
    c.say("config", "set", "pathway", "p", "idle_time", "5")
    c.say("config", "set", "esmtp_listener", "pathway", "p")
    other.say("config", "unset", "pathway", "p")
    assert "config rebase" in c.fail("config", "commit")
    c.say("config", "rebase")                       # makes the pathway again, as it was set here
    c.say("config", "unset", "pathway", "p")
    error = c.fail("config", "commit")
    assert '"p"' in error and "pathway" in error
    c.say("config", "set", "pathway", "p", "idle_time", "6")
    c.say("config", "commit")


def test_a_dropped_console_drops_its_transaction(lab):
    server = lab.server("retry_interval = 100\n")
    for _ in range(20):
        c = Console(server)
        c.say("config", "begin")
        c.say("config", "set", "retry_interval", "60")
        c.close()
    c = Console(server)
    assert "config begin" in c.fail("config", "commit")
    assert changes(c) == [] and value(server, "retry_interval") == "100"


def test_a_console_that_goes_while_it_commits(lab):
    server = lab.server("retry_interval = 100\n")
    for i in range(20):
        c = Console(server)
        c.say("config", "begin")
        c.say("config", "set", "retry_interval", str(200 + i))
        c.send("config", "commit")
        c.close()
        wait_for("the commit", lambda: value(server, "retry_interval") == str(200 + i))
    assert server.stop() == 0


def test_a_live_value_is_in_no_line(lab):
    server = lab.server("retry_interval = 100\n")
    server.console("config", "set", "retry_interval", "99")
    assert server.console("config", "eval", "retry_interval")["set_in"] == "(console)"
    steps = server.console("config", "explain", "retry_interval")["steps"]
    assert [s["at"] for s in steps if s["result"] == "this is it"] == ["(console)"]


# ---- refusals ------------------------------------------------------------------------------


def state(server):
    """All that a refusal may not change."""
    modules = server.console("module", "list")["modules"]
    return (server.console("config", "diff")["changes"], modules, sorted(os.listdir(server.dir)))


def is_refused(endpoint):
    address, port = endpoint.split(":")
    try:
        socket.create_connection((address, int(port))).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # between two steps of its end
        pass
    return False


REFUSALS = {
    "module": (["config set ec_logger second mainlog {dir}/no/such/folder"], ["second", "(console)"]),
    "port": (["config set esmtp_listener listen {taken} idle_time 5"], ["{taken}", "(console)"]),
    "both": (["config set ec_logger second mainlog {dir}/second.ec", "config set ec_logger second paniclog {dir}/second.panic",
              "config set ec_logger second rejectlog {dir}/second.reject",
              "config set ec_logger second acctlog {dir}/second.acct",
              "config set control_listener listen {dir}/second file_mode 0600",
              "config set esmtp_listener listen {free} idle_time 5",
              "config set esmtp_listener listen {taken} idle_time 5"], ["{taken}"]),
    "reference": (["config set esmtp_listener pathway nowhere"], ["nowhere", "(console)"]),
}


@pytest.mark.loops
@pytest.mark.parametrize("name", REFUSALS)
def test_a_refused_commit_changes_nothing(lab, name):
    commands, words = REFUSALS[name]
    server = lab.server("retry_interval = 100\n")
    squatter = socket.create_server((lab.address(), 2525))
    names = {"dir": server.dir, "taken": "%s:%d" % squatter.getsockname(), "free": f"{lab.address()}:2525"}
    c = Console(server)
    first = generation(c.say("config", "set", "retry_interval", "99"))
    before = state(server)
    client = server.smtp()
    client.cmd("EHLO client.test")
    c.say("config", "begin")
    c.say("config", "set", "retry_interval", "5")
    for command in commands:
        c.say(*command.format(**names).split())
    error = c.fail("config", "commit")
    for word in words:
        assert word.format(**names) in error
    after = state(server)
    assert after[:2] == before[:2]
    assert not os.path.exists(server.dir + "/second")
    assert value(server, "retry_interval") == "99"
    assert client.code("MAIL FROM:<a@b.test>") == 250      # nothing has changed for it either
    wait_for("the end of the listener that was not to be", lambda: is_refused(names["free"]))
    assert len(c.say("config", "replay")["note"]) == len(commands) + 1
    squatter.close()
    c.say("config", "rollback")
    assert generation(c.say("config", "set", "retry_interval", "98")) == first + 1   # no number was lost
    client.close()
    assert server.stop() == 0


def test_after_a_refusal_the_transaction_goes_on(lab):
    server = lab.server("retry_interval = 100\n")
    squatter = socket.create_server((lab.address(), 2525))
    taken = "%s:%d" % squatter.getsockname()
    c = Console(server)
    c.say("config", "begin")
    c.say("config", "set", "retry_interval", "5")
    c.say("config", "set", "esmtp_listener", "listen", taken, "idle_time", "5")
    assert taken in c.fail("config", "commit")
    squatter.close()
    assert generation(c.say("config", "commit")) == 2
    assert value(server, "retry_interval") == "5"
    assert Client(*(lambda a: (a[0], int(a[1])))(taken.split(":"))).banner[0] == 220


def test_a_refused_reload_names_all_errors_and_changes_nothing(lab):
    server = lab.server("retry_interval = 100\n")
    c = Console(server)
    first = generation(c.say("config", "set", "retry_interval", "99"))
    server.configure("retry_interval = 200\nno_such_option = 1\nDomain \"a.test\" { gateways = x }\n")
    done, answer = c.ask("config", "reload")
    assert not done and "no_such_option" in answer["error"] and "1 more" in answer["error"]
    assert [p["kind"] for p in answer["problems"]] == ["error", "error"]
    assert "no_such_option" in answer["problems"][0]["text"] and "gateways" in answer["problems"][1]["text"]
    assert value(server, "retry_interval") == "99"
    assert "no_such_option" in c.fail("config", "diff")
    server.configure("retry_interval = 200\n")
    assert generation(c.say("config", "reload")) == first + 1
    assert value(server, "retry_interval") == "200"


def sockets(server):
    """Every socket that the server listens on: of the kernel, and in the file system."""
    mine = {os.readlink(f"/proc/{server.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{server.pid}/fd")}
    listening = set()
    for table, inode, state in (("tcp", 9, "0A"), ("unix", 6, "00010000")):  # LISTEN, __SO_ACCEPTCON
        with open(f"/proc/{server.pid}/net/{table}") as f:
            listening |= {row[inode] for row in (line.split() for line in f) if row[3] == state}
    return ({i for i in listening if f"socket:[{i}]" in mine},
            {name: os.stat(f"{server.dir}/{name}").st_ino for name in ("control", "second")})


# Only what refuses after the listeners were looked at: before that nothing is touched.
LATE_REFUSALS = {"port": 'ESMTP_Listener {{ Listen "{taken}" {{}} }}\n', "module": "unready {{ }}\n"}


@pytest.mark.skipif(not BUILD, reason="needs the build folder")
@pytest.mark.parametrize("name", LATE_REFUSALS)
def test_a_refused_reload_keeps_the_sockets_that_were_to_go(lab, name):
    """Not only are they there afterwards: they are the same, so that nobody was refused meanwhile."""
    squatter = socket.create_server((lab.address(), 2525))
    gone = f"{lab.address()}:2525"
    server = lab.server(f'ESMTP_Listener {{ Listen "{gone}" {{}} }}\nControl_Listener {{ Listen "@second" {{}} }}\n'.replace("@", "{dir}/"),
                        env={"EC_MODULE_PATH": f"{PREFIX}/libexec:{BUILD}/tests/system"}, start=False)
    server.reconfigure("{dir}", server.dir)
    server.start()
    before = sockets(server)
    assert len(before[0]) >= 4
    server.configure(LATE_REFUSALS[name].format(taken="%s:%d" % squatter.getsockname()))
    c = Console(server)
    assert c.fail("config", "reload").startswith("Reconfigure failed: ")
    assert sockets(server) == before
    squatter.close()
    server.configure("")
    c.say("config", "reload")
    wait_for("the end of the listener that goes now", lambda: is_refused(gone))
    assert not os.path.exists(f"{server.dir}/second")
    assert server.stop() == 0


def test_a_symbolic_link_is_followed_anew(lab):
    """As many deploy: the link is made to lead to the next release, and the server is told to reload."""
    server = lab.server('include "beside.conf"\n', start=False)
    for release, seconds in (("one", 100), ("two", 200)):
        os.mkdir(f"{server.dir}/{release}")
        shutil.copy(f"{server.dir}/ecelerity.conf", f"{server.dir}/{release}/main.conf")
        with open(f"{server.dir}/{release}/main.conf", "a") as f:
            f.write(f"retry_interval = {seconds}\n")
    os.remove(f"{server.dir}/ecelerity.conf")
    os.symlink("one/main.conf", f"{server.dir}/ecelerity.conf")
    with open(f"{server.dir}/beside.conf", "w") as f:      # beside the link, not beside what it leads to
        f.write("max_retries = 7\n")
    server.start()
    assert (value(server, "retry_interval"), value(server, "max_retries")) == ("100", "7")
    assert server.console("config", "check")["checked"] == f"{server.dir}/ecelerity.conf"
    os.symlink("two/main.conf", f"{server.dir}/next")
    os.replace(f"{server.dir}/next", f"{server.dir}/ecelerity.conf")
    server.console("config", "reload")
    assert value(server, "retry_interval") == "200"


def test_what_needs_a_restart_is_named(lab):
    server = lab.server("retry_interval = 100\n")
    c = Console(server)
    answer = c.say("config", "set", "spoolbase", server.dir + "/elsewhere")
    assert any("spoolbase" in n and "started again" in n for n in answer["note"])
    c.say("config", "reload")
    server.configure("spoolbase = \"/nowhere\"\nretry_interval = 5\n")
    answer = c.say("config", "reload")
    problem, = answer["problems"]
    assert problem["kind"] == "warning" and "spoolbase" in problem["text"]
    assert problem["file"].endswith("ecelerity.conf") and problem["line"] > 0
    assert value(server, "retry_interval") == "5"
    server.await_line('option "spoolbase" changes to "/nowhere"')


# ---- size ----------------------------------------------------------------------------------


def test_one_value_among_twenty_thousand_domains(lab):
    domains = "".join(f'Domain "d{i}.test" {{ retry_interval = {60 + i % 7}\n gateway = "g{i % 9}.test" }}\n' for i in range(20000))
    server = lab.server(domains)
    c = Console(server)
    answer = c.say("config", "set", "domain", "d777.test", "retry_interval", "5")
    assert answer["value"] == "5" and generation(answer) == 2
    assert value(server, "domain", "d777.test", "retry_interval") == "5"
    assert value(server, "domain", "d778.test", "retry_interval") == str(60 + 778 % 7)
    assert changes(c) == [("set", "domain d777.test", "retry_interval", "5")]
    c.say("config", "begin")
    for i in range(20):
        c.say("config", "unset", "domain", f"d{i}.test")
    c.say("config", "commit")
    assert len(changes(c)) == 21
    assert generation(c.say("config", "reload")) == 4
    assert changes(c) == []
