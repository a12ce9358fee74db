# SPDX-License-Identifier: GPL-2.0-only
"""TCP segments in frames, built and read byte by byte.

Theory of operation: what a client or a sniffer sees must be compared exactly,
odd option lists included, so options stay the bytes that were sent. Segment is
a frame that was read. shown() writes options as text, without what differs from
connection to connection: the timestamp's value.
"""
import socket
import struct
from dataclasses import dataclass

FLAGS = "FSRPAUECN"  # from the lowest bit; N is AE, once NS
IPV4, IPV6, TCP = 0x0800, 0x86dd, 6
EOL, NOP, MSS, WSCALE, SACKOK, SACK, TS, TFO = 0, 1, 2, 3, 4, 5, 8, 34


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def pack(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else
                            socket.AF_INET, address)


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def flag_bits(text):
    return sum(1 << FLAGS.index(c) for c in text)


def flag_text(bits):
    """In tcpdump's order of thinking: SA, SAE, RA."""
    return "".join(c for c in "SFRPAUECN" if bits & 1 << FLAGS.index(c))


def option(kind, body=b""):
    return bytes([kind, 2 + len(body)]) + body


def mss(value):
    return option(MSS, struct.pack("!H", value))


def wscale(value):
    return option(WSCALE, bytes([value]))


def stamps(value, echo=0):
    return option(TS, struct.pack("!II", value & 0xffffffff, echo))


NOPS = b"\1"
SACK_OK = option(SACKOK)
LINUX = mss(1460) + SACK_OK + stamps(1000) + NOPS + wscale(7)
WINDOWS = mss(1460) + NOPS + wscale(8) + NOPS * 2 + SACK_OK


def tcp(src, dst, sport, dport, flags="S", seq=0, ack=0, options=b"",
        data=b"", window=64240, urgent=0):
    """The segment; @src and @dst are packed. Short option lists are padded with
    zeros, as the end of the list demands (RFC 9293 section 3.1)."""
    options += b"\0" * (-len(options) % 4)
    words = (5 + len(options) // 4) << 12 | flag_bits(flags)
    body = struct.pack("!HHIIHHHH", sport, dport, seq & 0xffffffff,
                       ack & 0xffffffff, words, window, 0, urgent) + \
        options + data
    pseudo = src + dst + struct.pack("!II", len(body), TCP)
    return body[:16] + struct.pack("!H", checksum(pseudo + body)) + body[18:]


def frame(macs, src, dst, payload, tos=0, ttl=64, ident=1, df=True, label=0,
          protocol=TCP):
    """@macs: destination and source, 12 bytes."""
    if len(src) == 16:
        head = struct.pack("!HIHBB", IPV6, 6 << 28 | tos << 20 | label,
                           len(payload), protocol, ttl)
        return macs + head + src + dst + payload
    head = struct.pack("!BBHHHBBH", 0x45, tos, 20 + len(payload), ident,
                       0x4000 if df else 0, ttl, protocol, 0) + src + dst
    return macs + struct.pack("!H", IPV4) + head[:10] + \
        struct.pack("!H", checksum(head)) + head[12:] + payload


@dataclass
class Segment:
    out: bool  # sent by the side on which it was seen
    dst_mac: str
    src_mac: str
    v6: bool
    tos: int
    ttl: int
    ident: int  # IPv4's
    df: bool
    label: int  # IPv6's
    src: str
    dst: str
    sport: int
    dport: int
    seq: int
    ack: int
    flags: str
    window: int
    options: bytes
    data: bytes

    def walk(self):
        """(kind, body) of each option; a NOP's and an EOL's body is empty."""
        i, o = 0, self.options
        while i < len(o):
            if o[i] in (EOL, NOP):
                yield o[i], b""
                i += 1
                continue
            size = o[i + 1] if i + 1 < len(o) else 0
            if size < 2:
                return
            yield o[i], o[i + 2:i + size]
            i += size

    def get(self, kind):
        """The body of the first option of that kind, or None."""
        return next((body for k, body in self.walk() if k == kind), None)

    def number(self, kind):
        body = self.get(kind)
        return None if body is None else int.from_bytes(body, "big")

    def mss(self):
        return self.number(MSS)

    def wscale(self):
        return self.number(WSCALE)

    def stamps(self):
        """(value, echo) or None."""
        body = self.get(TS)
        return struct.unpack("!II", body) if body and len(body) == 8 else None


def shown(segment, tsval=None):
    """The options as text; an echo of @tsval is the sender's own."""
    words = []
    for kind, body in segment.walk():
        number = int.from_bytes(body, "big")
        if kind == TS and len(body) == 8:
            echo = struct.unpack("!II", body)[1]
            words.append("ts" if echo == tsval else f"ts echo {echo}")
        elif kind == TFO:
            words.append("fast open cookie")
        else:
            words.append({EOL: "eol", NOP: "nop", MSS: f"mss {number}",
                          WSCALE: f"wscale {number}", SACKOK: "sack"}
                         .get(kind, f"kind {kind} ({body.hex()})"))
    return " ".join(words) or "none"


def read(data, out=False):
    """The Segment in a frame, or None if it is something else."""
    kind = struct.unpack("!H", data[12:14])[0]
    if kind == IPV4 and len(data) >= 34 and data[23] == TCP:
        size = (data[14] & 15) * 4
        total, ident, word, ttl = struct.unpack("!HHHB", data[16:23])
        head = {"tos": data[15], "ttl": ttl, "ident": ident, "label": 0,
                "df": bool(word & 0x4000),
                "src": socket.inet_ntop(socket.AF_INET, data[26:30]),
                "dst": socket.inet_ntop(socket.AF_INET, data[30:34])}
        rest = data[14 + size:14 + total]
    elif kind == IPV6 and len(data) >= 54 and data[20] == TCP:
        word, length, _, ttl = struct.unpack("!IHBB", data[14:22])
        head = {"tos": word >> 20 & 255, "ttl": ttl, "ident": 0, "df": True,
                "label": word & 0xfffff,
                "src": socket.inet_ntop(socket.AF_INET6, data[22:38]),
                "dst": socket.inet_ntop(socket.AF_INET6, data[38:54])}
        rest = data[54:54 + length]
    else:
        return None
    sport, dport, seq, ack, words, window = struct.unpack("!HHIIHH", rest[:16])
    end = (words >> 12) * 4
    return Segment(out, data[:6].hex(":"), data[6:12].hex(":"), kind == IPV6,
                   **head, sport=sport, dport=dport, seq=seq, ack=ack,
                   flags=flag_text(words & 0x1ff), window=window,
                   options=rest[20:end], data=rest[end:])
