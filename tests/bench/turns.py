# SPDX-License-Identifier: GPL-2.0-only
"""Two builds of the per-packet benchmark by turns: a part of bench.py --check.

Theory of operation: a recorded figure says little on another processor, in
another hour or beside other processes. So the old and the new `packet` run at
the same time, each waits while the other measures (packet.c, --turns), and
one round of a row is measured in both within a few milliseconds, on the same
CPU; who begins changes from round to round. Each round has a floor of its own,
which is subtracted. A row is worse if the least figure, which noise can only
raise, and the median both are, by more than LIMIT_NS and LIMIT; and that twice.

Then the floods of fills.py, live, with the daemons of both builds in the same
rounds. They are noisier, so more is allowed (LIVE_LIMIT).

A build that is too old for --turns is compared by whole quick runs in turns.
"""
import collections
import json
import os
import statistics
import subprocess
import sys

LIMIT_NS = 2
LIMIT_SYN_NS = 5  # of a SYN that is answered
LIMIT = 0.03
LIVE_LIMIT = 0.1
RUNS = 4  # of builds without --turns
HERE = os.path.dirname(os.path.realpath(__file__))
CPU = min(os.sched_getaffinity(0))


def program(checkout):
    return os.path.join(checkout, ".output/tests/packet")


def names(checkout):
    """The rows that a build has; None: it is too old to say so."""
    p = subprocess.run([program(checkout), "--list"], capture_output=True,
                       text=True, check=False)
    return None if p.returncode else p.stdout.splitlines()


def command(checkout, *args):
    return ["taskset", "-c", str(CPU), "chrt", "-f", "10", program(checkout),
            *args]


class Player:
    """One build that waits for its turn. `turn` is the row that it would
    measure next, None once it is through."""

    def __init__(self, checkout, only):
        self.checkout = checkout
        self.rounds = collections.defaultdict(list)  # (ns, floor)
        args = ["--turns"] + (["--only", only] if only else [])
        self._p = subprocess.Popen(command(checkout, *args), text=True,
                                   stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        self.turn = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._p.kill()
        self._p.wait()

    def _line(self):
        line = self._p.stdout.readline()
        if line:
            return json.loads(line)
        if self._p.wait():
            raise RuntimeError(f"{program(self.checkout)} ended with exit code "
                               f"{self._p.returncode}")
        return {"turn": None}

    def wait(self):
        self.turn = self._line()["turn"]

    def play(self):
        self._p.stdin.write("\n")
        self._p.stdin.flush()
        got = self._line()
        self.rounds[got["done"]].append((got["ns"], got["floor"]))


def in_lockstep(old, new, only):
    """({row: [(ns, floor)]} of the old build, and of the new one)"""
    with Player(old, only) as a, Player(new, only) as b:
        a.wait()
        b.wait()
        both = set(names(old)) & set(names(new))
        while a.turn or b.turn:
            ready = [p for p in (a, b) if p.turn]
            alone = [p for p in ready if p.turn not in both]
            if alone:  # only one of them has this row
                ready = alone
            elif len(ready) == 2 and a.turn != b.turn:
                ready = ready[:1]  # their orders differ
            if len(ready) == 2 and len(a.rounds[a.turn]) % 2:
                ready.reverse()
            for p in ready:
                p.play()
            for p in ready:
                p.wait()
        return a.rounds, b.rounds


def by_runs(old, new, only):
    """The same for builds without --turns."""
    out = {old: collections.defaultdict(list),
           new: collections.defaultdict(list)}
    for i in range(RUNS):
        for checkout in (old, new) if i % 2 else (new, old):
            args = ["--quick"] + (["--only", only] if only else [])
            p = subprocess.run(command(checkout, *args), check=True,
                               stdout=subprocess.PIPE, text=True)
            for r in map(json.loads, p.stdout.splitlines()):
                out[checkout][r["name"]].append((r["value"], 0))
    return out[old], out[new]


def least(rounds):
    return min(ns for ns, _ in rounds) - min(floor for _, floor in rounds)


def median(rounds):
    return statistics.median(ns - floor for ns, floor in rounds)


def live(old, only):
    """The same of the rows of live floods."""
    args = ["--only", only] if only else []
    p = subprocess.run([os.path.join(HERE, "live.py"), "--quick", "--against",
                        old, *args], check=True, stdout=subprocess.PIPE,
                       text=True)
    got = [r for r in map(json.loads, p.stdout.splitlines()) if "old" in r]
    return ({r["name"]: r["old"] for r in got},
            {r["name"]: r["new"] for r in got})


def limit(name, ns):
    if name.startswith("live "):
        return LIVE_LIMIT * ns
    least_ns = LIMIT_SYN_NS if name.startswith("SYN, ") else LIMIT_NS
    return max(least_ns, LIMIT * ns)


def is_worse(name, old, new):
    allowed = limit(name, least(old))
    return least(new) - least(old) > allowed and \
        median(new) - median(old) > allowed


def line(name, old, new):
    return (f"{name:62} {least(old):7.1f} {median(old):7.1f} "
            f"{least(new):7.1f} {median(new):7.1f} "
            f"{least(new) - least(old):+7.1f} {median(new) - median(old):+7.1f}"
            f"{'   worse' if is_worse(name, old, new) else ''}")


HEAD = (f"{'ns above the floor':62} {'old':>7} {'median':>7} {'new':>7} "
        f"{'median':>7} {'change':>7} {'median':>7}")


def compare_by(measure, old, new, only):
    """Prints a line for each row. (rows compared, those that are worse)"""
    was, now = measure(old, new, only)
    both = [name for name in now if name in was]
    for name in both:
        print(line(name, was[name], now[name]), flush=True)
    bad = [name for name in both if is_worse(name, was[name], now[name])]
    for name in list(bad):
        print(f"turns: {name}: measured again", file=sys.stderr)
        again = measure(old, new, name.removeprefix("live "))
        print(line(name, again[0][name], again[1][name]), flush=True)
        if not is_worse(name, again[0][name], again[1][name]):
            bad.remove(name)
    return len(both), bad


def compare(old, new, only=None):
    """Prints a table. Returns (rows compared, those that are worse)."""
    if names(old) is None or names(new) is None:
        measure = by_runs
        print("turns: no --turns in one of the two: whole runs in turns",
              file=sys.stderr)
    else:
        measure = in_lockstep
    print(HEAD)
    n, bad = 0, []
    if not only or any(only in name for name in names(new)):
        n, bad = compare_by(measure, old, new, only)
    live_n, live_bad = compare_by(lambda old, _, only: live(old, only), old,
                                  new, only)
    return n + live_n, bad + live_bad
