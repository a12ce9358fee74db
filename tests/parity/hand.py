# SPDX-License-Identifier: GPL-2.0-only
"""A client made by hand.

Theory of operation: a Hand has an address that no kernel owns, so no kernel
answers for it; a Talk is one of its tuples. What the server sends at once has
come when it has answered an echo request (came()); for the rest, next() waits.
"""
import itertools
import random
import select
import socket
import struct
import time

import wire
from slack import slack

ETH_P_ALL, OUTGOING, RCVBUFFORCE = 3, 4, 33


class Hand:
    """@address: by default one of its own, with a static neighbour entry at the
    server: @lladdr, or the client's."""

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
        self.clock = 1000  # TSval of the SYN
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
            self.options = wire.NOPS * 2 + wire.stamps(self.clock + 1,
                                                        synack.stamps()[0])

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
