# SPDX-License-Identifier: Apache-2.0
"""What a reload costs those whose mail flows meanwhile: how long a loop is held, and how long a message takes.

A reload of a large configuration, one with many queues, and a thousand that each change a module's options.  Each stands
beside the same time without a reload, since at full speed client, sink and server want all processors, and both are long
because others run.  "Loops first" gives the loops a processor as soon as they have work: then a turn is as long as its own
work and what it waits for (locks, pages), which is what a reload can be blamed for."""
import json
import os
import shutil
import signal
import statistics
import subprocess
import time

import lab

MODULE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../outside/tally.c")


def large_config(i):
    """50,000 lines: 10,000 bindings, 20,000 domain stanzas; another value in each generation."""
    return (f"max_retries = {i + 1}\n" + "".join(f'Binding "b{n}" {{ retry_interval = {100 + n} }}\n' for n in range(10000))
            + "".join(f'Domain "d{n}.test" {{\n  retry_interval = {1000 + n} }}\n' for n in range(20000)))


def loop_threads(server):
    """The ids of the threads of the loops; the first loop runs on the main thread."""
    for task in os.listdir(f"/proc/{server.pid}/task"):
        with open(f"/proc/{server.pid}/task/{task}/comm") as f:
            if int(task) == server.pid or f.read().startswith("loop"):
                yield int(task)


def put_loops_first(server):
    """Returns whether the system allows that."""
    try:
        for task in loop_threads(server):
            os.sched_setscheduler(task, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return False
    return True


def loops_cpu(server):
    """Milliseconds that the threads of the loops have run, and have waited for a processor."""
    run = wait = 0
    for task in loop_threads(server):
        with open(f"/proc/{server.pid}/task/{task}/schedstat") as f:
            fields = f.read().split()
        run, wait = run + int(fields[0]), wait + int(fields[1])
    return run / 1e6, wait / 1e6


def longest_turns(server):
    return [row["longest_turn_us"] / 1000 for row in server.console("loops")["loops"]]


def row(what, text, **figures):
    return {"what": what, "peer": "ecelerity", "text": text, **figures}


def turns(what, server, times, config):
    """Seconds of each of `times` reloads, and the longest time between two polls of each loop while it ran.  Without `config`
    nothing is reloaded."""
    seconds, longest, run, waited = [], [], [], []
    for i in range(times):
        if config:
            server.configure(config(i))
        server.console("loops", "reset")
        before, start = loops_cpu(server), time.monotonic()
        if config:
            server.console("config", "reload")
        seconds.append(time.monotonic() - start)
        time.sleep(0.2)                                          # what the reload has left to do in slices
        after = loops_cpu(server)
        run.append(after[0] - before[0])
        waited.append(after[1] - before[1])
        longest.append(longest_turns(server))
    by_loop = [(statistics.median(t), max(t)) for t in zip(*longest)]
    text = (f"{statistics.median(seconds):.3f} s (at most {max(seconds):.3f}); " if config else "") + (
        "longest turn by loop " + ", ".join(f"{m:.1f} ms (at most {a:.1f})" for m, a in by_loop)
        + f"; loops ran {statistics.median(run):.1f} ms and waited {statistics.median(waited):.1f} ms for a processor")
    return row(what, text, seconds=seconds, turn_ms=longest, run_ms=run, waited_ms=waited)


def start_load(server, *options):
    load = lab.Load(server.address, server.port, "-n", 10 ** 8, "--ignore-errors", "--json", *options)
    before = int(server.account()["received"])
    lab.wait_for("mail", lambda: int(server.account()["received"]) > before + 1000)
    return load


def end_load(load):
    """What the clients saw."""
    load.process.send_signal(signal.SIGINT)
    load.process.wait(lab.PATIENCE)
    load.thread.join(lab.PATIENCE)
    return json.loads(load.lines[-1])


def relay_to(sink):
    return f'Gateway = "{sink.address}"\nRemote_SMTP_Port = {sink.port}\n'


def large(folder, args):
    sink = lab.Sink(lab.new_address(), 2526)
    server = lab.Server(folder, relay_to(sink) + large_config(0))
    load = None

    def config(i):
        return relay_to(sink) + large_config(i)

    def pair(what):
        return [turns(what, server, args.reloads, config), turns("  without a reload", server, args.reloads, None)]
    try:
        rows = [turns("reload of 50,000 lines, idle", server, args.reloads, config)]
        load = start_load(server, "-c", 20, "--rate", 1000)
        rows += pair("the same while relaying 1,000/s")
        load.kill9()
        load = start_load(server, "-c", 20)
        rows += pair("the same at full speed")
        if put_loops_first(server):
            rows += pair("the same, loops first")
        lab.wait_for("one generation", lambda: len(server.console("config", "generations")["generations"]) == 1)
        return rows
    finally:
        if load:
            load.kill9()
        server.stop()
        sink.stop()


def queues(folder, args):
    """Reloads of a small configuration with many queues; every second one changes something for all of them."""
    count = 2000 if args.quick else 100000

    def config(i):
        return f"suspend_delivery = true\nretry_interval = {100 + i // 2}\n"
    server = lab.Server(folder, config(0))
    try:
        lab.load(server.address, server.port, "-n", count // 100, "-c", 10, "-r", 100, "--domains", count, "--domain", "test")
        lab.wait_for("the queues", lambda: int(server.account()["queued"]) == count)
        rows = [turns(f"reload with {count:,} queues", server, args.reloads, config)]
        if put_loops_first(server):
            rows.append(turns("the same, loops first", server, args.reloads, config))
        return rows
    finally:
        server.stop()


def kit(folder):
    """Builds a module as others build theirs; the environment of a server that finds it."""
    os.makedirs(folder)
    shutil.copy(MODULE, folder)
    env = {**os.environ, "PKG_CONFIG_PATH": f"{lab.PREFIX}/lib/pkgconfig"}
    subprocess.run([lab.program("ecxs"), "-c", "tally.c", "-o", "tally.so"], cwd=folder, env=env, check=True)
    installed = subprocess.run([lab.program("ecxs"), "-q", "moduledir"], capture_output=True, text=True, check=True).stdout.strip()
    return {"EC_MODULE_PATH": f"{folder}:{installed}"}


def modules(folder, args):
    """Reloads that each change a module's options, and so make a new instance of it, while mail flows."""
    count = 20 if args.quick else 1000
    sink = lab.Sink(lab.new_address(), 2526)

    def config(i):
        return relay_to(sink) + f'tally {{ step = {i} text = "step {i}" }}\n'
    server = lab.Server(folder, config(0), env=kit(folder + "-kit"))

    def seen(what, reloads, options):
        load = start_load(server, "-c", 10, "-m", 50, "--domains", 20, "--domain", "d.test", *options)
        try:
            server.console("loops", "reset")
            start = time.monotonic()
            for i in range(1, reloads + 1):
                server.configure(config(i))
                server.console("config", "reload")
            took = time.monotonic() - start
            if not reloads:
                time.sleep(1 if args.quick else 10)
            longest = longest_turns(server)
            client = end_load(load)
        finally:
            load.kill9()
        ms = client["latency_ms"]
        return row(what, (f"{reloads} in {took:.1f} s; " if reloads else "") + f"{client['rate']:.0f} messages/s took "
                   f"p50 {ms['p50']:.1f} ms, p99 {ms['p99']:.1f} ms, p99.9 {ms['p99.9']:.1f} ms, at most {ms['max']:.1f} ms; "
                   "longest turn by loop " + ", ".join(f"{t:.1f} ms" for t in longest), latency_ms=ms, turn_ms=longest)
    try:
        lab.load(server.address, server.port, "-c", 10, "-n", 5000)   # the spool's first files are made
        rows = []
        for what, options in (("1,000/s", ("--rate", 1000)), ("full speed", ())):
            rows += [seen(f"module reloads at {what}", count, options), seen("  without a reload", 0, options)]
        return rows
    finally:
        server.stop()
        sink.stop()


MEASURED = {"reload": large, "queues": queues, "modules": modules}
