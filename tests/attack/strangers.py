# SPDX-License-Identifier: GPL-2.0-only
"""Hundreds of cookies, for strangers with real addresses.

Theory of operation: SYNs are sent through a packet socket, from addresses that
no kernel owns and that the server reaches through the client; each SYN-ACK that
comes back becomes a Cookie, which has all that an ACK needs.
"""
import random
import select
import socket
import struct
import time
from dataclasses import dataclass

import forms
from slack import slack

STAMPS = "!BBBBII"


@dataclass
class Cookie:
    src: str
    sport: int
    seq: int
    ack: int
    tsecr: int = 0  # 0: without timestamps

    def packet(self, bed, flags=forms.ACK, data=b"", ident=1, **kwargs):
        options = struct.pack(STAMPS, 1, 1, 8, 10, 2000, self.tsecr) \
            if self.tsecr else b""
        return bed.packet(self.src, self.sport, 80, self.seq, self.ack, flags,
                          options, data, ident=ident, **kwargs)


def addresses(v6, count):
    """In one /64, or one /24."""
    return [f"2001:db8:77::{i:x}" if v6 else f"198.51.100.{i}"
            for i in range(1, count + 1)]


def _synack(frame, v6):
    """(address, port, seq, TSval) of a SYN-ACK, or None."""
    l3, l4 = 14, 54 if v6 else 34
    if len(frame) < l4 + 20 or frame[12:14] != \
            struct.pack("!H", forms.IPV6 if v6 else forms.IPV4):
        return None
    if frame[l3 + 6 if v6 else l3 + 9] != forms.TCP or \
            frame[l4 + 13] & 0x12 != 0x12:
        return None
    dst = frame[l3 + 24:l3 + 40] if v6 else frame[l3 + 16:l3 + 20]
    port, seq = struct.unpack_from("!HI", frame, l4 + 2)
    end, i, stamp = l4 + (frame[l4 + 12] >> 4) * 4, l4 + 20, 0
    while i + 10 <= end and frame[i]:
        if frame[i] == 8:
            stamp, = struct.unpack_from("!I", frame, i + 2)
            break
        i += 1 if frame[i] == 1 else max(2, frame[i + 1])
    return socket.inet_ntop(socket.AF_INET6 if v6 else socket.AF_INET,
                            dst), port, seq, stamp


def cookies(bed, tuples):
    """A Cookie for each (address, port), except those whose answer was lost;
    at least half must be there."""
    env, isns, found = bed.env, {}, []
    with env.client.inside():
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    with s:
        s.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
        s.bind((env.client.iface, 3))
        for i, (src, port) in enumerate(tuples):
            isns[src, port] = isn = random.getrandbits(32)
            packet = bed.packet(src, port, 80, isn, options=forms.OFFER)
            bed.send(s, forms.ip(packet)[0])
            if i % 64 == 63:
                time.sleep(0.002)
        end = time.monotonic() + slack(2)
        while len(found) < len(isns) and time.monotonic() < end:
            if not select.select([s], [], [], 0.2)[0]:
                break
            frame, address = s.recvfrom(65535)
            got = _synack(frame, bed.v6)
            if address[2] == 4 or not got or got[:2] not in isns:
                continue
            found.append(Cookie(got[0], got[1], isns[got[:2]] + 1, got[2] + 1,
                                got[3]))
    assert len(found) >= len(isns) / 2, f"test set-up: {len(found)} " \
        f"SYN-ACKs for {len(isns)} SYNs"
    return found
