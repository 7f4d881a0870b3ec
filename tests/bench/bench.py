#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One table: the floor, this server, and Postfix where it is installed, measured in one run.

usage: bench.py [--quick] [--messages N] [--json FILE] [--only NAME ...]
Names: accept relay idle sync reload queues modules lookup logs cluster.  Needs EC_PREFIX (the installed tree) and EC_BUILD (for the floor program); `make bench` sets both.
All servers listen on loopback and keep their files below one folder on one disk (--dir, default: the build folder).
Every figure is the median of --runs runs; peers take turns, so that a machine whose speed drifts hurts all alike."""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../system"))
import lab  # noqa: E402
import reloads  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")


def stat(pid):
    """(user+system seconds of the process itself, of its ended children, parent)"""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK, (int(fields[13]) + int(fields[14])) / TICK, int(fields[1])


def family(root):
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parents[int(name)] = stat(name)[2]
            except (OSError, IndexError):
                pass
    members, grew = {root}, True
    while grew:
        more = {p for p, parent in parents.items() if parent in members} - members
        grew = bool(more)
        members |= more
    return members


def cpu(root):
    """CPU seconds used so far by a process, its living descendants, and those that ended."""
    total = 0.0
    for pid in family(root):
        try:
            own, ended, _ = stat(pid)
            total += own + ended
        except OSError:
            pass
    return total


def resident(root):
    total = 0
    for pid in family(root):
        try:
            with open(f"/proc/{pid}/smaps_rollup") as f:
                total += sum(int(x.split()[1]) for x in f if x.startswith("Pss:"))
        except OSError:
            pass
    return total            # KiB


class Floor:
    name = "floor"
    relays = False

    def __init__(self, folder, sink=None, synced=True, config=""):
        self.address, self.port = lab.new_address(), 2525
        os.makedirs(folder)
        self.program = lab.Program(os.path.join(os.environ["EC_BUILD"], "tests/bench/floor/floor"), "-l", f"{self.address}:{self.port}",
                                   *([] if synced else ["--no-sync"]), folder)
        self.program.await_line("listening on")
        self.pid = self.program.pid

    def stop(self):
        self.program.stop()


class Ecelerity:
    name = "ecelerity"
    relays = True

    def __init__(self, folder, sink=None, synced=True, config=""):
        # deliveries are held when there is no sink: acceptance alone
        config += (f'Gateway = "{sink.address}"\nRemote_SMTP_Port = {sink.port}\n' if sink else "suspend_delivery = true\n")
        if not synced:
            config += "force_fsync = false\n"
        self.server = lab.Server(folder, config)
        self.address, self.port, self.pid = self.server.address, self.server.port, self.server.pid

    def stop(self):
        self.server.stop()


class NoLogs(Ecelerity):
    """The same without a logger: what the logs cost."""
    name = "no logs"
    FRAME = lab.Server.FRAME[:lab.Server.FRAME.index("ec_logger")] + lab.Server.FRAME[lab.Server.FRAME.index("EventLoop"):]

    def __init__(self, folder, sink=None):
        self.server = lab.Server(folder, f'Gateway = "{sink.address}"\nRemote_SMTP_Port = {sink.port}\n', frame=self.FRAME)
        self.address, self.port, self.pid = self.server.address, self.server.port, self.server.pid


class Postfix:
    name = "postfix"
    relays = True
    DAEMONS = "/usr/lib/postfix/sbin"

    @classmethod
    def installed(cls):
        return os.geteuid() == 0 and os.path.exists(cls.DAEMONS + "/master") and shutil.which("postconf")

    def __init__(self, folder, sink=None, synced=True, config=""):
        self.address, self.port = lab.new_address(), 2525
        for sub in ("conf", "queue", "data"):
            os.makedirs(f"{folder}/{sub}")
        shutil.chown(f"{folder}/data", "postfix")
        for path in self._parents(folder):
            os.chmod(path, os.stat(path).st_mode | 0o055)
        main = f"""
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {self.DAEMONS}
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
myhostname = mx.test
mydestination =
alias_maps =
maillog_file = {folder}/maillog
maillog_file_prefixes = /
default_process_limit = 200
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
default_destination_concurrency_limit = 20
default_destination_rate_delay = 0s
smtp_host_lookup = native
disable_dns_lookups = yes
{f'relayhost = [{sink.address}]:{sink.port}' if sink else 'defer_transports = smtp relay'}
"""
        master = [f"{self.address}:2525 inet n - n - - smtpd", "pickup unix n - n 60 1 pickup", "cleanup unix n - n - 0 cleanup",
                  "qmgr unix n - n 300 1 qmgr", "rewrite unix - - n - - trivial-rewrite", "bounce unix - - n - 0 bounce",
                  "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce", "verify unix - - n - 1 verify",
                  "flush unix n - n 1000? 0 flush", "proxymap unix - - n - - proxymap", "smtp unix - - n - - smtp",
                  "relay unix - - n - - smtp", "showq unix n - n - - showq", "error unix - - n - - error",
                  "retry unix - - n - - error", "discard unix - - n - - discard", "anvil unix - - n - 1 anvil",
                  "scache unix - - n - 1 scache", "postlog unix-dgram n - n - 1 postlogd"]
        with open(f"{folder}/conf/main.cf", "w") as f:
            f.write(main)
        with open(f"{folder}/conf/master.cf", "w") as f:
            f.write("\n".join(master) + "\n")
        subprocess.run(["postfix", "-c", f"{folder}/conf", "set-permissions"], capture_output=True)
        subprocess.run(["postfix", "-c", f"{folder}/conf", "check"], capture_output=True)
        self.process = subprocess.Popen([f"{self.DAEMONS}/master", "-c", f"{folder}/conf", "-d"],
                                        env={**os.environ, "MAIL_CONFIG": f"{folder}/conf"})
        self.pid = self.process.pid
        lab.wait_for("Postfix to answer", self._answers)

    @staticmethod
    def _parents(folder):
        while folder != "/":
            yield folder
            folder = os.path.dirname(folder)

    def _answers(self):
        try:
            c = lab.Client(self.address, self.port, 10)
            c.close()
            return c.banner[0] == 220
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


class Bench:
    def __init__(self, args):
        self.args = args
        self.dir = tempfile.mkdtemp(prefix="bench-", dir=args.dir)
        os.chmod(self.dir, 0o755)
        self.n = 0
        self.rows = []

    def folder(self):
        self.n += 1
        return f"{self.dir}/{self.n}"

    def run_accept(self, peer, connections, synced=True):
        server = peer(self.folder(), synced=synced)
        try:
            lab.load(server.address, server.port, "-c", connections, "-n", connections * 5)       # warm
            before = cpu(server.pid)
            result = lab.load(server.address, server.port, "-c", connections, "-n", self.args.messages)
            used = cpu(server.pid) - before
            return {"rate": result["rate"], "cpu_us": used / self.args.messages * 1e6,
                    "p99_ms": result["latency_ms"]["p99"], "rss_kib": resident(server.pid)}
        finally:
            server.stop()

    def run_log_lines(self):
        """What the program log_bench prints: processor time of one loop."""
        tests = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
        run = subprocess.run([os.path.join(os.environ["EC_BUILD"], "tests/bench/log/log_bench"), self.dir,
                              f"{tests}/../modules/bounce_classifier/smtp_classification.ovr",
                              f"{tests}/unit/bounce_classifier/replies.tsv"], capture_output=True, text=True, check=True)
        return " ".join(run.stdout.split())

    def run_relay(self, peer, connections):
        sink = lab.Sink(lab.new_address(), 2526)
        server = peer(self.folder(), sink=sink)
        n = self.args.messages
        try:
            lab.load(server.address, server.port, "-c", connections, "-n", connections * 5)
            self.await_sink(sink, connections * 5)
            before, start = cpu(server.pid), time.monotonic()
            lab.load(server.address, server.port, "-c", connections, "-n", n)
            self.await_sink(sink, n + connections * 5)
            elapsed = time.monotonic() - start
            return {"rate": n / elapsed, "cpu_us": (cpu(server.pid) - before) / n * 1e6, "rss_kib": resident(server.pid)}
        finally:
            server.stop()
            sink.stop()

    @staticmethod
    def await_sink(sink, count):
        """Ask the sink for its counters until it has seen `count` messages."""
        import signal

        def seen():
            at = len(sink.lines)
            sink.process.send_signal(signal.SIGUSR1)
            with sink.cond:
                sink.cond.wait_for(lambda: any(x.startswith("messages=") for x in sink.lines[at:]), 10)
            values = [int(x.split("=")[1]) for x in sink.lines[at:] if x.startswith("messages=")]
            return values and values[-1] >= count
        lab.wait_for(f"{count} messages at the sink", seen, 900)

    def run_idle(self, connections):
        """Bytes of the server's memory for one idle connection after EHLO."""
        import socket
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, connections + 100)), hard))
        server = Ecelerity(self.folder(), config="")
        clients = []
        try:
            first = lab.Client(server.address, server.port)
            first.cmd("EHLO bench.test")
            before = resident(server.pid)
            for _ in range(connections):
                s = socket.create_connection((server.address, server.port))
                clients.append(s)
            for s in clients:
                s.recv(4096)
                s.sendall(b"EHLO bench.test\r\n")
            for s in clients:
                s.recv(4096)
            return {"bytes": (resident(server.pid) - before) * 1024 / connections}
        finally:
            for s in clients:
                s.close()
            server.stop()

    def run_lookup(self):
        """Instructions of one look-up with few and with many stanzas, as callgrind counts them."""
        if not shutil.which("valgrind"):
            return
        program = os.path.join(os.environ["EC_BUILD"], "tests/bench/conf/conf_bench")
        for what, function in (("views for a queue", "measure_outbound"), ("value of an option", "measure_get")):
            count = {}
            for stanzas in (10, 20000):
                run = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--toggle-collect={function}",
                                      program, str(stanzas)], capture_output=True, text=True, check=True)
                count[stanzas] = int(run.stderr.split("Collected :")[1].split()[0]) / 10000
            self.rows.append({"what": f"look-up: {what}", "peer": "ecelerity", "instructions": count,
                              "text": f"{count[10]:.0f} instructions with 10 stanzas, {count[20000]:.0f} with 20,000: "
                                      f"{count[20000] / count[10]:.2f}"})

    def median(self, what, keys):
        return {k: statistics.median(r[k] for r in what) for k in keys}

    def table(self, title, names, run, keys):
        """Run all peers in turn; medians; ratio of the rate to the first peer's."""
        results = {n: [] for n, _ in names}
        for i in range(self.args.runs):
            for name, peer in names:
                print(f"\r{title}: run {i + 1} of {self.args.runs}: {name}            ", end="", file=sys.stderr, flush=True)
                results[name].append(run(peer))
        print("\r" + " " * 78 + "\r", end="", file=sys.stderr)
        medians = {n: self.median(r, keys) for n, r in results.items()}
        for name, m in medians.items():
            self.rows.append({"what": title, "peer": name, **m})
        return medians

    def report(self):
        print(f"{'what':34s} {'peer':10s} {'msgs/s':>9s} {'cpu us/msg':>11s} {'p99 ms':>8s} {'memory MiB':>11s}   ratio of rates")
        first = {}
        for r in self.rows:
            if "rate" not in r:
                print(f"{r['what']:34s} {r['peer']:10s} {r['text']}")
                continue
            base = first.setdefault(r["what"], r)
            ratio = "" if base is r else f"{r['rate'] / base['rate']:.2f} of {base['peer']}"
            p99 = f"{r['p99_ms']:8.1f}" if "p99_ms" in r else " " * 8
            print(f"{r['what']:34s} {r['peer']:10s} {r['rate']:9.0f} {r['cpu_us']:11.0f} {p99} {r['rss_kib'] / 1024:11.1f}   {ratio}")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--quick", action="store_true", help="one short run of everything: does it work at all")
    ap.add_argument("--messages", type=int, default=20000)
    ap.add_argument("--runs", type=int, default=3)
    ap.add_argument("--reloads", type=int, default=20)
    ap.add_argument("--dir", default=os.environ.get("EC_BUILD", "/var/tmp"))
    ap.add_argument("--json")
    ap.add_argument("--only", nargs="*", default=["accept", "relay", "idle", "sync", *reloads.MEASURED, "lookup", "logs", "cluster"])
    args = ap.parse_args()
    if args.quick:
        args.messages, args.runs, args.reloads = 1000, 1, 2
    bench = Bench(args)
    accept = [("floor", Floor), ("ecelerity", Ecelerity)] + ([("postfix", Postfix)] if Postfix.installed() else [])
    relay = ([("postfix", Postfix)] if Postfix.installed() else []) + [("ecelerity", Ecelerity)]
    try:
        if "accept" in args.only:
            for connections in (20, 100):
                bench.table(f"durable acceptance, {connections} conns", accept, lambda p: bench.run_accept(p, connections),
                            ("rate", "cpu_us", "p99_ms", "rss_kib"))
        if "relay" in args.only:
            bench.table("relay end to end, 20 conns", relay, lambda p: bench.run_relay(p, 20), ("rate", "cpu_us", "rss_kib"))
        if "sync" in args.only:
            runs = [("not synced", False), ("synced", True)]
            bench.table("acceptance, ecelerity, 20 conns", runs, lambda synced: bench.run_accept(Ecelerity, 20, synced),
                        ("rate", "cpu_us", "p99_ms", "rss_kib"))
        if "logs" in args.only:
            bench.table("relay, logs off and on, 20 conns", [("no logs", NoLogs), ("mainlog", Ecelerity)],
                        lambda p: bench.run_relay(p, 20), ("rate", "cpu_us", "rss_kib"))
            bench.rows.append({"what": "log lines, bounce classes", "peer": "ecelerity", "text": bench.run_log_lines()})
        if "cluster" in args.only:
            import cluster
            bench.rows += cluster.run(bench.folder(), args.messages, args.runs)
        if "idle" in args.only:
            count = 500 if args.quick else 10000
            bytes_each = bench.run_idle(count)["bytes"]
            bench.rows.append({"what": f"idle inbound, {count} conns", "peer": "ecelerity", "bytes": bytes_each,
                               "text": f"{bytes_each / 1024:.1f} KiB each"})
        for name, measure in reloads.MEASURED.items():
            if name in args.only:
                bench.rows += measure(bench.folder(), args)
        if "lookup" in args.only:
            bench.run_lookup()
        bench.report()
        if args.json:
            with open(args.json, "w") as f:
                json.dump(bench.rows, f, indent=1)
    finally:
        shutil.rmtree(bench.dir, ignore_errors=True)


if __name__ == "__main__":
    main()
