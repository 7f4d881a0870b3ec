# SPDX-License-Identifier: Apache-2.0
"""smtpload, smtpsink and the benchmark's floor program, against each other and against hand-written sockets.

EC_BIN is the directory that holds smtpload and smtpsink, EC_FLOOR the path of the floor program.
Everything listens on loopback, on ports that the kernel chooses.
"""
import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest

from sinktrace import Trace, most_at_once, most_in_window

BIN = os.environ.get("EC_BIN")
FLOOR = os.environ.get("EC_FLOOR")
WAIT = 60  # seconds; only ever waited for in full when a test fails

pytestmark = pytest.mark.skipif(not BIN, reason="EC_BIN names no directory with smtpload and smtpsink")


class Server:
    """smtpsink or floor, started and listening."""

    def __init__(self, argv, listeners=1):
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        self.addresses = [self.line().removeprefix("listening on ") for _ in range(listeners)]

    def line(self):
        return self.process.stdout.readline().rstrip("\n")

    @property
    def address(self):
        return self.addresses[0]

    def connect(self, address=None):
        return Client(address or self.address)

    def stop(self):
        """End it and return its counters."""
        self.process.terminate()
        text, _ = self.process.communicate(timeout=WAIT)
        assert self.process.returncode == 0
        if text.startswith("{"):
            return json.loads(text)
        return {name: float(value) if "." in value else int(value)
                for name, value in (line.rsplit("=", 1) for line in text.splitlines())}

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=WAIT)


class Client:
    """A hand-written SMTP client."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host.strip("[]"), int(port)), timeout=WAIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def reply(self):
        """One whole reply; b'' when the connection is closed."""
        text = b""
        while True:
            line = self.file.readline()
            text += line
            if line[3:4] != b"-":
                return text

    def ask(self, line):
        self.send(line + "\r\n")
        return self.reply()

    def code(self, line):
        return int(self.ask(line)[:3])

    def hello(self):
        assert self.reply().startswith(b"220")
        assert self.code("EHLO client.test") == 250
        return self

    def open_data(self):
        assert self.code("MAIL FROM:<a@load.test>") == 250
        assert self.code("RCPT TO:<b@sink.test>") == 250
        assert self.code("DATA") == 354

    def close(self):
        self.file.close()
        self.socket.close()


@pytest.fixture
def servers():
    started = []

    def start(*args, listeners=1, listen=True, program="smtpsink"):
        argv = [FLOOR if program == "floor" else f"{BIN}/{program}"]
        argv += ["-l", "127.0.0.1:0"] if listen else []
        server = Server(argv + [str(arg) for arg in args], listeners)
        started.append(server)
        return server

    yield start
    for server in started:
        if server.process.poll() is None:
            server.kill()
        server.process.stdout.close()


def load(*args, status=0):
    """Run smtpload to its end; its summary."""
    done = subprocess.run([f"{BIN}/smtpload", "--json", *map(str, args)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=WAIT)
    assert done.returncode == status, done.stderr + done.stdout
    summary = json.loads(done.stdout)
    assert summary["tried"] == sum(summary[part] for part in ("sent", "refused", "unfinished", "in_doubt"))
    summary["stderr"] = done.stderr
    return summary


def table(path):
    return [line.split("\t") for line in Path(path).read_text().splitlines()]


def by_id(rows, key, *columns):
    found = {row[key]: tuple(row[column] for column in columns) for row in rows}
    assert len(found) == len(rows), "an id occurs twice"
    return found


# ---- counts and records -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("pipeline", [[], ["--pipeline"]])
@pytest.mark.parametrize("sink_options", [[], ["--no-pipelining"], ["--no-esmtp"]])
def test_counts_agree(servers, pipeline, sink_options):
    sink = servers(*sink_options)
    summary = load("-c", 7, "-n", 300, "-r", 3, "-m", 10, *pipeline, sink.address)
    counters = sink.stop()
    assert summary["sent"] == counters["messages"] == 300
    assert summary["recipients"] == counters["recipients"] == 900
    assert summary["bytes"] == counters["bytes"]
    assert summary["connections"] == counters["connections"] >= 30
    assert counters["peak"] == counters[f"peak@{sink.address}"] == 7
    assert counters["current"] == counters["dropped"] == 0
    assert 0 < summary["latency_ms"]["p50"] <= summary["latency_ms"]["p99"] <= summary["latency_ms"]["max"]


@pytest.mark.parametrize("body", ["random", "text", "file"])
@pytest.mark.parametrize("size", [0, 4096, 5000, 300_000])
def test_records_agree(servers, tmp_path, body, size):
    if body == "file":
        body = tmp_path / "body"
        body.write_bytes(b".\n..\n.dot\nplain\n\n" + b"x" * size + b"\n.\n")
    sink = servers("--record", tmp_path / "sink")
    load("-c", 4, "-n", 60, "-s", size, "-r", 2, "--body", body, "--id-prefix", "P", "--record", tmp_path / "load",
         sink.address)
    sink.stop()
    sent, received = table(tmp_path / "load"), table(tmp_path / "sink")
    assert by_id(sent, 0, 1) == by_id(received, 1, 6)
    assert set(by_id(sent, 0)) == {f"P-{number}" for number in range(1, 61)}
    assert {row[2] for row in sent} == {"2"}
    for time, _, message_id, sender, recipients, length, _, _ in received:
        assert re.fullmatch(r"\d+\.\d{3}", time) and re.fullmatch(r"<.+@.+>", message_id)
        assert (sender, recipients) == ("smtpload@load.test", "user0@sink.test,user1@sink.test")
        if size >= 4096 and not isinstance(body, Path):
            assert int(length) == size
    if not isinstance(body, Path):
        assert len({row[1] for row in sent}) == 60, "bodies must differ"


def test_dot_stuffing_arrives_unstuffed(servers, tmp_path):
    lines = [b".", b"..", b"...", b".x", b"", b"a.b", b".", b"", b"."]
    (tmp_path / "body").write_bytes(b"\n".join(lines))
    sink = servers("--record", tmp_path / "sink")
    load("-n", 3, "--body", tmp_path / "body", sink.address)
    sink.stop()
    wanted = hashlib.sha256(b"".join(line + b"\r\n" for line in lines)).hexdigest()
    assert [row[6] for row in table(tmp_path / "sink")] == [wanted] * 3


def test_recipients_and_domains(servers, tmp_path):
    sink = servers("--record", tmp_path / "sink")
    (tmp_path / "domains").write_text("# comment\none.test\n\ntwo.test # more\n")
    load("-n", 2, "-r", 2, "--domains", 3, "--domain", "many.test", "--from", "", sink.address)
    load("-n", 2, "--domain-file", tmp_path / "domains", sink.address)
    load("-n", 3, "--rcpt", "a@x.test", "--rcpt", "b@y.test", "--from", "me@z.test", sink.address)
    sink.stop()
    rows = table(tmp_path / "sink")
    assert [row[4] for row in rows] == ["user0@d0.many.test,user1@d1.many.test", "user0@d2.many.test,user1@d0.many.test",
                                        "user0@one.test", "user0@two.test", "a@x.test", "b@y.test", "a@x.test"]
    assert [row[3] for row in rows] == ["<>"] * 2 + ["smtpload@load.test"] * 2 + ["me@z.test"] * 3


# ---- the dialogue, by hand ----------------------------------------------------------------------------------------

HEADER = b"Subject: x\r\nX-Load-Id: hand-1\r\nMessage-ID:\r\n <hand@client.test>\r\n\r\n"


def barrier(sink):
    """What was sent before is read by the sink when this returns: it serves connections in the order they became
    readable, and this one became so last."""
    client = sink.connect().hello()
    assert client.code("NOOP") == 250
    client.close()


@pytest.mark.parametrize("cuts", [{at} for at in range(-6, 1)] + [set(range(-6, 1))])
def test_end_of_data_in_pieces(servers, tmp_path, cuts):
    sink = servers("--record", tmp_path / "sink")
    client = sink.connect().hello()
    client.open_data()
    text = HEADER + b"..one\r\n.two\r\nend\r\n.\r\n"
    positions = sorted(len(text) + cut for cut in cuts) + [len(text)]
    start = 0
    for position in positions:
        client.send(text[start:position])
        start = position
        barrier(sink)
    assert client.reply().startswith(b"250")
    assert client.code("QUIT") == 221
    sink.stop()
    row, = table(tmp_path / "sink")
    assert row[1:5] == ["hand-1", "<hand@client.test>", "a@load.test", "b@sink.test"]
    assert row[6] == hashlib.sha256(b".one\r\ntwo\r\nend\r\n").hexdigest()


@pytest.mark.parametrize("not_an_end", [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r\r\n", b"\r\n. \r\n"])
def test_only_crlf_dot_crlf_ends(servers, tmp_path, not_an_end):
    sink = servers("--record", tmp_path / "sink")
    for whole in (True, False):
        client = sink.connect().hello()
        client.open_data()
        text = HEADER + b"one" + not_an_end + b"MAIL FROM:<smuggled@load.test>\r\n.\r\n"
        for piece in [text] if whole else [bytes([byte]) for byte in text]:
            client.send(piece)
        assert client.reply().startswith(b"250 2.0.0")
        assert client.code("NOOP") == 250
        client.close()
    assert sink.stop()["messages"] == 2
    body = b"one" + not_an_end.replace(b"\r\n.", b"\r\n") + b"MAIL FROM:<smuggled@load.test>\r\n"
    assert {row[6] for row in table(tmp_path / "sink")} == {hashlib.sha256(body).hexdigest()}


def test_pipelined_input_is_answered_in_order(servers):
    client = servers().connect()
    client.send("EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n\r\nbody\r\n.\r\n"
                "MAIL FROM:<a@b.test>\r\nRSET\r\nVRFY x\r\nNOOP\r\nLHLO x\r\nQUIT\r\n")
    codes = [int(client.reply()[:3]) for _ in range(12)]
    assert codes == [220, 250, 250, 250, 354, 250, 250, 250, 252, 250, 500, 221]
    assert client.reply() == b""


def test_ehlo_offers(servers):
    client = servers().connect()
    client.reply()
    offers = client.ask("EHLO x").decode().split("\r\n")
    assert [offer[4:] for offer in offers[1:-1]] == ["PIPELINING", "SIZE 1073741824", "8BITMIME", "ENHANCEDSTATUSCODES"]


def test_order_of_commands(servers):
    client = servers().connect()
    assert client.reply().startswith(b"220")
    assert client.code("MAIL FROM:<a@b.test>") == 503
    assert client.code("HELO x") == 250
    assert client.code("RCPT TO:<a@b.test>") == 503
    assert client.code("DATA") == 503
    assert client.code("MAIL <a@b.test>") == 501
    assert client.code("MAIL FROM:<> SIZE=9999999999999") == 552
    assert client.code('MAIL FROM:<"a>b"@b.test>') == 250
    assert client.code("MAIL FROM:<a@b.test>") == 503
    assert client.code("RCPT TO:<>") == 501
    assert client.code("DATA") == 554


def test_input_is_bounded(servers, tmp_path):
    sink = servers("--record", tmp_path / "sink", "--max-size", "1M")
    client = sink.connect().hello()
    client.send(b"A" * 3_000_000 + b"\r\n")
    assert client.reply().startswith(b"500 5.5.2 line too long")
    client.open_data()
    client.send(b"X: " + b"A" * 300_000 + b"\r\n\r\nbody\r\n.\r\n")
    assert client.reply().startswith(b"552")
    client.open_data()
    client.send(HEADER + b"A" * 1_100_000 + b"\r\n.\r\n")
    assert client.reply().startswith(b"552")
    client.open_data()
    client.send(HEADER + b".\r\n")
    assert client.reply().startswith(b"250")
    counters = sink.stop()
    assert counters["messages"] == 1 and counters["refused"] == 3
    assert table(tmp_path / "sink")[0][6] == hashlib.sha256(b"").hexdigest()


def test_many_commands_without_reading(servers):
    """What a client does not read is not kept without bound, and nothing of its input is lost."""
    sink = servers()
    client = sink.connect().hello()
    count = 200_000
    sender = threading.Thread(target=client.send, args=("NOOP\r\n" * count,))
    sender.start()
    for _ in range(count):
        assert client.reply().startswith(b"250")
    sender.join()
    assert sink.stop()["commands"] == count + 1


# ---- --at ---------------------------------------------------------------------------------------------------------

STAGES = ["connect", "banner", "ehlo", "mail", "rcpt", "data", "body", "quit"]


def talk_until(client, stage):
    """Say everything up to and including what brings the stage; what the server answers to that (b'': closed)."""
    steps = ["", "EHLO x\r\n", "MAIL FROM:<a@b.test>\r\n", "RCPT TO:<c@d.test>\r\n", "DATA\r\n", "\r\nbody\r\n.\r\n",
             "QUIT\r\n"]
    for index, step in enumerate(steps):
        client.send(step)
        if index == max(STAGES.index(stage) - 1, 0):
            return client.reply()
        assert client.reply()[:1] in b"23"
    raise AssertionError(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_at_reply(servers, stage):
    sink = servers("--at", f"{stage}=reply 451 4.2.0 busy: come back")
    client = sink.connect()
    assert talk_until(client, stage) == b"451 4.2.0 busy: come back\r\n"
    if stage in ("connect", "quit"):
        assert client.reply() == b""
    elif stage == "banner":
        assert client.code("EHLO x") == 503 and client.code("QUIT") == 221
    else:
        assert client.code("NOOP") == 250
    counters = sink.stop()
    assert counters["messages"] == (stage == "quit")


@pytest.mark.parametrize("stage", STAGES)
def test_at_421_closes(servers, stage):
    client = servers("--at", f"{stage}=reply 421 4.3.2 going down").connect()
    assert talk_until(client, stage).startswith(b"421 ")
    assert client.reply() == b""


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "data"])
def test_at_good_reply_goes_on(servers, stage):
    client = servers("--at", f"{stage}=reply 250 2.0.0 with these words").connect()
    assert talk_until(client, stage) == b"250 2.0.0 with these words\r\n"


@pytest.mark.parametrize("stage", STAGES)
def test_at_drop(servers, tmp_path, stage):
    sink = servers("--at", f"{stage}=drop", "--record", tmp_path / "sink")
    assert talk_until(sink.connect(), stage) == b""
    counters = sink.stop()
    assert counters["dropped"] == 1
    assert len(table(tmp_path / "sink")) == counters["messages"] == (stage == "quit")


@pytest.mark.parametrize("stage", STAGES)
def test_at_reset(servers, stage):
    sink = servers("--at", f"{stage}=reset")
    with pytest.raises(ConnectionResetError):
        talk_until(sink.connect(), stage)
    assert sink.stop()["dropped"] == 1


@pytest.mark.parametrize("stage", STAGES)
def test_at_hang(servers, tmp_path, stage):
    """No answer: the other connection's end is seen first, though it was asked for later."""
    trace = tmp_path / "trace"
    sink = servers("--at", f"{stage}=hang", "--trace-connections", trace)
    client = sink.connect()
    thread_result = []

    def talk():
        thread_result.append(talk_until(client, stage))

    thread = threading.Thread(target=talk)
    thread.start()
    thread.join(0.2)
    assert thread.is_alive() and not thread_result
    client.socket.shutdown(socket.SHUT_RDWR)
    thread.join(WAIT)
    assert thread_result in ([b""], [])
    other = sink.connect()
    other.close()
    assert sink.stop()["messages"] == (stage == "quit")


@pytest.mark.parametrize("stage", STAGES)
def test_at_delay(servers, stage):
    sink = servers("--at", f"{stage}=delay 30", "--at", f"{stage}=delay 20.5", "--at", f"{stage}=reply 450 4.0.0 no")
    client = sink.connect()
    start = time.monotonic()
    assert talk_until(client, stage).startswith(b"450")
    assert time.monotonic() - start >= 0.05


def test_delay_holds_what_came_meanwhile(servers):
    sink = servers("--at", "mail=delay 20")
    summary = load("-c", 3, "-n", 9, "--pipeline", sink.address)
    assert summary["latency_ms"]["p50"] >= 20
    assert sink.stop()["messages"] == 9


def test_at_probability_is_repeatable(servers):
    results = []
    for seed in (1, 1, 2):
        sink = servers("--at", "rcpt=reply 451 4.2.0 busy:0.3", "--seed", seed)
        summary = load("-n", 400, "--ignore-errors", sink.address)
        assert summary["refused_by_code"] == {"451": summary["refused"]}
        assert sink.stop()["refused"] == summary["refused"]
        results.append(summary["refused"])
    assert results[0] == results[1] != results[2]
    assert all(80 < refused < 160 for refused in results)


def test_at_first_rule_that_fires_decides(servers):
    client = servers("--at", "mail=reply 450 4.0.0 never:0", "--at", "mail=reply 550 5.0.0 always",
                     "--at", "mail=drop").connect()
    assert talk_until(client, "mail").startswith(b"550")


@pytest.mark.parametrize("rule", ["mail", "nowhere=drop", "mail=explode", "mail=reply", "mail=reply 99 x", "mail=drop now",
                                  "mail=drop:1.5", "mail=delay x", "mail=reply 250-x"])
def test_at_refuses_nonsense(rule):
    done = subprocess.run([f"{BIN}/smtpsink", "--at", rule], capture_output=True, text=True, timeout=WAIT)
    assert done.returncode == 2 and "--at" in done.stderr


# ---- smtpsink: connections and counters ---------------------------------------------------------------------------

def test_max_connections(servers):
    sink = servers("--max-connections", 2)
    first, second, third = (sink.connect() for _ in range(3))
    assert first.reply().startswith(b"220") and second.reply().startswith(b"220")
    assert third.reply().startswith(b"421") and third.reply() == b""
    assert sink.stop()["connections"] == 3


def test_listeners_are_counted_apart(servers):
    sink = servers("-l", "127.0.0.1:0", "-l", "127.0.0.2:0", "-l", "[::1]:0", "--json", listeners=3, listen=False)
    for count, address in enumerate(sink.addresses, 1):
        load("-c", count, "-n", 10 * count, address)
    counters = sink.stop()
    assert counters["messages"] == 60 and counters["connections"] == 6
    assert [counters["listeners"][address]["peak"] for address in sink.addresses] == [1, 2, 3]


def test_a_reconnecting_client_never_counts_twice(servers, tmp_path):
    sink = servers("--trace-connections", tmp_path / "trace")
    load("-c", 3, "-n", 600, "-m", 1, sink.address)
    assert sink.stop()["peak"] <= 3
    rows = table(tmp_path / "trace")
    assert [row[1] for row in rows].count("open") == [row[1] for row in rows].count("close")
    assert 600 <= len(rows) // 2 <= 602  # the last messages may be taken while others have just come back for one
    assert all(re.fullmatch(r"\d+\.\d{6}", row[0]) and row[3] == sink.address for row in rows)
    assert max(int(row[6]) for row in rows) <= 3 and rows[-1][5:] == ["0", "0"]


def test_recipient_domains_are_counted_apart(servers, tmp_path):
    sink = servers("--domains", "--json", "--trace-connections", tmp_path / "trace")
    clients = [sink.connect().hello() for _ in range(3)]
    for client, domains in zip(clients, (["one.test"], ["one.test", "ONE.test"], ["one.test", "two.test"])):
        client.send(b"MAIL FROM:<a@b.test>\r\n")
        assert client.reply().startswith(b"250")
        for domain in domains:
            client.send(f"RCPT TO:<x@{domain}>\r\n".encode())
            assert client.reply().startswith(b"250")
    clients[0].send(b"QUIT\r\n")
    assert clients[0].reply().startswith(b"221")
    counters = sink.stop()
    assert counters["domains"] == {
        "one.test": {"connections": 3, "current": 2, "peak": 3, "recipients": 4},
        "two.test": {"connections": 1, "current": 1, "peak": 1, "recipients": 1}}
    trace = Trace(tmp_path / "trace")
    assert (trace.peak(), trace.peak("one.test"), trace.peak("two.test")) == (3, 3, 1)
    assert len(trace.times()) == 5 and len(trace.times("two.test")) == 1 and len(trace.connects("one.test")) == 3


def test_windows_over_times():
    second = 1_000_000
    assert most_in_window([0, 1, second - 1, second, 2 * second], 1) == 3
    assert most_in_window([0, second, 2 * second], 1) == 1
    assert most_at_once([(0, 5), (5, 9), (3, 4)]) == 2


def test_sigusr1_prints_counters(servers):
    sink = servers("--json")
    load("-n", 5, sink.address)
    sink.process.send_signal(signal.SIGUSR1)
    assert json.loads(sink.line())["messages"] == 5
    load("-n", 5, sink.address)
    assert sink.stop()["messages"] == 10


def test_count_file(servers, tmp_path):
    sink = servers("--count-file", tmp_path / "counts")
    load("-n", 5, sink.address)
    assert sink.stop()["messages"] == 5
    assert "messages=5\n" in (tmp_path / "counts").read_text()


def test_record_is_written_before_the_answer(servers, tmp_path):
    sink = servers("--record", tmp_path / "sink")
    client = sink.connect().hello()
    for count in range(1, 20):
        client.open_data()
        client.send(b"\r\n.\r\n")
        assert client.reply().startswith(b"250")
        assert len(table(tmp_path / "sink")) == count
    assert table(tmp_path / "sink")[0][1:3] == ["-", "-"]


# ---- smtpload -----------------------------------------------------------------------------------------------------

class Script(threading.Thread):
    """A server that lets a function talk to one connection."""

    def __init__(self, talk):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.talk = talk
        self.result = None
        self.start()

    def run(self):
        connection, _ = self.listener.accept()
        connection.settimeout(WAIT)
        with connection, self.listener, connection.makefile("rb") as lines:
            connection.sendall(b"220 script\r\n")
            self.result = self.talk(connection, lines)


def read_body(lines):
    while lines.readline() != b".\r\n":
        pass


@pytest.mark.parametrize("offer", [True, False])
def test_pipeline_is_one_write_and_only_when_offered(offer):
    def talk(connection, lines):
        lines.readline()
        connection.sendall(b"250-script\r\n250 PIPELINING\r\n" if offer else b"250 script\r\n")
        if not offer:
            lines.readline()
            connection.setblocking(False)
            try:
                early = connection.recv(1)
            except BlockingIOError:
                early = b""
            return early
        # No answer before all of it is there: a client that waits for one would wait in vain.
        together = [lines.readline().split()[0] for _ in range(4)]
        connection.sendall(b"250 a\r\n250 b\r\n250 c\r\n354 d\r\n")
        read_body(lines)
        connection.sendall(b"250 e\r\n")
        lines.readline()
        connection.sendall(b"221 f\r\n")
        return together

    script = Script(talk)
    summary = load("-n", 1, "-r", 2, "--pipeline", script.address, status=0 if offer else 1)
    script.join(WAIT)
    assert script.result == ([b"MAIL", b"RCPT", b"RCPT", b"DATA"] if offer else b"")
    assert summary["sent"] == int(offer)


def test_data_accepted_for_nobody_sends_no_message():
    def talk(connection, lines):
        lines.readline()
        connection.sendall(b"250-script\r\n250 PIPELINING\r\n")
        for _ in range(3):
            lines.readline()
        connection.sendall(b"250 ok\r\n550 no\r\n354 go\r\n")
        line = lines.readline()
        connection.sendall(b"554 nobody\r\n")
        assert lines.readline() == b"RSET\r\n"
        connection.sendall(b"250 ok\r\n")
        assert lines.readline() == b"QUIT\r\n"
        connection.sendall(b"221 bye\r\n")
        return line

    script = Script(talk)
    summary = load("-n", 1, "--pipeline", "--ignore-errors", script.address)
    script.join(WAIT)
    assert script.result == b".\r\n"
    assert summary["refused_by_code"] == {"550": 1} and summary["recipients_refused"] == 1


@pytest.mark.parametrize("answer", [b"hello\r\n", b"25\r\n", b"999 x\r\n", b"250-" + b"x" * 100_000, b"250-x\r\n" * 5000])
def test_nonsense_from_the_server_ends_the_connection(answer):
    def talk(connection, lines):
        lines.readline()
        connection.sendall(answer)
        with contextlib.suppress(ConnectionResetError):
            lines.readline()

    script = Script(talk)
    try:
        summary = load("-n", 1, script.address, status=1)
    finally:
        script.join(WAIT)
    assert summary["errors"] == 1 and summary["tried"] == 0


def test_first_refusal_ends_the_run(servers):
    sink = servers("--at", "body=reply 552 5.2.2 full")
    summary = load("-c", 2, "-n", 100, sink.address, status=1)
    assert 1 <= summary["refused"] <= 2 and summary["tried"] <= 2
    assert "552 5.2.2 full" in summary["stderr"]


@pytest.mark.parametrize("pipeline", [[], ["--pipeline"]])
@pytest.mark.parametrize("stage,code", [("mail", 450), ("rcpt", 550), ("data", 451), ("body", 552)])
def test_refusals_are_counted_by_code(servers, stage, code, pipeline):
    sink = servers("--at", f"{stage}=reply {code} x.y.z no:0.5", "--seed", 3)
    summary = load("-c", 3, "-n", 200, "--ignore-errors", *pipeline, sink.address)
    assert summary["refused_by_code"] == {str(code): summary["refused"]} and 50 < summary["refused"] < 150
    assert summary["errors"] == 0 and summary["connections"] == 3
    assert sink.stop()["messages"] == summary["sent"] == 200 - summary["refused"]


def test_some_recipients_refused(servers, tmp_path):
    sink = servers("--at", "rcpt=reply 550 5.1.1 no:0.5", "--seed", 3, "--record", tmp_path / "sink")
    summary = load("-n", 100, "-r", 4, "--ignore-errors", "--id-prefix", "P", "--record", tmp_path / "load", sink.address)
    assert summary["recipients_refused_by_code"] == {"550": summary["recipients_refused"]}
    assert summary["recipients"] + summary["recipients_refused"] == 400
    received = {row[1]: str(len(row[4].split(","))) for row in table(tmp_path / "sink")}
    assert received == {row[0]: row[2] for row in table(tmp_path / "load")}


@pytest.mark.parametrize("action", ["drop", "reset"])
def test_in_doubt_and_unfinished(servers, action):
    sink = servers("--at", f"body={action}:0.2", "--at", f"rcpt={action}:0.2", "--seed", 5)
    summary = load("-c", 3, "-n", 200, "--ignore-errors", sink.address)
    counters = sink.stop()
    assert summary["in_doubt"] > 5 and summary["unfinished"] > 5
    assert summary["in_doubt"] + summary["unfinished"] == summary["broken"] == counters["dropped"]
    assert summary["sent"] == counters["messages"]


def test_421_is_a_refusal(servers):
    sink = servers("--at", "mail=reply 421 4.3.2 later:0.2", "--seed", 5)
    summary = load("-n", 100, "--ignore-errors", sink.address)
    assert set(summary["refused_by_code"]) == {"421"}
    assert summary["sent"] + summary["refused"] == 100


def test_hanging_server_is_given_up(servers):
    sink = servers("--at", "data=hang")
    summary = load("-n", 1, "--timeout", 1, sink.address, status=1)
    assert summary["unfinished"] == summary["broken"] == 1 and "no reply in time" in summary["stderr"]


def test_server_killed_and_restarted(servers, tmp_path):
    sink = servers("--record", tmp_path / "sink")
    process = subprocess.Popen([f"{BIN}/smtpload", "--json", "-c", "5", "-t", "600", "--ignore-errors", "--id-prefix", "K",
                                "--record", str(tmp_path / "load"), "--retry-connect", "60", sink.address],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        for _ in range(5):
            wait_for_growth(tmp_path / "load")
            sink.kill()
            sink = servers("--record", tmp_path / "sink", "-l", sink.address, listen=False)
        wait_for_growth(tmp_path / "load")
        process.terminate()
        summary = json.loads(process.communicate(timeout=WAIT)[0])
    finally:
        process.kill()
    assert process.returncode == 1, "it was ended before its time"
    sent, received = table(tmp_path / "load"), table(tmp_path / "sink")
    assert summary["sent"] == len(sent) and summary["connect_failures"] + summary["broken"] >= 5
    known = by_id(received, 1, 6)
    assert all(known[row[0]] == (row[1],) for row in sent)
    assert len(received) - len(sent) <= summary["in_doubt"]


def wait_for_growth(path):
    size = path.stat().st_size if path.exists() else 0
    while not path.exists() or path.stat().st_size <= size + 20_000:
        os.sched_yield()


def test_unreachable_server(servers):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port, and connects are refused
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        summary = load("-n", 5, address, status=1)
        assert summary["connect_failures"] == 1 and "refused" in summary["stderr"]
        summary = load("-n", 5, "--ignore-errors", "--retry-connect", 0.2, address, status=1)
        assert summary["connect_failures"] > 1 and summary["tried"] == 0


def test_rate_is_an_upper_bound(servers):
    sink = servers()
    summary = load("-c", 3, "-n", 51, "--rate", 200, sink.address)
    assert summary["sent"] == 51 and summary["elapsed"] >= 50 / 200


def test_idle_connections_closed_while_waiting_for_the_rate(servers):
    """A connection that breaks while it waits for its turn starts anew and is not woken twice."""
    sink = servers("--at", "body=delay 5", "--at", "ehlo=drop:0.3", "--at", "quit=drop", "--seed", 4)
    summary = load("-c", 5, "-n", 60, "-m", 2, "--rate", 300, "--ignore-errors", sink.address)
    assert summary["tried"] == 60 and sink.stop()["messages"] == summary["sent"]


def test_seconds_bound_the_run(servers):
    summary = load("-c", 2, "-t", 0.3, servers().address)
    assert summary["sent"] == summary["tried"] > 0 and summary["elapsed"] >= 0.3


def test_text_summary(servers):
    done = subprocess.run([f"{BIN}/smtpload", "-n", "3", servers().address], capture_output=True, text=True, timeout=WAIT)
    assert done.returncode == 0 and "sent: 3\n" in done.stdout
    assert re.search(r"latency: p50 \S+ p90 \S+ p99 \S+ p99.9 \S+ max \S+ ms", done.stdout)


# ---- floor --------------------------------------------------------------------------------------------------------

@pytest.mark.skipif(not FLOOR, reason="EC_FLOOR names no floor program")
@pytest.mark.parametrize("options", [[], ["--no-sync"]])
def test_floor_keeps_every_message(servers, tmp_path, options):
    floor = servers(*options, tmp_path, program="floor")
    load("-c", 10, "-n", 500, "-s", 20_000, "--pipeline", "--id-prefix", "F", "--record", tmp_path / "load", floor.address)
    counters = floor.stop()
    assert counters["messages"] == 500 and 50 <= counters["commits"] <= 500
    data, found = (tmp_path / "floor.data").read_bytes(), {}
    while data:
        length, = struct.unpack_from("=I", data)
        header, _, body = data[4:4 + length].partition(b"\r\n\r\n")
        found[re.search(rb"X-Load-Id: (\S+)", header)[1].decode()] = (hashlib.sha256(body).hexdigest(),)
        data = data[4 + length:]
    assert found == by_id(table(tmp_path / "load"), 0, 1)


@pytest.mark.skipif(not FLOOR, reason="EC_FLOOR names no floor program")
def test_floor_takes_what_is_pipelined_behind_a_message(servers, tmp_path):
    floor = servers(tmp_path, program="floor")
    client = floor.connect()
    assert client.reply().startswith(b"220")
    message = "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n\r\n..x\r\n.\r\n"
    client.send(message * 3 + "QUIT\r\n")
    assert [int(client.reply()[:3]) for _ in range(13)] == [250, 250, 354, 250] * 3 + [221]
    assert client.reply() == b""
    assert floor.stop()["messages"] == 3
    assert (tmp_path / "floor.data").read_bytes() == (b"\x07\x00\x00\x00\r\n..x\r\n") * 3


# ---- command lines ------------------------------------------------------------------------------------------------

def programs():
    return [f"{BIN}/smtpload", f"{BIN}/smtpsink"] + ([FLOOR] if FLOOR else [])


def test_help_and_misuse():
    for program in programs():
        help_text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True, timeout=WAIT).stdout
        assert help_text.startswith("usage: ")
        for option in re.findall(r"^\s+(?:-\w, )?(--[a-z-]+)", help_text, re.MULTILINE):
            if option != "--help":
                done = subprocess.run([program, option + "=1", "--help"], capture_output=True, text=True, timeout=WAIT)
                assert "unrecognized" not in done.stderr
        done = subprocess.run([program, "--no-such-option"], capture_output=True, text=True, timeout=WAIT)
        assert done.returncode == 2


@pytest.mark.parametrize("args", [[], ["localhost"], ["127.0.0.1:99999"], ["::1:25"], ["-c", "0", "127.0.0.1:1"],
                                  ["--from", "a b", "127.0.0.1:1"], ["--domains", "2", "--rcpt", "a@b", "127.0.0.1:1"],
                                  ["-s", "12Q", "127.0.0.1:1"], ["--domain", "x>\r\nDATA", "127.0.0.1:1"]])
def test_load_refuses_nonsense(args):
    done = subprocess.run([f"{BIN}/smtpload", *args], capture_output=True, text=True, timeout=WAIT)
    assert done.returncode == 2 and done.stderr.startswith("smtpload: ")
