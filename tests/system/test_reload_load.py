# SPDX-License-Identifier: Apache-2.0
"""Reloads while mail flows: nothing lost, nothing doubled, no connection refused, nothing left in memory."""
import collections
import os
import threading

import pytest

import lab as lab_module
from lab import SANITIZED, wait_for

RELOADS = 30 if SANITIZED else 100


def listener(address, *addresses, peer=""):
    rows = "".join(f'Listen "{a}:2525" {{}}\n' for a in (address, *addresses))
    return f"ESMTP_Listener {{ {peer}\n{rows} }}\n"


def generations(server):
    return server.console("config", "generations")["generations"]


def await_one_generation(server):
    """Old generations end when the last loop, session and job has let go of them."""
    return wait_for("one generation", lambda: (lambda g: g[0] if len(g) == 1 else None)(generations(server)))


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def listening_inodes(server):
    """Inodes of the server's listening TCP sockets at its address."""
    address = "".join(f"{int(x):02X}" for x in reversed(server.address.split(".")))
    with open(f"/proc/{server.pid}/net/tcp") as f:
        rows = [line.split() for line in f]
    at = {r[9] for r in rows if r[1] == f"{address}:{server.port:04X}" and r[3] == "0A"}
    mine = {os.readlink(f"/proc/{server.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{server.pid}/fd")}
    return {i for i in at if f"socket:[{i}]" in mine}


def is_refused(address, port=2525):
    try:
        lab_module.Client(address, port).close()
    except ConnectionRefusedError:
        return True
    except ConnectionError:
        pass
    return False


@pytest.mark.loops
def test_mail_flows_through_reloads_that_change_options(lab, tmp_path):
    sink = lab.sink()
    server = lab.server(sink=sink)
    wait_for("the sink's record", lambda: os.path.exists(sink.record))
    load = lab.load(server, "-c", 20, "-n", 10 ** 7, "--domains", 50, "--domain", "d.test", "--ignore-errors",
                    record=str(tmp_path / "load.records"))
    for i in range(RELOADS):
        # read by queues, connections and sessions; max_message_size sends clients away
        server.configure(f'Gateway = "{sink.address}"\nRemote_SMTP_Port = {sink.port}\nretry_interval = {100 + i}\n'
                         f"max_outbound_connections = {5 + i % 7}\nmax_recipients_per_batch = {1 + i % 3}\n"
                         f"max_resident_active_queue = {i % 2 * 50}\n"
                         f'Domain "d{i % 50}.d.test" {{ idle_timeout = {10 + i} }}\n'
                         + (f"ESMTP_Listener {{ max_message_size = {10 + i}M }}\n" if i % 5 == 0 else ""))
        server.console("config", "reload")
        seen = os.path.getsize(sink.record)
        wait_for("mail under this generation", lambda: os.path.getsize(sink.record) > seen + 2000)
    load.stop()
    account = server.settled()
    sent, got = load.records(), sink.records()
    assert len(sent) > RELOADS
    assert "connect_failures: 0" in load.lines and any(x.startswith("refused with 421:") for x in load.lines)
    doubled = [i for i, n in collections.Counter(r["id"] for r in got).items() if n > 1]
    assert doubled == []
    digests = {r["id"]: r["digest"] for r in got}
    assert {i: digests.get(i) for i in sent} == sent
    assert int(account["delivered"]) == int(account["received"]) == len(got)
    assert int(account["residual"]) == 0
    await_one_generation(server)
    assert server.stop() == 0


def test_no_connection_is_refused_while_listeners_stay(lab):
    server = lab.server()
    before = listening_inodes(server)
    assert before
    other = lab.address()
    failures, counts, over = [], collections.Counter(), threading.Event()

    def connect():
        while not over.is_set():
            try:
                client = server.smtp()
                counts[client.banner[0]] += 1
                client.close()
            except OSError as error:
                failures.append(error)
    threads = [threading.Thread(target=connect) for _ in range(2)]
    for t in threads:
        t.start()
    for i in range(50):
        # another listener comes and goes, and options of all kinds change
        server.listener = listener(server.address, *([other] if i % 2 else []))
        server.configure(f"retry_interval = {100 + i}\nESMTP_Listener {{ listen_backlog = {100 + i} }}\n")
        server.console("config", "reload")
    over.set()
    for t in threads:
        t.join()
    assert failures == [] and set(counts) == {220} and counts[220] > 50
    assert listening_inodes(server) == before


def test_a_session_that_nothing_concerns_goes_on_silently(lab):
    server = lab.server()
    client = server.smtp()
    client.cmd("EHLO client.test")
    server.configure("max_retries = 3\nESMTP_Listener { listen_backlog = 77 }\n")
    server.console("config", "reload")
    assert client.code("MAIL FROM:<a@client.test>") == 250
    server.configure("ESMTP_Listener { max_message_size = 1M }\n")
    server.console("config", "reload")
    assert client.code("RCPT TO:<b@there.test>") == 250          # a transaction ends as it began
    code, text = client.cmd("RSET")
    assert code == 421 and "Reconfiguration" in text
    assert client.reply()[0] is None
    await_one_generation(server)


def test_an_added_listener_starts_and_a_removed_one_lets_its_connections_finish(lab):
    server = lab.server("suspend_delivery = true\n")
    first, second = server.address, lab.address()
    client = server.smtp()
    client.cmd("EHLO client.test")
    assert client.code("MAIL FROM:<a@client.test>") == 250
    server.listener = listener(second)
    server.configure("suspend_delivery = true\n")
    server.console("config", "reload")
    assert lab_module.Client(second, 2525).banner[0] == 220
    wait_for("an end of the first listener", lambda: is_refused(first))       # the loops close it one by one
    assert client.code("RCPT TO:<b@there.test>") == 250
    assert client.code("DATA") == 354
    client.send("Subject: x\r\n\r\nx\r\n.\r\n")
    assert client.reply()[0] == 250
    assert client.code("MAIL FROM:<a@client.test>") == 421       # its listener is gone
    await_one_generation(server)


def test_a_listener_can_come_back_at_once(lab):
    server = lab.server()
    lists = [listener(server.address), listener(lab.address())]
    for i in range(40):
        server.listener = lists[i % 2]
        server.configure("")
        server.console("config", "reload")
    server.listener = lists[0]
    server.configure("")
    server.console("config", "reload")
    assert server.smtp().banner[0] == 220


@pytest.mark.parametrize("loops", [1, 2])
def test_specific_and_wildcard_addresses_change_in_one_reload(lab, loops):
    # A port of its own: listening on "*" keeps all other tests from theirs.
    port = 3000 + os.getpid() % 10000
    server = lab.server(loops=loops, start=False)
    server.listener, server.port = f'ESMTP_Listener {{ Listen "{server.address}:{port}" {{}} }}\n', port
    server.configure("")
    server.start()
    assert server.smtp().banner[0] == 220
    for address in ("*", server.address, "0.0.0.0", server.address):
        server.listener = f'ESMTP_Listener {{ Listen "{address}:{port}" {{}} }}\n'
        server.configure("")
        server.console("config", "reload")
        assert server.smtp().banner[0] == 220
    server.listener = f'ESMTP_Listener {{ Listen "*:{port}" {{}}\nListen "{server.address}:{port}" {{}} }}\n'
    server.configure("")
    text = server.console("config", "reload", form="text", check=False)
    assert "Reconfigure failed" in text and str(port) in text
    assert server.smtp().banner[0] == 220


def test_sessions_of_a_peer_stay_limited_over_reloads(lab):
    server = lab.server()
    peer = 'Peer "127.0.0.0/8" { listener_sessions = 2 }'
    server.listener = listener(server.address, peer=peer)
    server.configure("")
    server.console("config", "reload")
    clients = [server.smtp(), server.smtp()]
    assert [c.banner[0] for c in clients] == [220, 220]
    server.configure("retry_interval = 777\n")
    server.console("config", "reload")
    assert server.smtp().banner[0] == 421


def test_200_reloads_leave_one_generation_and_no_memory(lab):
    stanzas = "".join(f'Domain "d{i}.test" {{ retry_interval = {1000 + i} }}\n' for i in range(2000))
    sink = lab.sink()
    server = lab.server(stanzas, sink=sink)
    gateway = f'Gateway = "{sink.address}"\nRemote_SMTP_Port = {sink.port}\n'
    clients = [server.smtp() for _ in range(10)]                 # they stay, and hold no old generation
    load = lab.load(server, "-c", 4, "-n", 10 ** 7, "--domains", 2000, "--domain", "test", "--ignore-errors")
    sizes = []
    for i in range(RELOADS * 2):
        server.configure(gateway + f"max_retries = {i + 1}\n" + stanzas)
        server.console("config", "reload")
        if i % (RELOADS // 5) == 0:
            sizes.append(rss_kib(server.pid))
    load.kill9()
    server.settled()
    one = await_one_generation(server)
    assert one["generation"] == RELOADS * 2 + 1 and one["stanzas"] > 2000
    assert [c.code("NOOP") for c in clients] == [250] * 10
    if not SANITIZED:
        # it has grown to its size in the first half; a tree of this configuration has more than 1 MiB
        assert max(sizes[5:]) < max(sizes[:5]) + RELOADS * 2 // 2 * 1024 // 4, sizes
    assert server.stop() == 0
