#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A name server for tests: answers from a small zone, and misbehaves where the zone says so.

As a program:  dnsserver.py --listen 127.0.0.1:5300 zonefile
    prints "listening on ADDRESS:PORT"; SIGHUP reads the file again, SIGUSR1 prints the counts of questions.
As a class:    with DnsServer(zone_text) as dns: ... dns.address, dns.port, dns.count("example.test", "MX")

A zone is a text, one fact a line, `#` begins a comment:

    example.test          MX 10 mx1.example.test       # names are absolute; TTL 300
    example.test     60   MX 20 mx2.example.test       # ... or as said
    mx1.example.test      A 127.0.0.2
    mx1.example.test      AAAA ::1
    alias.test            CNAME example.test
    none.test             MX 0 .                       # null MX
    broken.test           !SERVFAIL                    # all types; also !REFUSED, !NXDOMAIN
    broken2.test          !DROP MX                     # no answer to this type only
    slow.test             !DELAY 0.5
    big.test              !TRUNCATE                    # over UDP: cut, so that the asker comes by TCP
    *                     !SERVFAIL                    # every name

A name the zone does not have is NXDOMAIN; one with other types only has no data.  UDP and TCP on one port."""
import argparse
import collections
import signal
import socketserver
import struct
import sys
import threading
import time

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

TTL = 300
RCODES = {"SERVFAIL": dns.rcode.SERVFAIL, "REFUSED": dns.rcode.REFUSED, "NXDOMAIN": dns.rcode.NXDOMAIN}
CHAIN_MAX = 16
NO_DATA = dns.rrset.from_rdata(dns.name.root, 60, dns.rdata.from_text(
    dns.rdataclass.IN, dns.rdatatype.SOA, "ns.invalid. root.invalid. 1 3600 600 86400 60", relativize=False))


class Zone:
    """Facts by name: records by type, and misbehaviour by type ("" is every type)."""

    def __init__(self, text):
        self.records = collections.defaultdict(dict)
        self.moods = collections.defaultdict(dict)
        for number, line in enumerate(text.splitlines(), 1):
            words = line.split("#", 1)[0].split()
            try:
                if words:
                    self._add(words)
            except Exception as error:
                raise ValueError(f"zone line {number}: {line.strip()!r}: {error}") from error

    def _add(self, words):
        name = words.pop(0)
        key = name if name == "*" else dns.name.from_text(name)
        if words[0].startswith("!"):
            mood = words.pop(0)[1:].upper()
            value = float(words.pop(0)) if mood == "DELAY" else True
            self.moods[key].setdefault(words[0].upper() if words else "", {})[mood] = value
            self.records.setdefault(key, {})
            return
        ttl = int(words.pop(0)) if words[0].isdigit() else TTL
        rtype = dns.rdatatype.from_text(words.pop(0))
        data = dns.rdata.from_text(dns.rdataclass.IN, rtype, " ".join(words), origin=dns.name.root,
                                   relativize=False)
        rrset = self.records[key].setdefault(rtype, dns.rrset.RRset(key, dns.rdataclass.IN, rtype))
        rrset.add(data, ttl)

    def mood(self, name, rtype):
        found = {}
        for key in ("*", name):
            if key in self.moods:
                for wanted in ("", dns.rdatatype.to_text(rtype)):
                    found.update(self.moods[key].get(wanted, {}))
        return found

    def answer(self, reply, name, rtype):
        for _ in range(CHAIN_MAX):
            records = self.records.get(name)
            if records is None:
                reply.set_rcode(dns.rcode.NXDOMAIN)
                break
            if rtype in records:
                reply.answer.append(records[rtype])
                return
            alias = records.get(dns.rdatatype.CNAME)
            if alias is None:
                break
            reply.answer.append(alias)
            name = alias[0].target
        reply.authority.append(NO_DATA)


class _Udp(socketserver.BaseRequestHandler):
    def handle(self):
        wire, sock = self.request
        reply = self.server.owner.reply(wire, is_udp=True)
        if reply:
            sock.sendto(reply, self.client_address)


class _Tcp(socketserver.BaseRequestHandler):
    def _read(self, n):
        data = b""
        while len(data) < n:
            more = self.request.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def handle(self):
        try:
            while True:
                (n,) = struct.unpack("!H", self._read(2))
                reply = self.server.owner.reply(self._read(n), is_udp=False)
                if not reply:
                    return
                self.request.sendall(struct.pack("!H", len(reply)) + reply)
        except (EOFError, OSError):
            return


class _UdpServer(socketserver.ThreadingUDPServer):
    daemon_threads = True


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class DnsServer:
    """Answers from threads of its own until close()."""

    def __init__(self, zone="", address="127.0.0.1", port=0):
        self.zone = Zone(zone)
        self.queries = collections.Counter()
        self.lock = threading.Lock()
        self._bind(address, port)
        self.address, self.port = address, self.tcp.server_address[1]
        for server in (self.udp, self.tcp):
            server.owner = self
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _bind(self, address, port):
        """Both protocols on one port, which may have to be looked for."""
        for _ in range(50):
            self.tcp = _TcpServer((address, port), _Tcp)
            try:
                self.udp = _UdpServer((address, self.tcp.server_address[1]), _Udp)
                return
            except OSError:
                self.tcp.server_close()
                if port:
                    raise
        raise OSError(f"no port of {address} is free for both UDP and TCP")

    def set(self, zone):
        """Another zone from now on."""
        self.zone = Zone(zone)

    def resolv_conf_text(self):
        return f"nameserver {self.address}@{self.port}\n"

    def count(self, name=None, rtype=None):
        """Questions so far, all or of a name, all or of a type."""
        name = name and name.rstrip(".").lower()
        with self.lock:
            return sum(n for (a, b), n in self.queries.items() if name in (None, a) and rtype in (None, b))

    def reply(self, wire, is_udp):
        try:
            query = dns.message.from_wire(wire)
            question = query.question[0]
        except Exception:
            return None
        zone, key = self.zone, (question.name.to_text(omit_final_dot=True).lower(),
                                dns.rdatatype.to_text(question.rdtype))
        with self.lock:
            self.queries[key] += 1
        mood = zone.mood(question.name, question.rdtype)
        reply = dns.message.make_response(query, recursion_available=True)
        if "DELAY" in mood:
            time.sleep(mood["DELAY"])
        if "DROP" in mood:
            return None
        if is_udp and "TRUNCATE" in mood:
            reply.flags |= dns.flags.TC
            return reply.to_wire()
        for word, rcode in RCODES.items():
            if word in mood:
                reply.set_rcode(rcode)
                return reply.to_wire()
        zone.answer(reply, question.name, question.rdtype)
        return reply.to_wire(max_size=65535)

    def close(self):
        for server in (self.udp, self.tcp):
            server.shutdown()
            server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def lab_server(path, address, zone, **more):
    """For the lab: a server whose `resolv_conf` names the file (`path`) that leads to it."""
    server = DnsServer(zone, address, **more)
    path.write_text(server.resolv_conf_text())
    server.resolv_conf = str(path)
    return server


def _host_port(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def main():
    parser = argparse.ArgumentParser(description="name server for tests, on loopback")
    parser.add_argument("--listen", default="127.0.0.1:0", help="ADDRESS:PORT, port 0: any")
    parser.add_argument("zonefile", help="see the head of this file; - is standard input")
    args = parser.parse_args()

    def text():
        if args.zonefile == "-":
            return sys.stdin.read()
        with open(args.zonefile, encoding="utf-8") as file:
            return file.read()

    address, port = _host_port(args.listen)
    server = DnsServer(text(), address, port)
    print(f"listening on {server.address}:{server.port}", flush=True)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT})
    while True:
        got = signal.sigwait({signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT})
        if got == signal.SIGHUP and args.zonefile != "-":
            server.set(text())
            print("zone read", flush=True)
        elif got == signal.SIGUSR1:
            for (name, rtype), n in sorted(server.queries.items()):
                print(f"query {name} {rtype} {n}", flush=True)
            print("end of counts", flush=True)
        else:
            server.close()
            return


if __name__ == "__main__":
    main()
