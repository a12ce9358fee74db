# SPDX-License-Identifier: GPL-2.0-only
"""Live floods on session tables of several sizes and fills: a part of live.py.

Theory of operation: a flood's packets are of unknown tuples, so each asks the
session table and finds nothing. In a loop (packet.c) that costs little because
the table's first line of a set is in the cache; in a live flood it is not, and
the more so the larger the table is. Here each size has a bed of its own with
the real daemon, filled by scale.c as if so many clients were connected; a round
measures a bare XDP_TX or XDP_DROP and then all sizes. The figure is core time
per packet above that floor, of the same round. `full` is as many sessions as
`sessions max` says: half of the table's slots.

With --against DIR the same is measured with the daemon of another build, in the
same rounds; for each row, the figures of both and of the floor are printed.

The kernel has no sockets for these sessions, so they are kept fresh: the daemon
ends what was idle for half a minute.
"""
import contextlib
import os
import time

import rows
import scale
from defences import BOUNCE, DROP, Beds
from meter import Flood
from netenv import Env, OUTPUT
from rows import progress

SIZES = ("64k", "1M")
LARGE = "16M"  # with --full
FILLS = (("empty", 0), ("half full", 0.5), ("full", 1))
KINDS = (("syn", "SYN", BOUNCE), ("ack", "ACK", DROP))
GOALS = {("SYN", "empty"): 60, ("ACK", "empty"): 45, ("SYN", "full"): 90}
FRESH_S = 10
MOST_MISSING = 0.01  # of those that are to be inserted: their sets are full


def row_name(title, size, fill):
    return f"{title}, sessions max {size}, {fill}"


class Bed:
    """A daemon with a table of that size and fill."""

    def __init__(self, stack, size, fill, output=OUTPUT):
        self._output = output
        self.env = stack.enter_context(Env())
        self.env.nginx()
        sessions = scale.TABLES[size]
        stack.enter_context(scale.daemon(
            self.env, scale.config(self.env, sessions=sessions), output))
        self._filled = fill > 0
        self._touched = time.monotonic()
        wanted = int(sessions * fill)
        if wanted:
            entered = scale.scale(self.env, "fill", wanted, output=output)[0]
            assert entered >= wanted * (1 - MOST_MISSING), \
                f"sessions max {size}: {entered:.0f} of {wanted} entered"

    def measure(self, kind, seconds):
        if self._filled and time.monotonic() > self._touched + FRESH_S:
            scale.scale(self.env, "touch", output=self._output)
            self._touched = time.monotonic()
        return measure(self.env, kind, seconds)


def measure(env, kind, seconds):
    with Flood(env, kind) as flood:
        return flood.measure(seconds)


def fits(size):
    return scale.available() > 2 * scale.SLOT * 2 * scale.TABLES[size]


def emit(title, size, fill, floor, loads, floors):
    above = [x.ns - y.ns for x, y in zip(loads, floors)]
    name = row_name(title, size, fill)
    r = rows.row("tables", name, "ns above floor", above,
                 case=f"{title}, {fill}", defence=f"sessions max {size}")
    r = rows.compare(r, str(floor), [x.ns for x in loads],
                     [x.ns for x in floors])
    if (title, fill) in GOALS:
        r.update(goal=GOALS[title, fill], goal_unit="ns above floor")
    rows.emit(r)
    progress(f"  tables: {name}: {r['value']:.0f} ns above {floor}")


def fill_case(plan, floors, sizes, fill, share):
    """The rows of all sizes that are filled so."""
    outputs = {"new": OUTPUT}
    if plan.against:
        outputs["old"] = os.path.join(plan.against, ".output")
    with contextlib.ExitStack() as stack:
        beds = {(size, which): Bed(stack, size, share, output)
                for size in sizes for which, output in outputs.items()}
        for kind, title, floor in KINDS:
            wanted = [bed for bed in beds
                      if plan.wants("tables " + row_name(title, bed[0], fill))]
            base, loads = [], {bed: [] for bed in wanted}
            for i in range(plan.table_rounds if wanted else 0):
                base.append(measure(floors[floor], kind, plan.window_s))
                for bed in wanted if i % 2 else reversed(wanted):
                    loads[bed].append(beds[bed].measure(kind, plan.window_s))
            for size in sizes if wanted else ():
                if plan.against:
                    rows.emit({"name": "live " + row_name(title, size, fill),
                               **pairs(loads, size, base)})
                else:
                    emit(title, size, fill, floor, loads[size, "new"], base)


def pairs(loads, size, base):
    """For turns.py: [(ns, floor)] of both builds."""
    return {which: [(x.ns, y.ns) for x, y in zip(loads[size, which], base)]
            for which in ("old", "new") if loads.get((size, which))}


def tables_part(plan):
    sizes = [*SIZES, LARGE] if plan.full else list(SIZES)
    wanted = [s for s in sizes for fill, _ in FILLS for _, title, _ in KINDS
              if plan.wants("tables " + row_name(title, s, fill))]
    sizes = [s for s in sizes if s in wanted]
    for size in [s for s in sizes if not fits(s)]:
        rows.emit(rows.skipped("tables", f"sessions max {size}",
                               f"{scale.available() >> 20} MB are available"))
        sizes.remove(size)
    if not sizes:
        return
    with Beds((DROP, BOUNCE)) as floors:
        for fill, share in FILLS:
            if any(plan.wants("tables " + row_name(title, s, fill))
                   for s in sizes for _, title, _ in KINDS):
                fill_case(plan, floors, sizes, fill, share)
