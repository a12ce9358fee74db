# SPDX-License-Identifier: GPL-2.0-only
"""The table of configuration keys, user/lib/config/config_table.h.

Theory of operation: the C preprocessor turns the rows into Python literals, so
the names of defaults are resolved. SECTIONS and KEYS are in the table's order.
"""
import ast
import os
import subprocess
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
PROGRAM = """
#include "synkeeper/control.h"
#define NULL None
#define SECTION(name, ...) @("SECTION", #name, __VA_ARGS__)
#define VALUE(section, name, type, member, fallback, least, most, change, ...) \\
	@("VALUE", #section, name, #type, fallback, least, most, #change, __VA_ARGS__)
#define LIST(section, name, type, how, example, comment) \\
	@("LIST", #section, name, #type, None, None, None, "LIVE", how, example, comment)
#define PART(section, name, type, fallback, least, most, how, comment) \\
	@("PART", #section, name, #type, fallback, least, most, "LIVE", how, None, comment)
#include "config/config_table.h"
"""


@dataclass
class Section:
    name: str
    argument: str  # in the example, or None
    comment: str  # or None


@dataclass
class Key:
    kind: str  # "VALUE", "LIST", "PART"
    section: str
    name: str
    type: str
    default: str  # or None, like the next two
    least: str
    most: str
    change: str  # "LIVE", "RESTART", "DOWN"
    how: str  # the syntax of its value
    example: str  # or None
    comment: str  # or None

    def is_number(self):
        return self.least is not None


def rows():
    text = subprocess.run(
        [os.environ.get("CC", "cc"), "-E", "-P", "-Iinclude", "-Iuser/lib",
         "-xc", "-"], cwd=ROOT, input=PROGRAM, check=True,
        capture_output=True, text=True).stdout
    return [ast.literal_eval(row) for row in text.split("@")[1:]]


SECTIONS = [Section(*row[1:]) for row in rows() if row[0] == "SECTION"]
KEYS = [Key(*row) for row in rows() if row[0] != "SECTION"]
