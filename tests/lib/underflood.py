# SPDX-License-Identifier: GPL-2.0-only
"""Good clients in a flood, and what must hold then.

Theory of operation: .output/tests/flood sends from the client's veth for some
seconds while good clients open one connection after another. Every good client
must be served, the listener's queue must be empty, the kernel must see next to
nothing of the flood, and each packet must be counted under one reason.
"""
import os
import signal
import sys
import time

from goodclients import GoodClients, Held
from namespace import wait_for
from netenv import ROOT, last_json

SECONDS = 3
SECONDS_MOST = 15
ENOUGH = 5  # good clients served; a SYN lost on a full link costs 1 s
ATTACKER = "203.0.113.5"
GOOD = ("session", "session_syn", "session_rst", "half_open", "admitted",
        "adopted", "not_tcp")
HANDED_OVER = ("handed_over", "routed_syn")  # within budgets


def half_open(env):
    return len(env.server.run(["ss", "-Htn", "state", "syn-recv"])
               .stdout.splitlines())


def counts(env):
    """Packets by reason, of all services and of none."""
    return env.json("stats")["total"]


def grown(before, after):
    return {k: n - before.get(k, 0) for k, n in after.items()
            if n != before.get(k, 0)}


def seen_by_kernel(before, after, resets):
    """What the kernel's TCP did with segments that no good client sent, without
    the @resets that it was left to send."""
    keys = ("TcpAttemptFails", "TcpExtListenDrops", "TcpExtListenOverflows",
            "TcpExtSyncookiesSent", "TcpExtSyncookiesFailed",
            "TcpExtSyncookiesRecv", "TcpExtTCPReqQFullDoCookies",
            "TcpExtTCPReqQFullDrop", "TcpOutRsts", "TcpInErrs")
    left = {"TcpOutRsts": resets, "TcpExtSyncookiesFailed": resets}
    seen = {k: after[k] - before[k] - left.get(k, 0) for k in keys}
    return {k: n for k, n in seen.items() if n > 0}


def slow_flood(env):
    """Through a packet socket: see rawflood.py."""
    return env.client.start(
        [sys.executable, os.path.join(ROOT, "tests/lib/rawflood.py"),
         env.client.iface, env.client.mac, env.server.mac, env.server.ip4, 80,
         SECONDS], name="rawflood")


def under_flood(env, kind, v6=False, src=None, seconds=SECONDS):
    """Good clients in a flood, for @seconds and until ENOUGH were served.
    Returns (packets received, reasons, kernel's counters)."""
    held = Held(env, v6=v6)
    with GoodClients(env, v6=v6) as good:
        good.wait_more(5, "before the flood")
        before, kernel = counts(env), env.server.nstat()
        received = env.server.packets()["rx"]
        flood = slow_flood(env) if kind == "slow syn" else \
            env.flood(kind, seconds=SECONDS_MOST, v6=v6, src=src)
        wait_for(lambda: sum(grown(before, counts(env)).values()) > 1000, 10,
                 f"the {kind} flood to arrive")
        served, end = good.done, time.monotonic() + seconds
        queue = 0
        while flood.alive() and (time.monotonic() < end or
                                 good.done < served + ENOUGH):
            queue = max(queue, half_open(env))
        if kind != "slow syn":
            flood.signal(signal.SIGTERM)
        assert flood.wait(10) == 0, flood.output()
        served = good.done - served
        good.check(f"in a {kind} flood")
        held.ask(f"after a {kind} flood")
    sent = last_json(flood)["sent"]
    assert served >= ENOUGH, \
        f"only {served} good clients were served in the flood"
    assert sent > 1000 * seconds, f"the flood sent only {sent} packets"
    received = env.server.packets()["rx"] - received
    assert received > sent / 2, f"{sent} packets sent, {received} received"
    reasons = grown(before, counts(env))
    print(f"{kind}: {sent} sent, {received} received, {served} good clients, "
          f"slowest {good.slowest:.2f} s; {reasons}")
    # a good client that reuses its TIME-WAIT tuple is left to the kernel
    handed = sum(reasons.get(r, 0) for r in HANDED_OVER)
    assert queue <= 2 + handed, f"{queue} half-open connections in the " \
        f"listener's queue, {handed} SYNs were handed over"
    counted = sum(reasons.values())
    assert abs(counted - received) <= received / 100 + 100, \
        f"{received} packets received, {counted} counted: {reasons}"
    return received, reasons, seen_by_kernel(kernel, env.server.nstat(),
                                             reasons.get("reset", 0))


def protected(env, kind, expected, v6=False, src=None, mode="native",
              seconds=SECONDS):
    """@expected: the reasons under which the flood itself is counted."""
    env.nginx()
    env.synkeeperd("-m", mode)
    received, reasons, kernel = under_flood(env, kind, v6, src, seconds)
    good = sum(reasons.get(r, 0) for r in GOOD)
    flood = sum(reasons.get(r, 0) for r in (*expected, "reset"))
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
