# SPDX-License-Identifier: Apache-2.0
"""Whole servers on loopback: start them, talk to them, end them.

Every test has an address of its own in 127.0.0.0/8, so tests never share a port.
EC_PREFIX names the installed tree under test (bin, sbin)."""
import itertools
import json
import os
import signal
import socket
import subprocess
import threading
import time

PREFIX = os.environ.get("EC_PREFIX", "/usr/local")
BUILD = os.environ.get("EC_BUILD", "")
SANITIZED = bool(os.environ.get("EC_SANITIZED"))
PATIENCE = 120 if SANITIZED else 60          # seconds; only ever reached by a failing test

_addresses = itertools.count(1)


def program(name):
    for folder in ("bin", "sbin"):
        path = os.path.join(PREFIX, folder, name)
        if os.path.exists(path):
            return path
    raise FileNotFoundError(f"{name} is not below {PREFIX}: run make install and set EC_PREFIX")


FAULTS = [-s for s in (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)] + [66]  # 66: the thread sanitizer


def new_address():
    n = next(_addresses)
    return f"127.{1 + os.getpid() % 250}.{n // 250}.{1 + n % 250}"


def wait_for(what, condition, patience=PATIENCE):
    """The value of condition() once it is true; fails with `what` when patience ends."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {patience} s in vain for: {what}"
        time.sleep(0.02)


class Program:
    """A child whose output lines are kept and can be awaited."""

    started = []  # all that may still have something to tell; tests/conftest.py
    process = None
    killed = False
    enter = ()  # what goes before its arguments: a command that execs the rest somewhere else

    def __init__(self, *argv, env=None, cwd=None, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=None):
        self.lines = []
        self.cond = threading.Condition()
        self.ended = False
        self.process = subprocess.Popen([str(a) for a in (*self.enter, *argv)], stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                                        env={**os.environ, **(env or {})}, cwd=cwd, text=True, errors="replace",
                                        preexec_fn=preexec_fn)
        self.killed = False
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        Program.started.append(self)

    def _read(self):
        for line in self.process.stdout:
            with self.cond:
                self.lines.append(line.rstrip("\n"))
                self.cond.notify_all()
        with self.cond:
            self.ended = True
            self.cond.notify_all()

    def await_line(self, text, patience=PATIENCE):
        """The first line that holds `text`."""
        def found():
            return next((x for x in self.lines if text in x), None)
        with self.cond:
            self.cond.wait_for(lambda: found() or self.ended, patience)
            line = found()
        assert line, f"no line with {text!r} in: " + "\n".join(self.lines[-40:])
        return line

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def title(self):
        status = self.process.poll()
        name = " ".join(os.path.basename(a) for a in self.process.args[len(self.enter):][:1])
        return f"{name} pid={self.pid} {'running' if status is None else f'ended with {status}'}"

    def crashed(self):
        """By a fault of its own."""
        return not self.killed and self.process is not None and self.process.poll() in FAULTS

    def kill9(self):
        self.killed = True
        if self.running():
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)
        self.thread.join(PATIENCE)

    def stop(self, sig=signal.SIGTERM, patience=PATIENCE):
        """Exit status after a clean stop."""
        if self.running():
            self.process.send_signal(sig)
        try:
            status = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(f"did not stop within {patience} s: " + "\n".join(self.lines[-20:]))
        self.thread.join(PATIENCE)
        if status:
            print("\n".join(self.lines[-100:]))
        return status

    def text(self):
        return "\n".join(self.lines)


class Sink(Program):
    def __init__(self, address, port=25, *options, record=None):
        self.address, self.port, self.record = address, port, record
        argv = [program("smtpsink"), "-l", f"{address}:{port}", *options]
        if record:
            argv += ["--record", record]
        super().__init__(*argv)
        line = self.await_line("listening on")
        self.port = int(line.rsplit(":", 1)[1])

    def records(self):
        """One dict a recorded message."""
        names = ("when", "id", "message_id", "sender", "recipients", "size", "digest", "connection")
        if not os.path.exists(self.record):
            return []
        with open(self.record) as f:
            return [dict(zip(names, line.rstrip("\n").split("\t"))) for line in f if line.endswith("\n")]

    def counts(self):
        """Stop it and read its counters."""
        self.stop()
        return {k: int(v) for k, v in (x.split("=", 1) for x in self.lines if "=" in x and " " not in x) if v.isdigit()}


class Server(Program):
    """An ecelerity in the foreground; `config` is the text of its ecelerity.conf beyond the frame.

    A restart keeps folder, address and port."""

    FRAME = """
Hostname = "mx.test"
Spoolbase = "{dir}/spool"
PidFile = "{dir}/pid"
Security {{ user = "root" }}
Control_Listener {{ Listen "{dir}/control" {{}} }}
ec_logger "ec_logger" {{
  mainlog = "{dir}/mainlog.ec"
  paniclog = "{dir}/paniclog.ec"
  rejectlog = "{dir}/rejectlog.ec"
  acctlog = "{dir}/acctlog.ec"
}}
EventLoop "loops" {{ concurrency = {loops} }}
"""

    def __init__(self, folder, config="", address=None, loops=2, listener=None, env=None, frame=None, start=True):
        self.dir = str(folder)
        os.makedirs(self.dir, exist_ok=True)
        self.address = address or new_address()
        self.port = 2525
        self.loops = loops
        os.makedirs(f"{self.dir}/run", exist_ok=True)
        self.env = {"EC_RUNDIR": f"{self.dir}/run", **(env or {})}
        self.frame = frame if frame is not None else self.FRAME
        self.listener = listener
        self.configure(config)
        if start:
            self.start()

    def configure(self, config):
        """Write the configuration; a running server is not told."""
        listener = self.listener or f'ESMTP_Listener {{ Listen "{self.address}:{self.port}" {{}} }}\n'
        with open(f"{self.dir}/ecelerity.conf", "w") as f:
            f.write(self.frame.format(dir=self.dir, loops=self.loops) + listener + config)

    def reconfigure(self, old, new):
        """Replace a part of the configuration's text; a running server is not told."""
        with open(f"{self.dir}/ecelerity.conf") as f:
            text = f.read()
        assert old in text
        with open(f"{self.dir}/ecelerity.conf", "w") as f:
            f.write(text.replace(old, new))

    def start(self, *options, wait=True, preexec_fn=None):
        super().__init__(program("ecelerity"), "-d", "-c", f"{self.dir}/ecelerity.conf", *options, env=self.env,
                         preexec_fn=preexec_fn)
        if wait:
            self.await_line("ready pid=")
        return self

    def console(self, *words, form="json", check=True):
        """Run one console command; the answer as text, or parsed when the form is json."""
        run = subprocess.run([program("ec_console"), f"{self.dir}/control", *(["json"] if form == "json" else []), *words],
                             capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
        if check:
            assert run.returncode == 0, f"{words}: {run.returncode} {run.stdout} {run.stderr}"
        return json.loads(run.stdout) if form == "json" and run.returncode == 0 else run.stdout + run.stderr

    def account(self):
        return self.console("summary")["account"]

    def recovered(self):
        """The account once the spool has been read."""
        def account():
            summary = self.console("summary")
            return summary["account"] if summary["recovery"]["state"] == "done" else None
        return wait_for("the end of recovery", account)

    def settled(self):
        """The account once the spool has been read and nothing is queued any more."""
        account, least = self.recovered(), None
        while account["queued"] > 0:  # a slow machine may take its time as long as it gets on
            if least is None or account["queued"] < least:
                least = account["queued"]
            account = wait_for(f"fewer than {least} queued", lambda: (lambda a: a if a["queued"] < least else None)(self.account()))
        return account

    def log(self, name="mainlog.ec", kind=None):
        """Records of a text log, split at @; `kind` is the type tag."""
        try:
            with open(f"{self.dir}/{name}") as f:
                rows = [line.rstrip("\n").split("@") for line in f]
        except FileNotFoundError:
            return []
        return [r for r in rows if kind is None or (len(r) > 4 and r[4] == kind)]

    def await_log(self, kind, count=1, name="mainlog.ec"):
        return wait_for(f"{count} {kind} records", lambda: (lambda r: r if len(r) >= count else None)(self.log(name, kind)))

    def await_file(self, name, text):
        def there():
            try:
                with open(f"{self.dir}/{name}") as f:
                    return next((x for x in f if text in x), None)
            except FileNotFoundError:
                return None
        return wait_for(f"{text!r} in {name}", there)

    def smtp(self, timeout=PATIENCE):
        return Client(self.address, self.port, timeout)


class Client:
    """A plain SMTP client that sends exactly what it is told."""

    def __init__(self, address, port, timeout=PATIENCE):
        self.socket = socket.create_connection((address, port), timeout)
        self.file = self.socket.makefile("rb")
        self.banner = self.reply()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def reply(self):
        """(code, text of all lines); (None, "") when the server has closed."""
        lines = []
        while True:
            try:
                line = self.file.readline()
            except ConnectionError:
                line = b""
            if not line:
                return None, ""
            lines.append(line.decode().rstrip("\r\n"))
            if lines[-1][3:4] != "-":
                return int(lines[-1][:3]), "\n".join(lines)

    def cmd(self, line):
        self.send(line + "\r\n")
        return self.reply()

    def code(self, line):
        return self.cmd(line)[0]

    def mail(self, sender, recipients, message, ehlo=True):
        """One whole transaction; the reply to the final dot."""
        if ehlo:
            assert self.code("EHLO client.test") == 250
        assert self.code(f"MAIL FROM:<{sender}>") == 250
        for r in recipients:
            assert self.code(f"RCPT TO:<{r}>") == 250
        assert self.code("DATA") == 354
        self.send(message + b"\r\n.\r\n" if isinstance(message, bytes) else message + "\r\n.\r\n")
        return self.reply()

    def close(self):
        self.file.close()
        self.socket.close()


def load(address, port, *options, check=True, patience=600):
    """Run smtpload to its end; its JSON summary."""
    run = subprocess.run([program("smtpload"), *[str(o) for o in options], "--json", f"{address}:{port}"],
                         capture_output=True, text=True, timeout=patience, stdin=subprocess.DEVNULL)
    if check:
        assert run.returncode == 0, run.stdout + run.stderr
    return json.loads(run.stdout[run.stdout.index("{"):])


class Load(Program):
    """smtpload in the background."""

    def __init__(self, address, port, *options, record=None):
        self.record = record
        extra = ["--record", record] if record else []
        super().__init__(program("smtpload"), *options, *extra, f"{address}:{port}")

    def records(self):
        """id -> digest of every message that got its 250."""
        if not os.path.exists(self.record):
            return {}
        with open(self.record) as f:
            rows = [line.rstrip("\n").split("\t") for line in f if line.endswith("\n")]
        return {r[0]: r[1] for r in rows}
