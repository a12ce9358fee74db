# SPDX-License-Identifier: GPL-2.0-only
"""The requests of the control socket, include/synkeeper/control_table.h.

Theory of operation: the rows are C calls whose arguments Python can read once
bare words are quoted. REQUESTS and OBJECTS are in the table's order. fit()
checks a value against the type that the table gives it, and records in SEEN
which fields were present.
"""
import ast
import os
import re
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
ROW = re.compile(r"^(REQUEST|ARGUMENT|OBJECT|FIELD)(\((?:[^()\"]|\"[^\"]*\")*\))",
                 re.M)
PLAIN = {"string": (str,), "integer": (int,), "number": (int, float),
         "bool": (bool,)}


@dataclass
class Field:
    name: str
    type: str
    needed: bool
    meaning: str


@dataclass
class Request:
    name: str
    result: str  # an object's name
    meaning: str
    arguments: list = field(default_factory=list)


@dataclass
class Object:
    name: str
    meaning: str
    fields: list = field(default_factory=list)


def read():
    with open(f"{ROOT}/include/synkeeper/control_table.h",
              encoding="utf-8") as f:
        text = f.read()
    requests, objects = {}, {}
    for what, row in ROW.findall(text):
        row = ast.literal_eval(re.sub(r"(?<=[(\s])([A-Z_]+),", r'"\1",', row))
        if what == "REQUEST":
            requests[row[0]] = last = Request(*row)
        elif what == "OBJECT":
            objects[row[0]] = last = Object(*row)
        else:
            name, kind, needed, meaning = row
            (last.arguments if what == "ARGUMENT" else last.fields).append(
                Field(name, kind, needed == "NEEDED", meaning))
    return requests, objects


REQUESTS, OBJECTS = read()
SEEN = set()  # (object, field)


def fit(value, kind, where):
    """Yields each deviation from the table, as a sentence."""
    if kind.endswith("?"):
        if value is not None:
            yield from fit(value, kind[:-1], where)
    elif kind.startswith("["):
        if not isinstance(value, list):
            yield f"{where}: expected an array, got {value!r}"
            return
        for one in value:
            yield from fit(one, kind[1:-1], f"{where}[]")
    elif kind.startswith("{"):
        if not isinstance(value, dict):
            yield f"{where}: expected an object, got {value!r}"
            return
        for name, one in value.items():
            yield from fit(one, kind[1:-1].split(": ")[1], f"{where}.{name}")
    elif kind in PLAIN:
        if not isinstance(value, PLAIN[kind]) or \
                isinstance(value, bool) != (kind == "bool"):
            yield f"{where}: expected a {kind}, got {value!r}"
    elif not isinstance(value, dict):
        yield f"{where}: expected {kind}, got {value!r}"
    else:
        yield from fit_object(value, OBJECTS[kind], where)


def fit_object(value, o, where):
    fields = {f.name: f for f in o.fields}
    for name, one in value.items():
        if name not in fields:
            yield f"{where}.{name}: not in {o.name} of control_table.h"
        else:
            SEEN.add((o.name, name))
            yield from fit(one, fields[name].type, f"{where}.{name}")
    for f in o.fields:
        if f.needed and f.name not in value:
            yield f"{where}: no {f.name}, which {o.name} always has"
