# SPDX-License-Identifier: GPL-2.0-only
"""What a trial is, and how the trials of a file are run and judged.

Theory of operation: a trial is a function that gets a Bed and returns what it
saw, {what: value}, and is told by its decorator which behaviour it belongs to,
its kind, and who meets it:

	@trial(30, "the listener's MSS", "haproxy: bind :443 mss 1200")
	def maxseg(bed):
		bed.echo((IPPROTO_TCP, TCP_MAXSEG, 1200))
		...
		return {"announced": sniffer.synack().mss()}

It runs over each family in the plain column first, then in the other two at the
same time. Synkeeper's must equal the plain one, value by value, except for what
differences.py names: that must differ, and exactly so. A file of trials is a
test program with the protocol of tests/lib/testmain.h, which tests/run knows:

	FILE			runs all its trials in one bed
	FILE NAME		runs one
	FILE --list		prints their names

What was seen is left in .output/parity/ for tests/parity/report.
"""
import concurrent.futures
import contextlib
import fnmatch
import inspect
import json
import os
import sys
import traceback
from dataclasses import dataclass, field

# the first one finds the others
from bed import COLUMNS, KERNEL, PLAIN, SYNKEEPER, Bed, Column
import nettest
from backend import OWN_COOKIES
from differences import DIFFERENCES
from netenv import OUTPUT

BOTH = (4, 6)
RECORDS = os.path.join(OUTPUT, "parity")


@dataclass
class Trial:
    number: str  # of the behaviour
    kind: str
    cause: str  # who meets it
    function: object
    group: str  # the file
    name: str
    families: tuple = BOTH
    args: tuple = ()

    def names(self):
        return {v: f"{self.name}_v{v}" for v in self.families}


@dataclass
class Group:
    trials: list = field(default_factory=list)


groups = {}


def trial(number, kind, cause, families=BOTH, name=None, args=()):
    """@name, @args: for a function that serves several trials."""
    def mark(function):
        path = inspect.getsourcefile(function)
        group = os.path.basename(path)[:-len(".py")]
        t = Trial(str(number), kind, cause, function, group,
                  name or function.__name__, families, args)
        group = groups.setdefault(group, Group())
        assert t.name not in [o.name for o in group.trials], \
            f"two trials are named {t.name}"
        group.trials.append(t)
        return function
    return mark


def each(number, rows, families=BOTH):
    """A trial for each row, (name, kind, cause, arguments...)."""
    def mark(function):
        for name, kind, cause, *args in rows:
            trial(number, kind, cause, families, name, args)(function)
        return function
    return mark


# -- judging

def normal(seen):
    """As it will be in the record."""
    return json.loads(json.dumps(seen))


def differences(t, v, plain, mode):
    """{what: (value, why)}: what Synkeeper's column has instead."""
    found = {}
    for key, d in DIFFERENCES.items():
        if fnmatch.fnmatchcase(f"{t.group}/{t.name}", key) and \
                d.applies(v, mode):
            found |= {k: (normal(value), d.why) for k, value
                      in d.instead(plain, v).items()}
    unknown = sorted(found.keys() - plain.keys())
    assert not unknown, f"differences.py: {t.name} has no {unknown}"
    return found


def judge(t, v, seen):
    """Raises AssertionError if the columns are not as they should be. Compared
    is what the plain one saw; behind a difference it may not be there (an
    answer that did not come has no TTL)."""
    plain, ours = seen[PLAIN], seen[SYNKEEPER]
    named = differences(t, v, plain, nettest.mode())
    name = f"{t.name}, IPv{v}"
    for k, (value, _) in named.items():
        assert value != plain[k], f"{name}: differences.py says that {k!r} " \
            f"is {value!r} instead, but so is the plain kernel's"
        assert ours.get(k) != plain[k], f"{name}: {k!r} is equal now: remove " \
            "the difference from differences.py"
    want = plain | {k: value for k, (value, _) in named.items()}
    lines = [f"{k}: plain {plain.get(k)!r}, Synkeeper " +
             (f"expected {want[k]!r}, " if k in named else "") +
             f"got {ours.get(k)!r}"
             for k in sorted(plain) if want[k] != ours.get(k) and
             (k in ours or not named)]
    assert not lines, f"{name}: {t.kind}: differs\n" + "\n".join(lines)


# -- running

def observe(column, t, v, want=None):
    with Bed(column, v == 6, want) as bed:
        return normal(t.function(bed, *t.args))


def three(columns, pool, t, v):
    """{column: what the trial saw}"""
    plain = observe(columns[PLAIN], t, v)
    tasks = {c: pool.submit(observe, columns[c], t, v, plain)
             for c in (KERNEL, SYNKEEPER)}
    concurrent.futures.wait(tasks.values())
    columns[SYNKEEPER].daemon.check_alive()
    return {PLAIN: plain, **{c: task.result() for c, task in tasks.items()}}


def record(group, seen, whole):
    """Merges what was seen into the group's file; @whole: replaces it."""
    os.makedirs(RECORDS, exist_ok=True)
    path = os.path.join(RECORDS, f"{group}-{nettest.mode()}.json")
    before = {}
    if not whole:
        with contextlib.suppress(FileNotFoundError), \
                open(path, encoding="utf-8") as f:
            before = json.load(f)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(before | seen, f, indent=1)


def run_one(columns, pool, t, v, seen):
    name = t.names()[v]
    print(f"[ RUN      ] {name}", flush=True)
    try:
        seen[name] = three(columns, pool, t, v)
        judge(t, v, seen[name])
        verdict = "      OK"
    except nettest.Skip as why:
        print(f"skip: {why}")
        seen[name] = {"skipped": str(why)}
        verdict = " SKIPPED"
    except AssertionError as e:
        where = traceback.extract_tb(e.__traceback__)[-1]
        print(f"{os.path.basename(where.filename)}:{where.lineno}: {e}")
        verdict = "  FAILED"
    except Exception:
        traceback.print_exc(file=sys.stdout)
        verdict = "  FAILED"
    print(f"[ {verdict} ] {name}", flush=True)
    return verdict.strip()


def run(group, chosen, whole):
    seen = {}
    with contextlib.ExitStack() as stack:
        columns = {c: stack.enter_context(Column(c)) for c in COLUMNS}
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(2))
        verdicts = [run_one(columns, pool, t, v, seen) for t, v in chosen]
    record(group, seen, whole)
    if "FAILED" in verdicts:
        return 1
    return 0 if "OK" in verdicts else nettest.EXIT_SKIP


def main(path, args):
    group = os.path.basename(path)[:-len(".py")]
    tests = {name: (t, v) for t in groups[group].trials
             for v, name in t.names().items()}
    if args == ["--list"]:
        print(*tests, sep="\n")
        return 0
    unknown = [a for a in args if a not in tests]
    if unknown:
        print(f"{group}: no trial is named {unknown[0]}", file=sys.stderr)
        return 2
    if not OWN_COOKIES:
        for name in args or tests:
            print(f"[ RUN      ] {name}\nskip: parity is judged with cookies "
                  f"of our own, Linux 6.9\n[  SKIPPED ] {name}")
        return nettest.EXIT_SKIP
    return run(group, [tests[a] for a in args or tests], not args)
