# SPDX-License-Identifier: GPL-2.0-only
"""Floods of every kind, as fast as one core sends, and good clients in them.

Theory of operation: .output/tests/flood sends from the client's veth for two
to three seconds while good clients open one connection after the other. Then
it must hold that every good client was served, that the listener's queue is
empty and the kernel saw nearly none of the flood, and that each packet was
counted under one reason. The first test shows the same flood against the
kernel alone, and that these conditions can fail.
"""
import os
import sys

import attached
from goodclients import GoodClients, Held
from namespace import wait_for
from netenv import ROOT, last_json
from nettest import net_test

SECONDS = 3
ATTACKER = "203.0.113.5"
GOOD = ("session", "session_syn", "session_rst", "half_open", "admitted",
        "adopted", "not_tcp")


def half_open(env):
    return len(env.server.run(["ss", "-Htn", "state", "syn-recv"])
               .stdout.splitlines())


def counts(env):
    """Packets by reason, over all services and none."""
    return env.json("stats")["total"]


def grown(before, after):
    return {k: n - before.get(k, 0) for k, n in after.items()
            if n != before.get(k, 0)}


def seen_by_kernel(before, after):
    """What the kernel's TCP did with segments that were no good client's."""
    keys = ("TcpAttemptFails", "TcpExtListenDrops", "TcpExtListenOverflows",
            "TcpExtSyncookiesSent", "TcpExtSyncookiesFailed",
            "TcpExtSyncookiesRecv", "TcpExtTCPReqQFullDoCookies",
            "TcpExtTCPReqQFullDrop", "TcpOutRsts", "TcpInErrs")
    return {k: after[k] - before[k] for k in keys if after[k] > before[k]}


def slow_flood(env):
    """Through a packet socket: see rawflood.py."""
    return env.client.start(
        [sys.executable, os.path.join(ROOT, "tests/lib/rawflood.py"),
         env.client.iface, env.client.mac, env.server.mac, env.server.ip4, 80,
         SECONDS], name="rawflood")


def under_flood(env, kind, v6=False, src=None):
    """Good clients in a flood. Returns (packets received,
    reasons, kernel's counters)."""
    held = Held(env, v6=v6)
    with GoodClients(env, v6=v6, threads=1) as good:
        good.wait_more(5, "before the flood")
        before, kernel = counts(env), env.server.nstat()
        received = env.server.packets()["rx"]
        flood = slow_flood(env) if kind == "slow syn" else \
            env.flood(kind, seconds=SECONDS, v6=v6, src=src)
        wait_for(lambda: sum(grown(before, counts(env)).values()) > 1000, 10,
                 f"the {kind} flood to arrive")
        served = good.done
        queue = 0
        while flood.alive():
            queue = max(queue, half_open(env))
        good.wait_more(1, f"in a {kind} flood")
        assert flood.wait(10) == 0, flood.output()
        served = good.done - served
        good.check(f"in a {kind} flood")
        held.ask(f"after a {kind} flood")
    sent = last_json(flood)["sent"]
    assert served >= 5, f"only {served} good clients were served in the flood"
    assert sent > 1000 * SECONDS, f"the flood sent only {sent} packets"
    received = env.server.packets()["rx"] - received
    assert received > sent / 2, f"{sent} packets sent, {received} received"
    reasons = grown(before, counts(env))
    print(f"{kind}: {sent} sent, {received} received, {served} good clients, "
          f"slowest {good.slowest:.2f} s; {reasons}")
    # a good client that reopens its TIME-WAIT tuple is the kernel's business
    assert queue <= 2, f"{queue} half-open connections in the listener's queue"
    counted = sum(reasons.values())
    assert abs(counted - received) <= received / 100 + 100, \
        f"{received} packets received, {counted} counted: {reasons}"
    return received, reasons, seen_by_kernel(kernel, env.server.nstat())


def protected(env, kind, expected, v6=False, src=None, mode="native"):
    """`expected`: the reasons under which the flood itself is counted."""
    env.nginx()
    env.synkeeperd("-m", mode)
    received, reasons, kernel = under_flood(env, kind, v6, src)
    good = sum(reasons.get(r, 0) for r in GOOD)
    flood = sum(reasons.get(r, 0) for r in expected)
    assert flood >= 0.99 * (received - good), \
        f"{kind}: {received} received, {good} of them good, {flood} counted " \
        f"as {expected}: {reasons}"
    leak = sum(kernel.values())
    assert leak <= received / 1000, \
        f"{kind}: {leak} of {received} packets reached the kernel's TCP: " \
        f"{kernel}"
    status = env.json("status")
    sessions, admitted = status["sessions"], status["total"]["admitted"]
    made = sessions["alive"] + sessions["time_wait"]
    assert made <= admitted, \
        f"{kind}: {admitted} admitted, but sessions are {sessions}"


@net_test
def test_unprotected(env):
    """The kernel alone: the flood fills the queue and its counters."""
    env.nginx(backlog=128)
    env.xdp(env.server, "pass")
    kernel = env.server.nstat()
    flood = env.flood("syn", seconds=2)
    wait_for(lambda: half_open(env) > 50, 5,
             "half-open connections in the unprotected queue")
    assert flood.wait(10) == 0, flood.output()
    sent = last_json(flood)["sent"]
    seen = seen_by_kernel(kernel, env.server.nstat())
    assert sum(seen.values()) > sent / 10, \
        f"{sent} SYNs sent to an unprotected server, the kernel saw {seen}"


@net_test
def test_syn(env):
    protected(env, "syn", ["answered"])
    seen = env.client_seen()
    assert seen["spoofed_synack"] > 1000, f"the answers went astray: {seen}"


@net_test
def test_syn_v6(env):
    protected(env, "syn", ["answered"], v6=True)


@net_test
def test_syn_one_source(env):
    protected(env, "syn", ["answered"], src=ATTACKER)


@net_test
def test_ack(env):
    protected(env, "ack", ["bad_cookie", "expired_cookie"])


@net_test
def test_ack_v6(env):
    protected(env, "ack", ["bad_cookie", "expired_cookie"], v6=True)


@net_test
def test_ack_one_source(env):
    protected(env, "ack", ["bad_cookie", "expired_cookie"], src=ATTACKER)


@net_test
def test_rst(env):
    protected(env, "rst", ["stray_rst"])


@net_test
def test_fin(env):
    """A FIN alone has no ACK, and belongs to nothing."""
    protected(env, "fin", ["bad_flags", "bad_cookie"])


@net_test
def test_synack(env):
    protected(env, "synack", ["bad_flags"])


@net_test
def test_xmas(env):
    protected(env, "xmas", ["bad_flags"])


@net_test
def test_none(env):
    protected(env, "none", ["bad_flags"])


@net_test
def test_mixed(env):
    protected(env, "mixed", ["answered", "bad_cookie", "expired_cookie",
                             "stray_rst", "bad_flags"])


@net_test
def test_mixed_v6(env):
    protected(env, "mixed", ["answered", "bad_cookie", "expired_cookie",
                             "stray_rst", "bad_flags"], v6=True)


@net_test
def test_syn_skb(env):
    """skb mode, which is no match for full speed, in a slower flood."""
    protected(env, "slow syn", ["answered"], mode="skb")


@net_test
def test_syn_without_daemon(env):
    """The daemon has died: what is pinned holds alone."""
    env.nginx()
    daemon = env.synkeeperd()
    held = Held(env)
    daemon.kill()
    answered = attached.reason_index("answered")

    def total():
        return sum(c[answered] for c in attached.map_cpus(env, "counters", 1))

    before = total()
    with GoodClients(env, threads=1) as good:
        flood = env.flood("syn", seconds=2)
        wait_for(lambda: total() - before > 1000, 10, "the flood to arrive")
        good.wait_more(5, "in a flood without a daemon")
        assert flood.wait(10) == 0, flood.output()
    held.ask("after a flood without a daemon")
    assert half_open(env) == 0, f"{half_open(env)} half-open connections"


@net_test
def test_restart_in_a_flood(env):
    """Killed and started again while the flood goes on."""
    env.nginx()
    daemon = env.synkeeperd()
    held = Held(env)
    with GoodClients(env, threads=1) as good:
        flood = env.flood("mixed", seconds=20)
        for i in range(3):
            good.wait_more(3, f"in a flood, before restart {i}")
            daemon.kill()
            daemon = env.synkeeperd()
        good.wait_more(3, "in a flood, after the last restart")
        held.ask("in a flood, after the last restart")
        flood.stop()
    assert half_open(env) == 0, f"{half_open(env)} half-open connections"
