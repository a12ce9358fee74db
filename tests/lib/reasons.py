# SPDX-License-Identifier: GPL-2.0-only
"""The table of reasons, include/synkeeper/reason_table.h, without its prose.

Theory of operation: a regular expression reads the columns from the header
itself, so nothing needs to be built. REASONS is in the table's order:
{name: Reason}.
"""
import os
import re
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
ROW = re.compile(r'^REASON\((\w+),\s+(\w+),\s+([\w| ]+),\s+([\w|\s]+),'
                 r'\s+([\w|\s]+),\s+"([^"]*)"', re.M)


@dataclass
class Reason:
    name: str
    number: int  # the index of its counter
    action: str  # "PASS", "DROP", "TX"
    hooks: frozenset  # of "AT_XDP", ...
    packets: frozenset  # of "OF_SYN", ...
    uses: frozenset  # of "AS_SYN_FLOOD", ...
    text: str

    def is_later(self):
        """Counted at tc only: in addition to a verdict at XDP, or for the
        server's packets."""
        return "AT_XDP" not in self.hooks


def words(column):
    return frozenset(column.replace("|", " ").split())


def read():
    text = ""
    for name in ("reason_table.h", "reason_table_kernel.h",
                 "reason_table_splice.h"):
        with open(f"{ROOT}/include/synkeeper/{name}", encoding="utf-8") as f:
            text += f.read()
    rows = ROW.findall(text)
    assert len(rows) == len(re.findall(r"^REASON\(", text, re.M)), \
        "reason_table.h: a row that ROW does not match"
    return {name: Reason(name, i, action, *map(words, columns), what)
            for i, (name, action, *columns, what) in enumerate(rows, 1)}


REASONS = read()
# What no packet of a good client gets while nothing fails.
DROPS = tuple(r.name for r in REASONS.values()
              if r.hooks == {"AT_INGRESS"} or
              (r.action == "DROP" and "AT_EGRESS" not in r.hooks))
