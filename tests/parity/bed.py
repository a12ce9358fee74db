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
import select
import socket
import sys
import os
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
import sockets  # noqa: E402
import wire  # noqa: E402
from hand import ETH_P_ALL, OUTGOING, RCVBUFFORCE, Hand  # noqa: E402
from namespace import wait_for  # noqa: E402
from netenv import Env  # noqa: E402
from session_stats import reasons, service  # noqa: E402
from slack import slack  # noqa: E402

PLAIN, KERNEL, SYNKEEPER = COLUMNS = "plain", "kernel", "synkeeper"
SILENCE = slack(0.5)  # who has no answer until then gets none
LEARN_S = slack(1.2)  # for the daemon to notice what the host has changed
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


def looks_served(client):
    try:
        return client.recv(4) == b"ping"
    except OSError:
        return False


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
        for address in (env.server.ip4, env.server.ip6):
            env.client.ip("neigh", "replace", address, "lladdr",
                          env.server.mac, "dev", env.client.iface, "nud",
                          "permanent")
        if self.name == KERNEL:
            env.server.sysctl("net.ipv4.tcp_syncookies", 2)
        if self.name == SYNKEEPER:
            self.daemon = env.synkeeperd(services=("*:9",))

    def protect(self, port, armed=True):
        """In Synkeeper's column: the port becomes a service. @armed: it must be
        armed then; None: it may be."""
        if self.name != SYNKEEPER:
            return
        listen = f"*:{port}"
        self.env.synkeeper("service", "add", listen)
        with contextlib.suppress(*[AssertionError] * (not armed)):
            wait_for(lambda: armed is False or
                     service(self.env, listen)["armed"], 3 if armed else 0.5,
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
        s = self._listener(options, backlog, port, address, before)
        self.protect(port, armed)
        return s

    def bare(self, port):
        """A listener that is no service."""
        return self._listener((), 128, port, None, None)

    def _listener(self, options, backlog, port, address, before):
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
        return s

    def protect(self, port, armed=True):
        """Makes the port a service; @armed: its SYNs are answered with cookies
        from now on, which it proves by answering one; None: perhaps."""
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

    def settled(self, client):
        """The socket of @client's connection can have been noticed."""
        if self.column.name == SYNKEEPER:
            source = client.getsockname()[1]
            wait_for(lambda: self.env.json("session", "list", "sport",
                                           str(source), "state",
                                           "established"), 4,
                     f"the session from port {source} to be established")

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

    def source(self, known=True):
        """An address of the trial's own, of the client's kernel; @known: the
        server need not ask for its MAC."""
        if not self._source:
            n = next(self.column.hosts)
            assert n < 250, "too many trials for one network"
            self._source = f"2001:db8::{n}" if self.v6 else f"192.0.2.{n}"
            self.client.ip("addr", "add", f"{self._source}/{self.bits}", "dev",
                           self.client.iface, *(["nodad"] if self.v6 else []))
            if known:
                self.server.ip("neigh", "replace", self._source, "lladdr",
                               self.client.mac, "dev", self.server.iface,
                               "nud", "permanent")
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
        said, _ = self._attempt(*options, **kwargs)
        return said

    def _attempt(self, *options, **kwargs):
        """The word, and the socket if it is connected."""
        s = self.connect(*options, wait=False, **kwargs)
        ready = select.select([], [s], [], SILENCE)[1]
        # an ICMP error may only be noted, see tcp_v4_err()
        error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            return word(OSError(error, "")), None
        s.settimeout(SILENCE)
        return ("connected", s) if ready else ("timed out", None)

    def served(self, *options, **kwargs):
        """What happens to a client of echo(), in a few words."""
        said, s = self._attempt(*options, **kwargs)
        if not s:
            return said
        try:
            s.sendall(b"ping")
            got = s.recv(4)
            return "served" if got == b"ping" else "connected, then closed"
        except OSError as e:
            noted = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            said = word(OSError(noted, "") if noted else e)
        # when it learns that depends on who is faster
        return said if said in ("unreachable", "reset") else \
            "connected, then " + said.replace("timed out", "silence")

    def several(self, n, *options):
        """How many of @n clients of echo() that come at once are served."""
        poll, served = select.poll(), 0
        clients = {}
        for _ in range(n):
            c = self.connect(*options, wait=False)
            clients[c.fileno()] = c
            poll.register(c, select.POLLOUT)
        end = time.monotonic() + SILENCE
        while clients and (left := end - time.monotonic()) > 0:
            for fd, event in poll.poll(left * 1000):
                if event & select.POLLOUT and not event & select.POLLERR:
                    with contextlib.suppress(OSError):
                        clients[fd].sendall(b"ping")
                        poll.modify(fd, select.POLLIN)
                        continue
                served += not event & select.POLLERR and \
                    looks_served(clients[fd])
                poll.unregister(fd)
                del clients[fd]
        return served

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
