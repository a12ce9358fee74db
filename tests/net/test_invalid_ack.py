# SPDX-License-Identifier: GPL-2.0-only
"""ACKs without a valid cookie: dropped and counted, or answered with RST.

Theory of operation: each starts from a real SYN-ACK and corrupts one thing: the
epoch, the tuple, a number by one. Nothing may reach the server's kernel, and
nothing may come back, except the RST where that is configured.
"""
import os
import time

from scapy.layers.inet import TCP

from backend import needs_own_cookies
from nettest import net_test
from scapytools import Peer, check_sums, each_kind
from session_stats import counted, deltas, protect, reasons
from sockets import accept, listen


@net_test
def test_two_rotations_expire(env):
    needs_own_cookies("kernel cookies expire by the kernel's clock")
    with listen(env):
        protect(env)
        for name, peer, options in each_kind(env):
            flow = peer.flow()
            flow.syn(options)
            env.synkeeper("key", "rotate")
            env.synkeeper("key", "rotate")
            with counted(env, f"ACK after two rotations, {name}", admitted=0,
                         bad_cookie=0, expired_cookie=1):
                flow.send("A")
                flow.nothing_came(f"ACK after two rotations, {name}")


@net_test
def test_cookie_is_worth_nothing_elsewhere(env):
    with listen(env) as listener:
        protect(env)
        for name, peer, options in each_kind(env):
            flow = peer.flow()
            flow.open(options)
            with accept(listener, name):
                thief = peer.flow()
                thief.ts, thief.tsecr = flow.ts, flow.tsecr
                thief.seq, thief.ack = flow.seq, flow.ack
                with counted(env, f"ACK from another port, {name}",
                             bad_cookie=1, admitted=0):
                    thief.send("A")
                    thief.nothing_came(f"ACK from another port, {name}")


@net_test
def test_ack_off_by_one(env):
    needs_own_cookies("a kernel cookie's lowest bits are the MSS")
    with listen(env):
        protect(env)
        for name, peer, options in each_kind(env):
            for what in ("seq", "ack"):
                for delta in (-1, 1):
                    flow = peer.flow()
                    flow.syn(options)
                    case = f"ACK with {what} {delta:+d}, {name}"
                    wrong = {what: getattr(flow, what) + delta}
                    with counted(env, case, bad_cookie=1, admitted=0):
                        flow.send("A", **wrong)
                        flow.nothing_came(case)


@net_test
def test_invalid_ack_is_answered_with_reset(env):
    with listen(env):
        protect(env, config="[answer]\ninvalid-ack = reset\n")
        for name, peer, options in each_kind(env):
            flow = peer.flow()
            flow.syn(options)
            with counted(env, f"invalid ACK, {name}", reset=1, admitted=0):
                flow.send("A", ack=flow.ack + 7)
                frame = flow.recv(f"invalid ACK, {name}")
            rst = frame[TCP]
            got = (str(rst.flags), rst.seq, rst.options)
            want = ("R", (flow.ack + 7) & 0xffffffff, [])
            assert got == want, f"invalid ACK, {name}: expected flags, " \
                f"sequence number, options {want}, got {got}"
            check_sums(frame, f"RST, {name}")


@net_test
def test_resets_are_rate_limited(env):
    """At most the rate per second on each CPU; the burst may span two."""
    rate, burst = 3, 100
    with listen(env), Peer(env) as peer:
        protect(env, config="[answer]\ninvalid-ack = reset\n"
                            f"resets-per-second = {rate}\n")
        before = reasons(env)
        flow = peer.flow()
        packet = bytes(peer.ether() / peer.ip_header() /
                       flow.segment("A", ack=7))
        start = time.monotonic()
        for _ in range(burst):
            peer.sock.send(packet)
        peer.barrier()
        seconds = int(time.monotonic() - start) + 2
        most = rate * seconds * os.cpu_count()
        got = deltas(before, reasons(env))
        resets, dropped = got.get("reset", 0), got.get("bad_cookie", 0)
        assert rate <= resets <= most and resets + dropped == burst, \
            f"{burst} invalid ACKs: expected {rate} to {most} RSTs and the " \
            f"rest dropped as bad_cookie, got {got}"
