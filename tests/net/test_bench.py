# SPDX-License-Identifier: GPL-2.0-only
"""The benchmark's programs still fit the data path that they measure.

Theory of operation: figures are for `make bench`; here it only matters that a
row of each kind of verdict can be measured at all, and says what is promised
of a row (docs/BENCHMARKS.md).
"""
import json
import os

from namespace import run
from netenv import OUTPUT
from nettest import net_test

ROWS = ("SYN, no options, IPv4", "ACK, bad cookie, no timestamps, IPv4",
        "UDP")
KEYS = {"part", "name", "value", "unit", "baseline", "ratio", "rounds", "min",
        "median"}


@net_test
def test_packet_rows_can_be_measured(_env):
    """The wrapper could not call a program that knows fragments, being one
    that does not: no row of the data path was measured."""
    for name in ROWS:
        p = run([os.path.join(OUTPUT, "tests/packet"), "--quick", "--only",
                 name], check=False)
        rows = [json.loads(line) for line in p.stdout.splitlines()]
        assert [r["name"] for r in rows] == [name], \
            f"expected the row {name!r}, got {rows}: {p.stderr}"
        assert KEYS <= set(rows[0]), \
            f"{name}: expected {sorted(KEYS)}, got {rows[0]}"
