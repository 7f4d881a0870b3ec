#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does every room include only rooms before it?  usage: rooms.py [TOP]

The order is that of server/local.mk.  modules/, tools/ and include/ec/ may include public headers only
(tools also their own)."""
import os
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def order(top):
    with open(f"{top}/server/local.mk") as f:
        return re.findall(r"^include server/([a-z_]+)/local\.mk", f.read(), re.M)


def sources(folder):
    for root, _, names in os.walk(folder):
        for name in sorted(names):
            if name.endswith((".c", ".h")):
                yield os.path.join(root, name)


def main():
    top = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    rooms = order(top)
    place = {room: i for i, room in enumerate(rooms)}
    wrong = []
    for room in rooms:
        for path in sources(f"{top}/server/{room}"):
            with open(path) as f:
                for other in INCLUDE.findall(f.read()):
                    first = other.split("/")[0]
                    if "/" in other and first in place and place[first] > place[room]:
                        wrong.append(f"{os.path.relpath(path, top)}: room {room} includes {other}, which comes after it")
    for folder in ("modules", "include"):
        for path in sources(f"{top}/{folder}"):
            with open(path) as f:
                for other in INCLUDE.findall(f.read()):
                    if other.split("/")[0] in place:
                        wrong.append(f"{os.path.relpath(path, top)}: includes the private {other}")
    print("\n".join(wrong) if wrong else f"{len(rooms)} rooms in order")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
