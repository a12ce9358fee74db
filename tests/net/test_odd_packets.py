# SPDX-License-Identifier: GPL-2.0-only
"""Headers and situations that are rare but valid, and fragments.

Theory of operation: whatever the headers below TCP look like, a client
connects, with the kernel where it can be made to send them (IP_OPTIONS,
IPV6_DSTOPTS), else by hand. Fragments that open a connection are dropped; other
fragments and what is not TCP are left to the kernel.
"""
import errno
import socket

from scapy.layers.inet import IP, TCP, IPOption_Router_Alert, fragment
from scapy.layers.inet6 import (IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                                IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, PadN)
from scapy.packet import Raw

from nettest import net_test
from scapytools import LINUX, Peer
from session_stats import counted, protect
from sockets import (accept, client_socket, listen, move, receive,
                     server_address)

IPV6_DSTOPTS = 59
IPV6_HOPOPTS = 54
PADDING = b"\0\0\1\4\0\0\0\0"  # 8 bytes: a PadN option


def connects(env, listener, name, v6, level, option, value):
    """A Linux client that sends this option with every packet."""
    with counted(env, name, answered=1, admitted=1), \
            client_socket(env, v6) as c:
        c.setsockopt(level, option, value)
        c.connect(server_address(env, v6=v6))
        with accept(listener, name) as s:
            move(c, s)


def by_hand(env, listener, peer, name, ip):
    """Handshake and data, all with the headers @ip below TCP."""
    flow = peer.flow()
    with counted(env, name, answered=1, admitted=1):
        flow.syn(LINUX, what=name, ip=ip)
        flow.send("A", ip=ip)
        with accept(listener, name) as s:
            flow.send("PA", b"data", ip=ip)
            flow.seq += 4
            flow.expect_ack(name)
            got = receive(s, 4)
            assert got == b"data", f"{name}: expected the data, got {got!r}"


@net_test
def test_ipv4_options_of_a_linux_client(env):
    with listen(env) as listener:
        protect(env)
        connects(env, listener, "IPv4 with Router Alert", False,
                 socket.IPPROTO_IP, socket.IP_OPTIONS, b"\x94\x04\0\0")
        connects(env, listener, "IPv4 with 40 bytes of options", False,
                 socket.IPPROTO_IP, socket.IP_OPTIONS, b"\1" * 40)


@net_test
def test_ipv6_extension_headers_of_a_linux_client(env):
    with listen(env) as listener:
        protect(env)
        connects(env, listener, "IPv6 with destination options", True,
                 socket.IPPROTO_IPV6, IPV6_DSTOPTS, PADDING)
        connects(env, listener, "IPv6 with hop-by-hop options", True,
                 socket.IPPROTO_IPV6, IPV6_HOPOPTS, PADDING)


@net_test
def test_ipv4_headers_by_hand(env):
    with listen(env) as listener, Peer(env) as peer:
        protect(env)
        for name, fields in (
                ("DF unset", {"flags": 0, "id": 4711}),
                ("ECT(1) and DSCP 46", {"flags": "DF", "tos": 46 << 2 | 1}),
                ("TTL 1", {"flags": "DF", "ttl": 1}),
                ("Router Alert", {"options": [IPOption_Router_Alert()]})):
            by_hand(env, listener, peer, f"IPv4, {name}",
                    peer.ip_header(**fields))


@net_test
def test_ipv6_headers_by_hand(env):
    pad = [PadN(optdata=b"\0\0\0\0")]
    routing = IPv6ExtHdrRouting(type=0, segleft=0, addresses=["2001:db8::9"])
    with listen(env) as listener, Peer(env, v6=True) as peer:
        protect(env)
        plain = peer.ip_header()
        for name, ip in (
                ("hop-by-hop", plain / IPv6ExtHdrHopByHop(options=pad)),
                ("destination", plain / IPv6ExtHdrDestOpt(options=pad)),
                ("routing, no segment left", plain / routing),
                ("all three", plain / IPv6ExtHdrHopByHop(options=pad) /
                 IPv6ExtHdrDestOpt(options=pad) / routing),
                ("atomic fragment", plain / IPv6ExtHdrFragment(id=7))):
            by_hand(env, listener, peer, f"IPv6, {name} header", ip)


@net_test
def test_padded_frames(env):
    """Without options a frame has 54 bytes; Ethernet pads it to 60."""
    with listen(env) as listener, Peer(env) as peer:
        protect(env)
        flow = peer.flow()

        def padded(segment):
            frame = bytes(peer.ether() / peer.ip_header() / segment)
            peer.sock.send(frame.ljust(60, b"\xaa"))

        with counted(env, "frames with a trailer", answered=1, admitted=1):
            padded(flow.segment("S", seq=flow.isn, options=[]))
            frame = flow.recv("SYN with a trailer", "SA")
            assert len(frame) == 60 and frame[IP].len == 44, \
                "SYN with a trailer: expected 44 bytes of IP in a frame of " \
                f"60, got {frame[IP].len} in {len(frame)}"
            flow.took(frame[TCP])
            padded(flow.segment("A"))
            with accept(listener, "ACK with a trailer") as s:
                padded(flow.segment("PA", b"ab"))
                flow.seq += 2
                flow.expect_ack("data with a trailer")
                got = receive(s, 2)
                assert got == b"ab", f"trailer: expected b'ab', got {got!r}"


@net_test
def test_fragmented_syn_is_dropped(env):
    with listen(env), Peer(env) as four, Peer(env, v6=True) as six:
        protect(env)
        for peer in (four, six):
            flow = peer.flow()
            ip = peer.ip_header(flags="MF") if not peer.v6 else \
                peer.ip_header() / IPv6ExtHdrFragment(id=7, m=1)
            name = f"first fragment with a SYN, IPv{6 if peer.v6 else 4}"
            with counted(env, name, fragment=1, answered=0):
                flow.send("S", ip=ip, options=LINUX, seq=flow.isn)
                flow.nothing_came(name)


@net_test
def test_later_fragments_pass(env):
    with listen(env), Peer(env) as four, Peer(env, v6=True) as six:
        protect(env)
        for peer in (four, six):
            ip = peer.ip_header(frag=100, proto=6) if not peer.v6 else \
                peer.ip_header() / IPv6ExtHdrFragment(id=7, offset=100, nh=6)
            with counted(env, f"later fragment, IPv{6 if peer.v6 else 4}",
                         later_fragment=1):
                peer.send(ip / Raw(b"x" * 64))


@net_test
def test_fragments_of_an_open_connection(env):
    with listen(env) as listener, Peer(env) as peer:
        protect(env)
        flow = peer.flow()
        flow.open(LINUX)
        with accept(listener) as s:
            flow.say(b"whole")
            for part in fragment(peer.ip_header() /
                                 flow.segment("PA", b"p" * 1200), 400):
                peer.send(part)
            flow.seq += 1200
            flow.expect_ack("data in fragments")
            got = receive(s, 1205)
            assert got == b"whole" + b"p" * 1200, \
                f"data in fragments: got {len(got)} bytes"


@net_test
def test_not_tcp_passes(env):
    """UDP to the service's port, in one packet and in three fragments."""
    with env.server.inside():
        there = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with listen(env), there:
        there.settimeout(5)
        there.bind(("::", 80))
        protect(env)
        for v6 in (False, True):
            with env.client.inside():
                here = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET,
                                     socket.SOCK_DGRAM)
            with here:
                for size in (5, 4000):
                    here.sendto(b"u" * size, server_address(env, v6=v6))
                    got = there.recv(65535)
                    assert len(got) == size, f"UDP of {size} bytes to port " \
                        f"80, IPv{6 if v6 else 4}: got {len(got)} bytes"


def outbound(env, peer, port=9000):
    """A server that connects from its own port 80: (socket, its SYN)."""
    with env.server.inside():
        s = socket.socket(socket.AF_INET6 if peer.v6 else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(("", 80))
    s.setblocking(False)
    s.connect_ex((peer.ip, port))
    flow = peer.flow(port=80, sport=port)
    syn = flow.recv("the server's own SYN", "S")[TCP]
    flow.seq, flow.ack = flow.isn, syn.seq + 1
    return s, flow


@net_test
def test_syn_ack_to_the_server_as_client(env):
    """The host connects out with the service's port as its source."""
    with listen(env, reuseport=True):
        protect(env)
        for v6 in (False, True):
            name = f"SYN-ACK to port 80, IPv{6 if v6 else 4}"
            with Peer(env, v6) as peer:
                s, flow = outbound(env, peer)
                with s, counted(env, name, bad_flags=0, bad_cookie=0,
                                stray_rst=0):
                    flow.send("SA", options=LINUX[:1])
                    flow.seq += 1
                    flow.recv(f"{name}: the ACK", "A")
                    flow.say(b"welcome", name)
                    s.settimeout(5)
                    got = receive(s, 7)
                    assert got == b"welcome", f"{name}: got {got!r}"


@net_test
def test_refusal_to_the_server_as_client(env):
    """The RST that refuses the connection must reach the socket, too."""
    with listen(env, reuseport=True), Peer(env) as peer:
        protect(env)
        s, flow = outbound(env, peer)
        with s:
            with counted(env, "RST-ACK to port 80", stray_rst=0):
                flow.send("RA", seq=0)
            peer.barrier()
            error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            assert error == errno.ECONNREFUSED, "RST-ACK to the server's " \
                f"SYN: expected ECONNREFUSED, got {error}"


@net_test
def test_simultaneous_open(env):
    """Both SYNs cross: the server's socket must answer with its own ISN."""
    with listen(env, reuseport=True), Peer(env) as peer:
        protect(env)
        s, flow = outbound(env, peer)
        with s, counted(env, "SYN that crosses the server's", answered=0):
            flow.send("S", seq=flow.isn, options=LINUX[:1])
            got = flow.recv("SYN that crosses the server's", "SA")[TCP]
            assert got.seq == flow.ack - 1, "SYN that crosses the server's: " \
                f"expected SYN-ACK with SEQ {flow.ack - 1}, got {got.seq}"
