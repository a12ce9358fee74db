# SPDX-License-Identifier: GPL-2.0-only
"""Clients that announce a smaller MSS than any cookie holds.

Theory of operation: the kernel answers them itself, as it does without
Synkeeper: `ss` shows the same, and the client's firewall counts segments that
are larger than what was announced. For that, segments are not merged.
"""
import re
import socket

from backend import needs_own_cookies
from nettest import net_test
from scapytools import LINUX, Peer
from session_stats import counted, protect, sessions
from sockets import (accept, client_socket, listen, move, receive,
                     server_address, tcp_info)

TOO_LARGE = """
table inet watch {{
	chain input {{
		type filter hook input priority filter
		tcp sport 80 ip length > {ip} counter
		tcp sport 80 ip6 length > {ip6} counter
	}}
}}
"""


def open_small(env, listener, mss, v6):
    c = client_socket(env, v6)
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
    c.connect(server_address(env, v6=v6))
    return c, accept(listener, f"MSS {mss}, IPv{6 if v6 else 4}")


def ends(env, c, s):
    return [{w: tcp_info(ns, sock).get(w) for w in
             ("ts", "sack", "wscale", "mss", "advmss")}
            for ns, sock in ((env.client, c), (env.server, s))]


def watch(env, mss):
    for ns in (env.client, env.server):
        ns.run(["ethtool", "-K", ns.iface, "tso", "off", "gso", "off", "gro",
                "off"])
    env.client.run(["nft", "-f", "-"],
                   input=TOO_LARGE.format(ip=mss + 40, ip6=mss + 20))


def too_large(env):
    rules = env.client.run(["nft", "list", "table", "inet", "watch"]).stdout
    return sum(map(int, re.findall(r"counter packets (\d+)", rules)))


def same_as_plain(env, mss, size):
    needs_own_cookies("the kernel's raise the MSS to 536")
    with listen(env) as listener:
        plain = {}
        for v6 in (False, True):
            with client_socket(env, v6) as c:
                c.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
                c.connect(server_address(env, v6=v6))
                with accept(listener) as s:
                    plain[v6] = ends(env, c, s)
        protect(env)
        watch(env, mss)
        for v6, want in plain.items():
            name = f"MSS {mss}, IPv{6 if v6 else 4}"
            with counted(env, name, handed_over=1, answered=0, small_mss=0,
                         bad_cookie=0):
                c, s = open_small(env, listener, mss, v6)
            with c, s:
                got = ends(env, c, s)
                assert got == want, f"{name}: expected as without " \
                    f"Synkeeper {want}, got {got}"
                move(c, s, size)
            n = too_large(env)
            assert not n, f"{name}: expected no segment above it from the " \
                f"server, got {n}"


@net_test
def test_mss_265(env):
    same_as_plain(env, 265, 2 << 20)


@net_test
def test_mss_92(env):
    same_as_plain(env, 92, 1 << 20)


def opens(env, listener, peer, options, name):
    flow = peer.flow()
    with counted(env, name, handed_over=1, half_open=1, answered=0, admitted=0,
                 bad_cookie=0):
        flow.syn(options, what=name)
        flow.send("A")
        with accept(listener, name) as s:
            flow.say(b"there", name)
            got = receive(s, 5)
            assert got == b"there", f"{name}: expected the data, got {got!r}"
            s.sendall(b"back")
            flow.recv(f"{name}: data from the server", "PA")


@net_test
def test_just_below_ipv4(env):
    needs_own_cookies("the kernel's raise the MSS to 536")
    with listen(env) as listener, Peer(env) as peer:
        protect(env)
        for mss in (88, 535):
            opens(env, listener, peer, [("MSS", mss)], f"MSS {mss}")
        got = sessions(env)
        assert len(got) == 2, f"expected both as sessions, got {got}"


@net_test
def test_just_below_ipv6(env):
    needs_own_cookies("the kernel's raise the MSS to 1220")
    with listen(env) as listener, Peer(env, v6=True) as peer:
        protect(env)
        for options in ([("MSS", 1219)], [("MSS", 536)],
                        [("MSS", 536), *LINUX[1:]]):
            opens(env, listener, peer, options,
                  f"MSS {options[0][1]}, IPv6, {len(options)} options")


@net_test
def test_in_an_ack_flood(env):
    """The ACK is not lost among those that match nothing."""
    needs_own_cookies("the kernel's raise the MSS to 536")
    with listen(env) as listener:
        protect(env)
        flood = env.flood("ack-plain", 30)
        for v6 in (False, True):
            c, s = open_small(env, listener, 265, v6)
            with c, s:
                move(c, s, 1 << 16)
        assert flood.alive(), f"the flood is over: {flood.output()}"
        flood.stop()
