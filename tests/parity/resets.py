#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""35: resets that TCP did not make; listeners of other addresses and ports.

Theory of operation: see trials.py. sk_lookup is a BPF program of ten
instructions that gives the trial's port to a listener elsewhere.
"""
import ctypes
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import trials  # noqa: E402
import sockets  # noqa: E402
from neighbours import LINK_CREATE, PROG_LOAD, bpf  # noqa: E402
from trials import each, trial  # noqa: E402

MAP_CREATE, MAP_UPDATE, SOCKMAP = 0, 2, 15
SK_LOOKUP_PROG, SK_LOOKUP = 30, 36


@trial(35, "a firewall's reset", "iptables -j REJECT --reject-with tcp-reset "
       "for everything of a source")
def reject(bed):
    bed.nft("chain c { type filter hook input priority 0; SOURCE tcp dport "
            "PORT reject with tcp reset; }")
    bed.echo()
    sniffer = bed.sniff()
    return {"a client": bed.served(),
            "a reset reached it": bool(sniffer.of_server("R"))}


@trial(35, "an egress rule's reset", "firewalls that end connections of "
       "a user", families=(4, 6))
def reject_out(bed):
    bed.nft("chain c { type filter hook output priority 0; TARGET tcp sport "
            "PORT tcp flags & (syn|ack) == (syn|ack) drop; }")
    bed.echo(armed=None)
    return {"a client": bed.served()}


@each(35, (
    ("tproxy_same", "TPROXY, same port", "squid, envoy and Cilium on the path",
     False, False),
    ("tproxy_same_router", "TPROXY, same port, forwarding", "the same on a "
     "router", False, True),
    ("tproxy_other", "TPROXY to another port", "squid's 3129, envoy's 15001",
     True, False),
    ("tproxy_other_router", "TPROXY to another port, forwarding", "the same "
     "on a router", True, True),
))
def tproxy(bed, other, forwards):
    n, port = str(bed.port), bed.port + 20000 * other
    family = "-6" if bed.v6 else "-4"
    away = f"2001:db8:8::{n}" if bed.v6 else f"203.0.113.{bed.port % 250 + 1}"
    for words in (["route", "add", "local", "default", "dev", "lo", "table", n],
                  ["rule", "add", "fwmark", n, "lookup", n]):
        bed.server.ip(family, *words)
        bed.undo(bed.server.ip, family, words[0], "del", *words[2:])
    if forwards:
        bed.sysctl("net.ipv6.conf.all.forwarding" if bed.v6 else
                   "net.ipv4.ip_forward", 1)
    bed.nft("chain c { type filter hook prerouting priority -150; tcp dport "
            f"PORT meta mark set PORT tproxy {'ip6' if bed.v6 else 'ip'} to "
            f":{port}; }}")
    bed.client.ip(family, "route", "add", away, "via", bed.address)
    bed.undo(bed.client.ip, family, "route", "del", away)
    transparent = (socket.IPPROTO_IPV6, 75, 1) if bed.v6 else (0, 19, 1)
    bed.echo(transparent, port=port, armed=None)
    if other:
        bed.protect(bed.port, armed=None)
    return bed.learned(lambda: {"a client": bed.served(address=away)})


def insn(code, dst=0, src=0, off=0, imm=0):
    return struct.pack("=BBhi", code, src << 4 | dst, off, imm)


def lookup_program(port, sockmap):
    """SK_PASS, and for @port the socket in slot 0 of @sockmap."""
    code = b"".join((
        insn(0xbf, 6, 1),  # r6 = ctx
        insn(0x61, 2, 6, 60),  # r2 = ctx->local_port
        insn(0x55, 2, 0, 14, port),  # if (r2 != port) goto out
        insn(0x62, 10, 0, -4, 0),  # slot 0
        insn(0x18, 1, 1, 0, sockmap), insn(0),  # r1 = sockmap
        insn(0xbf, 2, 10), insn(0x07, 2, 0, 0, -4),
        insn(0x85, 0, 0, 0, 1),  # bpf_map_lookup_elem()
        insn(0x15, 0, 0, 7, 0),  # if (!r0) goto out
        insn(0xbf, 7, 0),
        insn(0xbf, 1, 6), insn(0xbf, 2, 7), insn(0xb7, 3, 0, 0, 0),
        insn(0x85, 0, 0, 0, 124),  # bpf_sk_assign()
        insn(0xbf, 1, 7), insn(0x85, 0, 0, 0, 86),  # bpf_sk_release()
        insn(0xb7, 0, 0, 0, 1), insn(0x95)))  # out: return SK_PASS
    held = ctypes.create_string_buffer(code)
    gpl = ctypes.create_string_buffer(b"GPL")
    return bpf(PROG_LOAD, struct.pack(
        "=IIQQIIQII16sII", SK_LOOKUP_PROG, len(code) // 8,
        ctypes.addressof(held), ctypes.addressof(gpl), 0, 0, 0, 0, 0,
        b"trial", 0, SK_LOOKUP))


@trial(35, "sk_lookup", "Cloudflare's tubular: listeners for a thousand "
       "addresses and ports")
def sk_lookup(bed):
    listener = bed.listen(port=bed.port + 20000, armed=None)
    sockets.Server(listener)
    sockmap = bpf(MAP_CREATE, struct.pack("=IIIII", SOCKMAP, 4, 8, 1, 0))
    bed.undo(os.close, sockmap)
    key = ctypes.create_string_buffer(4)
    value = ctypes.create_string_buffer(struct.pack("=Q", listener.fileno()))
    bpf(MAP_UPDATE, struct.pack("=IIQQQ", sockmap, 0, ctypes.addressof(key),
                                ctypes.addressof(value), 0))
    program = lookup_program(bed.port, sockmap)
    bed.undo(os.close, program)
    with open(f"/run/netns/{bed.server.name}", "rb") as there:
        bed.undo(os.close, bpf(LINK_CREATE, struct.pack(
            "=IIII", program, there.fileno(), SK_LOOKUP, 0)))
    bed.protect(bed.port, armed=None)
    return bed.learned(lambda: {"a client": bed.served()})


if __name__ == "__main__":
    sys.exit(trials.main(__file__, sys.argv[1:]))
