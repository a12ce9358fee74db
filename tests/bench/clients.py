# SPDX-License-Identifier: GPL-2.0-only
"""Good clients in a flood: a part of live.py.

Theory of operation: everything shares one core, so that no wake-ups cross
cores (meter.py says why). The receive paths come first, then clients.c at its
fixed rate, which is a stopwatch; nginx, clients.c at full speed and the flood's
sender get fair shares of the rest.
clients.c opens connections at a fixed rate and times each; then again, as many
as it can. Both run without a flood, in one that takes all that is left of the
core, and in one at a rate that every defence can handle. Clients have several
addresses, and so has the server, and no client address uses a port twice:
recently used ports are in TIME-WAIT on the server, whose kernel answers them
without a cookie, or remembered by conntrack, which would be measured instead. A
round measures all defences in all of these; percentiles are per round, so that
a moment of noise spoils only one round. Without a flood, `kernel SYN cookies`
sends none: it is a program that only passes. Without one is also measured the
least that answers in XDP and hands over at tc, and the same with the least
that remembers a connection (floor/handshake.bpf.c).
"""
import contextlib
import json

import netenv
import rows
from defences import (COOKIES, HANDSHAKE, HANDSHAKE_LINE, KERNEL, NATIVE,
                      NFTABLES, SKB, Beds)
from meter import CPU, Flood, pin_receivers
from rows import progress

DEFENCES = (NATIVE, SKB, KERNEL, COOKIES, NFTABLES)
AT_REST = (HANDSHAKE, HANDSHAKE_LINE)  # no defence: connections without a flood
FIXED_RATE = 100000
OPEN_RATE = 1000  # connections a second
FLOODS = (  # title, kind, rate
    ("no flood", None, None),
    ("SYN flood, saturating", "syn", None),
    (f"SYN flood, {FIXED_RATE // 1000} k/s", "syn", FIXED_RATE),
)
METRICS = (  # key, unit, digits
    ("p50", "µs", 1), ("p99", "µs", 1), ("p99.9", "µs", 1),
    ("first byte p50", "µs", 1), ("first byte p99", "µs", 1),
    ("failed", "%", 2), ("connections", "1/s", 0), ("flood", "packets/s", 0),
)
CLIENTS = [f"192.0.2.{host}" for host in range(16, 32)]
SERVERS = [f"192.0.2.{host}" for host in range(32, 40)]


def add_addresses(env):
    """Of clients and server; each side knows the other's."""
    env.client.add_addresses(CLIENTS)
    env.server.add_addresses(SERVERS)
    for ip in CLIENTS:
        env.neighbour(ip)
    for ip in SERVERS:
        env.client.ip("neigh", "replace", ip, "lladdr", env.server.mac, "dev",
                      env.client.iface, "nud", "permanent")
    env.fetch()


class Crowd:
    """The clients of a bed, which number their connections."""

    def __init__(self, env, cpu=CPU):
        self._env = env
        self._pin = [] if cpu is None else ["taskset", "-c", cpu]
        self._next = 0

    def run(self, rate, seconds):
        """What clients.c says; it has priority if it keeps to a rate."""
        stopwatch = ["chrt", "-f", 1] if rate else []
        out = self._env.client.run(
            [*self._pin, *stopwatch, f"{netenv.OUTPUT}/tests/clients",
             f"{CLIENTS[0]}+{len(CLIENTS)}", f"{SERVERS[0]}+{len(SERVERS)}",
             80, self._next, rate, seconds], timeout=seconds + 10).stdout
        got = json.loads(out)
        self._next = got["next"]
        return got


def measure(env, crowd, kind, rate, seconds):
    """{metric: figure} of good clients in one flood."""
    with Flood(env, kind, rate=rate) if kind else contextlib.nullcontext() \
            as flood:
        if flood:
            flood.begin()
        timed = crowd.run(OPEN_RATE, seconds)
        most = crowd.run(0, max(1, seconds // 2))
        if flood:
            load = flood.end()
    tried = timed["connections"] + most["connections"]
    return {**{p: timed[f"handshake {p}"] for p in ("p50", "p99", "p99.9")},
            **{p: timed[p] for p in ("first byte p50", "first byte p99")},
            "failed": 100 * (timed["failed"] + most["failed"]) / tried,
            "connections": most["per second"],
            "flood": load.packets / load.wall_s if flood else 0}


def baseline(results, defence, kind, metric):
    """A flood is compared with none; no flood with the bare kernel."""
    if metric in ("flood", "failed"):
        return {}
    calm = FLOODS[0][0]
    if kind:
        return {"baseline": calm,
                "base_values": [r[metric] for r in results[defence][calm]]}
    if defence == KERNEL or KERNEL not in results:
        return {}
    return {"baseline": f"{KERNEL}",
            "base_values": [r[metric] for r in results[KERNEL][calm]]}


def floods_of(defence):
    return FLOODS[:1] if defence in AT_REST else FLOODS


def emit_rows(defence, results):
    """results[defence][title of a flood]: [{metric: figure} for each round]"""
    for title, kind, _ in floods_of(defence):
        for metric, unit, digits in METRICS:
            if metric == "flood" and not kind:
                continue
            more = baseline(results, defence, kind, metric)
            if defence not in AT_REST:
                more.update(case=f"{title}: {metric}", defence=str(defence))
            if defence == NATIVE and metric == "failed":
                more.update(goal=0, goal_unit="%")
            if defence == NATIVE and metric == "connections" and not kind:
                more.update(goal=0.96, goal_unit="of a program that only "
                            "passes or more")
            if defence == NATIVE and metric == "p99" and kind:
                more.update(goal=2, goal_unit="times that without a flood")
            rows.emit(rows.row("clients", f"{title}: {metric}: {defence}", unit,
                               [r[metric] for r in results[defence][title]],
                               digits=digits, **more))


def clients_part(plan):
    names = {d: [f"clients {title}: {m[0]}: {d}" for title, _, _ in
                 floods_of(d) for m in METRICS] for d in DEFENCES + AT_REST}
    wanted = [d for d in names if any(map(plan.wants, names[d]))]
    if not wanted:
        return
    seconds = 1 if plan.quick else 2
    results = {d: {title: [] for title, _, _ in FLOODS} for d in wanted}
    with Beds(wanted, CPU) as beds:
        for d, why in beds.missing.items():
            rows.emit(rows.skipped("clients", str(d), why, defence=str(d)))
        for d in beds.present():
            pin_receivers(beds[d])
            add_addresses(beds[d])
        crowds = {d: Crowd(beds[d]) for d in beds.present()}
        for i in range(plan.client_rounds):
            for flood in FLOODS:
                for d in beds.present():
                    if flood not in floods_of(d):
                        continue
                    title, kind, rate = flood
                    r = measure(beds[d], crowds[d], kind, rate, seconds)
                    results[d][title].append(r)
                    progress(f"  clients: round {i + 1}, {title}, {d}: "
                             f"p50 {r['p50']:.0f} µs, p99 {r['p99']:.0f} µs, "
                             f"first byte {r['first byte p50']:.0f} µs, "
                             f"{r['connections']:.0f} connections/s, "
                             f"{r['failed']:.2f} % failed")
        for d in beds.present():
            emit_rows(d, results)
