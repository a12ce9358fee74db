# SPDX-License-Identifier: GPL-2.0-only
"""What a listener was told with setsockopt(), and what its clients see of it.

Theory of operation: the plain kernel answers first, in the same namespaces, to
the same listener; with Synkeeper the answer must be the same, field by field.
The daemon reads the settings twice a second, so tests wait for what `service
list` says of them.
"""
import contextlib
import ctypes
import select
import socket
import struct

from backend import OWN_COOKIES, needs_own_cookies
from namespace import wait_for
from nettest import net_test
from scapytools import Peer, synack
from session_stats import counted, protect, service, sessions, wait_armed
from sockets import (Server, accept, ask, connect, listen, move, pair, receive,
                     tcp_info)

# of linux/in6.h and linux/tcp.h
IPV6_HOPS, IPV6_MINHOPCOUNT, IPV6_TCLASS = 16, 73, 67
IP_MINTTL, TCP_SAVE_SYN = 21, 27
SO_ATTACH_FILTER = 26


def tell(listener, mss=0, ttl=0, hops=0, tos=0, tclass=0, defer=0):
    for level, option, value in (
            (socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss),
            (socket.IPPROTO_IP, socket.IP_TTL, ttl),
            (socket.IPPROTO_IPV6, IPV6_HOPS, hops),
            (socket.IPPROTO_IP, socket.IP_TOS, tos),
            (socket.IPPROTO_IPV6, IPV6_TCLASS, tclass),
            (socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, defer)):
        if value:
            listener.setsockopt(level, option, value)


def synacks(env, **kwargs):
    got = {}
    for v6 in (False, True):
        with Peer(env, v6) as peer:
            got[v6] = synack(peer, **kwargs)
    return got


def wait_learned(env, what, listen_at="*:80"):
    wait_for(lambda: service(env, listen_at)["listener"] == what, 3,
             f"{listen_at}'s listener to be {what!r}")


def same_as(env, plain, what, **kwargs):
    with counted(env, what, answered=2):
        got = synacks(env, **kwargs)
    assert got == plain, f"{what}: SYN-ACK {{IPv6: fields}}: expected what " \
        f"the kernel sent, {plain}, got {got}"


@net_test
def test_listener_was_told_and_told_again(env):
    """A dual-stack listener has settings of both families."""
    told = ({"mss": 1300, "ttl": 255, "hops": 254, "tos": 0xb8,
             "tclass": 0x48},
            {"mss": 1000, "ttl": 20, "hops": 30, "tos": 0x10, "tclass": 0x20})
    plain = []
    with listen(env) as listener:
        for settings in told:
            tell(listener, **settings)
            plain.append(synacks(env))
        protect(env)
        wait_learned(env, "mss 1000, ttl 20, hop limit 30, tos 0x10, "
                          "tclass 0x20")
        same_as(env, plain[1], "when the daemon starts")
        tell(listener, **told[0])
        wait_learned(env, "mss 1300, ttl 255, hop limit 254, tos 0xb8, "
                          "tclass 0x48")
        same_as(env, plain[0], "told again")


@net_test
def test_listener_on_an_address(env):
    with listen(env, env.server.ip4) as four, \
            listen(env, env.server.ip6) as six:
        tell(four, ttl=255, tos=0xb8)
        tell(six, hops=255, tclass=0xb8)
        plain = synacks(env)
        protect(env, f"{env.server.ip4}:80", f"[{env.server.ip6}]:80")
        same_as(env, plain, "listeners on addresses")


@net_test
def test_listener_in_a_crowd(env):
    """More listeners than are read at a time."""
    with contextlib.ExitStack() as stack:
        for port in range(1000, 1700):
            stack.enter_context(listen(env, "::", port))
        listener = stack.enter_context(listen(env))
        tell(listener, ttl=255)
        plain = synacks(env)
        protect(env)
        same_as(env, plain, "one of 701 listeners")
        tell(listener, ttl=100)
        wait_learned(env, "ttl 100")


@net_test
def test_tos_was_not_reflected(env):
    """net.ipv4.tcp_reflect_tos, but for the bits of ECN."""
    env.server.sysctl("net.ipv4.tcp_reflect_tos", 1)
    with listen(env) as listener:
        tell(listener, tos=0xb8, tclass=0xb8)
        plain = {tos: synacks(env, tos=tos) for tos in (0, 0x48, 0x4a)}
        protect(env)
        for tos, want in plain.items():
            same_as(env, want, f"a SYN with TOS {tos:#x}", tos=tos)
        env.server.sysctl("net.ipv4.tcp_reflect_tos", 0)
        wait_for(lambda: synacks(env, tos=0x48)[False]["tos"] == 0xb8, 3,
                 "the listener's TOS once nothing is reflected")


def sizes(env, listener, v6):
    """{end: (mss, advmss)} of a connection that has moved megabytes."""
    c, s = pair(env, listener, v6=v6)
    with c, s:
        move(c, s)
        ends = {"client": tcp_info(env.client, c),
                "server": tcp_info(env.server, s)}
    return {end: (info["mss"], info["advmss"]) for end, info in ends.items()}


@net_test
def test_segments_were_larger_than_the_listeners_mss(env):
    """...in either direction, with and without timestamps."""
    needs_own_cookies("the kernel's own cookies round the MSS")
    with listen(env) as listener:
        tell(listener, mss=1300)
        plain = {}
        for stamps in (1, 0):
            env.client.sysctl("net.ipv4.tcp_timestamps", stamps)
            for v6 in (False, True):
                plain[stamps, v6] = sizes(env, listener, v6)
        protect(env)
        for (stamps, v6), want in plain.items():
            env.client.sysctl("net.ipv4.tcp_timestamps", stamps)
            got = sizes(env, listener, v6)
            assert got == want, f"IPv{6 if v6 else 4}, timestamps {stamps}: " \
                f"(mss, advmss): expected {want}, got {got}"


@net_test
def test_group_of_listeners(env):
    """SO_REUSEPORT: any of them may get the client."""
    with listen(env, reuseport=True) as a, listen(env, reuseport=True) as b:
        tell(a, mss=1300, ttl=255, defer=5)
        tell(b, mss=1200)
        protect(env)
        wait_learned(env, "mss 1200, ttl 255")
        got = synacks(env)[False]
        assert (got["mss"], got["hops"]) == (1200, 255), \
            f"group: expected the smallest MSS and the largest TTL, got {got}"


# ---- TCP_DEFER_ACCEPT ----


def waiting(listener):
    return bool(select.select([listener], [], [], 0)[0])


def connect_silently(env, listener, v6, what, **count):
    """A client that has said nothing yet."""
    with counted(env, what, deferred=1, admitted=0, **count):
        c = connect(env, v6=v6)
    assert not waiting(listener), f"{what}: accept() has it already"
    found = sessions(env, c.getsockname()[1])
    assert not found, f"{what}: expected no session, got {found}"
    return c


@net_test
def test_accept_before_data(env):
    with listen(env) as listener:
        tell(listener, defer=5)
        protect(env)
        wait_learned(env, "deferred accept")
        for v6 in (False, True):
            what = f"deferred, IPv{6 if v6 else 4}"
            with connect_silently(env, listener, v6, what) as c:
                with counted(env, what, admitted=1, deferred=0):
                    c.sendall(b"GET")
                with accept(listener, what) as s:
                    s.setblocking(False)
                    got = s.recv(3)
                    assert got == b"GET", f"{what}: at accept() {got!r}"
                    s.settimeout(5)
                    move(c, s)


@net_test
def test_client_that_only_closes(env):
    """A FIN is enough for the kernel, too."""
    with listen(env) as listener:
        tell(listener, defer=5)
        protect(env)
        with connect_silently(env, listener, False, "FIN") as c:
            c.shutdown(socket.SHUT_WR)
            with accept(listener, "FIN without data") as s:
                assert receive(s, 1) == b"", "expected the end of the stream"
                s.sendall(b"late")
                s.shutdown(socket.SHUT_WR)
                assert receive(c, 5) == b"late"


@net_test
def test_silent_clients_took_room(env):
    """Neither in the table nor in the accept queue."""
    with listen(env, backlog=4) as listener, contextlib.ExitStack() as stack:
        tell(listener, defer=5)
        protect(env)
        with counted(env, "silent clients", deferred=50):
            for _ in range(50):
                stack.enter_context(connect(env))
        assert not sessions(env), f"expected no session, got {sessions(env)}"
        with connect(env) as c:
            c.sendall(b"x")
            accept(listener, "a client that speaks, behind 50").close()


@net_test
def test_deferred_with_the_kernels_cookies(env):
    with listen(env) as listener:
        tell(listener, defer=5)
        env.synkeeperd("-c", env.configure("[service web]\nlisten = *:80\n"
                                           "cookies = kernel\n"),
                       services=())
        wait_armed(env)
        wait_learned(env, "deferred accept")
        what = "kernel cookies, deferred"
        with counted(env, what, deferred=1, kernel_cookie=0):
            c = connect(env)
        with c:
            assert not waiting(listener), f"{what}: accept() has it already"
            c.sendall(b"GET")
            with accept(listener, what) as s:
                assert receive(s, 3) == b"GET", f"{what}: no data"


# ---- what is not honoured ----


def attach_filter(listener):
    """A filter that takes all: BPF_RET | BPF_K, 0xffff."""
    code = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0xffff))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                        struct.pack("HL", 1, ctypes.addressof(code)))


@net_test
def test_settings_were_lost_silently(env):
    """`service list` and `check` name what an answer from XDP cannot do."""
    with listen(env) as listener:
        Server(listener)
        listener.setsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
        listener.setsockopt(socket.IPPROTO_IP, IP_MINTTL, 10)
        listener.setsockopt(socket.IPPROTO_IPV6, IPV6_MINHOPCOUNT, 10)
        attach_filter(listener)
        tell(listener, defer=5)
        protect(env)
        want = ["TCP_SAVE_SYN", "socket filter", "IP_MINTTL",
                "IPV6_MINHOPCOUNT"]
        kept = ["deferred accept", "TCP Fast Open"]
        if not OWN_COOKIES:
            want.insert(0, kept.pop())
        row = service(env, "*:80")
        assert row["not_honoured"] == ", ".join(want), \
            f"not honoured: expected {want}, got {row}"
        text = env.synkeeper("service", "list").stdout
        assert f"listener: {', '.join(kept)}; not honoured while armed: " \
            f"{want[0]}" in text, f"service list: got {text}"
        findings = env.json("check", env.server.iface)["findings"]
        for what, word in (("TCP Fast Open", "auto"), ("TCP_SAVE_SYN", "auto"),
                           ("socket filter", "deny"), ("minimum TTL", "deny"),
                           ("deferred accept", "lifetime")):
            found = [f for f in findings if f["what"] == what]
            assert found and found[0]["state"] == "warn" and \
                "80" in found[0]["found"] and word in found[0]["fix"], \
                f"check: {what}: expected a warning about port 80 with " \
                f"{word!r}, got {found or findings}"
        with connect(env) as c:
            ask(c)


@net_test
def test_plain_listeners_were_warned_about(env):
    with listen(env) as listener:
        Server(listener)
        protect(env)
        row = service(env, "*:80")
        assert not row["listener"] and not row["not_honoured"], f"got {row}"
        findings = env.json("check", env.server.iface)["findings"]
        found = [f for f in findings if f["what"] == "listener settings"]
        assert found and found[0]["state"] == "ok", f"got {findings}"
