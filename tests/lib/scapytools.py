# SPDX-License-Identifier: GPL-2.0-only
"""A hand-made TCP peer on the client's veth, with scapy.

Theory of operation: a Peer has an address that no kernel owns (192.0.2.77,
2001:db8::77), so no kernel resets its connections. The server reaches it
through a static neighbour entry. A Flow is one 4-tuple: send() builds a segment
from the next sequence numbers, recv() returns the next answer to it. What the
server's kernel sends has partial checksums (veth), what Synkeeper sends has
complete ones; check_sums() checks only the latter.
"""
import itertools
import logging
import random
import select
import socket
import time

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
from scapy.layers.inet import ICMP, IP, TCP  # noqa: E402
from scapy.layers.inet6 import (  # noqa: E402
    ICMPv6EchoReply, ICMPv6EchoRequest, IPv6)
from scapy.layers.l2 import Ether  # noqa: E402

from slack import slack  # noqa: E402

ETH_P_ALL = 3
OUTGOING = 4  # PACKET_OUTGOING
SO_RCVBUFFORCE = 33  # good clients may fill the buffer between two reads

# the options of a SYN
LINUX = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1000, 0)),
         ("NOP", None), ("WScale", 7)]
WINDOWS = [("MSS", 1460), ("NOP", None), ("WScale", 8), ("NOP", None),
           ("NOP", None), ("SAckOK", b"")]


class Peer:
    """A hand-made host; `with Peer(env) as peer:`."""

    def __init__(self, env, v6=False, host=77, pair=None):
        """pair: another pair's interfaces (client's, server's) and the
        server's IPv4 address there."""
        self.env = env
        self.v6 = v6
        self.server_ip = env.server.ip6 if v6 else env.server.ip4
        self.macs = env.client.mac, env.server.mac
        ends = env.client.iface, env.server.iface
        if pair:
            *ends, self.server_ip = pair
            self.macs = env.client.mac_of(ends[0]), env.server.mac_of(ends[1])
        net = self.server_ip.rpartition(":" if v6 else ".")[0]
        self.use(f"{net}{':' if v6 else '.'}{host}", ends[1])
        with env.client.inside():
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                      socket.htons(ETH_P_ALL))
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self.sock.bind((ends[0], ETH_P_ALL))
        self._ports = itertools.count(random.randrange(20000, 30000))
        self._pings = itertools.count(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def use(self, ip, server_iface=None):
        """Changes the address to @ip, for which the server has an on-link
        route."""
        self.ip = ip
        self._ip_bytes = socket.inet_pton(
            socket.AF_INET6 if self.v6 else socket.AF_INET, ip)
        self.env.server.ip("neigh", "replace", ip, "lladdr", self.macs[0],
                           "dev", server_iface or self.env.server.iface,
                           "nud", "permanent")

    def ether(self):
        return Ether(src=self.macs[0], dst=self.macs[1])

    def ip_header(self, **fields):
        layer = IPv6 if self.v6 else IP
        return layer(**{"src": self.ip, "dst": self.server_ip, **fields})

    def send(self, packet):
        """Sends a scapy IP packet, or a complete frame."""
        if not isinstance(packet, Ether):
            packet = self.ether() / packet
        self.sock.send(bytes(packet))

    def recv(self, match, timeout, what):
        """The next frame to this address for which match(frame) is true."""
        end = time.monotonic() + slack(timeout)
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.sock], [], [], left)[0]:
                break
            data, address = self.sock.recvfrom(65535)
            if address[2] == OUTGOING or self._ip_bytes not in data:
                continue  # scapy is too slow beside good clients
            frame = Ether(data)
            ip = frame.getlayer(IPv6 if self.v6 else IP)
            if ip is not None and ip.dst == self.ip and match(frame):
                return frame
        raise AssertionError(f"{what}: expected within {timeout} s, "
                             "no matching frame came")

    def barrier(self):
        """Returns once everything sent before has been processed: the server's
        kernel answers echo requests in order."""
        for _ in range(2):  # XDP_TX transmits at the end of its batch
            n = next(self._pings)
            self.send(self.ip_header() / (ICMPv6EchoRequest(seq=n) if self.v6
                                          else ICMP(type=8, seq=n)))
            self.recv(lambda f, n=n: self._is_reply(f, n), 5, "an echo reply")

    def _is_reply(self, frame, n):
        if self.v6:
            return ICMPv6EchoReply in frame and frame[ICMPv6EchoReply].seq == n
        return ICMP in frame and frame[ICMP].type == 0 and frame[ICMP].seq == n

    def flow(self, port=80, sport=None, isn=None):
        return Flow(self, port, sport or next(self._ports),
                    random.getrandbits(32) if isn is None else isn)


class Flow:
    """One 4-tuple of a Peer. `seq` and `ack` are what send() uses next; `ts`
    is whether segments carry timestamps, `tsecr` what they echo."""

    def __init__(self, peer, port, sport, isn):
        self.peer = peer
        self.port = port
        self.sport = sport
        self.isn = isn
        self.seq = isn
        self.ack = 0
        self.ts = False
        self.tsecr = 0

    def segment(self, flags, data=b"", **fields):
        """A TCP segment; @fields override the flow's."""
        fields = {"seq": self.seq, "ack": self.ack if "A" in flags else 0,
                  "window": 64240, "options": self._options(), **fields}
        for key in ("seq", "ack"):
            fields[key] &= 0xffffffff
        return TCP(sport=self.sport, dport=self.port, flags=flags,
                   **fields) / data

    def _options(self):
        if not self.ts:
            return []
        return [("NOP", None), ("NOP", None),
                ("Timestamp", (2000, self.tsecr))]

    def send(self, flags, data=b"", ip=None, **fields):
        """Sends one segment. @ip: the headers below TCP; default: plain."""
        self.peer.send((ip or self.peer.ip_header()) /
                       self.segment(flags, data, **fields))

    def matches(self, frame):
        tcp = frame.getlayer(TCP)
        return tcp is not None and tcp.dport == self.sport and \
            tcp.sport == self.port

    def recv(self, what, flags=None, timeout=3):
        """The next segment of this flow; with @flags, the next with those."""
        frame = self.peer.recv(
            lambda f: self.matches(f) and
            (flags is None or set(str(f[TCP].flags)) == set(flags)),
            timeout, f"{what} ({flags or 'any segment'} to {self.peer.ip}:"
            f"{self.sport})")
        return frame

    def syn(self, options=(), flags="S", what="the answer to a SYN", data=b"",
            ip=None, timeout=3):
        """SYN and SYN-ACK; sets seq, ack and ts for the ACK. The SYN-ACK."""
        self.send(flags, data, ip, seq=self.isn, options=list(options))
        frame = self.recv(what, timeout=timeout)
        tcp = frame[TCP]
        assert set("SA") <= set(str(tcp.flags)), \
            f"{what}: expected SYN-ACK, got {tcp.flags}"
        assert tcp.ack == (self.isn + 1) & 0xffffffff, \
            f"{what}: expected ACK {(self.isn + 1) & 0xffffffff}, " \
            f"got {tcp.ack}"
        self.took(tcp)
        return frame

    def took(self, synack):
        """Takes over the numbers of a SYN-ACK."""
        self.seq = (self.isn + 1) & 0xffffffff
        self.ack = (synack.seq + 1) & 0xffffffff
        stamps = [v for name, v in synack.options if name == "Timestamp"]
        self.ts = bool(stamps)
        self.tsecr = stamps[0][0] if stamps else 0

    def open(self, options=()):
        """The whole handshake."""
        self.syn(options)
        self.send("A")

    def say(self, data, what="data"):
        """Sends data and waits for the kernel to acknowledge it."""
        self.send("PA", data)
        self.seq = (self.seq + len(data)) & 0xffffffff
        self.expect_ack(what)

    def expect_ack(self, what, timeout=3):
        """Waits until the server has acknowledged everything sent."""
        frame = self.peer.recv(
            lambda f: self.matches(f) and f[TCP].ack == self.seq and
            "A" in f[TCP].flags and "R" not in f[TCP].flags, timeout,
            f"{what}: ACK {self.seq} to {self.peer.ip}:{self.sport}")
        return frame

    def nothing_came(self, what, unless=lambda tcp: False):
        """Requires that nothing sent so far is answered."""
        seen = []

        def match(frame):
            if self.matches(frame) and not unless(frame[TCP]):
                seen.append(frame[TCP].summary())
            return False

        original = self.peer.recv
        # the barrier's own recv() sees the segments before it
        self.peer.recv = lambda m, t, w: original(
            lambda f: match(f) or m(f), t, w)
        try:
            self.peer.barrier()
        finally:
            self.peer.recv = original
        assert not seen, f"{what}: expected no answer, got {seen}"


def each_kind(env):
    """(name, peer, options): both families, with and without timestamps.
    test_options.py tests SYNs without any options."""
    for v6 in (False, True):
        with Peer(env, v6) as peer:
            for name, options in (("Linux", LINUX), ("Windows", WINDOWS),
                                  ("MSS only", [("MSS", 1460)])):
                yield f"IPv{6 if v6 else 4}, {name}", peer, options


def check_sums(frame, what):
    """Requires complete checksums, as in everything that Synkeeper sends."""
    again = Ether(bytes(frame))
    got = [again[TCP].chksum]
    if IP in again:
        got.append(again[IP].chksum)
        del again[IP].chksum
    del again[TCP].chksum
    again = Ether(bytes(again))
    want = [again[TCP].chksum] + ([again[IP].chksum] if IP in again else [])
    assert got == want, f"{what}: expected checksums {want}, got {got}"


def synack(peer, port=80, tos=0, timeout=3):
    """What listener, route, firewall and host show in a SYN-ACK."""
    header = peer.ip_header(**{"tc" if peer.v6 else "tos": tos})
    frame = peer.flow(port=port).syn(LINUX, ip=header, timeout=timeout)
    ip = frame[IPv6 if peer.v6 else IP]
    options = dict(frame[TCP].options)
    return {"hops": ip.hlim if peer.v6 else ip.ttl,
            "tos": ip.tc if peer.v6 else ip.tos,
            "mss": options["MSS"], "scale": options.get("WScale"),
            "window": frame[TCP].window}
