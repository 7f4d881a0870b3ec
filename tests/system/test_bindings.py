# SPDX-License-Identifier: Apache-2.0
"""Bindings: which one a message gets, where its connections come from, and what becomes of its mail."""
import pytest

from lab import Client, wait_for

MESSAGE = b"Subject: x\r\n\r\nhi\r\n"


class Site:
    """A sink that knows where connections come from, and a server whose listeners stand for bindings."""

    def __init__(self, lab, tmp_path, bindings, doors, *sink_options, loops=2, config=""):
        self.lab, self.doors = lab, {}
        self.trace = tmp_path / "connections"
        self.sink = lab.sink("--trace-connections", str(self.trace), *sink_options)
        self.address = lab.address()
        listens = ""
        for port, (name, context) in enumerate(doors.items(), 2530):
            self.doors[name] = port
            listens += f'Listen "{self.address}:{port}" {{ {f"context = [ {context} ]" if context else ""} }}\n'
        self.server = lab.server(self.config(bindings) + config, address=self.address, loops=loops,
                                 listener=f"ESMTP_Listener {{ {listens} }}\n")
        self.rest = config

    def config(self, bindings):
        return f'Gateway = "{self.sink.address}"\nRemote_SMTP_Port = {self.sink.port}\n' + bindings

    def reload(self, bindings):
        self.server.configure(self.config(bindings) + self.rest)
        self.server.console("config", "reload")

    def mail(self, door, recipients=("b@there.test",), message=MESSAGE):
        client = Client(self.address, self.doors[door])
        answer = client.mail("a@client.test", list(recipients), message)
        client.send("QUIT\r\n")
        return answer

    def sources(self):
        """Recipient to the address that brought its message."""
        with open(self.trace) as f:
            rows = [line.rstrip("\n").split("\t") for line in f]
        of = {row[2]: row[4].rsplit(":", 1)[0] for row in rows if row[1] == "open"}
        return {rcpt: of[record["connection"]] for record in self.sink.records() for rcpt in record["recipients"].split(",")}


@pytest.fixture
def site(lab, tmp_path):
    return lambda *args, **more: Site(lab, tmp_path, *args, **more)


@pytest.mark.loops
def test_each_binding_has_its_address(lab, site):
    one, two = lab.address(), lab.address()
    s = site(f'binding "one" {{ bind_address = "{one}" ehlo_hostname = "one.test" }}\n'
             f'binding_group "pool" {{ binding "two" {{ bind_address = "{two}" }} }}\n',
             {"one": 'binding = "one"', "two": 'binding = "two"', "none": ""})
    for door in s.doors:
        assert s.mail(door, [f"{door}@there.test"])[0] == 250
    account = s.server.settled()
    assert int(account["delivered"]) == 3 and int(account["residual"]) == 0
    sources = s.sources()
    assert sources["one@there.test"] == one and sources["two@there.test"] == two
    assert sources["none@there.test"] not in (one, two)
    want = {"one": ["default", "one"], "two": ["pool", "two"], "none": ["default", "default"]}
    received = s.server.await_log("R", 3)
    assert {r[5]: r[12:14] for r in received} == want
    of = {r[1]: r[5] for r in received}
    assert {of[d[1]]: d[7:9] for d in s.server.await_log("D", 3)} == want


def test_a_group_takes_turns_and_leaves_the_suspended_out(lab, site):
    a, b, c = lab.address(), lab.address(), lab.address()
    pool = (f'binding_group "pool" {{ binding "a" {{ bind_address = "{a}" }} binding "b" {{ bind_address = "{b}" }} '
            f'binding "c" {{ bind_address = "{c}" }} }}\n')
    s = site(pool, {"pool": 'binding_group = "pool"'})
    for i in range(9):
        assert s.mail("pool", [f"r{i}@there.test"])[0] == 250
    s.server.settled()
    sources = list(s.sources().values())
    assert {x: sources.count(x) for x in (a, b, c)} == {a: 3, b: 3, c: 3}
    s.reload(pool.replace(f'"{b}"', f'"{b}" suspend_delivery = true'))
    for i in range(9, 18):
        assert s.mail("pool", [f"r{i}@there.test"])[0] == 250
    s.server.settled()
    sources = [v for k, v in s.sources().items() if int(k[1:].split("@")[0]) >= 9]
    assert b not in sources and len(sources) == 9
    s.reload('binding_group "pool" { suspend_delivery = true }\n' + pool)      # all of them: mail waits in one
    assert s.mail("pool", ["late@there.test"])[0] == 250
    assert int(s.server.account()["queued"]) == 1
    s.reload(pool)
    s.server.settled()
    assert s.sources()["late@there.test"] in (a, b, c)


@pytest.mark.loops
def test_the_choice_survives_kill_9(lab, site):
    one, two = lab.address(), lab.address()
    bindings = (f'binding "one" {{ bind_address = "{one}" SUSPENDED }} '
                f'binding_group "pool" {{ SUSPENDED binding "two" {{ bind_address = "{two}" }} }} suspend_delivery = true\n')
    s = site(bindings.replace("SUSPENDED", "suspend_delivery = true"), {"one": 'binding = "one"', "pool": 'binding_group = "pool"', "none": ""})
    for door in s.doors:
        for i in range(5):
            assert s.mail(door, [f"{door}{i}@there.test", f"{door}{i}@other.test"])[0] == 250
    s.server.kill9()
    s.server.configure(s.config(bindings.replace("SUSPENDED", "").replace("suspend_delivery = true", "")))
    s.server.start()
    account = s.server.settled()
    assert int(account["recovered"]) == 30 and int(account["delivered"]) == 30 and int(account["residual"]) == 0
    sources = s.sources()
    assert len(sources) == 30
    assert {v for k, v in sources.items() if k.startswith("one")} == {one}
    assert {v for k, v in sources.items() if k.startswith("pool")} == {two}
    assert not {one, two} & {v for k, v in sources.items() if k.startswith("none")}


@pytest.mark.loops
def test_mail_of_a_binding_that_is_gone_goes_by_the_default_one(lab, site):
    one, two = lab.address(), lab.address()
    s = site(f'binding "one" {{ bind_address = "{one}" }} binding "two" {{ bind_address = "{two}" }} suspend_delivery = true\n',
             {"one": 'binding = "one"', "two": 'binding = "two"'})
    for i in range(20):
        for door in s.doors:
            assert s.mail(door, [f"{door}{i}@there.test", f"{door}{i}@d{i}.test"])[0] == 250
    assert int(s.server.account()["queued"]) == 80
    s.reload(f'binding_group "pool" {{ binding "two" {{ bind_address = "{two}" }} }}\n')      # one is gone, two has moved
    account = s.server.settled()
    assert int(account["delivered"]) == 80 and int(account["residual"]) == 0
    sources = s.sources()
    assert one not in sources.values()
    assert {v for k, v in sources.items() if k.startswith("two")} == {two}
    assert s.mail("one", ["new@there.test"])[0] == 250      # its listener still names the binding that is gone
    s.server.settled()
    assert s.sources()["new@there.test"] not in (one, two)


def test_delayed_mail_of_a_binding_that_is_gone(lab, site):
    one = lab.address()
    s = site(f'binding "one" {{ bind_address = "{one}" }} retry_interval = 600\n', {"one": 'binding = "one"'},
             "--at", "rcpt=reply 451 4.7.1 later")
    assert s.mail("one", ["a@there.test", "b@there.test"])[0] == 250
    ids = [t[1] for t in s.server.await_log("T", 2)]
    s.reload("retry_interval = 600\n")
    for message in ids:
        facts = wait_for("the default binding", lambda: (lambda m: m if m["binding"] == "default" else None)(s.server.console("message", message)))
        assert facts["state"] == "delayed" and int(facts["attempts"]) == 1 and "4.7.1 later" in facts["last_reply"]
    assert int(s.server.account()["residual"]) == 0


def test_an_address_that_the_machine_lacks(lab, site):
    s = site('binding "far" { bind_address = "192.0.2.7" } binding "six" { bind_address = "::1" }\n',
             {"far": 'binding = "far"', "six": 'binding = "six"'})
    assert s.mail("far")[0] == 250
    assert s.mail("six")[0] == 250
    texts = {t[8]: "@".join(t) for t in s.server.await_log("T", 2)}
    assert "binding far: this machine does not have its bind_address 192.0.2.7" in texts["far"]
    assert "binding six has no IPv4 address" in texts["six"]


def test_unknown_names_are_told_once(lab, site):
    s = site("", {"one": 'binding = "nothing"', "pool": 'binding_group = "nobody"'}, loops=1)
    for _ in range(3):
        for door in s.doors:
            assert s.mail(door)[0] == 250
    s.server.settled()
    assert s.server.stop() == 0              # and all that it said has been read
    lines = [x for x in s.server.lines if "leaves by the default binding" in x]
    assert len(lines) == 2 and any("name=nothing" in x for x in lines) and any("name=nobody" in x for x in lines), lines


def test_no_mail_comes_in_without_a_binding(lab, site):
    one = lab.address()
    s = site(f'default_binding = "none"\nbinding "one" {{ bind_address = "{one}" }}\n', {"one": 'binding = "one"', "none": ""},
             "--at", "rcpt=reply 550 5.1.1 nobody")
    assert s.mail("none") == (451, "451 4.3.5 No binding for this message, and default_binding is none")
    assert s.mail("one")[0] == 250
    account = s.server.settled()              # the bounce, our own, went by the default binding
    assert int(account["received"]) == 1 and int(account["generated"]) == 1 and int(account["residual"]) == 0
    assert int(account["failed"]) == 2


def test_the_other_family_has_an_address_of_its_own(lab):
    sink = lab.sink(address="[::1]", port=0)
    config = (f'Remote_SMTP_Port = {sink.port}\nGateway = "[::1]"\n'
              'binding "both" { bind_address = "127.0.0.1" bind_address_secondary = "::1" } binding "four" { bind_address = "127.0.0.1" }\n')
    address = lab.address()
    server = lab.server(config, address=address, listener=f'ESMTP_Listener {{ Listen "{address}:2530" {{ context = [ binding = both ] }} '
                                                          f'Listen "{address}:2531" {{ context = [ binding = four ] }} }}\n')
    for port in (2530, 2531):
        assert Client(address, port).mail("a@client.test", ["b@there.test"], MESSAGE)[0] == 250
    assert server.await_log("D")[0][8] == "both"
    assert "binding four has no IPv6 address" in "@".join(server.await_log("T")[0])
