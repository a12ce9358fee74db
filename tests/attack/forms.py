# SPDX-License-Identifier: GPL-2.0-only
"""TCP segments in frames of every form, byte by byte.

Theory of operation: a Packet is a segment with its addresses; a Form makes
frames of it, from which the kernel accepts the segment (`taken`) or does not.
The kernel behaviour behind it: IP fragments are reassembled whatever their
size, in IPv6 if the first has a complete TCP header; extension headers are
walked to the end, except for a second fragment header; tags of VLAN 0 are
removed, however many; a payload length of 0 means the frame's length if a
hop-by-hop header follows.
"""
import socket
import struct
from dataclasses import dataclass
from typing import Callable

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
IPV4, IPV6, CTAG, STAG = 0x0800, 0x86dd, 0x8100, 0x88a8
HOP, ROUTING, FRAGMENT, DESTINATION, TCP = 0, 43, 44, 60, 6
OFFER = bytes.fromhex("020405b40402080a000003e80000000001030307")
EXTENSION = b"\0\1\4\0\0\0\0"  # after the next header's type: 4 bytes of PadN


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pack(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else
                            socket.AF_INET, address)


@dataclass
class Packet:
    """addresses are packed; @macs: 12 bytes, as in a frame"""
    macs: bytes
    src: bytes
    dst: bytes
    tcp: bytes
    ident: int = 1

    @property
    def v6(self):
        return len(self.src) == 16


def segment(src, dst, sport, dport, seq=0, ack=0, flags=SYN, options=b"",
            data=b"", wrong=False):
    """A TCP segment; @wrong: with a wrong checksum."""
    options += b"\1" * (-len(options) % 4)
    words = 5 + len(options) // 4
    body = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff,
                       ack & 0xffffffff, words << 4, flags, 64240, 0,
                       0) + options + data
    pseudo = src + dst + (struct.pack("!II", len(body), TCP)
                          if len(src) == 16 else
                          struct.pack("!HH", TCP, len(body)))
    value = checksum(pseudo + body) ^ (0x5555 if wrong else 0)
    return body[:16] + struct.pack("!H", value) + body[18:]


def ether(p, body, tags=()):
    types = [*tags, IPV6 if p.v6 else IPV4]
    return p.macs + struct.pack("!H", types[0]) + b"".join(
        struct.pack("!HH", 0, t) for t in types[1:]) + body


def ipv4(p, payload, word=0x4000, options=b"", wrong=0):
    """@word: DF, or MF and the offset; @wrong: added to the checksum."""
    head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0,
                       20 + len(options) + len(payload), p.ident & 0xffff,
                       word, 64, TCP, 0) + p.src + p.dst + options
    return head[:10] + struct.pack("!H", checksum(head) ^ wrong) + \
        head[12:] + payload


def ipv6(p, payload, extensions=(), length=None, last=TCP):
    """@extensions: (type, what follows the next header's type)"""
    types = [e[0] for e in extensions] + [last]
    body = b"".join(bytes([types[i + 1]]) + e[1]
                    for i, e in enumerate(extensions)) + payload
    return struct.pack("!IHBB", 6 << 28, len(body) if length is None else
                       length, types[0], 64) + p.src + p.dst + body


def ip(p, tags=()):
    """The usual form."""
    return [ether(p, (ipv6 if p.v6 else ipv4)(p, p.tcp), tags)]


# -- forms

def tagged(*tags):
    return lambda p: ip(p, tags)


def cut(data, ends, alone):
    """(first byte, bytes, more fragments flag)"""
    ends = [e for e in ends if e < len(data)] + [len(data)]
    parts = [(begin, data[begin:end], end < len(data) or alone)
             for begin, end in zip([0, *ends], ends)]
    return parts[:1] if alone else parts


def fragments4(*ends, order=1, alone=False):
    """IPv4 fragments that end at these bytes, and the rest; @alone: only the
    first of them."""
    def build(p):
        return [ether(p, ipv4(p, part, begin // 8 | (0x2000 if more else 0)))
                for begin, part, more in cut(p.tcp, ends, alone)][::order]
    return build


def fragments6(end, before=(), inside=()):
    """The same for IPv6, with extension headers before the fragment header,
    and after it, where they are fragmented with the rest."""
    def build(p):
        types = [e[0] for e in inside] + [TCP]
        whole = b"".join(bytes([types[i + 1]]) + e[1]
                         for i, e in enumerate(inside)) + p.tcp
        return [ether(p, ipv6(p, part, [*before, (FRAGMENT, struct.pack(
            "!BHI", 0, begin | more, p.ident))], last=types[0]))
            for begin, part, more in cut(whole, [end], False)]
    return build


def headed(**fields):
    return lambda p: [ether(p, ipv4(p, p.tcp, **fields))]


def unfinished(*inside):
    """A first fragment with everything in it, and no further ones."""
    head = struct.pack("!BHI", 0, 1, 7)
    return lambda p: [ether(p, ipv6(p, p.tcp, [(FRAGMENT, head), *inside])
                            if p.v6 else ipv4(p, p.tcp, 0x2000))]


def extended(*extensions, length=None):
    return lambda p: [ether(p, ipv6(p, p.tcp, extensions, length))]


def options(size):
    """A destination header of @n bytes, of unknown options that the kernel
    skips; it accepts at most eight."""
    left, body = size - 2, b""
    while left:
        n = min(left, 257)
        n -= left - n == 1  # an option has at least two bytes
        body += bytes([0x1e, n - 2]) + b"\xaa" * (n - 2)
        left -= n
    return DESTINATION, bytes([size // 8 - 1]) + body


def snap(p):
    body = b"\xaa\xaa\x03\0\0\0" + struct.pack("!H", IPV4) + ipv4(p, p.tcp)
    return [p.macs + struct.pack("!H", len(body)) + body]


PADDED = DESTINATION, EXTENSION
HOPS = HOP, EXTENSION
ROUTE0 = ROUTING, b"\0\0\0\0\0\0\0"  # type 0, no segment left
ATOMIC = FRAGMENT, b"\0\0\0\0\0\0\7"


@dataclass
class Form:
    name: str
    v6: bool
    build: Callable
    taken: bool = True  # by the kernel without XDP
    mtu: int = 1500


def _forms():
    for n in (8, 16, 24):
        yield Form(f"first fragment of {n} bytes", False, fragments4(n))
        yield Form(f"first fragment of {n} bytes alone", False,
                   fragments4(n, alone=True), False)
    yield Form("first fragment of 8 bytes, last", False,
               fragments4(8, order=-1))
    yield Form("fragments of 8 bytes", False, fragments4(8, 16, 24, 32))
    yield Form("40 bytes of options", False, headed(options=b"\1" * 40))
    yield Form("an unfinished fragment", False, unfinished(), False)
    yield Form("wrong IPv4 checksum", False, headed(wrong=0x5555), False)
    yield Form("malformed IPv4 options", False,
               headed(options=b"\x44\3\5\0"), False)
    yield Form("source route", False,
               headed(options=b"\x83\7\4\xc0\0\2\1\0"), False)
    yield Form("SNAP", False, snap, False)
    for n in (1, 9, 12, 100):
        yield Form(f"{n} extension header{'s' * (n > 1)}", True,
                   extended(*[PADDED] * n))
    yield Form("9 routing headers", True, extended(*[ROUTE0] * 9))
    yield Form("9 fragment headers", True, extended(*[ATOMIC] * 9), False)
    yield Form("hop-by-hop, payload length 0", True,
               extended(HOPS, length=0))
    yield Form("hop-by-hop and 9 headers, payload length 0", True,
               extended(HOPS, *[PADDED] * 9, length=0))
    yield Form("1,400 bytes of options", True, extended(options(1400)))
    yield Form("4,096 bytes of options", True,
               extended(options(2048), options(2048)), mtu=9000)
    for n in (8, 16, 24):
        yield Form(f"first fragment of {n} bytes, IPv6", True, fragments6(n),
                   n == 24)
    yield Form("headers in the first fragment, TCP in the next", True,
               fragments6(16, inside=[PADDED] * 2), False)
    yield Form("a fragment header in an atomic one", True,
               fragments6(24, before=[ATOMIC]), False)
    yield Form("an atomic fragment header in a fragment", True,
               fragments6(32, inside=[ATOMIC]), False)
    yield Form("9 headers in fragments", True,
               fragments6(96, inside=[PADDED] * 9))
    yield Form("an unfinished fragment, IPv6", True, unfinished(), False)
    yield Form("an atomic fragment header in an unfinished one", True,
               unfinished(ATOMIC), False)
    yield Form("an option to discard for", True,
               extended((DESTINATION, b"\0\x5e\4\0\0\0\0")), False)
    yield Form("a segment left", True,
               extended((ROUTING, b"\2\0\1" + b"\0" * 20)), False)
    for v6 in (False, True):
        name = f", IPv{6 if v6 else 4}"
        for n in (1, 2, 3, 4, 9):
            yield Form(f"{n} tag{'s' * (n > 1)} of VLAN 0{name}", v6,
                       tagged(*[CTAG] * n))
        yield Form(f"service tag outside of two{name}", v6,
                   tagged(STAG, CTAG, CTAG))
        yield Form(f"3 service tags{name}", v6, tagged(*[STAG] * 3))


FORMS = list(_forms())
