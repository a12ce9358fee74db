#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""30: what the listener's owner has set on it, and a client notices.

Theory of operation: see trials.py.
"""
import ctypes
import os
import select
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import looks  # noqa: E402
import trials  # noqa: E402
import wire  # noqa: E402
from bed import SILENCE, slack, word  # noqa: E402
from nettest import skip  # noqa: E402
from trials import each, trial  # noqa: E402

TCP = socket.IPPROTO_TCP
MAXSEG, DEFER_ACCEPT, CLAMP, MD5SIG, CONGESTION = 2, 9, 10, 14, 13
FASTOPEN, SAVE_SYN, SAVED_SYN, AO_ADD_KEY = 23, 27, 28, 38
ATTACH_FILTER, RCVBUFFORCE = 26, 33


def ttl(bed, value):
    """A socket option: the TTL of what it sends."""
    return (socket.IPPROTO_IPV6, 16, value) if bed.v6 else (0, 2, value)


def minimum_ttl(bed, value):
    return (socket.IPPROTO_IPV6, 73, value) if bed.v6 else (0, 21, value)


def tos(bed, value):
    return (socket.IPPROTO_IPV6, 67, value) if bed.v6 else (0, 1, value)


@trial(30, "TCP_MAXSEG", "haproxy `bind :443 mss 1200`, nginx and HTTP "
       "servers behind a tunnel")
def maxseg(bed):
    listener = bed.listen((TCP, MAXSEG, 1200))

    def measure():
        sniffer = bed.sniff()
        sizes = looks.exchange(bed, listener)
        return {"announced": sniffer.synack().mss(), **sizes}
    return bed.learned(measure)


@trial(30, "TTL or hop limit", "BGP speakers (GTSM, RFC 5082) send with 255")
def hop_limit(bed):
    bed.echo(ttl(bed, 255))

    def measure():
        sniffer = bed.sniff()
        guarded = bed.served(minimum_ttl(bed, 255))
        return {"SYN-ACK": sniffer.synack().ttl,
                "a peer that demands 255": guarded}
    return bed.learned(measure)


@trial(30, "minimum TTL or hop count", "BGP speakers (GTSM, RFC 5082) accept "
       "nothing below 255")
def minimum_hops(bed):
    bed.echo(minimum_ttl(bed, 255))
    return bed.learned(lambda: {
        "a neighbour": bed.served(ttl(bed, 255)),
        "a stranger": bed.served(ttl(bed, 64))})


@trial(30, "TOS or traffic class", "sshd IPQoS, `ip tos` of SIP and database "
       "servers; routers queue by it")
def traffic_class(bed):
    bed.echo(tos(bed, 0xb8))

    def measure():
        sniffer = bed.sniff()
        bed.served()
        data = [s for s in sniffer.of_server() if s.data]
        return {"SYN-ACK": sniffer.synack().tos,
                "data": data[0].tos if data else "none"}
    return bed.learned(measure)


@trial(30, "tcp_reflect_tos", "networks that mark at the client and trust the "
       "mark back")
def reflect_tos(bed):
    bed.sysctl("net.ipv4.tcp_reflect_tos", 1)
    bed.echo()

    def measure():
        sniffer = bed.sniff()
        bed.served(tos(bed, 0x48))
        data = [s for s in sniffer.of_server() if s.data]
        return {"SYN-ACK": sniffer.synack().tos,
                "data": data[0].tos if data else "none"}
    return bed.learned(measure)


@trial(30, "TCP_DEFER_ACCEPT", "Apache, and nginx `listen ... deferred`")
def defer_accept(bed):
    listener = bed.listen((TCP, DEFER_ACCEPT, 5))

    def measure():
        c = bed.connect()
        before = bool(select.select([listener], [], [], SILENCE)[0])
        c.sendall(b"GET")
        s, _ = listener.accept()
        with s:
            s.setblocking(False)
            return {"accept() before data": before,
                    "data at accept()": looks.error_of(
                        lambda: s.recv(10).decode())}
    return bed.learned(measure)


@trial(30, "TCP_DEFER_ACCEPT, silent client", "port scanners and slow-loris "
       "clients at Apache")
def defer_silent(bed):
    listener = bed.listen((TCP, DEFER_ACCEPT, 5))

    def measure():
        talk = bed.hand().talk().open()
        got = looks.accepted(listener)
        states = [s["state"] for s in bed.server.ss(
            "-tan", f"sport = :{bed.port} and dport = :{talk.sport}")]
        return {"accepted": got,
                "a socket that waits": "ESTAB" in states}
    return bed.learned(measure)


@trial(30, "TCP_SAVE_SYN", "servers that fingerprint clients, proxies that "
       "log the SYN")
def save_syn(bed):
    listener = bed.listen((TCP, SAVE_SYN, 1))
    bed.connect()
    s, _ = listener.accept()
    with s:
        saved = s.getsockopt(TCP, SAVED_SYN, 200)
        return {"the SYN's headers": bool(saved)}


@trial(30, "Fast Open", "Chrome and DNS over TCP at servers with "
       "net.ipv4.tcp_fastopen = 3")
def fast_open(bed):
    bed.sysctl("net.ipv4.tcp_fastopen", 3)
    listener = bed.listen((TCP, FASTOPEN, 5))

    def measure():
        hand = bed.hand()
        asked = hand.talk().syn(wire.LINUX + wire.option(wire.TFO))
        cookie = asked and asked.get(wire.TFO)
        talk = hand.talk()
        answer = talk.syn(wire.LINUX + wire.option(wire.TFO, cookie or b""),
                          data=b"early")
        return {"cookie offered": bool(cookie),
                "data of the SYN acknowledged": bool(
                    answer and answer.ack == talk.isn + 6 & 0xffffffff),
                "accept() after the SYN": looks.accepted(listener)}
    return bed.learned(measure)


def refuse_all(sock):
    """A classic BPF filter that returns 0."""
    code = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0))
    sock.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, struct.pack(
        "@HP", 1, ctypes.addressof(code)))


@trial(30, "socket filter", "daemons that choose their clients with "
       "SO_ATTACH_FILTER")
def socket_filter(bed):
    listener = bed.listen(armed=None, before=refuse_all)
    return bed.learned(lambda: {"a client": bed.attempt(),
                                "accepted": looks.accepted(listener, 0)})


def sign(sock, bed, address):
    """TCP_MD5SIG: struct tcp_md5sig of linux/tcp.h."""
    packed = wire.pack(address)
    where = struct.pack("=HHI16sI100x", socket.AF_INET6, 0, 0, packed, 0) \
        if bed.v6 else struct.pack("=HH4s120x", socket.AF_INET, 0, packed)
    try:
        sock.setsockopt(TCP, MD5SIG, where + struct.pack(
            "=BBHi80s", 0, 0, 6, 0, b"secret"))
    except OSError as e:
        skip(f"no TCP MD5: {e}")


def authenticate(sock, bed, address):
    """TCP_AO_ADD_KEY: struct tcp_ao_add of linux/tcp.h."""
    packed = wire.pack(address)
    where = struct.pack("=HHI16sI100x", socket.AF_INET6, 0, 0, packed, 0) \
        if bed.v6 else struct.pack("=HH4s120x", socket.AF_INET, 0, packed)
    try:
        sock.setsockopt(TCP, AO_ADD_KEY, where + struct.pack(
            "=64siIHBBBBBB80s", b"hmac(sha1)", 0, 0, 0, bed.bits, 100, 100, 12,
            0, 6, b"secret"))
    except OSError as e:
        skip(f"no TCP-AO: {word(e)}")


@each(30, (
    ("md5", "TCP MD5 (RFC 2385)", "BGP sessions with a password", sign),
    ("ao", "TCP-AO (RFC 5925)", "BGP sessions with a key", authenticate),
))
def signed(bed, add_key):
    source = bed.source()
    listener = bed.listen(armed=None,
                          before=lambda s: add_key(s, bed, source))

    def measure():
        stranger = bed.attempt()
        with bed.client.inside():
            s = bed.keep(socket.socket(
                socket.AF_INET6 if bed.v6 else socket.AF_INET))
        s.settimeout(SILENCE)
        add_key(s, bed, bed.address)
        s.bind((source, 0))
        return {"without a key": stranger,
                "with the key": looks.error_of(
                    s.connect, (bed.address, bed.port)) or "connected",
                "accepted": looks.accepted(listener)}
    return bed.learned(measure)


@trial(30, "SO_BINDTODEVICE, this interface", "VRF and management daemons")
def device(bed):
    bed.echo((socket.SOL_SOCKET, socket.SO_BINDTODEVICE,
              bed.server.iface.encode()), armed=None)
    return {"a client": bed.served()}


@trial(30, "SO_BINDTODEVICE, another one", "daemons on lo or a management "
       "port only")
def other_device(bed):
    bed.listen((socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo"), armed=None)
    return {"a client": bed.attempt()}


def window(bed, *options):
    bed.listen(*options)

    def measure():
        answer = bed.hand().talk().syn()
        return {"window": answer.window, "scale": answer.wscale()}
    return bed.learned(measure)


@trial(30, "the default buffer", "every server")
def usual_buffer(bed):
    return window(bed)


@trial(30, "SO_RCVBUF, small", "embedded daemons, `net.core.rmem` of small "
       "hosts")
def small_buffer(bed):
    return window(bed, (socket.SOL_SOCKET, socket.SO_RCVBUF, 4096))


@trial(30, "SO_RCVBUF, large", "bulk servers over long fat networks")
def large_buffer(bed):
    return window(bed, (socket.SOL_SOCKET, RCVBUFFORCE, 16 << 20))


@trial(30, "TCP_WINDOW_CLAMP", "servers that bound what a client may have in "
       "flight")
def window_clamp(bed):
    return window(bed, (TCP, CLAMP, 5000))


@trial(30, "dual-stack listener", "most servers: one socket at [::] for both")
def dual_stack(bed):
    with bed.server.inside():
        s = bed.keep(socket.socket(socket.AF_INET6))
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(("::", bed.port))
    s.listen()
    bed.protect(bed.port)
    answer = bed.hand().talk().syn()
    return {"flags": answer.flags, "ttl": answer.ttl, "tos": answer.tos,
            "options": wire.shown(answer, 1000)}


def labelled(segment):
    return "set" if segment.label else "0"


@trial(30, "flow label", "routers that balance by it (RFC 6438)", families=(6,))
def flow_label(bed):
    listener = bed.listen()
    sniffer = bed.sniff()
    c = bed.connect()
    s, _ = listener.accept()
    with c, s:
        s.sendall(b"hello")
        c.recv(5)
    data = next(s for s in sniffer.of_server() if s.data)
    return {"SYN-ACK": labelled(sniffer.synack()), "data": labelled(data)}


@trial(30, "auto_flowlabels = 0", "networks that reserve labels for "
       "applications", families=(6,))
def no_flow_label(bed):
    bed.sysctl("net.ipv6.auto_flowlabels", 0)
    bed.listen()
    return bed.learned(lambda: {"SYN-ACK": labelled(bed.hand().talk().syn())})


@trial(30, "congestion control with ECN (DCTCP)", "data centres")
def dctcp(bed):
    try:
        bed.listen((TCP, CONGESTION, b"dctcp"))
    except OSError as e:
        skip(f"no DCTCP: {word(e)}")
    return bed.learned(lambda: looks.header(bed.hand().talk().syn(
        flags="SEC", tos=2)))


@trial(30, "keep-alive and linger of the listener", "most servers set them; "
       "the accepted socket has them")
def inherited(bed):
    listener = bed.listen((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
                          (TCP, 4, 77), (TCP, 5, 7), (TCP, 1, 1),
                          (socket.SOL_SOCKET, socket.SO_PRIORITY, 5))
    bed.connect(timeout=slack(2))
    s, _ = listener.accept()
    with s:
        return {"keep-alive": s.getsockopt(socket.SOL_SOCKET,
                                           socket.SO_KEEPALIVE),
                "idle": s.getsockopt(TCP, 4), "interval": s.getsockopt(TCP, 5),
                "no delay": s.getsockopt(TCP, 1),
                "priority": s.getsockopt(socket.SOL_SOCKET,
                                         socket.SO_PRIORITY)}


if __name__ == "__main__":
    sys.exit(trials.main(__file__, sys.argv[1:]))
