# SPDX-License-Identifier: GPL-2.0-only
"""The benchmark's programs still match the data path that they measure.

Theory of operation: figures are for `make bench`; here it only matters that a
row of each kind of verdict can be measured at all, and has what
docs/BENCHMARKS.md says about rows.
"""
import json
import os
import sys

from namespace import run
from netenv import OUTPUT, last_json
from nettest import net_test
from session_stats import protect, reasons

sys.path.append(os.path.join(os.path.dirname(os.path.realpath(__file__)),
                             "../bench"))
import clients  # noqa: E402  (needs the path)
import rows as bench_rows  # noqa: E402
import turns  # noqa: E402

ROOT = os.path.dirname(OUTPUT)
ROWS = ("SYN, no options, IPv4", "ACK, bad cookie, no timestamps, IPv4",
        "UDP")
PARTS = ("packet", "cores")
KEYS = {"part", "name", "value", "unit", "baseline", "ratio", "rounds", "min",
        "median"}


@net_test
def test_packet_rows_can_be_measured(_env):
    """The wrapper, not fragment-aware itself, could not call a fragment-aware
    program: no row of the data path was measured."""
    for name in ROWS:
        p = run([os.path.join(OUTPUT, "tests/packet"), "--quick", "--only",
                 name], check=False)
        rows = [json.loads(line) for line in p.stdout.splitlines()]
        got = [(r["part"], r["name"]) for r in rows]
        parts = PARTS if len(os.sched_getaffinity(0)) > 1 else PARTS[:1]
        want = [(part, name) for part in parts]
        assert got == want, f"expected the rows {want}, got {got}: {p.stderr}"
        assert KEYS <= set(rows[0]), \
            f"{name}: expected {sorted(KEYS)}, got {rows[0]}"


@net_test
def test_flood_of_a_table_met_skb_mode(_env):
    """Which auto means on a veth: it took no frame, and the part ended."""
    want = "SYN, sessions max 64k, empty"
    p = run([os.path.join(ROOT, "tests/bench/live.py"), "--quick", "--only",
             f"tables {want}"], check=False, timeout=120)
    got = [(r["part"], r["name"], "value" in r)
           for r in map(json.loads, p.stdout.splitlines())]
    assert got == [("tables", want, True)], \
        f"expected a figure for {want!r}, got {got}: {p.stderr}"


@net_test
def test_goals_in_ns_were_those_of_another_processor(_env):
    """Which a slower one missed, whatever the program did."""
    got = [{"part": "packet", "name": bench_rows.REFERENCE, "value": 44},
           {"part": "packet", "name": "SYN", "goal": 55,
            "goal_unit": "ns above floor"},
           {"part": "packet", "name": "session", "goal": 1,
            "goal_unit": "times the baseline"}]
    bench_rows.scale_goals(got)
    assert [r.get("goal") for r in got] == [None, 110, 1], \
        f"expected 55 ns to become 110, and 1 to stay: {got}"


@net_test
def test_paced_flood_sent_a_fifth(env):
    """Each batch made the kernel patch its XDP dispatcher."""
    want = 40000
    for seconds, rate, count in ((5, want, want), (5, None, 20 * want)):
        p = env.flood("syn", seconds, rate=rate, count=count)
        assert p.wait(seconds + 10) == 0, p.output()
        got = last_json(p)
        assert got["pps"] > want * 3 / 4, \
            f"a flood of {rate or 'any number of'} packets/s sent {got}"


@net_test
def test_two_builds_measured_a_row_by_turns(_env):
    """bench-check compared with figures of another processor."""
    old, new = turns.in_lockstep(ROOT, ROOT, "UDP")
    got = [(name, len(rounds)) for build in (old, new)
           for name, rounds in build.items()]
    assert got == [("UDP", 9)] * 2, \
        f"expected 9 rounds of UDP from either build, got {got}"


@net_test
def test_bench_check_tells_slower_from_noise(_env):
    """Worse is what has a higher minimum and a higher median."""
    old = [(100, 10), (130, 40), (180, 10)]
    for name, new, worse in (
            ("as fast", [(100, 10), (100, 10), (100, 10)], False),
            ("2 ns slower", [(102, 10), (132, 40), (182, 10)], False),
            ("20 ns slower", [(120, 10), (150, 40), (200, 10)], True),
            ("disturbed, once as fast",
             [(100, 10), (190, 10), (190, 10)], False)):
        assert turns.is_worse(name, old, new) == worse, \
            f"{name}: expected worse = {worse}"


@net_test
def test_each_timed_connection_needs_a_cookie(env):
    """Ports used again within a second met TIME-WAIT, which the server's kernel
    answers: a fifth of the connections were none of the defence's."""
    env.nginx()
    clients.add_addresses(env)
    protect(env)
    crowd = clients.Crowd(env, cpu=None)
    made = sum(got["connections"] - got["failed"] for got in
               (crowd.run(0, 1), crowd.run(200, 1), crowd.run(0, 1)))
    got = reasons(env)
    assert made > 300 and got["answered"] == got["admitted"] == made, \
        f"{made} connections: expected as many answered and admitted, got {got}"
