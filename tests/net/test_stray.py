# SPDX-License-Identifier: GPL-2.0-only
"""Segments that match nothing: their sender learns at once, a flood nothing.

Theory of operation: to such a segment a listener replies with a RST or not at
all. What it replies, field by field, is recorded without Synkeeper and compared
with what comes back with it. In a flood the RSTs are counted, and weighed, on
the client's veth.
"""
import os
import socket
import time

from netenv import last_json
from nettest import net_test
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapytools import Peer
from session_stats import counted, deltas, protect, reasons, wait_armed
from sockets import connect, listen, pair
from underflood import grown

TCP_REPAIR = 19  # linux/tcp.h: close() without a word to the client
PER_SECOND = 1000  # the default, on each CPU
# of a scanner (nmap -sA -sW, -sM, -sF, -sN, -sX) and of a lost connection
SEGMENTS = {"ACK": "A", "data": "PA", "FIN/ACK": "FA", "SYN+ACK": "SA",
            "SYN+ACK+FIN": "SAF", "FIN": "F", "none": "", "Xmas": "FPU",
            "SYN+FIN": "SF", "RST": "R", "RST+ACK": "RA", "SYN+RST": "SR",
            "ECE, CWR, ACK": "AEC"}


def headers(peer, mark):
    if peer.v6:
        return peer.ip_header(hlim=61, tc=mark)
    return peer.ip_header(ttl=61, tos=mark)


def reply(peer, flags, mark):
    """Each field of the answer, or None."""
    flow = peer.flow()
    flow.seq, flow.ack = 1000, 5000
    seen = []
    original = peer.recv
    peer.recv = lambda m, t, w: original(
        lambda f: flow.matches(f) and seen.append(f) or m(f), t, w)
    try:
        flow.send(flags, b"data" if "P" in flags else b"",
                  ip=headers(peer, mark))
        peer.barrier()
    finally:
        peer.recv = original
    if not seen:
        return None
    assert len(seen) == 1, f"{flags}: {len(seen)} answers"
    tcp, ip = seen[0][TCP], seen[0].getlayer(IPv6 if peer.v6 else IP)
    below = (ip.hlim, ip.tc) if peer.v6 else (ip.ttl, ip.tos, ip.id, ip.flags)
    return (str(tcp.flags), tcp.seq, tcp.ack, tcp.window, tcp.options,
            bytes(tcp.payload).strip(b"\0"), *map(str, below))


def replies(env):
    got = {}
    for v6 in (False, True):
        with Peer(env, v6) as peer:
            for name, flags in SEGMENTS.items():
                for mark in (0, 0xb8, 0x02):
                    what = f"{name}, IPv{6 if v6 else 4}, TOS {mark:#x}"
                    got[what] = reply(peer, flags, mark)
    return got


def start(env, config=None, services=("*:80",)):
    args = ["-c", env.configure(config)] if config else []
    env.synkeeperd(*args, services=services)
    wait_armed(env)


def same_as_kernel(env, **kwargs):
    with listen(env):
        want = replies(env)
        answered = sum(1 for r in want.values() if r)
        assert answered == 3 * 2 * 6, f"test set-up: the kernel alone " \
            f"answered {answered}: {want}"
        start(env, **kwargs)
        got = replies(env)
    wrong = [f"{k}: the kernel alone {want[k]}, with Synkeeper {got[k]}"
             for k in want if want[k] != got[k]]
    assert not wrong, f"{len(wrong)} answers differ: {wrong[0]}"


@net_test
def test_scanners_see_the_kernel(env):
    same_as_kernel(env)


@net_test
def test_scanners_see_the_kernel_with_its_cookies(env):
    env.server.sysctl("net.ipv4.tcp_syncookies", 2)
    same_as_kernel(env, config="[service web]\nlisten = *:80\n"
                               "cookies = kernel\n", services=())


def lost_by_server(env, v6):
    """A connection of which the server's kernel has forgotten everything."""
    with listen(env) as listener:
        daemon = protect(env)
        c, s = pair(env, listener, v6=v6)
        c.sendall(b"x")
        assert s.recv(1) == b"x"
        s.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        s.close()
        daemon.stop()
        env.synkeeper("down")
        protect(env)
        with c, counted(env, "data of a lost connection", reset=1):
            start = time.monotonic()
            c.sendall(b"still there?")
            try:
                got = c.recv(1)
            except OSError as e:
                got = type(e).__name__
            took = time.monotonic() - start
            assert got == "ConnectionResetError", f"IPv{6 if v6 else 4}: " \
                f"expected ConnectionResetError, got {got} after {took:.1f} s"


@net_test
def test_client_of_a_rebooted_server_hung(env):
    lost_by_server(env, False)


@net_test
def test_client_of_a_rebooted_server_hung_v6(env):
    lost_by_server(env, True)


@net_test
def test_resets_are_rate_limited(env):
    """At most the rate per second on each CPU, and half of it for a prefix; the
    burst may span two seconds."""
    rate, burst = 9, 100
    with listen(env), Peer(env) as peer:
        protect(env, config=f"[answer]\nresets-per-second = {rate}\n")
        before = reasons(env)
        flow = peer.flow()
        packet = bytes(peer.ether() / peer.ip_header() /
                       flow.segment("A", ack=7))
        start = time.monotonic()
        for _ in range(burst):
            peer.sock.send(packet)
        peer.barrier()
        most = (rate // 2 + 1) * (int(time.monotonic() - start) + 2)
        got = deltas(before, reasons(env))
        resets, dropped = got.get("reset", 0), got.get("bad_cookie", 0)
        assert rate // 2 < resets <= most and resets + dropped == burst, \
            f"{burst} invalid ACKs: expected {rate // 2 + 1} to {most} RSTs " \
            f"and the rest dropped as bad_cookie, got {got}"


def flood_draws(env, v6):
    """Floods at full rate, weighed."""
    env.nginx()
    env.xdp(env.client, "client_weigh")
    protect(env)
    for kind in ("ack-plain", "ack", "synack", "fin", "mixed", "flags"):
        before, counts = env.client_seen(), reasons(env)
        flood = env.flood(kind, 3, v6=v6)
        assert flood.wait(20) == 0, flood.output()
        sent = last_json(flood)
        seen = grown(before, env.client_seen())
        passed = deltas(counts, reasons(env)).get("reset", 0)
        name = f"{kind}, IPv{6 if v6 else 4}"
        resets = seen.get("spoofed_rst", 0)
        most = PER_SECOND * os.cpu_count() * (int(sent["seconds"]) + 2)
        print(f"{name}: {sent['sent']} sent, {resets} RSTs, {seen}")
        assert resets <= passed <= most and sent["sent"] > 10 * most, \
            f"{name}: {sent['sent']} segments drew {resets} RSTs of " \
            f"{passed} that were passed, at most {most} may"
        assert seen.get("spoofed_bytes", 0) <= sent["bytes"], f"{name}: " \
            f"{seen['spoofed_bytes']} bytes came back for {sent['bytes']}"
    with connect(env, v6=v6) as c:
        c.sendall(b"GET /1k HTTP/1.0\r\n\r\n")
        assert c.recv(4) == b"HTTP", "a good client after the floods"


@net_test
def test_flood_draws_no_more_than_the_budget(env):
    flood_draws(env, False)


@net_test
def test_flood_draws_no_more_than_the_budget_v6(env):
    flood_draws(env, True)


@net_test
def test_one_source_leaves_others_their_resets(env):
    """A prefix that has had its half leaves the other half, each second."""
    with listen(env), Peer(env) as one, Peer(env) as other:
        protect(env, config="[answer]\nresets-per-second = 10\n"
                            "[sources]\nipv4-prefix = 32\n")
        other.use("192.0.2.78")
        flow = one.flow()
        flow.seq, flow.ack = 1, 7
        for _ in range(50):
            flow.send("A")
        victim = other.flow()
        victim.seq, victim.ack = 1, 4711
        victim.send("A")
        rst = victim.recv("the RST beside a prefix over its share", "R")[TCP]
        assert rst.seq == 4711, f"expected sequence number 4711: {rst.seq}"
