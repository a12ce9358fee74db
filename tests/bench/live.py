#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The parts of `make bench` with live packets: flood, tables, clients,
bulk, container.

Theory of operation: a flood's sender and the server's receive path share a core
(see meter.py), every defence has a bed (see defences.py), and a round measures
all defences, one after another, with the same kind of flood. The ratio to the
bare XDP_DROP is taken within a round. Rounds that had to share the core with
other processes are replaced, as far as time allows.

usage: live.py [--quick|--full] [--only SUBSTRING]     rows to standard output
"""
import argparse
import os
import sys

import bulk
import clients
import fills
import forwarded
import rows
from defences import (BOUNCE, DROP, KERNEL, NATIVE, NFTABLES, OTHER_CPU, SKB,
                      Beds)
from meter import Flood
from rows import progress

KINDS = (("syn", "SYN"), ("ack", "ACK"), ("rst", "RST"), ("mixed", "mixed"))
DEFENCES = (DROP, BOUNCE, NATIVE, SKB, KERNEL, NFTABLES)
LADDER = (DROP, BOUNCE)  # the reference for the others
QUIET = 0.9  # a round that had less of the core is replaced,
SPARE_ROUNDS = 2  # but not more often than this
AGAINST_ROUNDS = 7
GOALS = {DROP: 0.95, KERNEL: 5, NFTABLES: 5}  # native, in a SYN flood


class Plan:
    """How long and how often, and which rows."""

    def __init__(self, quick, full, only, against=None):
        self.full = full
        self.against = against
        self.rounds = 3
        self.table_rounds = 3
        self.client_rounds = 1 if quick else 3
        self.window_s = 0.25 if quick else 0.4
        self.quick = quick
        self.only = (only or "").lower()

    def wants(self, name):
        return self.only in name.lower()


def measure_flood(env, defence, kind, v6, plan, check):
    """A Load, or the reason why there is no usable one."""
    before = env.client_seen() if check else None
    with Flood(env, kind, v6) as flood:
        load = flood.measure(plan.window_s)
    if check:
        answers = env.client_seen()["spoofed_synack"] - \
            before["spoofed_synack"]
        least = defence.expected_answers(kind, flood.sent)
        if answers < least:
            return (f"{answers:,} answers to {flood.sent:,} packets, "
                    f"expected {least:,.0f}")
    return load


def cells(kind, title, v6):
    """(the flood's name, {defence: name of its row})"""
    case = f"{title}, IPv{6 if v6 else 4}"
    return case, {d: f"{case}: {d}" for d in DEFENCES
                  if d != BOUNCE or kind == "syn"}


def quiet(loads):
    """A round's share of the core."""
    return min(load.share for load in loads.values())


def flood_case(beds, plan, kind, title, v6):
    """The rows of one kind of flood: rates, then core time."""
    case, tested = cells(kind, title, v6)
    wanted = [d for d, name in tested.items() if plan.wants("flood " + name)]
    if not wanted:
        return
    out = dict(beds.missing)
    rounds = []
    for i in range(plan.rounds + SPARE_ROUNDS):
        loads = {}
        for d in tested:
            if d in out or d not in {*wanted, *LADDER}:
                continue
            load = measure_flood(beds[d], d, kind, v6, plan, check=i == 0)
            if isinstance(load, str):
                out[d] = load
            else:
                loads[d] = load
        rounds.append(loads)
        if sum(quiet(r) >= QUIET for r in rounds) == plan.rounds:
            break
    best = sorted(rounds, key=quiet)[-plan.rounds:]
    loads = {d: [r[d] for r in best if d in r] for d in tested}
    for d in wanted:
        more = {"case": case, "defence": str(d)}
        if d in out:
            rows.emit(rows.skipped("flood", tested[d], out[d], **more))
            continue
        r = rate_row(tested[d], loads[d], loads[DROP], DROP, **more)
        if kind == "syn" and d == NATIVE:
            r.update(goal=GOALS[DROP], goal_unit="of XDP_DROP or more")
        progress(f"  flood: {tested[d]}: {r['value'] / 1e6:.2f} M/s, "
                 f"{r['ratio']:.2f} of XDP_DROP")
        rows.emit(r)
    if kind == "syn" and NATIVE in wanted:
        flood_goals(case, loads)
    flood_cost(kind, case, [d for d in wanted if loads[d] and
                            d not in (DROP, BOUNCE)], loads)


def rate_row(name, loads, base, base_name, **more):
    return rows.row("flood", name, "packets/core-s", [x.pps for x in loads],
                    str(base_name), [x.pps for x in base], **more,
                    core_share=round(min(x.share for x in loads), 2))


def flood_goals(case, loads):
    for d in (KERNEL, NFTABLES):
        if loads[d]:
            rows.emit(rate_row(f"{case}: {NATIVE} and {d}", loads[NATIVE],
                               loads[d], d, goal=GOALS[d],
                               goal_unit="times as many or more"))


def flood_cost(kind, case, defences, loads):
    """Core time per packet, above that of the minimal program with the same
    verdict: a SYN is answered, everything else dropped."""
    floor = BOUNCE if kind == "syn" else DROP
    for d in defences:
        above = [x.ns - y.ns for x, y in zip(loads[d], loads[floor])]
        r = rows.row("cost", f"{case}: {d}", "ns above floor", above,
                     case=case, defence=str(d))
        rows.emit(rows.compare(r, str(floor), [x.ns for x in loads[d]],
                               [x.ns for x in loads[floor]]))


def flood_part(plan):
    floods = [(*kind, v6) for kind in KINDS for v6 in (False, True)]
    if not any(plan.wants(f"flood {name}") for flood in floods
               for name in cells(*flood)[1].values()):
        return
    with Beds(DEFENCES) as beds:
        for flood in floods:
            flood_case(beds, plan, *flood)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", metavar="SUBSTRING")
    parser.add_argument("--against", metavar="DIR",
                        help="the tables part only, of both builds")
    args = parser.parse_args()
    plan = Plan(args.quick, args.full, args.only, args.against)
    if os.geteuid():
        print("live.py: needs root", file=sys.stderr)
        return 1
    os.sched_setaffinity(0, {OTHER_CPU})
    if args.against:
        plan.table_rounds = AGAINST_ROUNDS
        fills.tables_part(plan)
        return 0
    flood_part(plan)
    fills.tables_part(plan)
    clients.clients_part(plan)
    bulk.bulk_part(plan)
    forwarded.container_part(plan)
    return 0


if __name__ == "__main__":
    sys.exit(main())
