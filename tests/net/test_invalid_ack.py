# SPDX-License-Identifier: GPL-2.0-only
"""ACKs without a valid cookie, where they are to be dropped and counted.

Theory of operation: each starts from a real SYN-ACK and corrupts one thing: the
epoch, the tuple, a number by one. Nothing may reach the server's kernel, and
nothing may come back. The RSTs of the default are in test_stray.py.
"""
from backend import needs_own_cookies
from nettest import net_test
from scapytools import each_kind
from session_stats import counted, protect
from sockets import accept, listen

DROP = "[answer]\ninvalid-ack = drop\n"


@net_test
def test_two_rotations_expire(env):
    needs_own_cookies("kernel cookies expire by the kernel's clock")
    with listen(env):
        protect(env, config=DROP)
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
        protect(env, config=DROP)
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
        protect(env, config=DROP)
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
