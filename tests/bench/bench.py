#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""`make bench`: runs all parts, prints the tables, writes .output/bench.json.

Theory of operation: each part is a program of its own that writes rows to
standard output, one line of JSON each (docs/BENCHMARKS.md), and its progress
to standard error. A part that is missing or fails becomes a row that says so.

--check runs the quick form and compares ratios with baseline.json. A row is
guarded if the baseline names it; it may be worse by the baseline's tolerance,
which is 15 % unless the row was noisier than that when it was recorded. What
looks worse is measured a second time before it is reported. --record makes a
baseline from a few quick runs. Ratios differ between processors; --against
makes the baseline here and now, from another checkout, which it builds: the
runs alternate, and the median of ours is compared.

usage: bench.py [--quick] [--only SUBSTRING]
                [--check [--against DIR] | --record]
"""
import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import time

import report

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = report.ROOT
OUTPUT = os.path.join(ROOT, ".output")
BASELINE = os.path.join(HERE, "baseline.json")
PARTS = {
    "packet": [os.path.join(OUTPUT, "tests/packet")],
    "live": [os.path.join(HERE, "live.py")],
    "scale": [os.path.join(HERE, "scale.py")],
}
TOLERANCE = 0.15
NOISE = 1.5  # a row's tolerance is at least this multiple of its spread
TOO_NOISY = 0.5  # rows with a tolerance above this are not guarded
RUNS = 3  # of which the median counts


def command(cmd):
    try:
        return subprocess.run(cmd, cwd=ROOT, capture_output=True, text=True,
                              check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        cpu = re.search(r"^model name\s*:\s*(.*)", f.read(), re.M)
    with open(os.path.join(ROOT, "VERSION"), encoding="utf-8") as f:
        version = f.read().strip()
    commit = command(["git", "rev-parse", "--short", "HEAD"]) or "no commit"
    if command(["git", "status", "--porcelain", "--untracked-files=no"]):
        commit += "+"
    return {"cpu": cpu[1] if cpu else platform.machine(),
            "cores": len(os.sched_getaffinity(0)),
            "kernel": platform.release(),
            "date": datetime.datetime.now().astimezone().isoformat(
                timespec="seconds"),
            "version": version, "commit": commit}


def run_part(part, args):
    """Its rows; failures become rows, too."""
    program = PARTS[part][0]
    if not os.access(program, os.X_OK):
        return [{"part": part, "name": "all", "skipped":
                 f"{os.path.relpath(program, ROOT)} does not exist"}]
    print(f"{part} ...", file=sys.stderr, flush=True)
    start = time.monotonic()
    p = subprocess.run([*PARTS[part], *args], stdout=subprocess.PIPE,
                       text=True, check=False)
    rows = [json.loads(line) for line in p.stdout.splitlines()]
    if p.returncode and (rows or "--only" not in args):
        rows.append({"part": part, "name": "all", "failed": True, "skipped":
                     f"ended with exit code {p.returncode}"})
    print(f"{part}: {time.monotonic() - start:.0f} s", file=sys.stderr)
    return rows


def run_all(quick, only):
    args = ["--quick"] * quick + (["--only", only] if only else [])
    return [row for part in PARTS for row in run_part(part, args)]


def key(row):
    return f"{row['part']}: {row['name']}"


def ratios(rows):
    return {key(r): r["ratio"] for r in rows if r.get("ratio")}


def more_is_better(row):
    return row["unit"].endswith(("/s", "/core-s"))


def ours(row):
    """Can a change to Synkeeper make it worse?"""
    return row.get("defence", "Synkeeper").startswith("Synkeeper") and \
        not row["name"].startswith("kernel's ")


def record(runs):
    """A baseline from several runs' rows."""
    guarded, unguarded = {}, []
    for row in runs[0]:
        got = [ratios(rows)[key(row)] for rows in runs
               if key(row) in ratios(rows)]
        if len(got) < len(runs) or not ours(row):
            continue
        got.sort()
        middle = got[len(got) // 2]
        spread = (got[-1] - got[0]) / middle
        tolerance = round(max(TOLERANCE, NOISE * spread), 2)
        if tolerance > TOO_NOISY:
            unguarded.append(key(row))
            continue
        guarded[key(row)] = {
            "ratio": middle, "spread": round(spread, 3),
            "tolerance": tolerance,
            "better": "more" if more_is_better(row) else "less"}
    return {"machine": machine(), "runs": len(runs), "rows": guarded,
            "too noisy": unguarded}


def regressions(rows, baseline):
    """[(key, what happened)]"""
    now, out = ratios(rows), []
    for name, was in baseline["rows"].items():
        if name not in now:
            continue
        worse = was["ratio"] / now[name] if was["better"] == "more" else \
            now[name] / was["ratio"]
        if worse > 1 + was["tolerance"]:
            out.append((name, f"ratio {now[name]:.3f}, recorded "
                        f"{was['ratio']:.3f}: {100 * (worse - 1):.0f} % "
                        f"worse, {100 * was['tolerance']:.0f} % allowed"))
    return out


def verdict(rows, baseline, bad, only):
    """Reports it; returns the exit code."""
    missing = sorted(set(baseline["rows"]) - set(ratios(rows)))
    if missing and not only:
        print(f"bench-check: not measured: {', '.join(missing)}")
    for name, why in bad:
        print(f"bench-check: {name}: {why}")
    compared = len(baseline["rows"]) - len(missing)
    print(f"bench-check: {compared} ratios compared, {len(bad)} worse")
    return 1 if bad or not compared else 0


def check(rows, only):
    with open(BASELINE, encoding="utf-8") as f:
        baseline = json.load(f)
    here, there = machine()["cpu"], baseline["machine"]["cpu"]
    if here != there:
        print(f"bench-check: recorded on another processor ({there}, here "
              f"{here}): use --against to compare with another version")
    bad = regressions(rows, baseline)
    if bad:
        print(f"bench-check: {len(bad)} rows look worse, measuring again",
              file=sys.stderr)
        again = dict(regressions(run_all(True, only), baseline))
        bad = [(name, again[name]) for name, _ in bad if name in again]
    return verdict(rows, baseline, bad, only)


def rows_of(checkout, only):
    """The quick rows of another checkout, by its own bench.py."""
    subprocess.run([os.path.join(checkout, "tests/bench/bench.py"), "--quick",
                    *(["--only", only] if only else [])],
                   stdout=subprocess.DEVNULL, check=False)
    with open(os.path.join(checkout, ".output/bench.json"),
              encoding="utf-8") as f:
        return json.load(f)["rows"]


def middle(runs):
    """The rows of the last run, with the median ratio."""
    rows = runs[-1]
    for row in rows:
        got = sorted(ratios(r)[key(row)] for r in runs if key(row) in ratios(r))
        if got:
            row["ratio"] = got[len(got) // 2]
    return rows


def check_against(checkout, only):
    subprocess.run(["make", "-C", checkout, "all", "tests",
                    ".output/floor/bounce.bpf.o"], stdout=sys.stderr,
                   check=True)
    theirs, mine = [], []
    for _ in range(RUNS):
        theirs.append(rows_of(checkout, only))
        mine.append(run_all(True, only))
    baseline, rows = record(theirs), middle(mine)
    return verdict(rows, baseline, regressions(rows, baseline), only)


def write_json(path, data):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(data, f, indent=1, ensure_ascii=False)
        f.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true",
                        help="fewer and shorter rounds")
    parser.add_argument("--only", metavar="SUBSTRING")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true")
    what.add_argument("--record", action="store_true")
    parser.add_argument("--against", metavar="DIR")
    args = parser.parse_args()
    if args.against and not args.check:
        parser.error("--against requires --check")
    if os.geteuid():
        print("bench: needs root: network namespaces, XDP", file=sys.stderr)
        return 1
    start = time.monotonic()
    if args.record:
        write_json(BASELINE, record([run_all(True, args.only)
                                     for _ in range(RUNS)]))
        return 0
    if args.against:
        return check_against(args.against, args.only)
    data = {"machine": machine(),
            "rows": run_all(args.quick or args.check, args.only)}
    write_json(report.JSON, data)
    if args.check:
        return check(data["rows"], args.only)
    print(report.machine_line(data["machine"]) + "\n" +
          report.text(data["rows"]))
    trouble = report.draw(data, OUTPUT)
    print(f"\n{time.monotonic() - start:.0f} s; rows: .output/bench.json" +
          (f"; no pictures: {trouble}" if trouble else
           ", pictures: .output/bench-*.svg"))
    return 1 if any(r.get("failed") for r in data["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
