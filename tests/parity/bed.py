# SPDX-License-Identifier: GPL-2.0-only
"""A column of the comparison, and what a trial finds in it.

Theory of operation: a Column is a client and a server in their own namespaces
(tests/lib/netenv.py): plain, with kernel cookies for all, or with Synkeeper. It
serves many trials, so each gets a Bed with a port and client addresses that no
other one has had, and what the trial sets up is undone behind it. Trials look
from the client's side: what connect() said, which segments came. They must not
care which column they are in; only listen() and learned() do.

Segments are not merged by any offload, so that their sizes are those of the
wire.
"""
import contextlib
import errno
import itertools
import random
import select
import socket
import struct
import sys
import os
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
import sockets  # noqa: E402
import wire  # noqa: E402
from namespace import wait_for  # noqa: E402
from netenv import Env  # noqa: E402
from session_stats import reasons, service  # noqa: E402
from slack import slack  # noqa: E402

PLAIN, KERNEL, SYNKEEPER = COLUMNS = "plain", "kernel", "synkeeper"
SILENCE = slack(0.5)  # who has no answer until then gets none
LEARN_S = slack(1.2)  # for the daemon to notice what the host has changed
ETH_P_ALL, OUTGOING, RCVBUFFORCE = 3, 4, 33
DIRECTOR = "02:00:00:00:00:0d"  # a MAC that is nobody's way back
WORDS = {errno.ECONNREFUSED: "refused", errno.ECONNRESET: "reset",
         errno.EPIPE: "reset", errno.EHOSTUNREACH: "unreachable",
         errno.ENETUNREACH: "unreachable", errno.EACCES: "unreachable",
         errno.ETIMEDOUT: "timed out"}


def word(error):
    """What an OSError tells a client, in a word."""
    if isinstance(error, TimeoutError):
        return "timed out"
    return WORDS.get(error.errno) or errno.errorcode.get(error.errno) or \
        repr(error)


class Column:
    def __init__(self, name):
        self.name = name
        self.env = Env()
        self.ports = itertools.count(8001)
        self.hosts = itertools.count(10)
        self.daemon = None
        self.shared = {}  # beds that serve several trials, by family

    def __enter__(self):
        self.env.__enter__()
        try:
            self._open()
        except BaseException:
            self.env.close()
            raise
        return self

    def __exit__(self, *_):
        for bed in self.shared.values():
            bed.__exit__()
        self.env.close()

    def _open(self):
        env = self.env
        env.xdp(env.client, "pass")
        for ns in (env.client, env.server):
            ns.run(["ethtool", "-K", ns.iface, "tso", "off", "gso", "off",
                    "gro", "off"])
        # the same in all columns; the limits are no part of any trial
        env.server.run(["sysctl", "-qw", "net.ipv4.icmp_ratelimit=0",
                        "net.ipv6.icmp.ratelimit=0",
                        "net.ipv4.tcp_invalid_ratelimit=0",
                        "net.ipv4.tcp_no_metrics_save=1"])
        if self.name == KERNEL:
            env.server.sysctl("net.ipv4.tcp_syncookies", 2)
        if self.name == SYNKEEPER:
            self.daemon = env.synkeeperd(services=("*:9",))

    def protect(self, port, armed=True):
        """In Synkeeper's column: the port becomes a service, and the trial goes
        on when its SYNs are answered with cookies."""
        if self.name != SYNKEEPER:
            return
        listen = f"*:{port}"
        self.env.synkeeper("service", "add", listen)
        if armed:
            wait_for(lambda: service(self.env, listen)["armed"], 3,
                     f"{listen} to be armed")

    def leave(self, port):
        if self.name == SYNKEEPER:
            self.env.synkeeper("service", "del", f"*:{port}")


class Sniffer:
    """TCP segments at the client's interface, in both directions."""

    def __init__(self, bed):
        self.port = bed.port
        with bed.client.inside():
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                      socket.htons(ETH_P_ALL))
        self.sock.setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, 8 << 20)
        self.sock.bind((bed.client.iface, ETH_P_ALL))
        self.seen = []

    def look(self):
        """All segments of the trial's port so far."""
        while select.select([self.sock], [], [], 0)[0]:
            data, address = self.sock.recvfrom(65535)
            segment = wire.read(data, address[2] == OUTGOING)
            if segment and self.port in (segment.sport, segment.dport):
                self.seen.append(segment)
        return self.seen

    def of_server(self, flags=""):
        """Those of the server that have all these flags."""
        return [s for s in self.look() if not s.out and
                set(flags) <= set(s.flags)]

    def of_client(self):
        return [s for s in self.look() if s.out]

    def synack(self):
        """The latest SYN-ACK."""
        found = self.of_server("SA")
        assert found, "expected a SYN-ACK at the client, saw none"
        return found[-1]


class Bed:
    """What one trial gets. @want: what it returned in the plain column."""

    def __init__(self, column, v6, want=None):
        self.column = column
        self.env = column.env
        self.client, self.server = self.env.client, self.env.server
        self.v6 = v6
        self.want = want
        self.port = next(column.ports)
        self.address = self.server.ip6 if v6 else self.server.ip4
        self.bits = 128 if v6 else 32
        self._undo = contextlib.ExitStack()
        self._source = self._hand = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._undo.close()

    def undo(self, function, *args, **kwargs):
        """Calls it when the trial has ended, the latest first."""
        self._undo.callback(function, *args, **kwargs)

    def keep(self, thing):
        """Closes it when the trial has ended."""
        self.undo(thing.close)
        return thing

    # -- the server's side

    def listen(self, *options, backlog=128, port=None, address=None,
               armed=True, before=None):
        """A listener of the trial's family with these socket options, each
        (level, name, value), and a service. @before: gets the socket first."""
        port = port or self.port
        with self.server.inside():
            s = self.keep(socket.socket(
                socket.AF_INET6 if self.v6 else socket.AF_INET))
        s.settimeout(slack(3))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.v6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for o in options:
            s.setsockopt(*o)
        if before:
            before(s)
        s.bind((address or ("::" if self.v6 else "0.0.0.0"), port))
        s.listen(backlog)
        self.protect(port, armed)
        return s

    def protect(self, port, armed=True):
        """Makes the port a service; @armed: SYNs are answered with cookies
        from now on, which a service that is armed proves by answering one."""
        self.column.protect(port, armed)
        self.undo(self.column.leave, port)
        if armed and self.column.name == SYNKEEPER:
            wait_for(lambda: self._cookie(port), 3,
                     f"a SYN to port {port} to be answered with a cookie")

    def _cookie(self, port):
        talk = self.hand().talk(port)
        if talk.syn(ttl=255):
            talk.send("R")  # from a listener, if it was not a cookie
        return reasons(self.env, f"*:{port}").get("answered")

    def echo(self, *options, **kwargs):
        """The same, and whoever connects gets back what he sends."""
        listener = self.listen(*options, **kwargs)
        return sockets.Server(listener)

    def learned(self, measure):
        """measure(), as soon as the host's change that it depends on can have
        been noticed."""
        end = time.monotonic() + LEARN_S
        while True:
            got = measure()
            if self.column.name != SYNKEEPER or got == self.want or \
                    time.monotonic() > end:
                return got
            time.sleep(slack(0.05))

    def sysctl(self, key, value, ns=None):
        ns = ns or self.server
        old = ns.sysctl(key, value)
        self.undo(ns.sysctl, key, old)

    def nft(self, text, ns=None):
        """Adds an inet table of the trial's own. In @text, SOURCE and TARGET
        stand for matches of the client's address, PORT for the trial's, ICMP
        for the family's."""
        ns = ns or self.server
        name = f"trial{self.port}"
        ip, source = ("ip6" if self.v6 else "ip"), self.source()
        text = text.replace("SOURCE", f"{ip} saddr {source}") \
            .replace("TARGET", f"{ip} daddr {source}") \
            .replace("PORT", str(self.port)) \
            .replace("ICMP", "icmpv6" if self.v6 else "icmp")
        ns.run(["nft", "-f", "-"], input=f"table inet {name} {{\n{text}\n}}\n")
        self.undo(ns.run, ["nft", "delete", "table", "inet", name])

    def route(self, *words, table="main", kind="unicast"):
        """Adds routes of the server's to the trial's clients."""
        family = "-6" if self.v6 else "-4"
        device = ["dev", self.server.iface] if kind == "unicast" else []
        for address in (self.source(), self.hand().ip):
            where = [kind, f"{address}/{self.bits}", "table", table]
            self.server.ip(family, "route", "add", *where, *device,
                           *map(str, words))
            self.undo(self.server.run, ["ip", family, "route", "del", *where])

    # -- the client's side

    def source(self):
        """An address of the trial's own, of the client's kernel."""
        if not self._source:
            n = next(self.column.hosts)
            assert n < 250, "too many trials for one network"
            self._source = f"2001:db8::{n}" if self.v6 else f"192.0.2.{n}"
            self.client.ip("addr", "add", f"{self._source}/{self.bits}", "dev",
                           self.client.iface, *(["nodad"] if self.v6 else []))
        return self._source

    def connect(self, *options, port=None, timeout=None, address=None,
                sport=0, wait=True):
        """A connection from the trial's address; OSError if it fails. @wait:
        or only begins to connect."""
        with self.client.inside():
            s = self.keep(socket.socket(
                socket.AF_INET6 if self.v6 else socket.AF_INET))
        s.settimeout(timeout or slack(2))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for o in options:
            s.setsockopt(*o)
        s.bind((self.source(), sport))
        to = (address or self.address, port or self.port)
        if wait:
            s.connect(to)
        else:
            s.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                s.connect(to)
        return s

    def attempt(self, *options, **kwargs):
        """What connect() says, in a word."""
        try:
            self.connect(*options, timeout=SILENCE, **kwargs)
            return "connected"
        except OSError as e:
            return word(e)

    def served(self, *options, **kwargs):
        """What happens to a client of echo(), in a few words."""
        try:
            s = self.connect(*options, timeout=SILENCE, **kwargs)
        except OSError as e:
            return word(e)
        try:
            s.sendall(b"ping")
            got = s.recv(4)
            return "served" if got == b"ping" else "connected, then closed"
        except TimeoutError:
            return "connected, then silence"
        except OSError as e:
            return f"connected, then {word(e)}"

    def sniff(self):
        sniffer = Sniffer(self)
        self.undo(sniffer.sock.close)
        return sniffer

    def hand(self):
        """The hand-made client, one per trial."""
        if not self._hand:
            self._hand = Hand(self)
        return self._hand

    def shared_hand(self):
        """The hand-made client, with a listener, of all trials that only send
        SYNs."""
        shared = self.column.shared.get(self.v6)
        if not shared:
            shared = Bed(self.column, self.v6)
            shared.listen(backlog=1024)
            self.column.shared[self.v6] = shared
        return shared.hand()


class Hand:
    """A hand-made client: an address that no kernel owns, and that the server
    reaches through a static neighbour entry."""

    def __init__(self, bed, address=None, lladdr=None):
        self.bed = bed
        self.ip = address or self._new_address(bed)
        self.src, self.dst = wire.pack(self.ip), wire.pack(bed.address)
        self.macs = wire.mac_bytes(bed.server.mac + bed.client.mac)
        if not address:
            bed.server.ip("neigh", "replace", self.ip, "lladdr",
                          lladdr or bed.client.mac, "dev", bed.server.iface,
                          "nud", "permanent")
        with bed.client.inside():
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                      socket.htons(ETH_P_ALL))
        bed.undo(self.sock.close)
        self.sock.setsockopt(socket.SOL_SOCKET, RCVBUFFORCE, 8 << 20)
        self.sock.bind((bed.client.iface, ETH_P_ALL))
        self._pings = itertools.count(1)

    @staticmethod
    def _new_address(bed):
        n = next(bed.column.hosts)
        assert n < 250, "too many trials for one network"
        return f"2001:db8::{n}" if bed.v6 else f"192.0.2.{n}"

    def use(self, address):
        """Sends from that address from now on, and listens for it."""
        self.ip, self.src = address, wire.pack(address)

    def talk(self, port=None, sport=None, isn=None, to=None):
        return Talk(self, port or self.bed.port,
                    sport or random.randrange(20000, 60000),
                    random.getrandbits(32) if isn is None else isn,
                    wire.pack(to) if to else self.dst)

    def put(self, segment, dst=None, src_mac=None, **fields):
        macs = self.macs
        if src_mac:
            macs = macs[:6] + wire.mac_bytes(src_mac)
        self.sock.send(wire.frame(macs, self.src, dst or self.dst, segment,
                                  **fields))

    def frames(self, timeout):
        """Frames from the server until none has come for that long."""
        while select.select([self.sock], [], [], timeout)[0]:
            data, address = self.sock.recvfrom(65535)
            if address[2] != OUTGOING:
                yield data

    def _ping(self):
        """Sends an echo request; how the reply begins, without its sum."""
        n = struct.pack("!HH", 7, next(self._pings))
        v6 = self.bed.v6
        kind, protocol = (128, 58) if v6 else (8, 1)
        pseudo = self.src + self.dst + struct.pack("!II", 8, protocol)
        body = struct.pack("!BBH", kind, 0, 0) + n
        value = wire.checksum((pseudo if v6 else b"") + body)
        body = body[:2] + struct.pack("!H", value) + n
        self.sock.send(wire.frame(self.macs, self.src, self.dst, body,
                                  protocol=protocol))
        return bytes([129 if v6 else 0, 0]) + n

    def came(self):
        """All segments to this address that were sent until now: the server's
        kernel answers echo requests in order."""
        found = []
        for _ in range(2):  # XDP_TX transmits at the end of its batch
            reply = self._ping()
            at = 54 if self.bed.v6 else 34
            for data in self.frames(slack(3)):
                segment = wire.read(data)
                if segment and wire.pack(segment.dst) == self.src:
                    found.append(segment)
                if data[at:at + 2] + data[at + 4:at + 8] == reply:
                    break
            else:
                raise AssertionError("expected an echo reply, none came")
        return found


class Talk:
    """One tuple of a Hand. seq and ack are what send() uses next."""

    def __init__(self, hand, port, sport, isn, dst):
        self.hand = hand
        self.port, self.sport, self.isn, self.dst = port, sport, isn, dst
        self.seq, self.ack = isn, 0
        self.options = b""
        self.synack = None

    def send(self, flags, data=b"", options=None, seq=None, ack=None,
             window=64240, urgent=0, **fields):
        """One segment; @fields: the IP header's and src_mac."""
        segment = wire.tcp(
            self.hand.src, self.dst, self.sport, self.port, flags,
            self.seq if seq is None else seq,
            (self.ack if "A" in flags else 0) if ack is None else ack,
            self.options if options is None else options, data, window,
            urgent)
        self.hand.put(segment, self.dst, **fields)

    def _mine(self, segments):
        return [s for s in segments if s.sport == self.port and
                s.dport == self.sport]

    def came(self):
        """The answers to what has been sent so far."""
        return self._mine(self.hand.came())

    def next(self, flags="", timeout=1):
        """The next segment that has these flags, or None: for what the server
        sends in its own time."""
        end = time.monotonic() + slack(timeout)
        while (left := end - time.monotonic()) > 0:
            for data in self.hand.frames(left):
                segment = wire.read(data)
                if segment and self._mine([segment]) and \
                        wire.pack(segment.dst) == self.hand.src and \
                        set(flags) <= set(segment.flags):
                    return segment
                if time.monotonic() > end:
                    break
        return None

    def syn(self, options=wire.LINUX, flags="S", **kwargs):
        """Sends a SYN. The SYN-ACK, or None; next comes the ACK."""
        self.send(flags, options=options, seq=self.isn, **kwargs)
        found = [s for s in self.came() if set("SA") <= set(s.flags)]
        if found:
            self.took(found[-1])
        return self.synack

    def took(self, synack):
        self.synack = synack
        self.seq, self.ack = self.isn + 1, synack.seq + 1
        if synack.stamps():
            self.options = wire.NOPS * 2 + wire.stamps(1001, synack.stamps()[0])

    def open(self, options=wire.LINUX, **kwargs):
        """The whole handshake."""
        assert self.syn(options, **kwargs), \
            "expected an answer to the SYN, none came"
        self.send("A")
        return self

    def say(self, data, flags="PA", **kwargs):
        """Sends data. Whether the server acknowledged it."""
        self.send(flags, data, **kwargs)
        self.seq = self.seq + len(data)
        want = self.seq & 0xffffffff
        while segment := self.next("A"):
            if segment.ack == want:
                self.ack = max(self.ack, segment.seq + len(segment.data))
                return True
        return False
