# SPDX-License-Identifier: GPL-2.0-only
"""Good clients in a flood: a part of live.py.

Theory of operation: everything shares one core, so that no wake-ups cross
cores (meter.py says why). The receive paths come first, then clients.c, which
is a stopwatch; nginx, wrk and the flood's sender get fair shares of the rest.
clients.c opens connections at a fixed rate and times each handshake; wrk then
opens as many as it can. Both run without a flood, in one that takes all that is
left of the core, and in one at a rate that every defence can handle. Each time
they use a fresh address: recently used ports are in TIME-WAIT on the server or
remembered by conntrack, which would be measured instead. A round measures all
defences in all of these; percentiles are per round, so that a moment of noise
spoils only one round.
"""
import contextlib
import itertools
import json
import re

import netenv
import rows
from defences import KERNEL, NATIVE, NFTABLES, SKB, Beds
from meter import CPU, Flood, pin_receivers
from rows import progress

DEFENCES = (NATIVE, SKB, KERNEL, NFTABLES)
FIXED_RATE = 100000
OPEN_RATE = 1000  # connections a second
FLOODS = (  # title, kind, rate
    ("no flood", None, None),
    ("SYN flood, saturating", "syn", None),
    (f"SYN flood, {FIXED_RATE // 1000} k/s", "syn", FIXED_RATE),
)
METRICS = (  # key, unit, digits
    ("p50", "µs", 1), ("p99", "µs", 1), ("p99.9", "µs", 1),
    ("failed", "%", 2), ("connections", "1/s", 0), ("flood", "packets/s", 0),
)


_hosts = itertools.count(3)  # 192.0.2.3 and up


def new_address(env):
    """Gives the clients a fresh address that the server knows."""
    net, host = env.client.ip4.rsplit(".", 1)[0], next(_hosts)
    env.client.ip("addr", "add", f"{net}.{host}/24", "dev", env.client.iface)
    env.client.ip("route", "replace", f"{net}.0/24", "dev", env.client.iface,
                  "src", f"{net}.{host}")
    env.fetch()


def timed_clients(env, seconds):
    out = env.client.run(
        ["taskset", "-c", CPU, "chrt", "-f", 1, f"{netenv.OUTPUT}/tests/clients",
         env.server.ip4, 80, OPEN_RATE, seconds], timeout=seconds + 10).stdout
    return json.loads(out)


def wrk(env, seconds):
    """(connections a second, failed)"""
    out = env.client.run(
        ["taskset", "-c", CPU, "wrk", "-t1", "-c16", f"-d{seconds}",
         "--timeout", "3", "-H", "Connection: close",
         f"http://{env.server.ip4}/1k"]).stdout
    failed = 0
    for pattern in (r"Socket errors: connect (\d+), read (\d+), write (\d+), "
                    r"timeout (\d+)", r"Non-2xx or 3xx responses: (\d+)"):
        found = re.search(pattern, out)
        if found:
            failed += sum(map(int, found.groups()))
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]), failed


def measure(env, kind, rate, seconds):
    """{metric: figure} of good clients in one flood."""
    new_address(env)
    with Flood(env, kind, rate=rate) if kind else contextlib.nullcontext() \
            as flood:
        if flood:
            flood.begin()
        got = timed_clients(env, seconds)
        per_second, failed = wrk(env, max(1, seconds // 2))
        if flood:
            load = flood.end()
    tried = got["connections"] + per_second * max(1, seconds // 2)
    return {"p50": got["p50"], "p99": got["p99"], "p99.9": got["p99.9"],
            "failed": 100 * (got["failed"] + failed) / tried,
            "connections": per_second,
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


def emit_rows(defence, results):
    """results[defence][title of a flood]: [{metric: figure} for each round]"""
    for title, kind, _ in FLOODS:
        for metric, unit, digits in METRICS:
            if metric == "flood" and not kind:
                continue
            more = baseline(results, defence, kind, metric)
            if defence == NATIVE and metric == "failed":
                more.update(goal=0, goal_unit="%")
            if defence == NATIVE and metric == "p99" and kind:
                more.update(goal=2, goal_unit="times that without a flood")
            rows.emit(rows.row("clients", f"{title}: {metric}: {defence}", unit,
                               [r[metric] for r in results[defence][title]],
                               digits=digits, case=f"{title}: {metric}",
                               defence=str(defence), **more))


def clients_part(plan):
    names = {d: [f"clients {title}: {m[0]}: {d}" for title, _, _ in FLOODS
                 for m in METRICS] for d in DEFENCES}
    wanted = [d for d in DEFENCES if any(map(plan.wants, names[d]))]
    if not wanted:
        return
    seconds = 1 if plan.quick else 2
    results = {d: {title: [] for title, _, _ in FLOODS} for d in wanted}
    with Beds(wanted, CPU) as beds:
        for d, why in beds.missing.items():
            rows.emit(rows.skipped("clients", str(d), why, defence=str(d)))
        for d in beds.present():
            pin_receivers(beds[d])
        for i in range(plan.client_rounds):
            for title, kind, rate in FLOODS:
                for d in beds.present():
                    r = measure(beds[d], kind, rate, seconds)
                    results[d][title].append(r)
                    progress(f"  clients: round {i + 1}, {title}, {d}: "
                             f"p50 {r['p50']:.0f} µs, p99 {r['p99']:.0f} µs, "
                             f"{r['connections']:.0f} connections/s, "
                             f"{r['failed']:.2f} % failed")
        for d in beds.present():
            emit_rows(d, results)
