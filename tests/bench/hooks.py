#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What hooks cost where nobody is registered: instructions of a relayed message with them and without.

    hooks.py PREFIX PREFIX_WITHOUT        the second was configured with --disable-hooks

Each server runs under callgrind and relays two numbers of messages over one connection; the difference, by message,
is free of what start and stop cost.  Prints both and their ratio; fails above 1.01."""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
FEW, MANY = 200, 1200


def run(prefix, messages, folder):
    os.environ["EC_PREFIX"] = prefix
    import lab
    lab.PREFIX = prefix
    lab.PATIENCE = 600
    sink = lab.Sink(lab.new_address(), 2526)
    config = f'Gateway = "{sink.address}"\nRemote_SMTP_Port = {sink.port}\nlarge_message_threshold = 1M\n'
    # only what every server has: no logger
    frame = re.sub(r"ec_logger .*?\n}}\n", "", lab.Server.FRAME, flags=re.S)
    server = lab.Server(folder, config, loops=1, frame=frame, start=False)
    out = os.path.join(folder, "callgrind.out")
    lab.Program.__init__(server, "valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", lab.program("ecelerity"), "-d", "-c",
                         f"{server.dir}/ecelerity.conf", env=server.env)
    server.await_line("ready pid=", 600)
    lab.load(server.address, server.port, "-c", 1, "-n", messages)
    server.settled()
    assert server.stop(patience=600) == 0
    sink.stop()
    with open(out) as f:
        return int(re.search(r"^summary: (\d+)", f.read(), re.M).group(1))


def per_message(prefix):
    with tempfile.TemporaryDirectory() as few, tempfile.TemporaryDirectory() as many:
        return (run(prefix, MANY, many) - run(prefix, FEW, few)) / (MANY - FEW)


def main():
    if len(sys.argv) != 3:
        print(__doc__)
        return 2
    with_hooks, without = per_message(sys.argv[1]), per_message(sys.argv[2])
    ratio = with_hooks / without
    print(f"hooks: {with_hooks:.0f} instructions a message, without {without:.0f}, ratio {ratio:.4f}")
    return 0 if ratio <= 1.01 else 1


if __name__ == "__main__":
    sys.exit(main())
