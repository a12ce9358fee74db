# SPDX-License-Identifier: GPL-2.0-only
"""A row of the benchmark, as docs/BENCHMARKS.md describes it.

Theory of operation: every round of a part measures everything that is compared,
one after another, so that noise affects all alike. A ratio is taken within a
round; the row has the median of the rounds' ratios, and their spread. Rows go
to standard output, one line of JSON each.
"""
import json
import statistics
import sys


def progress(text):
    print(text, file=sys.stderr, flush=True)


def emit(row):
    print(json.dumps(row), flush=True)


def skipped(part, name, why, **more):
    progress(f"  {part}: {name}: skipped: {why}")
    return {"part": part, "name": name, **more, "skipped": why}


def row(part, name, unit, values, baseline=None, base_values=None, digits=0,
        **more):
    """`values` and `base_values` hold one figure for each round."""
    r = {"part": part, "name": name, **more,
         "value": round(statistics.median(values), digits), "unit": unit,
         "rounds": len(values), "min": round(min(values), digits),
         "median": round(statistics.median(values), digits),
         "max": round(max(values), digits)}
    return compare(r, baseline, values, base_values, digits) if baseline else r


# Of the machine that the goals in ns were set on.
REFERENCE, REFERENCE_NS = "SipHash of one cookie, alone", 22


def scale_goals(rows):
    """Goals in ns become those of this machine, by a row that depends on its
    processor alone."""
    here = [r["value"] for r in rows if r["part"] == "packet" and
            r["name"] == REFERENCE and "value" in r]
    for r in rows if here else ():
        if r.get("goal_unit") == "ns above floor":
            r["goal"] = round(r["goal"] * here[0] / REFERENCE_NS)


def compare(r, baseline, values, base_values, digits=0):
    """Adds the reference of r, and the ratio within each round."""
    ratios = [v / b for v, b in zip(values, base_values) if b]
    r["baseline"] = baseline
    r["baseline_value"] = round(statistics.median(base_values), digits)
    if ratios:
        r["ratio"] = round(statistics.median(ratios), 3)
        r["ratio_min"] = round(min(ratios), 3)
        r["ratio_max"] = round(max(ratios), 3)
    return r
